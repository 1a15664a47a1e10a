"""The suffixes of files that all commands read: images and videos."""

from pathlib import Path

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".avi", ".mpg", ".mpeg", ".mkv", ".webm"),
    *(".wmv", ".flv", ".3gp", ".ts"),
)


def is_image(path: str | Path) -> bool:
    """Return whether a file name has the suffix of an image and is not hidden."""
    return _has(path, IMAGE_SUFFIXES)


def is_video(path: str | Path) -> bool:
    """Return whether a file name has the suffix of a video and is not hidden."""
    return _has(path, VIDEO_SUFFIXES)


def _has(path: str | Path, suffixes: tuple[str, ...]) -> bool:
    path = Path(path)
    return path.suffix.lower() in suffixes and not path.name.startswith(".")
