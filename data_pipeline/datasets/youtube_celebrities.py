"""YouTube Celebrities (Kim et al. 2008) as it is distributed: one folder of clips.

``0057_01_002_al_gore.avi``: clip 57 of session 1, segment 2, and the name.
"""

import re
from pathlib import Path
from typing import NamedTuple

from data_pipeline.datasets.clips import Clip
from data_pipeline.media.images import natural_key
from data_pipeline.media.suffixes import is_video
from strrn_tf.system.file_names import plain

# Published numbers. The paper's 35 people took part in the recognition experiments.
NUM_CLIPS, NUM_PEOPLE = 1910, 47
NAME = re.compile(r"(\d{4})_(\d\d)_(\d{3})_(.+)")


class Celebrity(NamedTuple):
    """The parts of the name of a clip."""

    number: int
    session: int
    segment: int
    name: str


def list_celebrity_clips(root: str | Path) -> tuple[list[Clip], list[str]]:
    """Return the clips, sorted by name, and the names of other videos beside them.

    Raises:
        ValueError: there is no clip.
    """
    root = Path(root)
    videos = [p for p in root.iterdir() if is_video(p)]
    names = sorted((p.name for p in videos if p.is_file()), key=natural_key)
    clips = [Clip(plain(name), root / name) for name in names if celebrity(name)]
    if not clips:
        raise ValueError(
            f"{root}: no clip of YouTube Celebrities is here. Expected: files such as "
            "0057_01_002_al_gore.avi"
        )
    return clips, [plain(name) for name in names if not celebrity(name)]


def celebrity(name: str) -> Celebrity | None:
    """Return the parts of the file name of a clip, or None for another form."""
    match = NAME.fullmatch(Path(name).stem)
    return Celebrity(*(int(w) for w in match.groups()[:3]), match[4]) if match else None
