"""Reliability: the probability that a face's landmarks are good. NumPy only.

Good means a mean error below 5 % of the eye distance. The probability is a logistic
function of what is known at run time: cycle error, disagreement of tracker and
detector, turn of the head, size of the face, and result of the face check.
``benchmarks/models/calibrate.py`` fits it and writes it into the model's
``model.json``. docs/reliability.md has the curve and the limits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from strrn_tf.geometry import face_size, lengths
from strrn_tf.tracking.face import Face

# Error below which landmarks count as good, a fraction of the eye distance.
GOOD = 0.05
# The numbers below belong to the fitted function: the weights in ``model.json`` hold
# for them only, so they are no thresholds of ``TrackingConfig``.
#
# Added before logarithms: smaller differences carry no information.
_CYCLE_FLOOR, _DISTANCE_FLOOR = 1e-3, 1e-2
# Log-odds of the face check are cut off here: probabilities of 0.018 and 0.9997.
_LEAST_LOGIT, _MOST_LOGIT = -4.0, 8.0
_NOSE, _LEFT_JAW, _RIGHT_JAW = 30, 1, 15


@dataclass(frozen=True)
class Reliability:
    """Weights of the logistic functions, the constant first.

    Attributes:
        of_tracked: for the six :func:`features` of a tracked face.
        of_detected: for the five of a detected one.
    """

    of_tracked: Sequence[float] = (-5.0, -1.0, -2.5, -0.5, 0.0, 0.1, -1.0)
    of_detected: Sequence[float] = (-5.0, -2.5, -0.5, 0.0, 0.1, -1.0)

    def __post_init__(self) -> None:
        for name, count in (("of_tracked", 7), ("of_detected", 6)):
            weights = np.asarray(getattr(self, name), np.float64)
            if weights.shape != (count,) or not np.isfinite(weights).all():
                raise ValueError(
                    f"`{name}` must be {count} finite numbers. Received: "
                    f"{getattr(self, name)}"
                )

    @classmethod
    def of_model(cls, description: Mapping[str, Any]) -> "Reliability":
        """Return the weights of ``model.json``, or the default if it has none.

        Raises:
            ValueError: the entry is damaged.
        """
        entry = description.get("reliability")
        if entry is None:
            return cls()
        try:
            return cls(entry["of_tracked"], entry["of_detected"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"`reliability` of model.json is damaged ({error}). Export it again."
            ) from error

    def __call__(self, face: Face) -> float:
        """Return the probability of a face that is not lost."""
        tracked = face.state == "tracked"
        weights = self.of_tracked if tracked else self.of_detected
        values = features(face)
        if not np.isfinite(values).all():
            return 0.0
        score = weights[0] + float(np.dot(weights[1:], values))
        return 1 / (1 + math.exp(-min(max(score, -50.0), 50.0)))


def features(face: Face) -> np.ndarray:
    """Return the features of a face: (6,) if it is tracked, else (5,).

    They are the logarithm of the cycle error (only if tracked), the logarithm of the
    disagreement, the turn of the head, the logarithm of the face size, the face check's
    log-odds and the logarithm of its landmark offset. The probability rises with size
    and log-odds, and falls with the others.
    """
    rest = 1 - face.face_score
    odds = math.log(face.face_score / rest) if 0 < rest < 1 else np.inf * (0.5 - rest)
    values = [
        math.log10(face.disagreement + _DISTANCE_FLOOR),
        turn(face.landmarks),
        math.log10(face_size(face.box) / 100),
        min(max(odds, _LEAST_LOGIT), _MOST_LOGIT),
        math.log10(face.landmark_offset + _DISTANCE_FLOOR),
    ]
    if face.state == "tracked":
        values.insert(0, math.log10(face.cycle_error + _CYCLE_FLOOR))
    return np.array(values)


def turn(landmarks: np.ndarray) -> float:
    """Return how far a head is turned: 0 seen from the front, at most 2 in profile.

    The logarithm of the ratio of the distances from the tip of the nose to both sides
    of the jaw.
    """
    sides = lengths(landmarks[[_LEFT_JAW, _RIGHT_JAW]] - landmarks[_NOSE])
    return float(min(abs(np.log(sides[0] + 1e-6) - np.log(sides[1] + 1e-6)), 2.0))
