"""How far a tracker drifts on a picture that does not change.

The tracker runs again and again on one still. A perfect tracker would stay at the
landmarks; errors that the next step does not correct add up. The table holds the mean
distance to the annotation in percent of the distance of the outer eye corners, after
so many steps, once from the annotation and once from the detector's landmarks.

Example:
  python -m benchmarks.accuracy.drift strrn-mdm --stills DIR/helen/testset
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.datasets.three_hundred_w import list_stills, read_landmarks
from data_pipeline.media.images import read_image
from strrn_tf import FaceTracker
from strrn_tf.geometry import box_from_landmarks, relative_distance
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.accuracy.drift"
STEPS = (0, 1, 2, 5, 10, 30)


@dataclass(frozen=True)
class Options:
    """What to measure."""

    models: tyro.conf.Positional[
        Annotated[tuple[str, ...], tyro.conf.arg(metavar="MODEL [MODEL ...]")]
    ]
    """Names of shipped models, run folders or exported folders."""
    stills: Path
    """Folder of annotated stills in the 300-W layout."""
    count: int = 100
    """Stills to use."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def errors(
    tracker: FaceTracker, image: np.ndarray, start: np.ndarray, truth: np.ndarray
) -> Iterator[float]:
    """Yield the error in percent after every number of steps in ``STEPS``."""
    landmarks = start
    for step in range(STEPS[-1] + 1):
        if step:
            landmarks, _ = tracker.step(image, image, landmarks)
        if step in STEPS:
            yield 100 * float(relative_distance(landmarks, truth))


def run(options: Options) -> None:
    """Print the table."""
    if not options.models:
        raise ValueError("no model is named")
    stills = list_stills(options.stills, "test")[: options.count]
    table = Table("model", "from", *map(str, STEPS), title="error in %, after steps")
    for model in options.models:
        tracker = FaceTracker.from_pretrained(model)
        rows: dict[str, list[list[float]]] = {"annotation": [], "detector": []}
        for still in track(stills, model, transient=True):
            image, truth = read_image(still.image_path), read_landmarks(still)
            detected = tracker.align(image, box_from_landmarks(truth))
            for name, start in (("annotation", truth), ("detector", detected)):
                rows[name].append(list(errors(tracker, image, start, truth)))
        for name, values in rows.items():
            means = [f"{value:.2f}" for value in np.mean(values, axis=0)]
            table.add_row(model, name, *means)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
