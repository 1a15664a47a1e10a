"""A process that runs ``strrn`` under rules of Windows that differ from those here.

    python windows_process.py ARGUMENTS... [+ ARGUMENTS...]

Each "+" begins another command. Emulated are:

- what the standard library lacks there: signals, ``fork``, ``fcntl``, ``resource``,
- ``os.fsync`` of a handle that is only read,
- renaming, replacing and removing of files that are open in this process,
- text files in cp1252 and with the line ends of Windows, unless the program says
  otherwise,
- a console in cp1252.

Not emulated are paths, drives and Windows' own versions of the libraries.
"""

import builtins
import contextlib
import errno
import fcntl
import io
import multiprocessing
import os
import signal
import sys
import types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
KEPT = ("SIGINT", "SIGTERM", "SIGABRT", "SIGFPE", "SIGILL", "SIGSEGV", "SIG_DFL",
        "SIG_IGN")  # fmt: skip


def denied(path):
    return PermissionError(errno.EACCES, "used by another process", str(path))


def is_open(path):
    """Whether this process has a file, or one in a folder, open."""
    path = os.path.realpath(path)
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = os.readlink(link)
            if target == path or target.startswith(f"{path}/"):
                return True
    return False


def fsync(descriptor, real=os.fsync):
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    real(descriptor)


def rename(old, new, *, real=os.rename, **options):
    if os.path.exists(new):
        raise FileExistsError(errno.EEXIST, "exists", str(new))
    if is_open(old):
        raise denied(old)
    real(old, new, **options)


def replace(old, new, *, real=os.replace, **options):
    for path in (old, new):
        if is_open(path):
            raise denied(path)
    real(old, new, **options)


def unlink(path, *, dir_fd=None, real=os.unlink):
    if dir_fd is None and is_open(path):
        raise denied(path)
    real(path, dir_fd=dir_fd)


def open_text(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None,
              closefd=True, opener=None, real=io.open):  # fmt: skip
    if "b" not in mode:
        is_written = set(mode) & set("wax+")
        encoding = encoding or "cp1252"
        newline = "\r\n" if is_written and newline is None else newline
    return real(file, mode, buffering, encoding, errors, newline, closefd, opener)


def locking(descriptor, mode, count):
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PermissionError(errno.EACCES, "locked") from None


def emulate():
    """Change the standard library of this process."""
    for name in [n for n in dir(signal) if n.startswith("SIG") and n not in KEPT]:
        delattr(signal, name)
    for name in ("pthread_sigmask", "pthread_kill", "setitimer", "alarm", "sigwait"):
        delattr(signal, name)
    for name in ("fork", "forkpty", "killpg", "getuid", "geteuid", "sysconf", "setsid"):
        delattr(os, name)
    multiprocessing.get_all_start_methods = lambda: ["spawn"]
    for name in ("fcntl", "resource", "termios", "pwd", "grp", "pty", "tty"):
        sys.modules[name] = None
    msvcrt = types.ModuleType("msvcrt")
    msvcrt.LK_NBLCK, msvcrt.locking = 2, locking
    sys.modules["msvcrt"] = msvcrt
    os.fsync, os.rename, os.replace = fsync, rename, replace
    os.unlink = os.remove = unlink
    builtins.open = io.open = open_text
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="cp1252")
    sys.stdout.reconfigure(errors="strict")


def commands(arguments):
    """Yield the arguments of each command."""
    while "+" in arguments:
        place = arguments.index("+")
        yield arguments[:place]
        arguments = arguments[place + 1 :]
    yield arguments


if __name__ == "__main__":
    # They ask for the system when they are imported.
    import asyncio  # noqa: F401
    import multiprocessing.connection
    import tempfile  # noqa: F401

    with contextlib.suppress(ImportError):
        import filelock  # noqa: F401

    emulate()
    from strrn_tf.commands.cli import main

    sys.exit(max([main(arguments) for arguments in commands(sys.argv[1:])]))
