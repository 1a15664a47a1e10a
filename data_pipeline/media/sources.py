"""What the name of a source stands for."""

import os
import re
import stat
from pathlib import Path

STANDARD_INPUT = "-"
SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "tcp", "udp", "rtp")
# Names that the system gives to standard input and to ``<(...)`` of a shell.
_NAMELESS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")


def is_address(source: str | Path) -> bool:
    """Return whether a source is an address such as ``rtsp://camera/live``.

    A path keeps one slash of two. A file is a file, whatever its name looks like.
    """
    head, found, rest = str(source).partition(":/")
    is_named = re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]+", head) is not None
    is_meant = rest.startswith("/") or head.lower() in SCHEMES
    return bool(found) and is_named and is_meant and not os.path.exists(source)


def refuse_address(source: str | Path) -> None:
    """Raise a ``ValueError`` that says why an address is not opened."""
    raise ValueError(
        f"{without_secrets(str(source))}: a network address is opened only by strrn "
        "track, and only with --allow-network. Or download the video first"
    )


def without_secrets(address: str) -> str:
    """Return an address without password and query, for messages and file names."""
    scheme, _, rest = address.partition(":/")
    host, slash, path = rest.lstrip("/").partition("?")[0].partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def is_camera(path: str | Path) -> bool:
    """Return whether a source is the number of a camera."""
    name = str(path)
    return name.isascii() and name.isdigit() and not Path(path).exists()


def is_pipe(source: str | Path) -> bool:
    """Return whether a source is standard input or a pipe with a name."""
    if str(source) == STANDARD_INPUT:
        return True
    try:
        mode = os.stat(source).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def is_nameless(source: str | Path) -> bool:
    """Return whether the name of a source is one that the system made."""
    return str(source) == STANDARD_INPUT or str(source).startswith(_NAMELESS)


def source_name(source: str | Path) -> str:
    """Return the name of a source's outputs, before it is made a file name."""
    if is_address(source):
        place = without_secrets(str(source)).partition("://")[2]
        host, _, path = place.partition("/")
        return Path(path).stem or host
    if is_camera(source):
        return f"camera-{source}"
    if is_nameless(source):
        return "stdin"
    path = Path(source).resolve()
    return path.name if path.is_dir() else path.stem


def shown_name(source: str) -> str:
    """Return the name of a source in messages."""
    if source == STANDARD_INPUT:
        return "standard input"
    return without_secrets(source) if is_address(source) else source
