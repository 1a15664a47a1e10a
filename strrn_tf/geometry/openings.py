"""How far eyes and mouth are open, from 68 landmarks. NumPy only."""

from typing import NamedTuple

import numpy as np

from strrn_tf.geometry import eye_distance
from strrn_tf.landmarks import REGIONS

# Of the inner lip: upper points, and the lower ones below them.
_UPPER_LIP, _LOWER_LIP = [61, 62, 63], [67, 66, 65]


class EyeOpening(NamedTuple):
    """Opening of both eyes; sides are those of the picture. NaN where not known.

    Attributes:
        left: of the eye at the left of the picture.
        right: of the eye at the right of the picture.
    """

    left: float
    right: float


def eye_opening(landmarks: np.ndarray) -> EyeOpening:
    """Return the *eye aspect ratio* of both eyes of landmarks (68, 2).

    It is the mean distance of the two pairs of lid points over the distance of the eye
    corners: about 0.3 for an open eye, 0.1 for a closed one.
    """
    return EyeOpening(
        *(_aspect_ratio(landmarks, f"{s}_eye") for s in ("left", "right"))
    )


def mouth_opening(landmarks: np.ndarray) -> float:
    """Return the mean gap between the lips over the eye distance, of landmarks (68, 2).

    It is the mean distance of the three pairs of inner lip points: 0 for a closed
    mouth. The width of the mouth takes no part, since smiles change it.
    """
    points = np.asarray(landmarks, np.float64)
    gap = np.linalg.norm(points[_UPPER_LIP] - points[_LOWER_LIP], axis=-1).mean()
    return _ratio(gap, eye_distance(points))


def _aspect_ratio(landmarks: np.ndarray, region: str) -> float:
    """Return height over width of six points, which go round by the upper lid."""
    points = np.asarray(landmarks, np.float64)[list(REGIONS[region])]
    height = np.linalg.norm(points[[1, 2]] - points[[5, 4]], axis=-1).mean()
    return _ratio(height, np.linalg.norm(points[3] - points[0]))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
