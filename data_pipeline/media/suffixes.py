"""The suffixes of the files that all commands read: images and videos.

A file that a user names himself is read by its content, whatever its suffix. In folders
the suffix decides.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif"),
    *(".tiff", ".pbm", ".pgm", ".ppm", ".pnm", ".jp2", ".j2k", ".avif", ".hdr"),
)
VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".f4v", ".mkv", ".webm"),
    *(".avi", ".divx", ".wmv", ".asf", ".flv", ".rm", ".rmvb", ".ogv", ".ogm"),
    *(".mpg", ".mpeg", ".mpe", ".mpv", ".m1v", ".m2v", ".vob", ".ts", ".mts"),
    *(".m2ts", ".m2t", ".mod", ".tod", ".mxf", ".dv", ".y4m", ".nut", ".amv"),
    *(".mjpg", ".mjpeg", ".gif", ".apng", ".lrv", ".insv"),
)
# Landmarks and lists beside images and videos are no media that are missed.
_BESIDE = (".pts",)
# Files and suffixes that a message names.
_MOST_NAMES = 3


def is_image(path: str | Path) -> bool:
    """Return whether a file name has the suffix of an image and is not hidden."""
    return _has(path, IMAGE_SUFFIXES)


def is_video(path: str | Path) -> bool:
    """Return whether a file name has the suffix of a video and is not hidden."""
    return _has(path, VIDEO_SUFFIXES)


def is_beside(path: str | Path) -> bool:
    """Return whether a file is hidden or belongs to others: landmarks."""
    return Path(path).name.startswith(".") or _has(path, _BESIDE)


def passed_over(names: Iterable[str]) -> str:
    """Return one line about files that are not read: how many, of what kind, which.

    Args:
        names: of the files, at least one.
    """
    names = list(names)
    counts = Counter(Path(name).suffix.lower() or "without suffix" for name in names)
    kinds = [f"{count} {suffix}" for suffix, count in counts.most_common(_MOST_NAMES)]
    kinds += ["others"] if len(counts) > _MOST_NAMES else []
    shown = [*names[:_MOST_NAMES], *(["..."] if len(names) > _MOST_NAMES else [])]
    files = "file is" if len(names) == 1 else "files are"
    return f"{len(names)} {files} passed over ({', '.join(kinds)}): {', '.join(shown)}"


def report_passed_over(names: Iterable[str], where: object = "") -> None:
    """Print one line to stderr about files that are not read, if there are any.

    Args:
        names: of the files.
        where: their folder, unless the names have it.
    """
    if names := list(names):
        place = f"{where}: " if where else ""
        print(f"note: {place}{passed_over(names)}", file=sys.stderr)


def _has(path: str | Path, suffixes: tuple[str, ...]) -> bool:
    path = Path(path)
    return path.suffix.lower() in suffixes and not path.name.startswith(".")
