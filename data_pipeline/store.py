"""Crop stores: the folder of ready crops that all training reads.

| file | content |
|---|---|
| `frames.npy` | (N, T, 385, 385, 3) uint8 RGB; T = 1 for stills, 2 for frame pairs |
| `samples.npz` | `landmarks` (N, T, 68, 2) float32 in stored pixels, NaN where nobody \
annotated; `matrix` (N, 2, 3) float64, image to stored crop |
| `names.json` | N names: `helen/trainset/x.jpg`, `clip.mp4#000123` (second frame) |
| `report.json` | what was skipped and why |
| `manifest.json` | written last: its presence says that the store is complete |

A video is decoded once, whatever the number of epochs. Both frames of a pair are cut by
one window, made from the box of the first, because a box of its own for each would add
the jitter of the face detector to the motion that the tracker has to learn.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from rich.progress import track

from data_pipeline.clips import Clip
from data_pipeline.face_boxes import BoxFinder
from data_pipeline.fingerprints import fingerprint
from data_pipeline.locking import filling
from data_pipeline.pairs import PairOptions, cut_pairs
from data_pipeline.stills import cut_still
from data_pipeline.store_writer import StoreWriter, read_state
from data_pipeline.three_hundred_vw import Sequence300VW
from data_pipeline.three_hundred_w import Still

__all__ = ["CropStore", "build_pair_store", "build_still_store", "fingerprint"]


@dataclass(frozen=True)
class CropStore:
    """A complete store, opened for reading.

    Attributes:
        folder: where it lies.
        frames: (N, T, 385, 385, 3) uint8 RGB, memory-mapped.
        landmarks: (N, T, 68, 2) float32 stored pixels, NaN where nobody annotated.
        matrix: (N, 2, 3) float64, image to stored crop.
        names: N source names.
    """

    folder: Path
    frames: np.ndarray
    landmarks: np.ndarray
    matrix: np.ndarray
    names: tuple[str, ...]

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
            names = tuple(json.loads((folder / "names.json").read_text()))
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise ValueError(f"{folder}: is a damaged crop store ({error})") from error
        if not len(frames) == len(landmarks) == len(matrix) == len(names):
            raise ValueError(f"{folder}: is a damaged crop store (files disagree)")
        return cls(folder, frames, landmarks, matrix, names)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def report(self) -> dict:
        """What was skipped and why (`report.json`)."""
        return json.loads((self.folder / "report.json").read_text())


def build_still_store(
    folder: str | Path, stills: Sequence[Still], boxes: str | BoxFinder = "landmarks"
) -> CropStore:
    """Return the store (T = 1) of annotated stills, built unless it is there already.

    Args:
        folder: where the store shall lie. When it holds a store of other inputs, that
            one is left alone and `<folder>-<fingerprint>` is used; see ``.folder``.
        stills: what to cut, see `three_hundred_w.list_stills`.
        boxes: "landmarks" (the tight box of the annotation) or a function from an image
            to face boxes, of which the one nearest to the annotated face is taken.

    Raises:
        ValueError: no still could be read, or ``boxes`` is neither.
    """
    if boxes != "landmarks" and not callable(boxes):
        raise ValueError(
            f'`boxes` must be "landmarks" or a function. Received: {boxes!r}'
        )
    mark = fingerprint(stills, kind="stills", boxes=boxes)
    with filling(folder):
        writer = _writer(folder, mark, num_frames=1)
        if writer is not None:
            for still in track(_missing(writer, stills), "Cutting stills"):
                try:
                    writer.append(still.name, cut_still(still, boxes), {})
                except ValueError as error:
                    writer.append(still.name, None, {"problem": str(error)})
            writer.finish()
        return CropStore.open(_fitting_folder(folder, mark))


def build_pair_store(
    folder: str | Path,
    clips: Sequence[Clip | Sequence300VW],
    *,
    pairs_per_clip: int,
    seed: int,
    box_finder: str | BoxFinder,
    rule: str = "largest",
) -> CropStore:
    """Return the store (T = 2) of consecutive frames, built unless it is there already.

    A kill loses at most the work on one clip; the next call goes on from there. Videos
    that cannot be read and frames without a face are counted in `report.json`.

    Args:
        folder: as in `build_still_store`.
        clips: unlabelled clips, or sequences, whose annotation is then stored too.
        pairs_per_clip: pairs at most per clip, spread evenly over its length.
        seed: where within its even share of the clip each pair lies.
        box_finder: function from an image to face boxes (N, 4), one box or None, such
            as `face_boxes.find_face_boxes`; or "landmarks" for annotated sequences. It
            is called for the first frame of every pair.
        rule: which face is followed when there are several: "largest" or "central".

    Raises:
        ValueError: not a single pair could be cut.
    """
    options = PairOptions(pairs_per_clip, seed, box_finder, rule)
    options.check()
    mark = fingerprint(clips, kind="pairs", **options._asdict())
    with filling(folder):
        writer = _writer(folder, mark, num_frames=2)
        if writer is not None:
            for clip in track(_missing(writer, clips), "Cutting frame pairs"):
                try:
                    writer.append(clip.name, *cut_pairs(clip, options))
                except ValueError as error:
                    writer.append(clip.name, None, {"problem": str(error)})
            writer.finish()
        return CropStore.open(_fitting_folder(folder, mark))


def _fitting_folder(folder: str | Path, mark: str) -> Path:
    """Return the folder, or its sibling when it holds a store of other inputs."""
    folder = Path(folder)
    state = read_state(folder)
    if state is None or state.fingerprint == mark:
        return folder
    return folder.with_name(f"{folder.name}-{mark}")


def _writer(folder: str | Path, mark: str, num_frames: int) -> StoreWriter | None:
    """Return the writer of the missing part, None when the store is complete."""
    folder = _fitting_folder(folder, mark)
    state = read_state(folder)
    if state is not None and state.is_complete:
        return None
    return StoreWriter(folder, mark, num_frames)


def _missing(writer: StoreWriter, sources: Sequence) -> list:
    return [source for source in sources if source.name not in writer.done]
