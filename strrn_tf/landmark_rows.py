"""Tracked faces as rows of a text file: JSON lines or CSV. Standard library, NumPy.

One row per frame and face, in the order of frames. A frame without any face has one row
with the state "none", so every frame number of the video occurs.

========== ============================================================================
frame      0-based number of the frame in the source
time       seconds since the first frame
id         number of the face; nothing in a row without one
state      "detected", "tracked", "lost" (a known face is not seen) or "none"
reliability in [0, 1], see ``Face``
landmarks  68 points xy in pixels, 0-based, pixel centres at integers; nothing when the
           face is lost. In CSV the columns x0, y0 to x67, y67
========== ============================================================================
"""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.face import Face

FIELDS = ("frame", "time", "id", "state", "reliability")
# A thousandth of a pixel; more digits only make the files larger.
DECIMALS = 3

# Takes frame number, seconds, faces of the frame.
WriteRows = Callable[[int, float, Sequence[Face]], None]


def rows_of(index: int, seconds: float, faces: Sequence[Face]) -> list[dict[str, Any]]:
    """Return the rows of one frame as plain values, at least one.

    Args:
        index: 0-based number of the frame.
        seconds: since the first frame.
        faces: what ``FaceTracker.update`` has returned.
    """
    head = {"frame": index, "time": round(seconds, 6)}
    nobody = {"id": None, "state": "none", "reliability": 0.0, "landmarks": None}
    return [head | _plain(face) for face in faces] or [head | nobody]


def json_lines(file: TextIO) -> WriteRows:
    """Return a writer of one JSON object per row."""

    def write(index: int, seconds: float, faces: Sequence[Face]) -> None:
        for row in rows_of(index, seconds, faces):
            file.write(json.dumps(row, allow_nan=False) + "\n")

    return write


def csv_rows(file: TextIO) -> WriteRows:
    """Return a writer of CSV with a header; what there is not is left empty."""
    writer = csv.writer(file, lineterminator="\n")
    names = [f"{axis}{i}" for i in range(NUM_LANDMARKS) for axis in "xy"]
    writer.writerow([*FIELDS, *names])

    def write(index: int, seconds: float, faces: Sequence[Face]) -> None:
        for row in rows_of(index, seconds, faces):
            points = row["landmarks"] or [("", "")] * NUM_LANDMARKS
            values = [value for point in points for value in point]
            writer.writerow([*(row[name] for name in FIELDS), *values])

    return write


FORMATS = {".jsonl": json_lines, ".csv": csv_rows}


def check_format(path: Path) -> None:
    """Raise a ``ValueError`` unless the name ends in a known suffix."""
    if path.suffix.lower() not in FORMATS:
        raise ValueError(
            f"{path}: landmarks are written as {' or '.join(FORMATS)}. "
            f"Received: '{path.suffix}'"
        )


def open_rows(path: Path, file: TextIO) -> WriteRows:
    """Return the writer for the suffix of ``path``, writing to an open file."""
    return FORMATS[path.suffix.lower()](file)


def _plain(face: Face) -> dict[str, Any]:
    landmarks = None
    if np.isfinite(face.landmarks).all():
        # Through float64: rounded float32 would be printed with all its digits.
        landmarks = np.round(face.landmarks.astype(np.float64), DECIMALS).tolist()
    return {
        "id": int(face.id),
        "state": face.state,
        "reliability": round(float(face.reliability), 4),
        "landmarks": landmarks,
    }
