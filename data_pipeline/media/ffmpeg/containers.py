"""Detects video files that are shorter than their own headers announce."""

from pathlib import Path
from typing import BinaryIO


def is_cut_off(path: str | Path) -> bool:
    """Return whether the file is shorter than announced (MP4, MOV, AVI).

    Other containers do not announce their length in a simple form. They give True.
    """
    path = Path(path)
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(8)
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
