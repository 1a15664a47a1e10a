"""Text that waits on the disk, by key, until its place in a file is reached."""

import tempfile
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# Bytes that wait in memory, of one key and of all.
_OF_ONE, _OF_ALL = 1 << 16, 1 << 22


@contextmanager
def spooling(folder: Path) -> Iterator["Spool"]:
    """Yield a spool. Nothing is left of its file, even when the process is killed.

    Args:
        folder: where the file is, e.g. that of the output: it has the space.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        yield Spool(file)


class Spool:
    """Collects text for several keys in one file; memory does not grow with it.

    Iteration gives the keys in the order of their first text.

    Args:
        file: open for reading and writing, of bytes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._waiting: dict[Hashable, bytearray] = {}
        self._size = 0
        self._parts: dict[Hashable, list[tuple[int, int]]] = {}

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._parts)

    def add(self, key: Hashable, text: str) -> None:
        """Append text to what there is of a key."""
        data = text.encode("utf-8")
        self._parts.setdefault(key, [])
        waiting = self._waiting.setdefault(key, bytearray())
        waiting += data
        self._size += len(data)
        if len(waiting) >= _OF_ONE:
            self._write(key)
        if self._size >= _OF_ALL:
            for other in list(self._waiting):
                self._write(other)

    def read(self, key: Hashable) -> Iterator[str]:
        """Yield the text of a key in pieces, each whole as it was added or several."""
        self._write(key)
        for start, length in self._parts.get(key, ()):
            self._file.seek(start)
            yield self._file.read(length).decode("utf-8")

    def _write(self, key: Hashable) -> None:
        """Move what waits of a key to the end of the file."""
        waiting = self._waiting.pop(key, None)
        if waiting:
            start = self._file.seek(0, 2)
            self._file.write(waiting)
            self._parts[key].append((start, len(waiting)))
            self._size -= len(waiting)
