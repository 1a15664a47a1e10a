"""Files and folders that are either old or complete, never half written."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = re.compile(r"\.[0-9]+\.tmp\..+")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path; on success it becomes ``path``, on failure it is gone.

    The temporary file lies in the same folder (a rename is atomic only within one file
    system) and keeps the end of the name, by which OpenCV and Keras choose the format.
    Its content is on the disk before the rename: a power cut leaves the old file or the
    new one.

    Args:
        path: file to be made or replaced. Its folder is made when it is missing.

    Raises:
        OSError: it cannot be written. A full disk, of which the system names no file,
            is said of this one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder; on success it replaces ``path``, on failure it is gone.

    Args:
        path: folder to be made or replaced, with all that it holds.
    """
    path = Path(path)
    temporary = _temporary(path)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8 with Unix line ends, atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())


def is_temporary(path: str | Path) -> bool:
    """Return whether the name is one that is in use only until the rename."""
    return _TEMPORARY.fullmatch(Path(path).name) is not None


def remove_leftovers(folder: str | Path) -> None:
    """Remove what killed processes were writing, at any depth.

    The caller has the folder to itself: what a living process writes would go as well.
    """
    for path in [p for p in Path(folder).rglob(".*.tmp.*") if is_temporary(p)]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{os.getpid()}.tmp.{path.name}")
