"""Locks that tell other processes which temporary files are being written.

A temporary name begins with a token, and the lock is a file beside it, named by the
token alone. The system frees a lock when its process dies, on whichever machine: no
number of a process, which another may have by now, decides what is left over.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# What systems report where another process has the lock.
_HELD = (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN, errno.EDEADLK)


@contextmanager
def claimed_token(folder: Path) -> Iterator[str]:
    """Yield eight hexadecimal digits that are this block's alone in a folder.

    Raises:
        OSError: no file can be made there.
    """
    while True:
        token = new_token()
        path = lock_path(folder, token)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            continue
        # Another process may have taken it for a leftover in this moment. File systems
        # without locks have no leftovers either: see `release_dead`.
        if _lock(descriptor) is not False and path.exists():
            break
        os.close(descriptor)
    try:
        yield token
    finally:
        with suppress(OSError):  # Windows removes no open file
            path.unlink()
        os.close(descriptor)
        with suppress(OSError):
            path.unlink(missing_ok=True)


def new_token() -> str:
    """Return digits that are different in every process and thread."""
    return os.urandom(4).hex()


def lock_path(folder: Path, token: str) -> Path:
    """Return where the lock of a token lies."""
    return folder / f".{token}.tmp.lock"


def release_dead(folder: Path, token: str) -> bool:
    """Return whether no living process has a token, and remove its lock then.

    Where that cannot be known, as on a file system without locks, it counts as living.
    """
    path = lock_path(folder, token)
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        is_dead = _lock(descriptor) is True
        if is_dead:
            with suppress(OSError):
                path.unlink()
    finally:
        os.close(descriptor)
    if is_dead:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    return is_dead


def _lock(descriptor: int) -> bool | None:
    """Lock an open file, if no other has it; None: this system cannot."""
    try:
        try:
            import fcntl
        except ImportError:
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _HELD else None
    return True
