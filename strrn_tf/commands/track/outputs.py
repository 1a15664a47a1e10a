"""Where ``strrn track`` writes, and the writers of the formats of landmarks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from strrn_tf.commands.track.rows import WriteRows
    from strrn_tf.tracking.face import Face

Format = Literal["csv", "jsonl", "pts"]
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
        wanted: format of the landmarks; None: by the suffix of ``landmarks``.

    Raises:
        ValueError: a name has a suffix that cannot be written, there is one name for
            several sources, or a source would be overwritten.
    """
    if overlay is None and landmarks is None:
        overlay = landmarks = Path()
        wanted = wanted or "csv"
    several = len(sources) > 1
    overlay_is_folder = overlay is not None and _is_folder(overlay)
    landmarks_is_folder = landmarks is not None and _is_folder(landmarks)
    if overlay and not overlay_is_folder:
        _check_file(overlay, "overlay", ["mp4"], several)
    if landmarks and not landmarks_is_folder:
        _check_file(landmarks, "landmarks", ["csv", "jsonl"], several)
        suffix = landmarks.suffix[1:].lower()
        if wanted not in (None, suffix):
            raise ValueError(f"{landmarks}: contradicts --format {wanted}")
        wanted = suffix
    wanted = wanted or "pts"
    planned = []
    for name in unique_names(sources):
        video, rows = overlay, landmarks
        if overlay_is_folder:
            video = overlay / f"{name}-overlay.mp4"
        if landmarks_is_folder and wanted != "pts":
            rows = landmarks / f"{name}-landmarks.{wanted}"
        elif landmarks_is_folder and (several or landmarks == Path()):
            rows = landmarks / f"{name}-landmarks"
        planned.append(Outputs(video, rows, wanted))
    _check_sources_are_kept(sources, planned)
    return planned


def unique_names(sources: Sequence[str]) -> list[str]:
    """Return a name for the files of every source: the source's own.

    Where two would be the same, the suffix or the folders above tell them apart, so
    that the order of the sources does not matter. Only a source that is given twice is
    numbered. Cameras are called ``camera-0``.
    """
    from data_pipeline.media.video import is_camera
    from strrn_tf.system.file_names import distinct, file_name, numbered

    whole = {s: Path(s).resolve() for s in sources if not is_camera(s)}
    short = {p: p if p.is_dir() else p.with_suffix("") for p in whole.values()}
    # Two files of a folder may differ in their suffixes only.
    count = Counter(short.values())
    paths = [p if count[short[p]] > 1 else short[p] for p in whole.values()]
    names = dict(zip(whole, distinct(paths), strict=True))
    named = [names.get(source, f"camera-{source}") for source in sources]
    return numbered([file_name(name, longest=LONGEST_NAME) for name in named])


@contextmanager
def open_writer(outputs: Outputs) -> "Iterator[WriteRows | None]":
    """Yield the writer of landmarks, None if none are wanted.

    What is written is complete at its place when this is left, or as it was before if
    it is left by an error.
    """
    from data_pipeline.media.pts_folder import new_pts_folder
    from strrn_tf.commands.track.rows import csv_rows, index_rows, json_lines
    from strrn_tf.system.atomic import replacing

    if outputs.landmarks is None:
        yield None
    elif outputs.format == "pts":
        with (
            new_pts_folder(outputs.landmarks) as folder,
            folder.index_path.open("w", encoding="utf-8") as file,
        ):
            write_index = index_rows(file)

            def write(
                index: int, seconds: float, faces: "Sequence[Face] | None"
            ) -> None:
                write_index(index, seconds, faces)
                for face in faces or ():
                    folder.write(index, face.id, face.landmarks)

            yield write
    else:
        rows = {"csv": csv_rows, "jsonl": json_lines}[outputs.format]
        with (
            replacing(outputs.landmarks) as new,
            new.open("w", encoding="utf-8") as file,
        ):
            yield rows(file)


def _is_folder(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in ("", ".pts")


def _check_file(path: Path, what: str, suffixes: list[str], several: bool) -> None:
    if path.suffix[1:].lower() not in suffixes:
        listed = " or ".join(f".{suffix}" for suffix in suffixes)
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
