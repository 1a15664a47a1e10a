"""Stills that are frames of clips, by their names: somebody has corrected them."""

import re
from collections.abc import Sequence
from pathlib import Path

from data_pipeline.stores.inputs import find_stills, find_unlabelled
from strrn_tf.system.file_names import file_name

# `clip.mp4#000123.jpg`, and `clip.mp4-000123-1.jpg` as `strrn annotate` writes it.
_FRAME = re.compile(r"(.+?)(?:#\d+(?:~\d+)?|-\d{6,}-\d+)\.\w+", re.DOTALL)


def video_of(name: str) -> str | None:
    """Return the video that a still's file name says it is a frame of, or None."""
    found = _FRAME.fullmatch(name.rpartition("/")[2])
    return found[1] if found else None


def clips_of(stills: Sequence[str], clips: Sequence[str]) -> list[str | None]:
    """Return the clip of every still that is a frame of one, else None.

    A still names its clip by the whole name, the last part of a path, or a name as
    `file_name` makes it; with or without suffix. A name that fits several clips fits
    none.

    Args:
        stills: names of stills, such as ``clip.mp4#000123.jpg``.
        clips: names of clips, such as ``videos/clip.mp4``.
    """
    owners: dict[str, set[str]] = {}
    for clip in dict.fromkeys(clips):
        last = clip.rpartition("/")[2]
        for name in {clip, last, last.rpartition(".")[0], file_name(clip)} - {""}:
            owners.setdefault(name, set()).add(clip)
    found = [owners.get(video_of(name) or "", set()) for name in stills]
    return [next(iter(clip)) if len(clip) == 1 else None for clip in found]


def are_frames(
    root: Path,
    folders: Sequence[Path],
    mapping: Path | None = None,
    mark: str | None = None,
) -> bool:
    """Return whether all stills of a path are frames of clips, by their names.

    Args:
        root: as for `find_stills`.
        folders: of the clips.
        mapping: as for `find_stills`.
        mark: as for `find_stills`.

    Returns:
        False also where there are no stills or no clips: whoever reads them says so.
    """
    # Names of other stills do not look like those of frames: most end here.
    files = sorted(path.name for path in root.rglob("*")) if root.is_dir() else []
    if files and not any(map(video_of, files)):
        return False
    try:
        names = [still.name for still in find_stills(root, mapping, mark)[0]]
        clips = [video.name for video in find_unlabelled(None, folders).videos]
    except (ValueError, OSError):
        return False
    return all(clip is not None for clip in clips_of(names, clips))
