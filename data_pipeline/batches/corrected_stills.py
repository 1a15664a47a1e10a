"""Stills that are frames of clips, by their names: somebody has corrected them."""

import re
from collections.abc import Sequence

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
