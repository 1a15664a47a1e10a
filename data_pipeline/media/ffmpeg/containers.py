"""Detects video files that are shorter than their own headers announce."""

from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"
# Bytes in which the head of a Matroska file ends; mostly there are 50.
_EBML_HEAD = 4096


def is_cut_off(path: str | Path) -> bool:
    """Return whether the file is shorter than announced.

    Known are MP4, MOV, AVI, Matroska and WebM. Other containers do not announce their
    length in a simple form. They give True.
    """
    path = Path(path)
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(_EBML_HEAD)
        if start.startswith(_EBML):
            end = _segment_end(start)
            return end is None or end > size
        if start[:4] == b"RIFF":
            return int.from_bytes(start[4:8], "little") + 8 > size
        if start[4:8] not in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
            return True
        return _boxes_end(file, size) > size


def _boxes_end(file: BinaryIO, size: int) -> int:
    """Return the end of the last top-level box of an MP4 file (ISO 14496-12, 4.2)."""
    position = 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:  # 64-bit length follows the type
            length = int.from_bytes(header[8:16], "big")
        if length < 8:  # 0 stands for the rest of the file, other values are damage
            return size if length == 0 else size + 1
        position += length
    return position


def _segment_end(start: bytes) -> int | None:
    """Return the end of the segment of a Matroska file (RFC 8794), None if not known.

    Args:
        start: of the file.
    """
    length, position = _number(start, len(_EBML))
    position += length or 0
    if length is None or start[position : position + len(_SEGMENT)] != _SEGMENT:
        return None
    length, position = _number(start, position + len(_SEGMENT))
    return None if length is None else position + length


def _number(data: bytes, position: int) -> tuple[int | None, int]:
    """Return a number of EBML, None where it stands for "not known", and its end.

    The number of zeros at its beginning is that of the bytes behind the first one.
    """
    first = data[position] if position < len(data) else 0
    size = 9 - first.bit_length()
    bits = 7 * size
    value = int.from_bytes(data[position : position + size], "big") & ((1 << bits) - 1)
    is_known = first > 0 and value != (1 << bits) - 1
    return value if is_known else None, position + size
