"""One process at a time fills a folder.

The others wait and then find it full (`filling`), or get an error (`exclusive_lock`).
The system frees a lock when its process dies. Its file stays after a success and goes
after a failure: nothing is left beside a folder that was refused. filelock is imported
late: the plain installation lacks it, and imports this file.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import FileLock

# Inside the folder: what it lies in may not be ours to write to.
LOCK = ".lock"


@contextmanager
def filling(folder: str | Path) -> Iterator[None]:
    """Hold the lock ``<folder>.lock``, or wait for it.

    Raises:
        OSError: its file cannot be made.
    """
    from filelock import FileLock

    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = Path(f"{folder}.lock")
    is_ours = not path.exists()
    lock = FileLock(path)
    if not _is_free(lock):
        print(f"waiting for another process that fills {folder}", file=sys.stderr)
        lock.acquire()
    with _held(lock, is_ours):
        yield


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
    from filelock import FileLock

    folder = Path(folder)
    path = Path(f"{folder}.lock") if beside else folder / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    is_ours = not path.exists()
    lock = FileLock(path)
    if not _is_free(lock):
        raise ValueError(
            f"another process is writing to {folder}: wait for it, or choose another "
            "--output"
        )
    with _held(lock, is_ours):
        yield


@contextmanager
def _held(lock: "FileLock", is_ours: bool) -> Iterator[None]:
    """Release a lock at the end; remove a file made by this call if the block fails."""
    try:
        yield
    except BaseException:
        if is_ours:
            # Before the release: no other process has the lock yet. Windows cannot
            # remove an open file, and filelock does it there.
            with suppress(OSError):
                Path(lock.lock_file).unlink()
        raise
    finally:
        lock.release()


def _is_free(lock: "FileLock") -> bool:
    """Take a lock if no other process has it; return whether it was taken."""
    from filelock import Timeout

    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not Path(lock.lock_file).exists():
            # Some file systems cannot make it; filelock reports it as held by another
            # process.
            raise OSError(f"{lock.lock_file}: cannot be made") from None
        return False
    return True
