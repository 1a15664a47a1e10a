"""How far a tracker walks off on a picture that does not change.

    python benchmarks/accuracy/drift.py MODEL… --stills DIR/300w/helen/testset

The tracker is run again and again on one and the same still. A perfect one would stay
at the landmarks; the errors of every step that it cannot mend in the next add up.
Printed: mean distance to the annotation in percent of the outer eye corner distance,
after so many steps, starting at the annotation and starting at what the detector says.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.datasets.three_hundred_w import list_stills, read_landmarks
from data_pipeline.media.images import read_image
from strrn_tf import FaceTracker
from strrn_tf.geometry import box_from_landmarks, relative_distance

STEPS = (0, 1, 2, 5, 10, 30)


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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", help="names or exported folders")
    parser.add_argument("--stills", type=Path, required=True, help="300-W layout")
    parser.add_argument("--count", type=int, default=100, help="stills to use")
    options = parser.parse_args()
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
    main()
