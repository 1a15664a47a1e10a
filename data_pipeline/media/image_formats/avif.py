"""Size and orientation in AVIF files, which OpenCV does not read.

An AVIF file is a tree of boxes (ISO 14496-12). The properties of its images are in
``meta/iprp/ipco`` (ISO 23008-12). Which property belongs to which image is not read:
several sizes are those of the tiles and of the transparency of one picture.
"""

import struct
from collections.abc import Iterator

import numpy as np

# Bytes of the first box, which lists the formats.
_LONGEST_LIST = 256
# The box `meta` begins with a version of 4 bytes.
_VERSION = 4
# A file has some tens of properties. A damaged one may seem to have millions.
_MOST_BOXES = 1000


def brands(content: bytes) -> list[bytes]:
    """Return the formats that a file names itself, such as ``b"avif"``, first the main.

    The list is empty for a file that is no tree of boxes.
    """
    if content[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(content[:4], "big"), _LONGEST_LIST)
    words = [content[i : i + 4] for i in range(8, end, 4)]
    return [words[0], *words[2:]] if words else []  # the second is a version


def avif_size(content: bytes) -> tuple[int, int] | None:
    """Return (width, height) of the largest image before it is turned, or None."""
    sizes = [
        struct.unpack(">II", body[4:12])
        for kind, body in _properties(content)
        if kind == b"ispe" and len(body) >= 12
    ]
    return max(sizes, key=lambda size: size[0] * size[1]) if sizes else None


def turned(image: np.ndarray, content: bytes) -> np.ndarray:
    """Return an image (H, W, ...) as the file asks for it: turned, then mirrored."""
    found = dict(reversed(_properties(content)))  # the first of each kind
    image = np.rot90(image, found.get(b"irot", b"\0")[0] & 3)
    if b"imir" in found:
        image = np.flip(image, found[b"imir"][0] & 1)
    return image


def _properties(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return kind and body of the properties. A body has at least a byte."""
    if not {b"avif", b"avis"} & set(brands(content)):
        return []
    boxes = [(b"", content)]
    for name, skipped in ((b"meta", 0), (b"iprp", _VERSION), (b"ipco", 0), (None, 0)):
        inner = [b for _, body in boxes for b in _boxes(body[skipped:])]
        boxes = [(kind, body) for kind, body in inner if name in (None, kind) and body]
    return boxes


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    for _ in range(_MOST_BOXES):
        if position + 8 > len(content):
            return
        length, kind = struct.unpack_from(">I4s", content, position)
        if length < 8:  # the rest of the file, 64-bit lengths, damage
            return
        yield kind, content[position + 8 : position + length]
        position += length
