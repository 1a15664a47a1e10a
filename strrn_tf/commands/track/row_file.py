"""A text file in which every write is whole or not there."""

import io
from pathlib import Path


class RowFile(io.TextIOBase):
    """Writes rows to a file at once, as UTF-8 with Unix line ends.

    A kill leaves all rows that were written. A write that fails, as on a full disk,
    leaves those before it.

    Args:
        path: file to make.
        shown: its name in messages.
    """

    def __init__(self, path: Path, shown: Path) -> None:
        self.name = str(path)
        self._shown = str(shown)
        self._file = io.FileIO(path, "w")
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        """Write a row.

        Raises:
            OSError: it cannot be written; nothing of it is there.
        """
        # Names of pictures may hold bytes that are no UTF-8.
        rest = memoryview(text.encode("utf-8", "surrogateescape"))
        size = self._size + len(rest)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._file.truncate(self._size)
            self._file.seek(self._size)
            raise OSError(error.errno, error.strerror, self._shown) from error
        self._size = size
        return len(text)

    def close(self) -> None:
        self._file.close()
        super().close()
