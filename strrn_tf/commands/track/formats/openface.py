"""The columns of OpenFace 2 that are computed here, under its names and in its order.

Its conventions: frames count from 1; the camera's x points to the right, y down and z
away from it; lengths are millimetres; ``R = Rx @ Ry @ Rz`` with angles in radians. So
pose_Rx > 0 is a nose that points down, pose_Ry > 0 one that points to the *left* of the
picture, and pose_Rz > 0 a head that is turned clockwise. A face that is not seen has
success 0, confidence 0 and zeros.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import numpy as np

from strrn_tf.commands.track.formats.frames import (
    FacesOfFrame,
    Layout,
    Write,
    rounded,
)
from strrn_tf.commands.track.formats.rows import SOURCE, known
from strrn_tf.geometry.average_head import AVERAGE_HEAD
from strrn_tf.geometry.head_pose import HEAD_TO_OPENCV, PlacedHead, to_camera
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.face import Face

COLUMNS = (
    *("frame", "face_id", "timestamp", "confidence", "success"),
    *("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz"),
    *(f"{axis}_{i}" for axis in "xy" for i in range(NUM_LANDMARKS)),
)
_NO_FACE = [0.0] * (6 + 2 * NUM_LANDMARKS)


@contextmanager
def openface(file: TextIO, layout: Layout) -> Iterator[Write]:
    """Yield a writer of CSV; the names of pictures are a last column."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*COLUMNS, *([SOURCE] if layout.named else [])])

    def write(frame: FacesOfFrame) -> None:
        source = [frame.name] if layout.named else []
        head = frame.index + 1
        seconds = known(round(frame.seconds, 6))
        for face in frame.faces or [None]:
            face_id = 0 if face is None else int(face.id)
            writer.writerow([head, face_id, seconds, *_values(face), *source])

    yield write


def euler_angles(rotation: np.ndarray) -> tuple[float, float, float]:
    """Return OpenFace's pose_Rx, pose_Ry and pose_Rz of ``PlacedHead.rotation``."""
    turn = HEAD_TO_OPENCV @ rotation @ HEAD_TO_OPENCV
    return (
        float(np.arctan2(-turn[1, 2], turn[2, 2])),
        float(np.arcsin(np.clip(turn[0, 2], -1, 1))),
        float(np.arctan2(-turn[0, 1], turn[0, 0])),
    )


def _values(face: Face | None) -> list[Any]:
    """Return the columns from the confidence on."""
    if face is None or not np.isfinite(face.landmarks).all():
        return [0.0, 0, *_NO_FACE]
    confidence = round(float(np.nan_to_num(face.reliability)), 4)
    points = rounded(face.landmarks.T.ravel())
    return [confidence, 1, *_pose(face.head), *points]


def _pose(head: PlacedHead) -> list[float]:
    """Return place and angles; the place is that of the middle of the 68 points."""
    if not np.isfinite(head.rotation).all():
        return [0.0] * 6
    place = to_camera(AVERAGE_HEAD.mean(0, keepdims=True), head)[0]
    return [*rounded(place, 1), *rounded(euler_angles(head.rotation), 4)]
