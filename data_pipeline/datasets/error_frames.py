"""The lists of badly annotated frames that 300VW ships as MATLAB files."""

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

# A list of frame numbers takes a few kB. Larger files are not read.
MAX_FILE_BYTES = 2**20
# Bound of the memory of a list. A byte of a file may become a float of 8 bytes.
MAX_UNPACKED_BYTES = 2**26
_BYTES_PER_NUMBER = 8
# MAT-File Level 5: length of the header, and the type of a compressed element.
_HEADER, _COMPRESSED = 128, 15


def read_error_frames(root: Path, name: str) -> frozenset[int]:
    """Return the 0-based numbers of the badly annotated frames of a sequence.

    The list is ``extra/<name>.mat`` or a member of ``extra.zip``. Its numbers count
    from 1. Without a list there are no such frames.

    Raises:
        ValueError: the list is unreadable, too large, or holds no frame numbers.
    """
    path, archive = root / "extra" / f"{name}.mat", root / "extra.zip"
    if path.is_file():
        _check_size(path, path.stat().st_size)
        content = path.read_bytes()
    elif archive.is_file():
        path = archive / f"{name}.mat"
        content = _read_member(archive, path)
    else:
        return frozenset()
    if content is None:
        return frozenset()
    if _unpacked_bytes(content) * _BYTES_PER_NUMBER > MAX_UNPACKED_BYTES:
        raise ValueError(
            f"{path}: may unpack to more than {MAX_UNPACKED_BYTES >> 20} MB, but a "
            "list of error frames takes a few kB. Replace or delete it"
        )
    from scipy.io import loadmat

    try:
        numbers = np.asarray(loadmat(io.BytesIO(content))["error"]).ravel()
    except Exception as error:  # scipy raises a different type for every kind of damage
        raise ValueError(
            f"{path}: must be a MATLAB file with the variable `error`. "
            f"Received: {type(error).__name__}"
        ) from error
    is_number = np.issubdtype(numbers.dtype, np.number)
    if numbers.size and not (
        is_number and np.isfinite(numbers).all() and numbers.min() >= 1
    ):
        raise ValueError(f"{path}: `error` must hold frame numbers counted from 1")
    return frozenset(int(n) - 1 for n in numbers)


def _read_member(archive: Path, path: Path) -> bytes | None:
    """Return the content of a list in an archive, or None without it.

    Nothing is unpacked to disk, and other members are not read.

    Args:
        archive: ``extra.zip``.
        path: path of the list for messages. The member has the same file name and may
            lie in ``extra/``.
    """
    size, content = 0, None
    try:
        with zipfile.ZipFile(archive) as opened:
            names = path.name, f"extra/{path.name}"
            for member in opened.infolist():
                if member.filename in names:
                    size = member.file_size
                    content = opened.read(member) if size <= MAX_FILE_BYTES else None
                    break
    except (OSError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{archive}: cannot be read ({error}). Unpack it") from error
    _check_size(path, size)
    return content


def _check_size(path: Path, size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise ValueError(
            f"{path}: is larger than {MAX_FILE_BYTES >> 20} MB, but a list of error "
            "frames takes a few kB. Replace or delete it"
        )


def _unpacked_bytes(content: bytes) -> int:
    """Return the size of the elements of a MATLAB file after decompression.

    Elements are unpacked only as far as the bound. Damaged ones count as empty, because
    the reader refuses them.
    """
    order = "big" if content[_HEADER - 2 : _HEADER] == b"MI" else "little"
    limit = MAX_UNPACKED_BYTES // _BYTES_PER_NUMBER + 1
    total, position = 0, _HEADER
    while position + 8 <= len(content) and total < limit:
        words = content[position : position + 4], content[position + 4 : position + 8]
        kind, length = (int.from_bytes(word, order) for word in words)
        element = content[position + 8 : position + 8 + length]
        if kind == _COMPRESSED:
            try:
                element = zlib.decompressobj().decompress(element, limit)
            except zlib.error:
                element = b""
        total += len(element)
        position += 8 + length
    return total
