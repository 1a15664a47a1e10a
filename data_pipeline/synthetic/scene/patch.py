"""Pieces of surface, the light on them, and the camera that looks at them."""

from dataclasses import dataclass

import numpy as np

from data_pipeline.synthetic.head.face_model import Pose

# The camera stands this many head units before the head: about 0.7 m.
CAMERA_DISTANCE = 10.0


@dataclass
class Patch:
    """A piece of surface.

    Attributes:
        points: (h, w, 3) float32, grid of positions, world frame.
        albedo: (H, W, 3) float32 linear colours.
        texture_map: (h, w, 2) pixel of ``albedo`` for every point; None stretches
            ``albedo`` over the patch.
        mask: (h, w) float32, the patch is where it exceeds 0.5; None is everywhere.
        wrap: how far light creeps round the edge of shadow, for red, green, blue
            (skin lets red through).
        gloss: strength of the highlight; ``shininess`` its Blinn-Phong exponent.
        gloss_map: (H, W) factor for ``gloss``, on the grid of ``albedo``.
        casts_shadow: whether it keeps the key light from what is behind it.
        closed: columns go to the right and rows down as seen from outside, and the
            inside is never seen, so that parts that face away can be left out.
    """

    points: np.ndarray
    albedo: np.ndarray
    texture_map: np.ndarray | None = None
    mask: np.ndarray | None = None
    wrap: tuple[float, float, float] = (0.05, 0.05, 0.05)
    gloss: float = 0.0
    shininess: float = 18.0
    gloss_map: np.ndarray | None = None
    casts_shadow: bool = True
    closed: bool = False


@dataclass(frozen=True)
class Light:
    """One key light, a fill opposite to it, and light from everywhere.

    ``direction`` points from the face to the key light. Colours are linear RGB.
    """

    direction: tuple[float, float, float] = (-0.4, -0.5, 0.8)
    key: tuple[float, float, float] = (0.9, 0.87, 0.82)
    ambient: tuple[float, float, float] = (0.36, 0.37, 0.4)
    fill: float = 0.16
    exposure: float = 1.0


def rotation(pose: Pose, share: float = 1.0) -> np.ndarray:
    """Return (3, 3): the head frame to the camera's, for ``share`` of the angles."""
    yaw, pitch, roll = share * pose.yaw, share * pose.pitch, share * pose.roll
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    c, s = np.cos(pitch), np.sin(pitch)
    nod = np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    c, s = np.cos(roll), np.sin(roll)
    lean = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return lean @ turn @ nod


def project(points: np.ndarray, pose: Pose) -> np.ndarray:
    """Return pixels (..., 2) of points (..., 3) in the camera's frame."""
    shrink = pose.scale * CAMERA_DISTANCE / (CAMERA_DISTANCE - points[..., 2:])
    return points[..., :2] * shrink + np.asarray(pose.centre)
