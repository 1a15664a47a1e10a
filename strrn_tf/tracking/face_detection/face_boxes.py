"""Conversion between MTCNN's boxes and face boxes, the tight boxes of 68 landmarks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from strrn_tf.geometry import box_sides, roll_of_parts

if TYPE_CHECKING:
    from strrn_tf.tracking.face_detection.face_finder import FoundFace

# By how much each side moves (x0, y0, x1, y1), in widths and heights of the MTCNN box:
# medians over the faces of AFW, Helen and LFPW training images (2,004 of 2,012 found).
# On Helen's test images the result misses the true centre by 3.8 % and the true size
# by 3.2 % of the face (medians).
SIDE_SHIFTS = (-0.014, 0.249, 0.033, 0.022)

# Radians. MTCNN finds faces that are turned by up to about 60 degrees. Where its points
# say more than 75, something is before the face, and they say nothing.
LARGEST_ROLL = 1.3


def rolled_boxes(faces: "Sequence[FoundFace]") -> np.ndarray:
    """Return the face boxes and the rolls of the faces that MTCNN has found.

    Args:
        faces: of one image. Those with an empty box are left out.

    Returns:
        (N, 5): boxes in pixels of the image, and behind them the roll in radians by the
        eyes and mouth corners that MTCNN sees, see ``geometry.roll_of_parts``. It is 0
        where they cannot be right. A box has the size of the upright face, and its
        centre is that of MTCNN's box, moved towards the chin.
    """
    faces = [face for face in faces if (box_sides(face.box) > 0).all()]
    found = np.reshape([face.box for face in faces], (-1, 4)).astype(np.float64)
    points = np.reshape([face.points for face in faces], (-1, 5, 2))
    rolls = roll_of_parts(points[:, 0], points[:, 1], points[:, 3:].mean(1))
    rolls = np.where(np.abs(rolls) <= LARGEST_ROLL, rolls, 0.0)
    boxes = landmark_box(found)
    x, y = ((boxes - found).reshape(-1, 2, 2).mean(1)).T
    cos, sin = np.cos(rolls), np.sin(rolls)
    turned = np.column_stack([cos * x - sin * y - x, sin * x + cos * y - y])
    return np.column_stack([boxes + np.tile(turned, 2), rolls])


def landmark_box(mtcnn_box: np.ndarray) -> np.ndarray:
    """Return the expected face boxes (..., 4) of MTCNN boxes (..., 4).

    MTCNN's box begins at the forehead and the landmarks at the brows, so the upper side
    moves most.

    Args:
        mtcnn_box: (x0, y0, x1, y1) in pixels. Do not clip it to the image: a face
            that reaches out of the image has a box that does too.

    Raises:
        ValueError: the last axis is not 4, a value is not finite or a box is empty.
    """
    box = _checked(mtcnn_box, "mtcnn_box")
    return box + np.asarray(SIDE_SHIFTS) * _sides_twice(box)


def mtcnn_box(landmark_box: np.ndarray) -> np.ndarray:
    """Return the MTCNN boxes (..., 4) whose landmark boxes (..., 4) are given.

    The inverse of :func:`landmark_box`.

    Raises:
        ValueError: as there.
    """
    box = _checked(landmark_box, "landmark_box")
    shifts = np.asarray(SIDE_SHIFTS)
    grown = 1 + shifts[2:] - shifts[:2]
    return box - shifts * _sides_twice(box) / np.tile(grown, 2)


def _sides_twice(box: np.ndarray) -> np.ndarray:
    sides = box[..., 2:] - box[..., :2]
    return np.concatenate([sides, sides], -1)


def _checked(box: np.ndarray, name: str) -> np.ndarray:
    box = np.asarray(box, np.float64)
    if box.shape[-1:] != (4,):
        raise ValueError(
            f"`{name}` must be (x0, y0, x1, y1). Received: shape {box.shape}"
        )
    if not np.isfinite(box).all() or (box[..., 2:] <= box[..., :2]).any():
        raise ValueError(
            f"`{name}` must be finite with x0 < x1 and y0 < y1. Received: {box}"
        )
    return box
