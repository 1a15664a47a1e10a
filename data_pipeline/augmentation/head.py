"""From 68 landmarks in a picture to a head in space.

The average head of the synthetic faces is fitted to the landmarks. The fit gives the
pose of the head and the depths, which a picture does not show.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from data_pipeline.synthetic.head.face_model import Expression, Identity
from data_pipeline.synthetic.head.surface import Head
from strrn_tf.geometry.head_pose import fit_from_afar
from strrn_tf.landmarks import REGIONS


class Lifted(NamedTuple):
    """A head under a distant camera: ``camera = scale * turn @ head + centre``.

    Attributes:
        turn: rotation (3, 3) from head to camera: x right, y down, z to the viewer.
        scale: pixels per head unit (half the width of the head).
        centre: pixel (2,) of the head's origin.
        depth: (68,) of the landmarks in pixels, towards the viewer.
    """

    turn: np.ndarray
    scale: float
    centre: np.ndarray
    depth: np.ndarray

    @property
    def angles(self) -> tuple[float, float]:
        """Yaw (positive: nose to the right) and pitch (positive: nose down) in radians.

        The axes roll with the head, so a roll in the picture changes neither angle.
        """
        right = self.turn[:2, 0] / np.linalg.norm(self.turn[:2, 0])
        down = np.array([-right[1], right[0]])
        towards = np.stack([right, down]) @ self.turn[:2, 2]
        yaw, pitch = np.arcsin(np.clip(towards, -1, 1))
        return float(yaw), float(pitch)


def lift(landmarks: np.ndarray) -> Lifted:
    """Fit the average head to landmarks (68, 2)."""
    model = average_head(Expression())
    turn, scale, centre = fit_from_afar(model, np.asarray(landmarks, np.float64))
    return Lifted(turn, scale, centre, scale * (model @ turn[2]))


@lru_cache(maxsize=16)
def average_head(expression: Expression) -> np.ndarray:
    """Return the landmarks (68, 3) of the average head seen from the front."""
    head = Head(Identity(seed=0), expression)
    candidates = head.jaw_candidates()
    # From the front the contour is where the face is widest, and lowest at the chin.
    angle = np.linspace(np.pi, 0, len(REGIONS["jaw"]))
    normal = np.stack([np.cos(angle), np.sin(angle) ** 2], -1)
    best = np.einsum("lsc,lc->ls", candidates[..., :2], normal).argmax(1)
    jaw = candidates[np.arange(len(best)), best]
    return np.concatenate([jaw, head.inner_landmarks()]).astype(np.float64)
