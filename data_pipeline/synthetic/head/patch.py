"""Patches: pieces of surface, their light, and the projection of the camera."""

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
        texture_map: (h, w, 2) pixel of ``albedo`` for every point. None stretches
            ``albedo`` over the patch.
        mask: (h, w) float32. The patch exists where it exceeds 0.5; None: everywhere.
        wrap: distance that light reaches past the edge of shadow, for red, green and
            blue. Skin scatters red furthest.
        gloss: strength of the highlight.
        shininess: Blinn-Phong exponent of the highlight.
        gloss_map: (H, W) factor for ``gloss``, on the grid of ``albedo``.
        casts_shadow: whether it shades patches behind it from the key light.
        closed: the inside is never visible, so parts that face away are left out. From
            outside, columns run to the right and rows run down.
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
    """One key light, a fill light opposite to it, and ambient light.

    ``direction`` points from the face to the key light. Colours are linear RGB.
    """

    direction: tuple[float, float, float] = (-0.4, -0.5, 0.8)
    key: tuple[float, float, float] = (0.9, 0.87, 0.82)
    ambient: tuple[float, float, float] = (0.36, 0.37, 0.4)
    fill: float = 0.16
    exposure: float = 1.0


def rotation(pose: Pose, fraction: float = 1.0) -> np.ndarray:
    """Return the rotation (3, 3) from head frame to camera frame.

    Args:
        pose: yaw, pitch and roll.
        fraction: factor on the angles.
    """
    yaw, pitch, roll = fraction * pose.yaw, fraction * pose.pitch, fraction * pose.roll
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    c, s = np.cos(pitch), np.sin(pitch)
    nod = np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    c, s = np.cos(roll), np.sin(roll)
    lean = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return lean @ turn @ nod


def project(points: np.ndarray, pose: Pose) -> np.ndarray:
    """Project points (..., 3) of the camera frame to pixels (..., 2)."""
    shrink = pose.scale * CAMERA_DISTANCE / (CAMERA_DISTANCE - points[..., 2:])
    return points[..., :2] * shrink + np.asarray(pose.centre)


def moved(
    patch: Patch, turn: np.ndarray, shift: tuple[float, float, float] = (0, 0, 0)
) -> Patch:
    """Return a patch after a rotation (3, 3) and a shift."""
    points = patch.points @ turn.T.astype(np.float32) + np.float32(shift)
    return Patch(**{**vars(patch), "points": points})


def tube(
    path: np.ndarray, radii: np.ndarray, colour: np.ndarray, **options: object
) -> Patch:
    """Return a tube along a path (N, 3) with radii (N,)."""
    path = np.asarray(path, float)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    helper = np.where(np.abs(along[:, 2:]) < 0.8, (0.0, 0, 1), (0.0, 1, 0))
    side = np.cross(along, helper)
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    up = np.cross(side, along)
    turn = np.linspace(0, 2 * np.pi, 20)[:, None, None]
    ring = np.cos(turn) * side + np.sin(turn) * up
    points = path + ring * np.asarray(radii, float)[:, None]
    albedo = np.ones((4, 4, 3)) * colour
    return Patch(points.astype(np.float32), albedo.astype(np.float32), **options)
