"""Several sources of video together: folders of clips, 300VW, prepared data."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_pipeline.datasets.clips import Clip, files_in_no_clip, list_clips
from data_pipeline.datasets.three_hundred_vw import (
    Sequence300VW,
    is_300vw,
    is_test_video,
    list_sequences,
)
from data_pipeline.stores.prepared import PreparedPart, is_prepared, list_prepared
from strrn_tf.system.file_names import clip_of

Video = Clip | Sequence300VW | PreparedPart


class Unlabelled:
    """All clips of several folders, and the folder of each clip.

    A folder in the 300VW layout contributes its training sequences. A prepared folder
    contributes its shards. Any other contributes all videos and image folders in it,
    except test sequences of 300VW.

    Args:
        folders: one or more.

    Attributes:
        videos: sources of pairs of frames.
        annotated: sources of annotated frames: sequences, or prepared shards of them.
        held_out: test sequences of 300VW, which are not learnt from.
        passed_over: names of files in the folders that are in no clip.

    Raises:
        ValueError: a folder does not exist, or there is no clip in any of them.
    """

    def __init__(self, folders: Sequence[str | Path]) -> None:
        self.folders = [Path(folder) for folder in folders]
        plain = [f for f in self.folders if not (is_prepared(f) or is_300vw(f))]
        several = len(self.folders) > 1
        clips = list_clips(plain, several) if plain else []
        self.passed_over = files_in_no_clip(plain)
        self.held_out = [clip for clip in clips if self._is_held_out(clip)]
        clips = [clip for clip in clips if clip not in self.held_out]
        self.videos: list[Video] = []
        self.annotated: list[Sequence300VW | PreparedPart] = []
        self._of: dict[str, int] = {}
        for number, folder in enumerate(self.folders):
            if folder in plain:
                videos, annotated = [c for c in clips if _is_below(c, folder)], []
            else:
                prefix = f"{_label(folder, self.folders)}/" if several else ""
                videos, annotated = (
                    [_prefixed(source, prefix) for source in group]
                    for group in _special(folder)
                )
            new = [video for video in videos if video not in self.videos]
            twice = next((v.name for v in new if v.name in self._of), None)
            if twice is not None:
                raise ValueError(
                    f"{folder}: {twice} is also in another folder of the same name. "
                    "Rename one of the folders"
                )
            self.videos += new
            self.annotated += annotated
            self._of |= {video.name: number for video in new}
        if not self.videos:
            raise ValueError(
                f"{', '.join(map(str, self.folders))}: only test sequences of 300VW "
                "are here, which are not learnt from"
            )

    def folder_of(self, names: Sequence[str]) -> np.ndarray:
        """Return the numbers (N,) of the folders of samples like `clip.mp4#000123`."""
        return np.array([self._of[clip_of(name)] for name in names], int)

    def _is_held_out(self, clip: Clip) -> bool:
        """Return whether a clip is a test sequence that no argument names itself."""
        named = {folder.resolve() for folder in self.folders}
        path = clip.video_path.resolve()
        return is_test_video(path) and not {path, path.parent} & named


def _label(folder: Path, folders: Sequence[Path]) -> str:
    """Return the name of a folder, with its parent if another has the same name."""
    folder = folder.resolve()
    others = {other.resolve() for other in folders} - {folder}
    is_shared = any(other.name == folder.name for other in others)
    return f"{folder.parent.name}/{folder.name}" if is_shared else folder.name


def _prefixed(source: Video, prefix: str) -> Video:
    source = source._replace(name=prefix + source.name)
    is_shard = isinstance(source, PreparedPart)
    return source._replace(prefix=prefix) if is_shard else source


def _special(folder: Path) -> tuple[list, list]:
    """Return sources of pairs and of annotated frames, of 300VW or prepared data."""
    if is_prepared(folder):
        pairs = list_prepared(folder, "pairs")
        if not pairs:
            raise ValueError(
                f"{folder} was prepared and holds no clips. Stills are for --stills"
            )
        return pairs, list_prepared(folder, "annotated")
    sequences = list_sequences(folder, "train")
    return sequences, [s for s in sequences if s.annotations is not None]


def _is_below(video: Video, folder: Path) -> bool:
    path, root = video.video_path, folder.resolve()
    # A link is where it lies, wherever it leads.
    return path.resolve() == root or root in path.absolute().parents
