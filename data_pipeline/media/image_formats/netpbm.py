"""The header of Netpbm files: PBM, PGM and PPM."""

import re
from typing import NamedTuple

_GAP = rb"(?:\s|#[^\n]*\n)+"
_HEADER = re.compile(
    rb"P([1-6])" + _GAP + rb"([0-9]+)" + _GAP + rb"([0-9]+)(?:" + _GAP + rb"([0-9]+))?"
)
# Comments may make a header longer. Such a file has no known size.
_LONGEST = 4096
_BITMAPS = 1, 4


class Netpbm(NamedTuple):
    """A header.

    Attributes:
        kind: 1 to 3 for numbers as text, 4 to 6 for bytes.
        width: in pixels.
        height: in pixels.
        white: largest value of a channel.
    """

    kind: int
    width: int
    height: int
    white: int


def read_netpbm(content: bytes) -> Netpbm | None:
    """Return the header of a file, or None for other formats and damaged headers."""
    found = _HEADER.match(content[:_LONGEST])
    if not found:
        return None
    kind, width, height = (int(found[i]) for i in (1, 2, 3))
    if kind in _BITMAPS:
        return Netpbm(kind, width, height, 1)
    return Netpbm(kind, width, height, int(found[4])) if found[4] else None
