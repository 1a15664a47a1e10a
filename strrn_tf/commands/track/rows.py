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
source     file name of the picture; only where the source is pictures
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

# Takes frame number, face, file name of the picture; returns the name of its file, None
# where it has none.
WritePts = Callable[[int, Face, str | None], str | None]

# The field of pictures, the last one.
SOURCE = "source"

# Takes frame number, seconds, faces of the frame (None for a frame that is broken), and
# the file name of the picture (None in a video).
WriteRows = Callable[[int, float, Sequence[Face] | None, str | None], None]


def rows_of(
    index: int,
    seconds: float,
    faces: Sequence[Face] | None,
    name: str | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of one frame as plain values, at least one.

    Args:
        index: 0-based number of the frame.
        seconds: since the first frame.
        faces: what ``FaceTracker.update`` has returned; None for a frame that cannot be
            decoded.
        name: file name of the picture, None in a video.
    """
    head = {"frame": index, "time": round(seconds, 6)}
    state = "broken" if faces is None else "none"
    nobody = {"id": None, "state": state, "reliability": 0.0, "landmarks": None}
    tail = {} if name is None else {SOURCE: name}
    found = [_plain(face) for face in faces or ()]
    return [head | values | tail for values in found or [nobody]]


def json_lines(file: TextIO, named: bool = False) -> WriteRows:
    """Return a writer of one JSON object per row, with the name of a picture."""

    def write(
        index: int, seconds: float, faces: Sequence[Face] | None, name: str | None
    ) -> None:
        for row in rows_of(index, seconds, faces, name if named else None):
            file.write(json.dumps(row, allow_nan=False) + "\n")

    return write


def csv_rows(file: TextIO, named: bool = False) -> WriteRows:
    """Return a writer of CSV with a header; missing values are empty.

    Args:
        file: to write to.
        named: whether the frames are pictures: the last column is their names.
    """
    writer = csv.writer(file, lineterminator="\n")
    columns = [f"{axis}{i}" for i in range(NUM_LANDMARKS) for axis in "xy"]
    tail = [SOURCE] if named else []
    writer.writerow([*FIELDS, *columns, *tail])

    def write(
        index: int, seconds: float, faces: Sequence[Face] | None, name: str | None
    ) -> None:
        for row in rows_of(index, seconds, faces, name):
            points = row["landmarks"] or [("", "")] * NUM_LANDMARKS
            values = [value for point in points for value in point]
            ends = [row[field] for field in tail]
            writer.writerow([*(row[field] for field in FIELDS), *values, *ends])

    return write


def index_rows(file: TextIO, write_pts: WritePts, named: bool = False) -> WriteRows:
    """Return a writer of a folder of landmark files and of its list, in CSV.

    The list has the columns of ``csv_rows`` without the landmarks. That of pictures
    names the picture and the landmark file at the end.

    Args:
        file: of the list.
        write_pts: writes the landmarks of one face.
        named: whether the frames are pictures.
    """
    writer = csv.writer(file, lineterminator="\n")
    tail = [SOURCE, "pts"] if named else []
    writer.writerow([*FIELDS, *tail])

    def write(
        index: int, seconds: float, faces: Sequence[Face] | None, name: str | None
    ) -> None:
        files = [write_pts(index, face, name) for face in faces or ()]
        rows = rows_of(index, seconds, faces, name)
        for row, pts in zip(rows, files or [None], strict=True):
            row["pts"] = pts
            writer.writerow([row[field] for field in (*FIELDS, *tail)])

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
