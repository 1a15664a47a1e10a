"""Where ``strrn track`` writes, and in which format."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

from strrn_tf.commands.track.formats.names import BY_SUFFIX, SUFFIXES, Format
from strrn_tf.system.file_names import check_file_name

if TYPE_CHECKING:
    from strrn_tf.commands.track.formats.frames import Layout, Write

# Bytes of a source's name. A file name may have 255: the rest is for a digest, a
# number, and "-landmarks.jsonl".
LONGEST_NAME = 210


@dataclass(frozen=True)
class Outputs:
    """What is written of one source.

    Attributes:
        overlay: video to write, or None.
        landmarks: file, or folder of .pts files, or None.
        format: of the landmarks.
    """

    overlay: Path | None
    landmarks: Path | None
    format: Format

    @property
    def paths(self) -> list[Path]:
        """All that is written."""
        return [path for path in (self.landmarks, self.overlay) if path]


def plan(
    sources: Sequence[str],
    overlay: Path | None,
    landmarks: Path | None,
    wanted: Format | None,
) -> list[Outputs]:
    """Return what is written of every source, checked before hours of work.

    Args:
        sources: as given by the user.
        overlay: video, or folder of videos; with neither this nor ``landmarks`` both
            are written into the working directory.
        landmarks: file, or folder.
        wanted: format of the landmarks; None: the first one that has the suffix of
            ``landmarks``, and .pts files in a folder.

    Raises:
        ValueError: a name has a suffix that cannot be written, there is one name for
            several sources, or a source would be overwritten.
    """
    if overlay is None and landmarks is None:
        overlay = landmarks = Path()
        wanted = wanted or "csv"
    for path in filter(None, (overlay, landmarks)):
        check_file_name(path)
    several = len(sources) > 1
    overlay_is_folder = overlay is not None and _is_folder(overlay)
    landmarks_is_folder = landmarks is not None and _is_folder(landmarks)
    if overlay and not overlay_is_folder:
        _check_file(overlay, "overlay", ["mp4"], several)
    if landmarks and not landmarks_is_folder:
        _check_file(landmarks, "landmarks", list(BY_SUFFIX), several)
        suffix = landmarks.suffix[1:].lower()
        if wanted and SUFFIXES.get(wanted) != suffix:
            raise ValueError(f"{landmarks}: contradicts --format {wanted}")
        wanted = wanted or BY_SUFFIX[suffix]
    wanted = wanted or "pts"
    planned = []
    for name in unique_names(sources):
        video, rows = overlay, landmarks
        if overlay_is_folder:
            video = overlay / f"{name}-overlay.mp4"
        if landmarks_is_folder and wanted != "pts":
            rows = landmarks / f"{name}-landmarks.{SUFFIXES[wanted]}"
        elif landmarks_is_folder and (several or landmarks == Path()):
            rows = landmarks / f"{name}-landmarks"
        planned.append(Outputs(video, rows, wanted))
    _check_sources_are_kept(sources, planned)
    return planned


def unique_names(sources: Sequence[str]) -> list[str]:
    """Return a name for the files of every source: the source's own.

    Where two would be the same, the suffix, the folders above or the host tell them
    apart, so that the order of the sources does not matter. Only a source that is given
    twice is numbered. Cameras are called ``camera-0``, standard input is ``stdin``.
    """
    from data_pipeline.media.sources import source_name
    from strrn_tf.system.file_names import distinct, file_name, numbered

    places = [_place(source) for source in sources]
    short = [
        place.with_name(source_name(source)) if place.name else place
        for source, place in zip(sources, places, strict=True)
    ]
    # Two files of a folder may differ in their suffixes only.
    count = Counter(dict(zip(places, short, strict=True)).values())
    paths = [p if count[n] > 1 else n for p, n in zip(places, short, strict=True)]
    return numbered([file_name(n, longest=LONGEST_NAME) for n in distinct(paths)])


def _place(source: str) -> PurePath:
    """Return the whole path of a source; an address begins with the host."""
    from data_pipeline.media.sources import is_address, without_secrets

    if is_address(source):
        return PurePosixPath(without_secrets(source).partition("://")[2])
    return Path(source).resolve()


@contextmanager
def open_writer(outputs: Outputs, layout: "Layout") -> "Iterator[Write | None]":
    """Yield the writer of landmarks, None if none are wanted; see ``open_format``."""
    from strrn_tf.commands.track.formats.opening import open_format

    if outputs.landmarks is None:
        yield None
    else:
        with open_format(outputs.landmarks, outputs.format, layout) as write:
            yield write


def _is_folder(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in ("", ".pts")


def _check_file(path: Path, what: str, suffixes: list[str], several: bool) -> None:
    if path.suffix[1:].lower() not in suffixes:
        *others, last = [f".{suffix}" for suffix in suffixes]
        listed = f"{', '.join(others)} or {last}" if others else last
        folder = "" if what == "overlay" else ", or into a folder as .pts files"
        raise ValueError(
            f"{path}: the {what} can be written as {listed}{folder}. "
            f"Received: '{path.suffix}'"
        )
    if several:
        option = "--output" if what == "overlay" else "--landmarks"
        raise ValueError(
            f"{path}: there are several sources; name a folder: {option} {path.stem}"
        )


def _check_sources_are_kept(sources: Sequence[str], planned: list[Outputs]) -> None:
    from data_pipeline.media.pts_folder import check_pts_folder

    read = {Path(source).resolve() for source in sources}
    for outputs in planned:
        for path in outputs.paths:
            if path.resolve() in read:
                raise ValueError(f"{path} is the source; name another file to write")
            if path != outputs.landmarks or outputs.format != "pts":
                if path.is_dir():
                    raise ValueError(f"{path} is a folder; name another file to write")
            else:
                check_pts_folder(path)
