"""Losses: distances between two shapes, as the paper defines them.

All functions take landmarks (..., L, 2) in crop pixels. A distance that is compared
with a threshold or a constant is divided by the eye distance of the reference shape.
"""

import math

from keras import ops

from strrn_tf.geometry import EYE_DISTANCE_FLOOR
from strrn_tf.landmarks import OUTER_EYE_CORNERS


def eye_distance(landmarks):  # noqa: ANN001, ANN201
    """Return the outer eye corner distance (...), as `geometry.eye_distance` does."""
    left, right = OUTER_EYE_CORNERS
    corners = landmarks[..., left, :] - landmarks[..., right, :]
    sides = ops.max(landmarks, -2) - ops.min(landmarks, -2)
    return ops.maximum(
        ops.sqrt(ops.sum(corners**2, -1) + 1e-12),
        EYE_DISTANCE_FLOOR * ops.max(sides, -1),
    )


def point_error(landmarks, reference):  # noqa: ANN001, ANN201
    """Return the mean point-to-point distance (...) over the reference's eye distance.

    The field calls it "normalised RMSE" (trigeorgis/mdm ``mdm_model.py`` 20-23).
    """
    distance = ops.sqrt(ops.sum((landmarks - reference) ** 2, -1) + 1e-12)
    return ops.mean(distance, -1) / eye_distance(reference)


def cycle_loss(returned, start):  # noqa: ANN001, ANN201
    """Return Eq. 5 (...): squared distance from a start to where its cycle ends.

    It is averaged over landmarks and divided by the squared eye distance of the start.
    The sum over pixels, as printed, would make lambda depend on the size of the crop.

    Args:
        returned: (..., L, 2) the start, tracked to another frame and back.
        start: (..., L, 2).
    """
    squared = ops.mean(ops.sum((returned - start) ** 2, -1), -1)
    return squared / eye_distance(start) ** 2


def wing(landmarks, reference, width: float = 10.0, curvature: float = 2.0):  # noqa: ANN001, ANN201
    """Return the wing loss (...): logarithmic for small errors, linear for large ones.

    Feng et al. 2018, per coordinate, averaged. Its gradient stays large for errors of a
    pixel or two, where that of a squared loss nearly vanishes.

    Args:
        landmarks: (..., L, 2).
        reference: (..., L, 2).
        width: error in pixels at which the loss turns linear.
        curvature: in pixels; a smaller one makes the loss steeper near zero.
    """
    error = ops.abs(landmarks - reference)
    offset = width - width * math.log1p(width / curvature)
    small = width * ops.log1p(error / curvature)
    return ops.mean(ops.where(error < width, small, error - offset), (-2, -1))
