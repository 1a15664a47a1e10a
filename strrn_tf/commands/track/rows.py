"""Tracked faces as rows of a text file: JSON lines or CSV. Standard library, NumPy.

One row per frame and face, in the order of frames. A frame without any face has one row
with the state "none" and one that cannot be decoded a row with the state "broken", so
every frame number of the video occurs.

========== ============================================================================
frame      0-based number of the frame in the source
time       seconds since the first frame
id         number of the face; nothing in a row without one
state      "detected", "tracked", "lost" (a known face is not seen), "none", "broken"
reliability in [0, 1], see ``Face``
landmarks  68 points xy in pixels, 0-based, pixel centres at integers; nothing when the
           face is lost. In CSV the columns x0, y0 to x67, y67
========== ============================================================================
"""

import csv
import json
from collections.abc import Callable, Sequence
from typing import Any, TextIO

import numpy as np

from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.face import Face

FIELDS = ("frame", "time", "id", "state", "reliability")
# A thousandth of a pixel; more digits only make the files larger.
DECIMALS = 3

# Takes frame number, seconds, faces of the frame; None for a frame that is broken.
WriteRows = Callable[[int, float, Sequence[Face] | None], None]


def rows_of(
    index: int, seconds: float, faces: Sequence[Face] | None
) -> list[dict[str, Any]]:
    """Return the rows of one frame as plain values, at least one.

    Args:
        index: 0-based number of the frame.
        seconds: since the first frame.
        faces: what ``FaceTracker.update`` has returned; None for a frame that cannot be
            decoded.
    """
    head = {"frame": index, "time": round(seconds, 6)}
    state = "broken" if faces is None else "none"
    nobody = {"id": None, "state": state, "reliability": 0.0, "landmarks": None}
    return [head | _plain(face) for face in faces or ()] or [head | nobody]


def json_lines(file: TextIO) -> WriteRows:
    """Return a writer of one JSON object per row."""

    def write(index: int, seconds: float, faces: Sequence[Face] | None) -> None:
        for row in rows_of(index, seconds, faces):
            file.write(json.dumps(row, allow_nan=False) + "\n")

    return write


def csv_rows(file: TextIO) -> WriteRows:
    """Return a writer of CSV with a header; missing values are empty."""
    writer = csv.writer(file, lineterminator="\n")
    names = [f"{axis}{i}" for i in range(NUM_LANDMARKS) for axis in "xy"]
    writer.writerow([*FIELDS, *names])

    def write(index: int, seconds: float, faces: Sequence[Face] | None) -> None:
        for row in rows_of(index, seconds, faces):
            points = row["landmarks"] or [("", "")] * NUM_LANDMARKS
            values = [value for point in points for value in point]
            writer.writerow([*(row[name] for name in FIELDS), *values])

    return write


def index_rows(file: TextIO) -> WriteRows:
    """Return a writer of CSV with a header, like ``csv_rows`` without the landmarks."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(FIELDS)

    def write(index: int, seconds: float, faces: Sequence[Face] | None) -> None:
        for row in rows_of(index, seconds, faces):
            writer.writerow([row[name] for name in FIELDS])

    return write


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
