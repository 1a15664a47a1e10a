"""Fit the conversion of MTCNN's boxes to landmark boxes, and time the search.

The table holds the share of the annotated faces that is found, milliseconds per image,
and the median shift of each side. These shifts are the constants of
`face_detection.face_boxes`; with Viola-Jones, OpenCV's frontal cascade, those of
`data_pipeline.datasets.youtube_faces`. The last columns hold the error that remains
after conversion by the constants in the code: mean and standard deviation of the
centre's offset and of the size ratio, as fractions of the face. An augmentation has to
cover it.

Example:
  python -m benchmarks.models.fit_face_boxes ~/300w --finder viola-jones
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.crops.face_boxes import find_mtcnn_boxes
from data_pipeline.datasets.three_hundred_w import Still, list_stills, read_landmarks
from data_pipeline.datasets.youtube_faces import from_viola_jones
from data_pipeline.media.images import read_image
from strrn_tf.geometry import box_from_landmarks, box_sides, face_size, overlap
from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.face_detection.face_boxes import landmark_box

PROG = "python -m benchmarks.models.fit_face_boxes"
# A box counts as the annotated face's from this overlap (IoU) on; MTCNN's boxes are
# taller than landmark boxes, so perfect ones reach about 0.75.
MIN_OVERLAP = 0.3

Finder = Callable[[np.ndarray], np.ndarray]
Converter = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Options:
    """What to search, and with which face finder."""

    root: tyro.conf.Positional[Path]
    """Folder of annotated stills in the 300-W layout."""
    images: int = 150
    """Stills to search."""
    finder: Literal["mtcnn", "viola-jones"] = "mtcnn"
    """Face finder of which the boxes are converted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Measure and print."""
    stills = spread(list_stills(options.root), options.images)
    find, convert = FINDERS[options.finder]
    console = Console()
    console.print(report(measure(stills, find), len(stills), convert))


def viola_jones(image: np.ndarray) -> np.ndarray:
    """Return the boxes (N, 4) that OpenCV's frontal cascade finds in an image."""
    path = f"{cv2.data.haarcascades}haarcascade_frontalface_default.xml"
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    found = cv2.CascadeClassifier(path).detectMultiScale(grey, 1.1, 3, minSize=(60, 60))
    boxes = np.reshape(found, (-1, 4)).astype(np.float64)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], -1)


def spread(stills: list[Still], count: int) -> list[Still]:
    """Return ``count`` stills, equally many from every data set."""
    by_set: dict[str, list[Still]] = {}
    for still in stills:
        by_set.setdefault(str(Path(still.name).parent), []).append(still)
    share = max(1, count // len(by_set))
    picks = [np.linspace(0, len(s) - 1, min(share, len(s))) for s in by_set.values()]
    return [
        group[int(i)]
        for group, pick in zip(by_set.values(), picks, strict=True)
        for i in pick
    ]


def measure(stills: list[Still], find: Finder) -> dict[str, np.ndarray]:
    """Return `truth` and `found` boxes (M, 4) of the faces found, and `ms` (N,)."""
    rows = {"truth": [], "found": [], "ms": []}
    find(read_image(stills[0].image_path))  # loads the networks
    for still in track(stills, "Searching faces"):
        image = read_image(still.image_path)
        truth = box_from_landmarks(read_landmarks(still)).astype(np.float64)
        start = time.perf_counter()
        boxes = find(image)
        rows["ms"].append((time.perf_counter() - start) * 1e3)
        overlaps = np.array([overlap(box, truth) for box in boxes])
        if len(boxes) and overlaps.max() >= MIN_OVERLAP:
            rows["truth"].append(truth)
            rows["found"].append(boxes[overlaps.argmax()])
    return {name: np.array(row) for name, row in rows.items()}


def report(row: dict[str, np.ndarray], count: int, convert: Converter) -> Table:
    """Return the table that is printed."""
    table = Table("found", "ms (median, p95)", "median shift of x0 y0 x1 y1")
    table.add_column("centre offset x, y (mean ± std)")
    table.add_column("size ratio (mean ± std)")
    truth, found = row["truth"], row["found"]
    shift = (truth - found) / np.tile(box_sides(found), 2)
    guess = convert(found)
    size = face_size(truth)
    offset = guess - truth
    offset = (offset[:, :2] + offset[:, 2:]) / 2 / size[:, None]
    ratio = face_size(guess) / size
    mean, std = offset.mean(0), offset.std(0)
    table.add_row(
        f"{len(truth)}/{count}",
        f"{np.median(row['ms']):.0f}, {np.percentile(row['ms'], 95):.0f}",
        " ".join(f"{s:+.3f}" for s in np.median(shift, 0)),
        f"{mean[0]:+.3f} ± {std[0]:.3f}, {mean[1]:+.3f} ± {std[1]:.3f}",
        f"{ratio.mean():.3f} ± {ratio.std():.3f}",
    )
    return table


FINDERS: dict[str, tuple[Finder, Converter]] = {
    "mtcnn": (find_mtcnn_boxes, landmark_box),
    "viola-jones": (viola_jones, from_viola_jones),
}


if __name__ == "__main__":
    sys.exit(main())
