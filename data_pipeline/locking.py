"""One process at a time fills a folder.

The others wait and then find it full (`filling`), or are turned away (`alone_in`). The
system frees a lock when its process dies.
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
    """Hold the lock ``<folder>.lock``, or wait for it."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{folder}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"waiting for another process that fills {folder}", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def alone_in(folder: str | Path) -> Iterator[None]:
    """Hold the lock ``<folder>/.lock``; the folder is made when it is missing.

    Raises:
        ValueError: another process has it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"another process is writing to {folder}: wait for it, or choose another "
            "--output"
        ) from None
    try:
        yield
    finally:
        lock.release()
