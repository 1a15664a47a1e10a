"""Confidence of single landmarks: the probability that each is near its true place.

Near means within 5 % of the eye distance. The probability is a logistic function of the
evidence for and against the landmark, of the reliability of its face and of the turn of
the head, with a constant for each landmark. ``benchmarks/models/calibrate.py`` fits it
and writes it into the model's ``model.json``. Outside the picture nothing is seen: the
probability is halved there. NumPy only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from strrn_tf.geometry.average_head import AVERAGE_HEAD
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.face import Face

# The numbers below belong to the fitted function, so they are no thresholds of
# ``TrackingConfig``.
#
# Added before logarithms: smaller differences carry no information.
_FLOOR, _DISAGREEMENT_FLOOR = 3e-3, 1e-2
# In place of what is not known: a flow that was lost is far away, and surroundings
# without contrast say nothing.
_LOST_FLOW, _UNKNOWN_RESEMBLANCE = 0.3, 0.7
# Reliabilities are cut off here before their log-odds.
_LEAST, _MOST = 0.01, 0.99
_NOSE, _LEFT_JAW, _RIGHT_JAW = 30, 1, 15
# Factor of landmarks outside the picture. Crops repeat the border there, which always
# looks as before, so the evidence says too much. Measured on faces cut by the border.
_OUTSIDE = 0.5
# Where landmarks are on the head: -1 at the left ear of the picture, 1 at the right.
_SIDES = AVERAGE_HEAD[:, 0].astype(np.float32)

TRACKED, DETECTED = 6, 4


@dataclass(frozen=True)
class Weights:
    """Weights of one logistic function.

    Attributes:
        constants: (68,).
        slopes: one for each feature.
    """

    constants: Sequence[float]
    slopes: Sequence[float]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the probabilities (68,) for features (68, F)."""
        score = np.asarray(self.constants) + values @ np.asarray(self.slopes)
        return (1 / (1 + np.exp(-np.clip(score, -50, 50)))).astype(np.float32)


# Of models without fitted weights.
_OF_TRACKED = Weights([-6.6] * NUM_LANDMARKS, (-1.2, -0.5, -2.7, 0.1, 0.05, 0.1))
_OF_DETECTED = Weights([-6.2] * NUM_LANDMARKS, (-4.2, 0.0, 0.2, 0.0))


@dataclass(frozen=True)
class LandmarkConfidence:
    """Logistic functions for the landmarks of tracked and of detected faces.

    Attributes:
        of_tracked: for the six :func:`features` of a tracked face.
        of_detected: for the four of a detected one.
    """

    of_tracked: Weights = _OF_TRACKED
    of_detected: Weights = _OF_DETECTED

    def __post_init__(self) -> None:
        for name, count in (("of_tracked", TRACKED), ("of_detected", DETECTED)):
            weights = getattr(self, name)
            for part, length in (("constants", NUM_LANDMARKS), ("slopes", count)):
                values = np.asarray(getattr(weights, part), np.float64)
                if values.shape != (length,) or not np.isfinite(values).all():
                    raise ValueError(
                        f"`{part}` of `{name}` must be {length} finite numbers"
                    )

    @classmethod
    def of_model(cls, description: Mapping[str, Any]) -> "LandmarkConfidence":
        """Return the weights of ``model.json``, or the default if it has none.

        Raises:
            ValueError: the entry is damaged.
        """
        entry = description.get("landmark_confidence")
        if entry is None:
            return cls()
        try:
            return cls(*(
                Weights(entry[name]["constants"], entry[name]["slopes"])
                for name in ("of_tracked", "of_detected")
            ))  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"`landmark_confidence` of model.json is damaged ({error}). Export it "
                "again."
            ) from error

    def __call__(self, face: Face) -> np.ndarray:
        """Return the probabilities (68,) float32 of a face; 0 if it is lost."""
        if face.state == "lost" or not np.isfinite(face.landmarks).all():
            return np.zeros(NUM_LANDMARKS, np.float32)
        weights = self.of_tracked if face.state == "tracked" else self.of_detected
        sure = weights(features(face))
        return np.where(is_outside(face), np.float32(_OUTSIDE) * sure, sure)


def features(face: Face) -> np.ndarray:
    """Return the features of the landmarks of a face: (68, 6) if tracked, else (68, 4).

    They are the logarithms of the cycle error and of the distance to optical flow (only
    if tracked), the logarithm of the disagreement, the resemblance, the log-odds of the
    face's reliability, and the turn of the head away from the landmark.
    """
    found = face.evidence
    reliability = min(max(face.reliability, _LEAST), _MOST)
    alike = np.where(
        np.isfinite(found.resemblance), found.resemblance, _UNKNOWN_RESEMBLANCE
    )
    columns = [
        np.log10(np.nan_to_num(found.disagreement) + _DISAGREEMENT_FLOOR),
        alike,
        np.full(NUM_LANDMARKS, np.log(reliability / (1 - reliability))),
        signed_turn(face.landmarks) * _SIDES,
    ]
    if face.state == "tracked":
        flow = np.nan_to_num(found.flow, nan=_LOST_FLOW)
        columns = [
            np.log10(np.nan_to_num(found.cycle) + _FLOOR),
            np.log10(flow + _FLOOR),
            *columns,
        ]
    return np.stack(columns, axis=-1).astype(np.float32)


def is_outside(face: Face) -> np.ndarray:
    """Return which landmarks (68,) are outside the picture; none if it is not known."""
    if face.camera is None:
        return np.zeros(NUM_LANDMARKS, bool)
    # The axis of the camera goes through the middle of the picture.
    from_middle = np.abs(face.landmarks - face.camera.centre)
    return (from_middle > np.asarray(face.camera.centre) + 0.5).any(-1)


def signed_turn(landmarks: np.ndarray) -> float:
    """Return how far a head is turned: positive where the nose points to the right.

    The logarithm of the ratio of the distances from the tip of the nose to both sides
    of the jaw, at most 2.
    """
    left, right = np.linalg.norm(
        landmarks[[_LEFT_JAW, _RIGHT_JAW]] - landmarks[_NOSE], axis=-1
    )
    return float(np.clip(np.log(left + 1e-6) - np.log(right + 1e-6), -2.0, 2.0))
