"""Names of output files, made of the names of sources, and of frames of clips.

A source may be called anything: a path below a folder, a title of 300 letters. Its
files must not be those of another source, and every file system must take them.

A frame is called `clip.mp4#000123`, counted from 0.
"""

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath, PureWindowsPath

from strrn_tf.system.digests import sha256

# Bytes of a name, unless the caller asks otherwise: most of the 255 that file systems
# take are left to what the caller appends.
LONGEST = 150
_LONGEST_ASCII = 60
WINDOWS = os.name == "nt"
_DIGEST = 16
# Characters that Windows refuses, and halves of characters, which are no text.
_REFUSED = re.compile(r'[\x00-\x1f<>:"/\\|?*\ud800-\udfff]')
# Names of devices, which Windows refuses with any ending.
_DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?",
    re.IGNORECASE | re.DOTALL,
)
# "a/b" and "a__b" would collide.
_AMBIGUOUS = re.compile(rf"__|_/|/_|-[0-9a-f]{{{_DIGEST}}}\Z")


def file_name(name: str, *, longest: int = LONGEST, ascii_only: bool = False) -> str:
    """Return a file name for the outputs of a source, another one for every source.

    A short name without special characters stays as it is, but for "/", which becomes
    "__". Any other is made readable and ends with a digest of the whole name: what two
    names share when they are shortened or cleaned, their digests tell apart. The name
    depends on nothing else, so sources that come later change no file. Windows takes it
    too; there, names that differ only in case are one file all the same.

    Args:
        name: of the source, any text.
        longest: bytes of UTF-8, without the digest; what the caller appends comes on
            top.
        ascii_only: use letters, digits and "._-" alone, at most 60, and the digest
            always: for names that distributed file systems and globs see.

    Returns:
        At most ``longest`` + 17 bytes, never empty or hidden.
    """
    if ascii_only:
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".")[:_LONGEST_ASCII]
        return f"{_legal(readable)}-{_digest(name)}"
    joined = name.replace("/", "__")
    readable = _legal(joined)
    is_kept = readable == joined and readable[-1] not in ". "
    is_short = len(readable.encode()) <= longest
    if is_kept and is_short and not _AMBIGUOUS.search(name):
        return readable
    cut = readable.encode()[:longest].decode(errors="ignore")
    return f"{cut}-{_digest(name)}"


def plain(name: str) -> str:
    r"""Return a name as valid Unicode. Invalid bytes become ``\udcff``."""
    return name.encode("utf-8", "backslashreplace").decode()


def check_file_name(path: str | Path) -> None:
    """Raise a ``ValueError`` for an output's name that Windows takes for another thing.

    Other systems take any name.
    """
    if not WINDOWS:
        return
    parts = PureWindowsPath(path)
    for name in parts.parts[bool(parts.anchor) :]:
        what = None
        if _DEVICE.fullmatch(name):
            what = "is the name of a device"
        elif _REFUSED.search(name):
            what = 'has a character that no name may have (<>:"|?*)'
        elif name not in (".", "..") and name[-1] in ". ":
            what = "ends with a dot or a space, which Windows drops"
        if what:
            raise ValueError(f"{path}: {name!r} {what}. Choose another name")


def numbered(names: Sequence[str]) -> list[str]:
    """Return names of which no two are the same: ``x``, ``x~2``, ``x~3``.

    The first of several keeps its name, and so does every name that occurs once.
    Windows takes names that differ in case for the same, so they are numbered there.
    """
    same = os.path.normcase
    taken, seen = {same(name) for name in names}, set()
    unique = []
    for name in names:
        number, candidate = 1, name
        while same(name) in seen and same(candidate) in taken:
            number += 1
            candidate = f"{name}~{number}"
        seen.add(same(name))
        taken.add(same(candidate))
        unique.append(candidate)
    return unique


def distinct(paths: Sequence[PurePath]) -> list[str]:
    """Return a short name for every path: its last part, where no other path has it.

    Paths that share it get the names of as many folders above as tell them apart. A
    name depends on the set of paths and not on their order. Equal paths have equal
    names.

    Example:
        >>> distinct([PurePath("a/x"), PurePath("b/x"), PurePath("b/y")])
        ['a/x', 'b/x', 'y']
    """
    parts = [path.relative_to(path.anchor).parts for path in paths]
    names: dict[tuple[str, ...], str] = {}
    length = 0
    while len(names) < len(set(parts)):
        length += 1
        count = Counter(one[-length:] for one in set(parts))
        for one in set(parts) - names.keys():
            if count[one[-length:]] == 1 or length >= len(one):
                names[one] = "/".join(one[-length:])
    return [names[one] for one in parts]


def _legal(name: str) -> str:
    """Return a name that Windows and Unix take, up to its end, and do not hide."""
    legal = _REFUSED.sub("_", name)
    if legal.startswith("."):
        return f"_{legal[1:]}"
    return f"_{legal}" if not legal or _DEVICE.fullmatch(legal) else legal


def _digest(name: str) -> str:
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]


def frame_name(clip: str, index: int) -> str:
    """Return the name of a frame of a clip."""
    return f"{clip}#{index:06d}"


def clip_of(name: str) -> str:
    """Return the clip of a frame. A clip's own name may have a `#` too."""
    return name.rpartition("#")[0]


def index_of(name: str) -> int:
    """Return the number of a frame in its clip, counted from 0."""
    return int(name.rpartition("#")[2])
