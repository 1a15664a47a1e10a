"""Stills with landmarks in the 300-W layout.

::

    root/
      afw/                 image.jpg + image.pts
      helen/trainset/  helen/testset/
      lfpw/trainset/   lfpw/testset/
      ibug/

The training split is afw and every `trainset`. The test split is every `testset` and
ibug. A root that holds images itself is used for either split.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipeline.annotations.reading import Labels, place_of, read_annotation
from data_pipeline.annotations.whole_head import check_places
from data_pipeline.media.images import natural_key
from data_pipeline.media.suffixes import is_beside, is_image
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.system.file_names import plain

SPLITS = ("train", "test")
# Published numbers of images: 3148 for training, and for testing 554 "common" ones
# (Helen, LFPW) and 135 "challenging" ones (iBUG).
IMAGE_COUNTS: dict[str, int] = {
    "afw": 337, "helen/trainset": 2000, "lfpw/trainset": 811,
    "helen/testset": 330, "lfpw/testset": 224, "ibug": 135,
}  # fmt: skip

_WHOLE_SETS = {"train": "afw", "test": "ibug"}
# Files beside the images that hold annotations of many.
_ANNOTATIONS = ".json", ".csv", ".txt", ".mat", ".xml"
_LAYOUT = "afw/, ibug/, helen/trainset/, helen/testset/, ... of images with .pts files"


class Still(NamedTuple):
    """One annotated image.

    Attributes:
        name: its path below the root (`afw/1_1.jpg`).
        image_path: file of the image.
        landmarks_path: file of the annotation.
        labels: how the annotation is read; None for a `.pts` file with all 68 points.
    """

    name: str
    image_path: Path
    landmarks_path: Path
    labels: Labels | None = None

    @property
    def remark(self) -> str:
        """The points that the file marks as not annotated; "" for none."""
        return self.labels.remark if self.labels else ""


class Problem(NamedTuple):
    """A source that was left out, and the reason."""

    name: str
    reason: str


class Stills(Sequence[Still]):
    """The stills of a split; ``problems`` lists the images that were left out."""

    def __init__(self, stills: Sequence[Still], problems: Sequence[Problem]) -> None:
        self._stills = tuple(stills)
        self.problems = tuple(problems)

    def __getitem__(self, index: int | slice) -> Still | tuple[Still, ...]:
        return self._stills[index]

    def __len__(self) -> int:
        return len(self._stills)


def list_stills(
    root: str | Path,
    split: str = "train",
    *,
    mark: str | None = None,
    partial: bool = False,
) -> Stills:
    """Return the annotated images of a split, sorted by name.

    Every annotation is read once (0.4 ms each), so a bad one is reported here and not
    after an hour of training.

    Args:
        root: folder in the 300-W layout, or a folder that holds images with `.pts`.
        split: "train" or "test".
        mark: of missing points, beside those that are always known.
        partial: also take images on which some points are not annotated.

    Returns:
        A sequence of stills. Its ``problems`` names each image with a missing or
        malformed `.pts` file, and without ``partial`` those that lack a point.

    Raises:
        ValueError: the root or the split does not exist, or no image is usable.
    """
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {SPLITS}. Received: {split!r}")
    root = Path(root)
    images = sorted(
        (p for f in _split_folders(root, split) for p in f.iterdir() if is_image(p)),
        key=lambda path: natural_key(path.as_posix()),
    )
    labels = None if mark is None else Labels(mark=mark)
    stills = [
        Still(
            plain(path.relative_to(root).as_posix()),
            path,
            path.with_suffix(".pts"),
            labels,
        )
        for path in images
    ]
    return check_stills(stills, f"{root}: no usable image of split {split!r}", partial)


def check_stills(candidates: Iterable[Still], failure: str, partial: bool) -> Stills:
    """Return the stills whose annotation can be read, and the problems of the others.

    Args:
        candidates: stills to read.
        failure: beginning of the message if none can be used.
        partial: also take stills on which some points are not annotated.

    Raises:
        ValueError: no still is usable.
    """
    stills, problems = [], []
    for still in candidates:
        try:
            stills.append(_checked(still, partial))
        except ValueError as error:
            problems.append(Problem(still.name, str(error)))
    if not stills:
        first = problems[0].reason if problems else "there is none"
        detail = f"{len(problems)} images, first problem: {first}"
        raise ValueError(f"{failure} ({detail})")
    return Stills(stills, problems)


def files_beside_stills(root: str | Path) -> list[str]:
    """Return the names of files that lie beside images and are not read.

    Hidden files, landmarks and other annotations do not count.

    Args:
        root: folder of stills. Names are paths below it.
    """
    names = []
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith(".")]
        if any(map(is_image, files)):
            others = (f for f in files if not (is_image(f) or is_beside(f)))
            paths = (
                Path(folder, f) for f in others if not f.lower().endswith(_ANNOTATIONS)
            )
            names += [plain(path.relative_to(root).as_posix()) for path in paths]
    return sorted(names, key=natural_key)


def read_landmarks(still: Still) -> np.ndarray:
    """Return the landmarks (68, 2) of a still, float32 image pixels, 0-based.

    Points that nobody annotated are NaN.
    """
    return read_annotation(still.landmarks_path, still.labels).landmarks


def _checked(still: Still, partial: bool) -> Still:
    """Return a still with what its annotation lacks.

    Raises:
        ValueError: the annotation cannot be used.
    """
    path = still.landmarks_path
    if not path.is_file():
        raise ValueError(f"{path}: there must be a .pts file beside the image")
    annotation = read_annotation(path, still.labels)
    try:
        check_places(annotation)
    except ValueError as error:
        remark = f" ({annotation.remark})" if annotation.remark else ""
        where = place_of(path, still.labels)
        raise ValueError(f"{where}: {error}{remark}") from error
    if annotation.is_whole:
        return still
    if not partial:
        count = f"{annotation.known.sum()} of {NUM_LANDMARKS} points"
        rule = "all points must be annotated here"
        where = place_of(path, still.labels)
        raise ValueError(f"{where}: {rule}. Received: {annotation.remark or count}")
    labels = still.labels or Labels()
    remark = f"{path.name}: {annotation.remark}" if annotation.remark else ""
    return still._replace(labels=labels._replace(remark=remark))


def _split_folders(root: Path, split: str) -> list[Path]:
    if not root.is_dir():
        raise ValueError(f"{root}: there is no such folder. Expected: {_LAYOUT}")
    if holds_images(root):
        return [root]
    # With `one_set` the root may be a single data set, such as helen.
    one_set = root / f"{split}set"
    folders = [root / _WHOLE_SETS[split], *root.glob(f"*/{split}set"), one_set]
    found = sorted({f for f in folders if f.is_dir() and holds_images(f)})
    if not found:
        present = sorted(p.name for p in root.iterdir())[:5] or "an empty folder"
        raise ValueError(
            f"{root}: nothing of split {split!r} is here. Expected: {_LAYOUT}. "
            f"Received: {present}"
        )
    return found


def holds_images(folder: Path) -> bool:
    """Return whether images lie in a folder itself: then it has no splits."""
    return any(is_image(path) for path in folder.iterdir())
