"""What is held out together: pictures with their faces, clips, moments of clips."""

import re
import zlib
from collections.abc import Sequence

import numpy as np

from strrn_tf.system.file_names import clip_of, index_of

# Frames of one moment are at most this many apart: half a second. With more the moments
# of a short clip would be one, and where few clips are given, all kept out.
APART = 12
# A frame of a clip, perhaps with a suffix, and the number of a face of the picture.
_PART = re.compile(r"(#\d{6,}(~\d+)?(\.\w+)?)?(~\d+)?\Z")


def moments_of(names: Sequence[str]) -> np.ndarray:
    """Return the number (n,) of the moment that every frame is in.

    Args:
        names: of frames such as ``clip.mp4#000123``, those of a clip together and in
            order. A gap of more than `APART` frames separates moments.
    """
    numbers, moment, before = [], -1, ("", 0)
    for name in names:
        clip, index = clip_of(name), index_of(name)
        if clip != before[0] or index - before[1] > APART:
            moment += 1
        before = clip, index
        numbers.append(moment)
    return np.array(numbers, int)


def picture_of(name: str) -> str:
    """Return the picture of a still, or the clip of a frame, by the still's name.

    Faces of one picture are `x.jpg` and `x.jpg~2`, frames of a clip `x.mp4#000123`.
    """
    return _PART.sub("", name, count=1)


def held_out(
    owners: Sequence[str], fraction: float, seed: int, fewest: int = 1
) -> np.ndarray:
    """Return which samples (N,) are held out: all of some owners.

    The order of the samples does not matter, and neither do other owners' names.

    Args:
        owners: picture or clip of every sample.
        fraction: of the samples, exceeded by less than one owner's samples.
        seed: decides the choice.
        fewest: number of owners, at least one.
    """
    key = f"{seed}:".encode()
    names = sorted(set(owners), key=lambda n: (zlib.crc32(key + n.encode()), n))
    chosen: set[str] = set()
    owned = np.array(owners)
    for name in names:
        enough = len(chosen) >= max(fewest, 1)
        if enough and np.isin(owned, list(chosen)).mean() >= fraction:
            break
        chosen.add(name)
    return np.isin(owned, list(chosen))
