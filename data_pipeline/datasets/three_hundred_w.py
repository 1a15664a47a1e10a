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

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipeline.media.images import natural_key
from data_pipeline.media.pts import read_pts
from data_pipeline.media.suffixes import is_image
from strrn_tf.system.file_names import plain

SPLITS = ("train", "test")
# Published numbers of images: 3148 for training, and for testing 554 "common" ones
# (Helen, LFPW) and 135 "challenging" ones (iBUG).
IMAGE_COUNTS: dict[str, int] = {
    "afw": 337, "helen/trainset": 2000, "lfpw/trainset": 811,
    "helen/testset": 330, "lfpw/testset": 224, "ibug": 135,
}  # fmt: skip

_WHOLE_SETS = {"train": "afw", "test": "ibug"}
_LAYOUT = "afw/, ibug/, helen/trainset/, helen/testset/, ... of images with .pts files"


class Still(NamedTuple):
    """One annotated image; ``name`` is its path below the root (`afw/1_1.jpg`)."""

    name: str
    image_path: Path
    landmarks_path: Path


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


def list_stills(root: str | Path, split: str = "train") -> Stills:
    """Return the annotated images of a split, sorted by name.

    Every annotation is read once (0.4 ms each), so a bad one is reported here and not
    after an hour of training.

    Args:
        root: folder in the 300-W layout, or a folder that holds images with `.pts`.
        split: "train" or "test".

    Returns:
        A sequence of stills. Its ``problems`` names each image with a missing or
        malformed `.pts` file.

    Raises:
        ValueError: the root or the split does not exist, or no image is usable.
    """
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {SPLITS}. Received: {split!r}")
    root = Path(root)
    folders = _split_folders(root, split)
    stills, problems = [], []
    for image in sorted(
        (p for folder in folders for p in folder.iterdir() if is_image(p)),
        key=lambda path: natural_key(path.as_posix()),
    ):
        still = Still(
            plain(image.relative_to(root).as_posix()), image, image.with_suffix(".pts")
        )
        reason = _reason_against(still)
        if reason:
            problems.append(Problem(still.name, reason))
        else:
            stills.append(still)
    if not stills:
        detail = f"{len(problems)} images, first problem: {problems[0].reason}"
        raise ValueError(f"{root}: no usable image of split {split!r} ({detail})")
    return Stills(stills, problems)


def read_landmarks(still: Still) -> np.ndarray:
    """Return the landmarks (68, 2) of a still, float32 image pixels, 0-based."""
    return read_pts(still.landmarks_path)


def _split_folders(root: Path, split: str) -> list[Path]:
    if not root.is_dir():
        raise ValueError(f"{root}: there is no such folder. Expected: {_LAYOUT}")
    if _holds_images(root):
        return [root]
    # With `one_set` the root may be a single data set, such as helen.
    one_set = root / f"{split}set"
    folders = [root / _WHOLE_SETS[split], *root.glob(f"*/{split}set"), one_set]
    found = sorted({f for f in folders if f.is_dir() and _holds_images(f)})
    if not found:
        present = sorted(p.name for p in root.iterdir())[:5] or "an empty folder"
        raise ValueError(
            f"{root}: nothing of split {split!r} is here. Expected: {_LAYOUT}. "
            f"Received: {present}"
        )
    return found


def _holds_images(folder: Path) -> bool:
    return any(is_image(path) for path in folder.iterdir())


def _reason_against(still: Still) -> str | None:
    if not still.landmarks_path.is_file():
        return f"there is no {still.landmarks_path.name} beside the image"
    try:
        read_landmarks(still)
    except ValueError as error:
        return str(error)
    return None
