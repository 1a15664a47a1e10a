"""Files that are either old or complete, never half written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path; on success it becomes ``path``, on failure it is gone.

    The temporary file lies in the same folder (a rename is atomic only within one file
    system) and keeps the suffix, by which OpenCV chooses the format.

    Args:
        path: file to be made or replaced. Its folder is made when it is missing.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8 with Unix line ends, atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())
