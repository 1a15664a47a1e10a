"""Files and folders that are either old or complete, never half written."""

import errno
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from strrn_tf.system.claims import claimed_token, lock_path, new_token, release_dead
from strrn_tf.system.digests import sha256

# Bytes of a file name that all file systems take.
LONGEST_NAME = 255
# Suffixes of the old folder before and after the swap with the new one.
_OLD, _DELETED = ".old.tmp.", ".deleted.tmp."
# Earlier versions wrote the number of the process where random digits are now.
_TEMPORARY = re.compile(r"\.([0-9]+|[0-9a-f]{8}|old|deleted)\.tmp\..+", re.DOTALL)
_TOKEN = re.compile(r"\.([0-9a-f]+)\.tmp\.")
# Head of a name that was too long for a prefix: a digest of the whole name.
_CUT = re.compile(r"~[0-9a-f]{16}~")
# Seconds after which a refused rename is tried again: on Windows other programs, such
# as a virus scanner, open files for a moment.
_PAUSES = (0.05, 0.1, 0.2, 0.4)


def rename_patiently(
    old: Path, new: Path, rename: Callable[[Path, Path], None] = os.rename
) -> None:
    """Rename; try again for a second where the system refuses."""
    for pause in _PAUSES:
        try:
            return rename(old, new)
        except PermissionError:
            time.sleep(pause)
    return rename(old, new)


@contextmanager
def replacing(path: str | Path, *, shared: bool = False) -> Iterator[Path]:
    """Yield a temporary path; on success it becomes ``path``, on failure it is gone.

    The temporary file lies in the same folder (a rename is atomic only within one file
    system) and keeps the end of the name, by which FFmpeg and Keras choose the format.
    Its content is on the disk before the rename: a power cut leaves the old file or the
    new one.

    Args:
        path: file to be made or replaced. Its folder is made when it is missing.
        shared: whether ``path`` is for a user, in a folder that other processes write
            to. What dead processes have left of it is then removed first. A file that
            may not take its place is kept under a numbered name.

    Raises:
        OSError: it cannot be written. The error names this file, where the system names
            none, as when a disk is full, or the temporary one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(path, shared) as temporary:
        try:
            yield temporary
            # Windows flushes only what is open for writing.
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
            with _keeping(temporary, path, shared):
                rename_patiently(temporary, path, os.replace)
        except OSError as error:
            names_another = error.filename not in (None, str(temporary), temporary)
            if error.errno is None or names_another:
                raise
            raise OSError(error.errno, error.strerror, str(path)) from error
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(
    path: str | Path,
    *,
    shared: bool = False,
    rename: Callable[[Path, Path], None] = rename_patiently,
) -> Iterator[Path]:
    """Yield an empty folder; on success it replaces ``path``, on failure it is gone.

    No system replaces a folder in one call. The old folder therefore steps aside, and
    is deleted once the new one is in its place. If a rename fails, the old folder is
    back. A process that is killed between the two renames leaves the old folder aside:
    `recover_folder`, with which this begins, puts it back.

    Args:
        path: folder to be made or replaced, with all that it holds. If it is a link,
            the folder that it leads to is replaced.
        shared: see `replacing`.
        rename: function of a folder and its new name, which nothing has.

    Raises:
        OSError: it cannot be written, or there is a file in its place.
    """
    path = Path(os.path.realpath(path))
    _refuse_file(path)
    recover_folder(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(path, shared) as temporary:
        temporary.mkdir()
        try:
            yield temporary
            with _keeping(temporary, path, shared):
                _put_in_place(temporary, path, rename)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def recover_folder(path: str | Path) -> None:
    """Put back a folder that a killed process has moved aside; delete what it left.

    The caller has the folder to itself. Where a file has taken the place of the folder,
    the folder stays aside.
    """
    path = Path(os.path.realpath(path))
    old, deleted = _beside(path, _OLD), _beside(path, _DELETED)
    _remove(deleted)
    if not old.is_dir():
        _remove(old)
    elif path.is_dir():
        _delete(old, deleted, os.rename)
    elif not path.exists():
        os.rename(old, path)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8 with Unix line ends, atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON, atomically.

    Raises:
        ValueError: a number is not finite, which is no JSON.
    """
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def is_temporary(path: str | Path) -> bool:
    """Return whether the name is one that is in use only until the rename."""
    return _TEMPORARY.fullmatch(Path(path).name) is not None


def remove_leftovers(folder: str | Path) -> None:
    """Remove what killed processes were writing, and recover folders, at any depth.

    The caller has the folder to itself. What another living process writes goes as
    well, unless it is for a user (``shared`` of `replacing`).
    A folder whose name was too long to be kept in the name aside stays there, until
    `recover_folder` is called with its name.
    """
    for path in [p for p in Path(folder).rglob(".*.tmp.*") if is_temporary(p)]:
        name, found = path.name.removeprefix(_OLD), _TOKEN.match(path.name)
        if found:
            if release_dead(path.parent, found[1]):
                _remove(path)
        elif name == path.name:
            _remove(path)
        elif not _CUT.match(name):
            recover_folder(path.with_name(name))


def remove_dead(path: str | Path) -> None:
    """Remove what dead processes were writing in place of one file or folder.

    Other files of a dead process in the same folder go as well. What a living process
    writes stays.
    """
    path = Path(path)
    by_token: dict[str, list[Path]] = {}
    for other in path.parent.glob(".*.tmp.*"):
        if found := _TOKEN.match(other.name):
            by_token.setdefault(found[1], []).append(other)
    for token, others in by_token.items():
        names = lock_path(path.parent, token).name, _beside(path, f".{token}.tmp.").name
        if any(p.name in names for p in others) and release_dead(path.parent, token):
            for other in others:
                _remove(other)


@contextmanager
def _temporary(path: Path, shared: bool) -> Iterator[Path]:
    """Yield a name beside a path, and see to leftovers where the folder is shared."""
    if not shared:
        yield _beside(path, f".{new_token()}.tmp.")
        return
    remove_dead(path)
    with claimed_token(path.parent) as token:
        yield _beside(path, f".{token}.tmp.")


@contextmanager
def _keeping(temporary: Path, path: Path, shared: bool) -> Iterator[None]:
    """Keep what a user waits for under another name if it cannot have its own."""
    try:
        yield
    except OSError as error:
        if not (shared and temporary.exists()):
            raise
        names = (f"{path.stem}~{number}{path.suffix}" for number in count(2))
        other = next(p for p in map(path.with_name, names) if not p.exists())
        os.rename(temporary, other)
        words = f"{error.strerror}. What was written is in {other.name}"
        raise OSError(error.errno, words, str(path)) from error


def _put_in_place(new: Path, path: Path, rename: Callable[[Path, Path], None]) -> None:
    """Give a new folder the name of an old one, if there is one, and delete that."""
    # A user may have put one there while the new folder was being filled.
    _refuse_file(path)
    old = _beside(path, _OLD)
    try:
        if path.exists():
            rename(path, old)
        rename(new, path)
    except BaseException:
        if old.exists() and not path.exists():
            rename(old, path)
        raise
    if old.exists():
        _delete(old, _beside(path, _DELETED), rename)


def _delete(folder: Path, deleted: Path, rename: Callable[[Path, Path], None]) -> None:
    """Delete a folder under another name, so that no half of it is ever recovered."""
    try:
        rename(folder, deleted)
    except OSError:
        # The new folder is in place. The next call deletes this one.
        return
    shutil.rmtree(deleted, ignore_errors=True)


def _refuse_file(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "is a file, not a folder", str(path))


def _remove(path: Path) -> None:
    """Delete a file or, as far as that is possible, a folder; it may be missing."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _beside(path: Path, prefix: str) -> Path:
    """Return the path with a prefix before its name.

    Of a name that gets too long, the end is kept, behind a digest of the whole: names
    that differ only at their beginning must not meet.
    """
    name = os.fsencode(path.name)
    if len(prefix) + len(name) > LONGEST_NAME:
        prefix += f"~{sha256(name).hexdigest()[:16]}~"
        name = name[len(prefix) - LONGEST_NAME :]
        return path.with_name(prefix + name.decode("utf-8", "ignore"))
    return path.with_name(prefix + path.name)
