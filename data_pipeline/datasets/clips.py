"""Unlabelled clips: all videos and folders of numbered images below some folders."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from data_pipeline.media.images import frame_number, natural_key
from data_pipeline.media.sources import is_address, refuse_address
from data_pipeline.media.suffixes import is_beside, is_image, is_video, passed_over
from strrn_tf.system.file_names import numbered, plain


class Clip(NamedTuple):
    """One clip: its name, which does not depend on the data root, and its path."""

    name: str
    video_path: Path


def list_clips(
    roots: str | Path | Sequence[str | Path], prefixed: bool | None = None
) -> list[Clip]:
    """Return the clips at or below the given folders, sorted by name.

    A folder is a clip if it holds at least two images with numbers in their names.
    Hidden files and folders are skipped.

    Args:
        roots: a video, a folder, or several. Names are paths below the root.
        prefixed: whether names begin with the name of the root. The default is True
            for several roots.

    Raises:
        ValueError: a root does not exist, or there is no clip in any of them.
    """
    roots = [roots] if isinstance(roots, str | Path) else list(roots)
    paths = [Path(root) for root in roots]
    for path in paths:
        if is_address(path):
            refuse_address(path)
        if not path.exists():
            raise ValueError(f"{path}: there is no such file or folder of videos")
    has_prefix = len(paths) > 1 if prefixed is None else prefixed
    clips = [clip for path in paths for clip in _clips_below(path, has_prefix)]
    if not clips:
        names = ", ".join(map(str, paths)) or "no folder at all"
        others = files_in_no_clip(paths)
        note = f"; {passed_over(others)}" if others else ""
        raise ValueError(
            f"{names}: there are no video files or folders of numbered images{note}"
        )
    clips = sorted(clips, key=lambda clip: natural_key(clip.name))
    # Two roots may have the same name.
    names = numbered([clip.name for clip in clips])
    return [
        Clip(name, clip.video_path) for name, clip in zip(names, clips, strict=True)
    ]


def files_in_no_clip(roots: Sequence[str | Path]) -> list[str]:
    """Return the names of the files at or below some folders that are in no clip.

    Hidden files and landmarks do not count. Names are paths below the root, with the
    root's name.
    """
    names: dict[Path, str] = {}  # roots may lie in each other
    for root in (Path(root).resolve() for root in roots):
        for path in (path for _, others in _walk(root) for path in others):
            names.setdefault(path, plain(path.relative_to(root.parent).as_posix()))
    return sorted(names.values(), key=natural_key)


def longest_first(clips: Sequence[Clip]) -> list[Clip]:
    """Return the clips by falling file size, a rough measure of their length.

    Workers that start with the longest clips end together.
    """
    return sorted(clips, key=lambda clip: _num_bytes(clip.video_path), reverse=True)


def _num_bytes(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    # A link may lead nowhere. Opening the clip reports that.
    return sum(file.stat().st_size for file in files if file.is_file())


def _clips_below(root: Path, has_prefix: bool) -> list[Clip]:
    if root.is_file():
        return [Clip(plain(root.name), root)]
    base = root.resolve().parent if has_prefix else root.resolve()
    found = [path for clips, _ in _walk(root) for path in clips]
    clips = [Clip(plain(p.relative_to(base).as_posix()), p) for p in found]
    # The root itself may be the folder of images.
    return [c._replace(name=root.resolve().name) if c.name == "." else c for c in clips]


def _walk(root: Path) -> Iterator[tuple[list[Path], list[Path]]]:
    """Yield the clips in every folder at or below a root, and the files in no clip."""
    for folder, folders, files in os.walk(root.resolve()):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        here = [Path(folder, name) for name in files if not is_beside(name)]
        clips = [p for p in here if is_video(p)]
        images = [p for p in here if is_image(p)]
        is_clip = sum(frame_number(p) is not None for p in images) >= 2
        read = {*clips, *(images if is_clip else ())}
        clips += [Path(folder)] if is_clip else []
        yield clips, [p for p in here if p not in read]
