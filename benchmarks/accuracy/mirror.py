"""How far annotations lie to the left or right of what mirrored pictures teach.

A model finds the landmarks of every annotated still and of its mirror image. The mean
of both is symmetric, whatever the model has learnt. An offset of the annotations from
that mean, averaged over faces, is one of the annotations. Training on mirrored pictures
cannot learn such an offset; training without them does (``--augmentation-annealing``).
The table holds model minus annotation in pixels of the files, with the standard error.
At -1 in x the annotations lie one pixel to the right. Boxes are those of the landmarks.

Example:
  python -m benchmarks.accuracy.mirror strrn-hgn --stills DIR/300w
"""

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.datasets.three_hundred_w import (
    SPLITS,
    Still,
    list_stills,
    read_landmarks,
)
from data_pipeline.media.images import read_image
from strrn_tf import FaceTracker
from strrn_tf.geometry import box_from_landmarks
from strrn_tf.landmarks import MIRROR
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.accuracy.mirror"


@dataclass(frozen=True)
class Options:
    """What to measure."""

    model: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="MODEL")]]
    """Name of a shipped model, run folder or exported folder."""
    stills: Path
    """Folder of annotated stills in the 300-W layout."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Print a row for every data set."""
    tracker = FaceTracker.from_pretrained(options.model)
    stills = stills_of(options.stills)
    plain, both = defaultdict(list), defaultdict(list)
    for still in track(stills, options.model, transient=True):
        image, truth = read_image(still.image_path), read_landmarks(still)
        found = tracker.align(image, box_from_landmarks(truth))
        name = still.image_path.parent.relative_to(options.stills.parent).as_posix()
        plain[name].append((found - truth).mean(0))
        mean = (found + find_mirrored(tracker, image, truth)) / 2
        both[name].append((mean - truth).mean(0))
    table = Table("set", "faces", "model", "x", "y")
    for name in plain:
        for model, offsets in (("as it is", plain), ("mean with mirror", both)):
            add_row(table, name, model, np.array(offsets[name]))
    Console().print(table)


def stills_of(root: Path) -> list[Still]:
    """Return all annotated stills of a folder, whatever splits it has."""
    found: dict[Path, Still] = {}
    problems = []
    for split in SPLITS:
        try:
            found |= {still.image_path: still for still in list_stills(root, split)}
        except ValueError as error:
            problems.append(error)
    if not found:
        raise problems[0]
    return list(found.values())


def find_mirrored(
    tracker: FaceTracker, image: np.ndarray, truth: np.ndarray
) -> np.ndarray:
    """Return landmarks (68, 2) that were found in the mirror image, mirrored back."""
    last = image.shape[1] - 1

    def mirror(landmarks: np.ndarray) -> np.ndarray:
        return (landmarks * [-1, 1] + [last, 0])[list(MIRROR)]

    reflected = np.ascontiguousarray(image[:, ::-1])
    return mirror(tracker.align(reflected, box_from_landmarks(mirror(truth))))


def add_row(table: Table, name: str, model: str, offsets: np.ndarray) -> None:
    """Add the mean over faces of offsets (N, 2) with its standard error."""
    mean, error = offsets.mean(0), offsets.std(0) / np.sqrt(len(offsets))
    cells = [f"{m:+.2f} ± {e:.2f}" for m, e in zip(mean, error, strict=True)]
    table.add_row(name, str(len(offsets)), model, *cells)


if __name__ == "__main__":
    sys.exit(main())
