"""One process at a time fills a folder.

The others wait and then find it full (`filling`), or get an error (`exclusive_lock`).
The system frees a lock when its process dies.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

# Inside the folder: what it lies in may not be ours to write to.
LOCK = ".lock"


@contextmanager
def filling(folder: str | Path) -> Iterator[None]:
    """Hold the lock ``<folder>.lock``, or wait for it.

    Raises:
        OSError: its file cannot be made.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{folder}.lock")
    if not _is_free(lock):
        print(f"waiting for another process that fills {folder}", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def exclusive_lock(folder: str | Path, *, beside: bool = False) -> Iterator[None]:
    """Hold the lock ``<folder>/.lock``; the folder is made when it is missing.

    Args:
        folder: to write to.
        beside: hold ``<folder>.lock`` instead, and do not make the folder.

    Raises:
        ValueError: another process has it.
        OSError: its file cannot be made.
    """
    folder = Path(folder)
    path = Path(f"{folder}.lock") if beside else folder / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    if not _is_free(lock):
        raise ValueError(
            f"another process is writing to {folder}: wait for it, or choose another "
            "--output"
        )
    try:
        yield
    finally:
        lock.release()


def _is_free(lock: FileLock) -> bool:
    """Take a lock if no other process has it; return whether it was taken."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not Path(lock.lock_file).exists():
            # Some file systems cannot make it; filelock reports it as held by another
            # process.
            raise OSError(f"{lock.lock_file}: cannot be made") from None
        return False
    return True
