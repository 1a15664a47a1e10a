"""Errors of detectors by pose, by size of the face, behind a disc, in their own boxes.

A model's mean hides the faces it fails on. The groups are:

* stills by the yaw of the head, which is fitted to the annotation;
* all stills, shrunk until the faces have so many pixels;
* all stills, a fifth of every face hidden by a disc of one colour around a landmark;
* all stills, detected five times, each time in the box of the landmarks found before.

Boxes are those of the true landmarks, except in the last group.

Example:
  python -m benchmarks.accuracy.groups strrn-mdm --stills DIR/helen/testset
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.augmentation.head import lift
from data_pipeline.datasets.three_hundred_w import list_stills, read_landmarks
from data_pipeline.media.images import read_image
from strrn_tf import FaceTracker
from strrn_tf.evaluation.metrics import nme_interpupil
from strrn_tf.geometry import box_from_landmarks, face_size
from strrn_tf.system.atomic import write_text
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.accuracy.groups"
YAWS = (0, 10, 20, 30, 90)
SIZES = (100, 60, 40, 25)
# Radius of the disc, fraction of the face size: a fifth of the area of the box.
DISC = 0.25
DETECTIONS = 5


@dataclass(frozen=True)
class Options:
    """What to measure."""

    models: tyro.conf.Positional[
        Annotated[tuple[str, ...], tyro.conf.arg(metavar="MODEL [MODEL ...]")]
    ]
    """Names of shipped models, run folders or exported folders."""
    stills: Path
    """Folder of annotated stills in the 300-W layout."""
    json: Path | None = None
    """File to write the table to."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Print the table, and write it where that is wanted."""
    if not options.models:
        raise ValueError("no model is named")
    stills = list_stills(options.stills, "test")
    truths = [read_landmarks(still) for still in stills]
    yaws = np.array([abs(np.degrees(lift(truth).angles[0])) for truth in truths])
    table: list[dict] = []
    for model in options.models:
        tracker = FaceTracker.from_pretrained(model)
        rows = []
        for i, truth in enumerate(track(truths, model, transient=True)):
            image = read_image(stills[i].image_path)
            row = [error_at(tracker, image, truth, n) for n in (None, *SIZES)]
            hidden = hide(image, truth, np.random.default_rng(i))
            row.append(error_at(tracker, hidden, truth, None))
            rows.append([*row, error_in_own_boxes(tracker, image, truth)])
        errors = np.array(rows)
        for low, high in pairwise(YAWS):
            inside = (yaws >= low) & (yaws < high)
            add_row(table, model, f"yaw {low} to {high} degrees", errors[inside, 0])
        for column, size in enumerate(SIZES, 1):
            add_row(table, model, f"{size} pixels", errors[:, column])
        add_row(table, model, "a fifth hidden", errors[:, -2])
        add_row(table, model, "in their own boxes", errors[:, -1])
        add_row(table, model, "all", errors[:, 0])
    if options.json:
        write_text(options.json, json.dumps(table, indent=1) + "\n")
    shown = Table(*table[0])
    for row in table:
        shown.add_row(
            *(f"{v:.2f}" if isinstance(v, float) else f"{v}" for v in row.values())
        )
    Console().print(shown)


def error_at(
    tracker: FaceTracker, image: np.ndarray, truth: np.ndarray, size: int | None
) -> float:
    """Return the error on an image whose face is shrunk to ``size`` pixels."""
    if size:
        scale = min(1.0, size / face_size(box_from_landmarks(truth)))
        image = cv2.resize(
            image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
        truth = (truth + 0.5) * scale - 0.5
    landmarks = tracker.align(image, box_from_landmarks(truth))
    return float(nme_interpupil(landmarks, truth))


def error_in_own_boxes(
    tracker: FaceTracker, image: np.ndarray, truth: np.ndarray
) -> float:
    """Return the error of the last of several detections, the first in the true box."""
    landmarks = truth
    for _ in range(DETECTIONS):
        landmarks = tracker.align(image, box_from_landmarks(landmarks))
    return float(nme_interpupil(landmarks, truth))


def hide(image: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an image (H, W, 3) with a disc around one of the landmarks (68, 2)."""
    centre = truth[rng.integers(len(truth))].round().astype(int).tolist()
    radius = round(DISC * face_size(box_from_landmarks(truth)))
    colour = rng.integers(0, 256, 3).tolist()
    return cv2.circle(image.copy(), centre, radius, colour, -1, cv2.LINE_AA)


def add_row(table: list[dict], model: str, group: str, errors: np.ndarray) -> None:
    """Add the row of one group, unless it is empty."""
    if not len(errors):
        return
    row = {"model": model, "faces of": group, "count": len(errors)}
    error, failed = errors.mean().item(), 100 * np.mean(errors > 8).item()
    table.append({**row, "nme_interpupil": error, "above 8 %": failed})


if __name__ == "__main__":
    sys.exit(main())
