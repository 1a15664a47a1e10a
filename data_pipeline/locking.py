"""One process at a time fills a folder; the others wait and then find it full."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def filling(folder: str | Path) -> Iterator[None]:
    """Hold the lock ``<folder>.lock``, which the system frees when the process dies."""
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
