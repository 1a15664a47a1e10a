"""The average head, fitted to the points of a face that are annotated.

A crop window, a face box and an eye distance need all 68 landmarks. Where a person
annotated fewer, those of the average head take the places of the missing ones. The head
is seen by a distant camera (weak perspective), and may open its mouth and smile. Heads
seen from the front are likelier than others, and mouths that are hardly open too, which
decides where the points do not. Neighbouring points of a face differ from the average
head by similar amounts: the missing points move along with those that are annotated.
"""

from functools import lru_cache

import numpy as np

from data_pipeline.annotations.annotation import Annotation
from data_pipeline.augmentation.head import average_head
from data_pipeline.synthetic.head.face_model import Expression, Pose
from data_pipeline.synthetic.head.patch import rotation
from strrn_tf.geometry import fit_similarity

# Fewer annotated places do not place a head.
FEWEST = 3
# Standard deviations of yaw and pitch, in radians, of heads in photographs.
_YAW, _PITCH = 0.35, 0.2
# Mean and standard deviation of the opening of the mouth and of the smile.
_EXPRESSION = np.array([0.1, 0.0]), np.array([0.2, 0.4])
# Faces differ from the average head by _SHAPE, in half widths of the head. Points that
# are _REACH apart differ alike. Every point has an error of its own, _NOISE.
_SHAPE, _REACH, _NOISE = 0.06, 0.6, 0.02
# A face has no two landmarks that far apart if its points are at one place.
_SMALLEST = 1e-3


def whole_shape(annotation: Annotation) -> np.ndarray:
    """Return all 68 landmarks (68, 2) float32 of a face that is annotated in part.

    Annotated points stay where they are, and so do means of points. The others are
    those of the average head that fits best.

    Args:
        annotation: of one face. With all points it is returned as it is.

    Raises:
        ValueError: fewer than three places are annotated, or all are in one place.
    """
    if annotation.is_whole:
        return annotation.landmarks
    check_places(annotation)
    places, weights = annotation.places, annotation.weights
    middle, size = places.mean(0), np.ptp(places, axis=0).max()
    # The fit is done in units of the face: it does not depend on the picture's size.
    fitted = _fit(weights, (places - middle) / size) * size + middle
    known = annotation.known
    fitted[known] = annotation.landmarks[known]
    for mean in annotation.means:
        points = list(mean.points)
        free = [point for point in points if not known[point]]
        if free:
            missing = np.array(mean.place) - fitted[points].mean(0)
            fitted[free] += missing * len(points) / len(free)
    return fitted.astype(np.float32)


def check_places(annotation: Annotation) -> None:
    """Raise a ``ValueError`` if the annotated places cannot place a head."""
    places = annotation.places
    if len(places) < FEWEST:
        raise ValueError(
            f"a face needs at least {FEWEST} annotated points. Received: {len(places)}"
        )
    sides = np.ptp(places, axis=0)
    # Fewer points may lie on a line: the fitted head has a width and a height.
    if sides.max() < _SMALLEST or (annotation.is_whole and sides.min() < _SMALLEST):
        (x0, y0), (x1, y1) = places.min(0), places.max(0)
        raise ValueError(
            "annotated points must not all lie in one place or on one line. "
            f"Received: x from {x0:.2f} to {x1:.2f}, y from {y0:.2f} to {y1:.2f}"
        )


def _fit(weights: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the head (68, 2) that fits places (R, 2), the means by ``weights``."""
    # Not at the top: a plain installation, which reads whole shapes, has no SciPy.
    from scipy.optimize import least_squares

    head, changes, alike = _head()
    usual, spreads = _EXPRESSION
    spread = weights @ alike @ weights.T + _NOISE**2 * np.eye(len(places))
    whiten = np.linalg.inv(np.linalg.cholesky(spread))

    def see(found: np.ndarray) -> np.ndarray:
        return _project(head + np.tensordot(found[6:], changes, 1), found[:6])

    def residuals(found: np.ndarray) -> np.ndarray:
        error = (whiten @ (weights @ see(found) - places)).ravel()
        expression = (found[6:] - usual) / spreads
        prior = found[4] / _YAW, found[5] / _PITCH, *expression
        return np.append(error / np.hypot(*found[:2]), prior)

    front = weights @ see(np.array([1, 0, 0, 0, 0, 0, *usual]))
    (cosine, _, x), (sine, _, y) = fit_similarity(front, places)
    start = np.array([cosine, sine, x, y, 0.0, 0.0, *usual])
    found = least_squares(residuals, start, method="lm", xtol=1e-4, max_nfev=300).x
    seen = see(found)
    return seen + alike @ weights.T @ np.linalg.solve(spread, places - weights @ seen)


def _project(head: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Return the head (68, 3) as seen (68, 2) in a pose (6,).

    The pose has cosine and sine of the roll, both times the scale, the shift x, y, and
    the yaw and the pitch in radians.
    """
    cosine, sine, x, y, yaw, pitch = pose
    seen = head @ rotation(Pose(yaw=yaw, pitch=pitch))[:2].T
    return seen @ np.array([[cosine, sine], [-sine, cosine]]) + (x, y)


@lru_cache(maxsize=1)
def _head() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the average head (68, 3), its expressions, and its covariance (68, 68).

    The expressions (2, 68, 3) are the moves of the points by one unit of an opened
    mouth and of a smile.
    """
    neutral = average_head(Expression())
    opened = (average_head(Expression(mouth_open=0.2)) - neutral) / 0.2
    smiling = (average_head(Expression(smile=0.5)) - neutral) / 0.5
    head = neutral - neutral.mean(0)
    squared = ((head[:, None] - head) ** 2).sum(-1)
    alike = _SHAPE**2 * np.exp(-squared / (2 * _REACH**2))
    return head, np.stack([opened, smiling]), alike
