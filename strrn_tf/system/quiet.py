"""Keep what native libraries write on start-up off the user's screen."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STDERR = 2


@contextmanager
def quiet_stderr(*, keep: bool = True) -> Iterator[None]:
    """Swallow what is written to the file descriptor of stderr, unless it fails.

    TensorFlow and LiteRT write there past Python and past their own log levels. The
    descriptor belongs to the process: while blocks of several threads overlap, all of
    them swallow what any thread writes, and the last to end gives the screen back.

    Args:
        keep: if the block raises, write what was swallowed since it began. Without it
            nothing is kept; for blocks of many minutes, whose errors say enough.
    """
    began = _STDERR.enter(keep)
    try:
        yield
    except BaseException:
        _STDERR.show_since(began)
        raise
    finally:
        _STDERR.leave(keep)


class _Stderr:
    """Points the file descriptor of stderr elsewhere while anyone wants quiet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Numbers of the blocks that run, by `keep`.
        self._running = {False: 0, True: 0}
        self._screen: int | None = None
        self._kept: int | None = None

    def enter(self, keep: bool) -> int | None:
        """Begin a block; return where in the kept text it begins, None if nowhere."""
        with self._lock:
            _flush()
            if not any(self._running.values()):
                self._open()
            self._running[keep] += 1
            self._point()
            if self._screen is None or not keep:
                return None
            return os.fstat(self._kept).st_size

    def leave(self, keep: bool) -> None:
        """End a block; the last one gives the screen back."""
        with self._lock:
            _flush()
            self._running[keep] -= 1
            self._point()
            if not any(self._running.values()):
                self._close()

    def show_since(self, began: int | None) -> None:
        """Write to the screen what was kept from some byte on."""
        if began is None:
            return
        with self._lock:
            _flush()
            os.lseek(self._kept, began, os.SEEK_SET)
            with suppress(OSError):  # the reader of the pipe may be gone
                while block := os.read(self._kept, 2**16):
                    _write(self._screen, block)

    def _open(self) -> None:
        # Without a screen there is nothing to keep it from: another file may have the
        # number of stderr then.
        if sys.stderr is None:
            return
        # Ignore failures, such as a full disk: muting is optional.
        with suppress(OSError):
            self._kept = _open_nameless()
            self._screen = os.dup(STDERR)

    def _point(self) -> None:
        if self._screen is None:
            return
        if self._running[True]:
            os.dup2(self._kept, STDERR)
        elif self._running[False]:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, STDERR)
            os.close(nowhere)
        else:
            os.dup2(self._screen, STDERR)

    def _close(self) -> None:
        for descriptor in (self._screen, self._kept):
            if descriptor is not None:
                os.close(descriptor)
        self._screen = self._kept = None


# There is one stderr in a process.
_STDERR = _Stderr()


def _open_nameless() -> int:
    """Return a new file without a name, to which every write appends."""
    created, name = tempfile.mkstemp()
    os.close(created)
    # Windows cannot delete a file that is open, but does so itself at its closing.
    flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_TEMPORARY", 0)
    try:
        return os.open(name, flags)
    finally:
        with suppress(OSError):
            os.unlink(name)


def _flush() -> None:
    with suppress(OSError, ValueError):  # the reader of the pipe may be gone
        if sys.stderr is not None:
            sys.stderr.flush()


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
