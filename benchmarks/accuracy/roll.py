"""Error of a model on faces that are turned in the picture, by angle.

Every still is turned around its face. The box is the tight box of the turned landmarks.
`align` gets the still and the box. `update` gets the still as the first frame of a
video, without a box: the face finder has to find the face. A face that is not found
counts as lost, and not into the error.

Example:
  python -m benchmarks.accuracy.roll strrn-hgn --stills ~/300w/helen/testset
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.datasets.three_hundred_w import list_stills, read_landmarks
from data_pipeline.media.images import read_image
from strrn_tf.evaluation.metrics import nme
from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    compose,
    face_size,
    similarity,
)
from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.tracker import FaceTracker

PROG = "python -m benchmarks.accuracy.roll"
# Side of the turned picture in face sizes.
FIELD = 3.0


@dataclass(frozen=True)
class Options:
    """What to measure."""

    model: tyro.conf.Positional[str]
    """Name or folder of a model."""
    stills: Path
    """Annotated stills."""
    step: int = 15
    """Degrees between two angles."""
    first: int | None = None
    """Only so many stills."""
    any_roll: bool = True
    """Turn crop windows with the face."""
    update: bool = True
    """Also measure `update`, which is slower."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Measure and print."""
    tracker = FaceTracker.from_pretrained(options.model, any_roll=options.any_roll)
    stills = list_stills(options.stills, "test")[: options.first]
    table = Table("degrees", "align", "align, above 8 %", "update", "update, lost")
    for angle in track(range(0, 360, options.step)):
        aligned, updated, lost = [], [], 0
        for still in stills:
            image, truth = turned(
                read_image(still.image_path), read_landmarks(still), angle
            )
            found = tracker.align(image, box_from_landmarks(truth))
            aligned.append(float(nme(found, truth, "interpupil")))
            if options.update:
                found = _update(tracker, image, truth)
                lost += found is None
                if found is not None:
                    updated.append(float(nme(found, truth, "interpupil")))
        table.add_row(
            str(angle),
            f"{np.mean(aligned):.2f}",
            f"{100 * np.mean(np.array(aligned) > 8):.1f}",
            f"{np.mean(updated):.2f}" if updated else "",
            str(lost) if options.update else "",
        )
    Console().print(table)


def turned(
    image: np.ndarray, landmarks: np.ndarray, degrees: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture and its landmarks (68, 2), turned clockwise around the face."""
    box = box_from_landmarks(landmarks)
    side = round(FIELD * float(face_size(box)))
    turn = similarity(1.0, np.deg2rad(degrees), np.full(2, (side - 1) / 2))
    matrix = compose(turn, similarity(1.0, 0.0, -(box[:2] + box[2:]) / 2))
    picture = cv2.warpAffine(
        image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE
    )
    return picture, apply_matrix(matrix, landmarks).astype(np.float32)


def _update(
    tracker: FaceTracker, image: np.ndarray, truth: np.ndarray
) -> np.ndarray | None:
    """Return the landmarks of the face that is found where the true one is."""
    tracker.reset()
    middle = truth.mean(0)
    for face in tracker.update(image):
        apart = np.linalg.norm(face.landmarks.mean(0) - middle)
        if face.state != "lost" and apart < face_size(box_from_landmarks(truth)) / 2:
            return face.landmarks
    return None


if __name__ == "__main__":
    sys.exit(main())
