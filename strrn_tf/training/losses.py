"""Losses: how far a shape is from another, in the terms of the paper.

All take landmarks (..., L, 2) in pixels of the crop. Distances that are compared with a
threshold or a constant are divided by the eye distance of the reference shape.
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

    What the field calls "normalised RMSE" (trigeorgis/mdm ``mdm_model.py`` 20-23).
    """
    distance = ops.sqrt(ops.sum((landmarks - reference) ** 2, -1) + 1e-12)
    return ops.mean(distance, -1) / eye_distance(reference)


def check_loss(returned, start):  # noqa: ANN001, ANN201
    """Return Eq. 5 (...): squared distance between the start and the way back to it.

    Divided by the squared eye distance and averaged over landmarks: the printed sum
    over unnormalised pixels would tie lambda and the threshold to the size of the crop.
    """
    squared = ops.mean(ops.sum((returned - start) ** 2, -1), -1)
    return squared / eye_distance(start) ** 2


def wing(landmarks, reference, width: float = 10.0, curvature: float = 2.0):  # noqa: ANN001, ANN201
    """Return the wing loss (...): logarithmic for small errors, linear for large ones.

    Feng et al. 2018, per coordinate, averaged. It keeps pulling when an error is a
    pixel or two, where a squared loss has let go.

    Args:
        landmarks: (..., L, 2).
        reference: (..., L, 2).
        width: error in pixels at which the loss turns linear.
        curvature: smaller is steeper near zero, in pixels.
    """
    error = ops.abs(landmarks - reference)
    offset = width - width * math.log1p(width / curvature)
    small = width * ops.log1p(error / curvature)
    return ops.mean(ops.where(error < width, small, error - offset), (-2, -1))
