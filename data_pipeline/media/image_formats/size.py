"""The size of an image file from its header, without decoding.

OpenCV has no such function. Its own limit of pixels is a setting of the whole process.
"""

import re
import struct
from collections.abc import Callable

from data_pipeline.media.image_formats.avif import avif_size
from data_pipeline.media.image_formats.netpbm import read_netpbm
from data_pipeline.media.image_formats.png import SIGNATURE

# Start-of-frame markers of JPEG, and markers without a length.
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_BARE = {0x01, *range(0xD0, 0xD8)}
# Tags of TIFF, and the formats of its numbers by field type.
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_NUMBERS = 256, 257, {3: "H", 4: "I"}
_RADIANCE = re.compile(rb"\n[-+]Y ([0-9]+) [-+]X ([0-9]+)\n")


def read_size(content: bytes) -> tuple[int, int] | None:
    """Return (width, height) in pixels as stored, before any turn.

    Known are AVIF, BMP, JPEG, JPEG 2000, Netpbm, PNG, Radiance, TIFF and WebP. The
    result is None for other formats and for damaged headers.
    """
    readers = [read for start, read in _READERS.items() if content.startswith(start)]
    try:
        return readers[0](content) if readers else avif_size(content)
    except (struct.error, ValueError, IndexError, KeyError):
        return None


def _png(content: bytes) -> tuple[int, int]:
    return struct.unpack_from(">II", content, 16)


def _jpeg(content: bytes) -> tuple[int, int]:
    position = 2
    while True:
        position = content.index(0xFF, position) + 1
        while content[position] == 0xFF:  # fill bytes
            position += 1
        marker = content[position]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, position + 4)
            return width, height
        (length,) = struct.unpack_from(">H", content, position + 1)
        position += 1 if marker in _BARE else 1 + length


def _bmp(content: bytes) -> tuple[int, int]:
    (header,) = struct.unpack_from("<I", content, 14)
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", content, 18)
    return abs(width), abs(height)


def _webp(content: bytes) -> tuple[int, int]:
    kind = content[8:16]
    if kind == b"WEBPVP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"WEBPVP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"WEBPVP8X":
        low, high = struct.unpack_from("<IH", content, 24)
        bits = high << 32 | low
        return (bits & 0xFFFFFF) + 1, (bits >> 24) + 1
    raise ValueError("unknown kind of WebP")


def _tiff(content: bytes) -> tuple[int, int]:
    order = "<" if content[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, start)
    found = {}
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, field = struct.unpack_from(f"{order}HH", content, entry)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT):
            number = f"{order}{_TIFF_NUMBERS[field]}"
            (found[tag],) = struct.unpack_from(number, content, entry + 8)
    return found[_TIFF_WIDTH], found[_TIFF_HEIGHT]


def _jpeg_2000(content: bytes) -> tuple[int, int]:
    # The box `ihdr` of a file, or the marker SIZ at the start of a bare code stream.
    if content.startswith(b"\xff\x4f"):
        right, bottom, left, top = struct.unpack_from(">4I", content, 8)
        return right - left, bottom - top
    start = content.index(b"ihdr", 0, 4096) + 4
    height, width = struct.unpack_from(">II", content, start)
    return width, height


def _radiance(content: bytes) -> tuple[int, int]:
    found = _RADIANCE.search(content[:4096])
    if not found:
        raise ValueError("no size")
    return int(found[2]), int(found[1])


def _netpbm(content: bytes) -> tuple[int, int]:
    header = read_netpbm(content)
    if header is None:
        raise ValueError("no header")
    return header.width, header.height


_READERS: dict[bytes, Callable[[bytes], tuple[int, int]]] = {
    SIGNATURE: _png,
    b"\xff\xd8": _jpeg,
    b"BM": _bmp,
    b"RIFF": _webp,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
    b"\0\0\0\x0cjP  ": _jpeg_2000,
    b"\xff\x4f\xff\x51": _jpeg_2000,
    b"#?": _radiance,
    **{b"P%d" % kind: _netpbm for kind in range(1, 7)},
}
