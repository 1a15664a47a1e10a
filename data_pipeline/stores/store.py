"""Crop stores: folders of ready crops from which all training reads.

| file | content |
|---|---|
| `frames.npy` | (N, T, 385, 385, 3) uint8 RGB; T = 1 for stills, 2 for frame pairs, \
3 for SBR |
| `samples.npz` | `landmarks` (N, T, 68, 2) float32 in stored pixels, NaN without \
annotation; `matrix` (N, 2, 3) float64, image to stored crop; where a shape lacks \
points also `whole` (N, T, 68, 2) float32, with the fitted head in their places |
| `names.json` | N names: `helen/trainset/x.jpg`, `clip.mp4#000123` (last frame) |
| `report.json` | skipped sources and the reasons |
| `manifest.json` | written last; a store without it is incomplete |

A video is decoded once for any number of epochs. One window, made from the box of the
first frame, cuts all frames of a pair. Separate boxes would add the jitter of the face
detector to the motion that the tracker learns.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from rich.progress import track

from data_pipeline.crops.annotated import (
    annotated_frames,
    choose_annotated,
    pack_annotated,
)
from data_pipeline.crops.face_boxes import BoxFinder
from data_pipeline.crops.fingerprints import fingerprint
from data_pipeline.crops.pairs import AnyClip, PairOptions, cut_pairs
from data_pipeline.crops.samples import Samples, merge
from data_pipeline.crops.stills import cut_still
from data_pipeline.datasets.three_hundred_vw import Sequence300VW
from data_pipeline.datasets.three_hundred_w import Still
from data_pipeline.stores.prepared import PreparedPart, choose_samples, read_part
from data_pipeline.stores.store_writer import StoreWriter, read_state
from strrn_tf.system.locking import filling

__all__ = [
    "CropStore",
    "build_annotated_store",
    "build_pair_store",
    "build_still_store",
    "fingerprint",
]

# One source: its samples, None without any, and its part of the report.
Cut = tuple[Samples | None, dict[str, Any]]


@dataclass(frozen=True)
class CropStore:
    """A complete store, opened for reading.

    Attributes:
        folder: folder of the files.
        frames: (N, T, 385, 385, 3) uint8 RGB, memory-mapped.
        landmarks: (N, T, 68, 2) float32 in stored pixels, NaN without annotation.
        matrix: (N, 2, 3) float64, image to stored crop.
        names: N source names.
        fitted: (N, T, 68, 2) float32 in stored pixels: ``landmarks``, with the fitted
            head in the places of missing points. None: no shape lacks a point.
    """

    folder: Path
    frames: np.ndarray
    landmarks: np.ndarray
    matrix: np.ndarray
    names: tuple[str, ...]
    fitted: np.ndarray | None = None

    @property
    def whole(self) -> np.ndarray:
        """Shapes (N, T, 68, 2) without missing points; NaN without annotation."""
        return self.landmarks if self.fitted is None else self.fitted

    @classmethod
    def open(cls, folder: str | Path) -> "CropStore":
        """Open a complete store.

        Raises:
            ValueError: the folder is not a complete store.
        """
        folder = Path(folder)
        state = read_state(folder)
        if state is None or not state.is_complete:
            what = "not a crop store" if state is None else "an unfinished store"
            raise ValueError(f"{folder}: is {what}. Build it (again) from its sources")
        try:
            frames = np.load(folder / "frames.npy", mmap_mode="r")
            with open(folder / "samples.npz", "rb") as file:
                samples = np.load(file)
                landmarks, matrix = samples["landmarks"], samples["matrix"]
                fitted = samples.get("whole")
            names = tuple(
                json.loads((folder / "names.json").read_text(encoding="utf-8"))
            )
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise ValueError(f"{folder}: is a damaged crop store ({error})") from error
        whole = landmarks if fitted is None else fitted
        sizes = {len(part) for part in (frames, landmarks, matrix, names, whole)}
        if len(sizes) > 1:
            raise ValueError(f"{folder}: is a damaged crop store (files disagree)")
        return cls(folder, frames, landmarks, matrix, names, fitted)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def report(self) -> dict:
        """Skipped sources and the reasons (`report.json`)."""
        return json.loads((self.folder / "report.json").read_text(encoding="utf-8"))


def build_still_store(
    folder: str | Path,
    stills: Sequence[Still | PreparedPart],
    boxes: str | BoxFinder = "landmarks",
) -> CropStore:
    """Return the store (T = 1) of annotated stills, and build it if it is missing.

    Args:
        folder: folder of the store. If it holds a store of other inputs, that one is
            kept and the store goes to `<folder>-<fingerprint>`.
        stills: from `three_hundred_w.list_stills`, or prepared shards.
        boxes: "landmarks" for the tight box of the annotation, or a function from an
            image to face boxes. The box nearest to the annotated face is used.

    Raises:
        ValueError: no still could be read, or ``boxes`` is neither.
    """
    if boxes != "landmarks" and not callable(boxes):
        raise ValueError(
            f'`boxes` must be "landmarks" or a function. Received: {boxes!r}'
        )

    def cut(still: Still | PreparedPart) -> Cut:
        if isinstance(still, PreparedPart):
            return read_part(still), {}
        return cut_still(still, boxes), {}

    input_fingerprint = fingerprint(stills, kind="stills", boxes=boxes)
    return build_store(folder, stills, cut, input_fingerprint, 1, "Cutting stills")


def build_annotated_store(
    folder: str | Path,
    sequences: Sequence[Sequence300VW | PreparedPart],
    *,
    fraction: float,
    seed: int,
) -> CropStore:
    """Return the store (T = 1) of annotated video frames, and build it if missing.

    Args:
        folder: as in `build_still_store`.
        sequences: in the 300VW layout, or prepared shards of annotated frames.
        fraction: of the annotated frames of every sequence, in 0 to 1.
        seed: decides the choice, see `annotated.choose_annotated`.

    Raises:
        ValueError: there is no annotated frame.
    """

    def cut(source: Sequence300VW | PreparedPart) -> Cut:
        if isinstance(source, PreparedPart):
            indices = list(range(len(source.samples)))
            indices = choose_annotated(source.name, indices, fraction, seed)
            return (read_part(source, indices) if indices else None), {}
        frames = annotated_frames(source)
        wanted = choose_annotated(source.name, frames, fraction, seed)
        samples, problems = pack_annotated(source, wanted, lambda sample: sample)
        report = {"problem": problems[0]} if problems else {}
        return (merge(samples) if samples else None), report

    input_fingerprint = fingerprint(
        sequences, kind="annotated", fraction=fraction, seed=seed
    )
    return build_store(
        folder, sequences, cut, input_fingerprint, 1, "Cutting annotated frames"
    )


def build_pair_store(
    folder: str | Path,
    clips: Sequence[AnyClip | PreparedPart],
    *,
    pairs_per_clip: int,
    seed: int,
    box_finder: str | BoxFinder,
    rule: str = "largest",
    frames: int = 2,
) -> CropStore:
    """Return the store of consecutive frames, and build it if it is missing.

    A kill loses at most the work on one clip, and the next call continues.
    `report.json` lists unreadable videos and frames without a face.

    Args:
        folder: as in `build_still_store`.
        clips: unlabelled clips, sequences (whose annotation is stored too), or prepared
            shards of either.
        pairs_per_clip: largest number of pairs per clip, spread evenly.
        seed: decides the position of each pair in its section of the clip.
        box_finder: "landmarks" for annotated sequences, or a function such as
            `face_boxes.find_face_boxes`, from the first image of a pair to face boxes
            (N, 4), one box or None.
        rule: choice among several faces, "largest" or "central".
        frames: T, number of consecutive frames of a sample, which share one window.

    Raises:
        ValueError: not a single pair could be cut.
    """
    options = PairOptions(pairs_per_clip, seed, box_finder, rule, frames)
    options.check()

    def cut(clip: AnyClip | PreparedPart) -> Cut:
        if isinstance(clip, PreparedPart):
            indices = choose_samples(clip, pairs_per_clip, seed)
            return read_part(clip, indices), {}
        return cut_pairs(clip, options)

    inputs = options._asdict()
    length = inputs.pop("frames")
    kind = "pairs" if length == 2 else f"{length} frames"
    input_fingerprint = fingerprint(clips, kind=kind, **inputs)
    return build_store(
        folder, clips, cut, input_fingerprint, frames, "Cutting frame pairs"
    )


def build_store(
    folder: str | Path,
    sources: Sequence[Any],
    cut: Callable[[Any], Cut],
    input_fingerprint: str,
    num_frames: int,
    title: str,
) -> CropStore:
    """Return the store of the samples that ``cut`` returns, and build it if missing."""
    with filling(folder):
        writer = _writer(folder, input_fingerprint, num_frames)
        if writer is not None:
            for source in track(_missing(writer, sources), title):
                try:
                    samples, report = cut(source)
                    samples = _last_frames(source, samples, num_frames)
                    writer.append(source.name, samples, report)
                except ValueError as error:
                    writer.append(source.name, None, {"problem": str(error)})
            writer.finish()
        return CropStore.open(_fitting_folder(folder, input_fingerprint))


def _last_frames(source: Any, samples: Samples | None, wanted: int) -> Samples | None:
    """Return the last ``wanted`` frames of samples, which may have more."""
    if samples is None:
        return None
    found = samples.frames.shape[1]
    if found < wanted:
        raise ValueError(
            f"{source.name} was prepared with {found} frames a sample; {wanted} are "
            f"wanted: prepare it with --frames {wanted}, or name the originals"
        )
    whole = samples.whole
    return samples._replace(
        frames=samples.frames[:, -wanted:],
        landmarks=samples.landmarks[:, -wanted:],
        whole=None if whole is None else whole[:, -wanted:],
    )


def _fitting_folder(folder: str | Path, input_fingerprint: str) -> Path:
    """Return the folder, or its sibling if it holds a store of other inputs."""
    folder = Path(folder)
    state = read_state(folder)
    if state is None or state.fingerprint == input_fingerprint:
        return folder
    return folder.with_name(f"{folder.name}-{input_fingerprint}")


def _writer(
    folder: str | Path, input_fingerprint: str, num_frames: int
) -> StoreWriter | None:
    """Return the writer of the missing part, or None if the store is complete."""
    folder = _fitting_folder(folder, input_fingerprint)
    state = read_state(folder)
    if state is not None and state.is_complete:
        return None
    return StoreWriter(folder, input_fingerprint, num_frames)


def _missing(writer: StoreWriter, sources: Sequence) -> list:
    return [source for source in sources if source.name not in writer.done]
