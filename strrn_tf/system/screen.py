"""Stdout and stderr that outlive their readers.

A command's work must not fail because nobody reads what it prints: the reader of the
pipe has ended, the terminal is closed, the disk of the log is full, or the console has
no such characters.
"""

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO


@contextmanager
def lasting_output() -> Iterator[None]:
    """Let prints in this block go nowhere once they cannot be written.

    Characters that the console lacks are printed as their numbers. Where stdout or
    stderr is closed, prints go nowhere from the beginning.
    """
    _fill_closed_descriptors()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_Lasting(stream) for stream in before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


class _Lasting:
    """A text stream whose writes do not fail; all else is the stream's."""

    def __init__(self, stream: TextIO | None) -> None:
        # Without a stream `print(file=None)` would print to the other one.
        self._stream = stream or io.TextIOWrapper(io.FileIO(os.devnull, "w"), "utf-8")
        if getattr(stream, "errors", None) == "strict":
            with suppress(AttributeError):  # not every stream can be changed
                stream.reconfigure(errors="backslashreplace")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            self._give_up()
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        """Write to nowhere from here on: what waits in the stream goes there too."""
        with suppress(OSError, ValueError):  # a stream without a descriptor
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def _fill_closed_descriptors() -> None:
    """Open the standard descriptors that are closed.

    The next file would have such a number, and libraries write their messages there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
