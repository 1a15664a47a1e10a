"""Losses: distances between two shapes, as the paper defines them.

All functions take landmarks (..., L, 2) in crop pixels. A distance that is compared
with a threshold or a constant is divided by the eye distance of the reference shape.

Points of a reference that are NaN were not annotated. A loss is the mean over the
annotated points of a shape, and 0 without any. The gradient of the other points is
exactly 0: their errors are replaced by a constant *before* anything is computed from
them, since NaN times 0 is NaN.
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


def annotated(reference):  # noqa: ANN001, ANN201
    """Return the mask (..., L) of the annotated points of a reference (..., L, 2)."""
    return ops.all(ops.isfinite(reference), -1)


def point_error(landmarks, reference, whole=None):  # noqa: ANN001, ANN201
    """Return the mean point-to-point distance (...) over the reference's eye distance.

    The field calls it "normalised RMSE" (trigeorgis/mdm ``mdm_model.py`` 20-23).

    Args:
        landmarks: (..., L, 2).
        reference: (..., L, 2), NaN where nobody annotated the point.
        whole: (..., L, 2) finite, gives the eye distance where the reference lacks a
            point; None: the landmarks do, without gradient.
    """
    known = annotated(reference)
    error = _error(landmarks, reference, known)
    distance = ops.sqrt(ops.sum(error**2, -1) + 1e-12)
    whole = ops.stop_gradient(landmarks) if whole is None else whole
    is_whole = ops.all(known, -1)[..., None, None]
    return _mean(distance, known) / eye_distance(ops.where(is_whole, reference, whole))


def cycle_loss(returned, start, known=None, form="squared"):  # noqa: ANN001, ANN201
    """Return Eq. 5 (...): squared distance from a start to where its cycle ends.

    It is averaged over landmarks and divided by the squared eye distance of the start.
    The sum over pixels, as printed, would make lambda depend on the size of the crop.
    A cycle that misses by 1 % then has the loss 1e-4, beside a distance to the target
    of 0.04. With the form "distance" it has 1e-2.

    Args:
        returned: (..., L, 2) the start, tracked to another frame and back.
        start: (..., L, 2).
        known: (..., L) mask of the points that count; None: all. The start of a point
            that nobody annotated is a guess, to which no cycle should return.
        form: "squared", or "distance": the distance itself over the eye distance.
    """
    if known is None:
        known = ops.ones_like(start[..., 0], dtype="bool")
    if form not in ("squared", "distance"):
        raise ValueError(f"`form` must be squared or distance. Received: {form!r}")
    squared = ops.sum(_error(returned, start, known) ** 2, -1)
    if form == "distance":
        return _mean(ops.sqrt(squared + 1e-12), known) / eye_distance(start)
    return _mean(squared, known) / eye_distance(start) ** 2


def wing(landmarks, reference, width=10.0, curvature=2.0, weight=None):  # noqa: ANN001, ANN201
    """Return the wing loss (...): logarithmic for small errors, linear for large ones.

    Feng et al. 2018, per coordinate, averaged. Its gradient stays large for errors of a
    pixel or two, where that of a squared loss nearly vanishes.

    Args:
        landmarks: (..., L, 2).
        reference: (..., L, 2), NaN where nobody annotated the point.
        width: error in pixels at which the loss turns linear.
        curvature: in pixels; a smaller one makes the loss steeper near zero.
        weight: (..., L) of every point, 1 for one that counts fully; None: all do.
    """
    known = annotated(reference)
    error = ops.abs(_error(landmarks, reference, known))
    offset = width - width * math.log1p(width / curvature)
    small = width * ops.log1p(error / curvature)
    values = ops.where(error < width, small, error - offset)
    values = ops.mean(values, -1)
    return _mean(values if weight is None else weight * values, known)


def _error(landmarks, reference, known):  # noqa: ANN001, ANN202
    """Return the errors (..., L, 2), 0 without gradient where a point is not known."""
    reference = ops.where(known[..., None], reference, ops.zeros_like(reference))
    error = landmarks - reference
    return ops.where(known[..., None], error, ops.zeros_like(error))


def _mean(values, known):  # noqa: ANN001, ANN202
    """Return the mean (...) of values (..., L) over the known points; 0 without any."""
    known = ops.broadcast_to(known, ops.shape(values))
    count = ops.sum(ops.cast(known, values.dtype), -1)
    total = ops.sum(ops.where(known, values, ops.zeros_like(values)), -1)
    return total / ops.maximum(count, 1)
