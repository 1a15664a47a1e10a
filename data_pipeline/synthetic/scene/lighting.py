"""Light on patches: soft shadows, scattering in skin, highlights."""

import cv2
import numpy as np

from data_pipeline.synthetic.head.patch import Light, Patch

_SHADOW_CELL = 0.035


def far_to_near(depth: np.ndarray) -> np.ndarray:
    """Return the order from far to near. Keys of 16 bits allow a radix sort."""
    low, high = depth.min(), depth.max()
    keys = (depth - low) * (65535.0 / max(high - low, 1e-6))
    return np.argsort(keys.astype(np.uint16), kind="stable")


class ShadowMap:
    """The depth map of a scene seen from the key light."""

    def __init__(self, patches: list[Patch], light: Light) -> None:
        forward = np.asarray(light.direction, float)
        forward = forward / np.linalg.norm(forward)
        side = np.cross((0.0, 1.0, 0.0), forward)
        side /= np.linalg.norm(side)
        self.axes = np.stack([side, np.cross(forward, side), forward]).astype(
            np.float32
        )
        casters = [p for p in patches if p.casts_shadow]
        clouds = [p.points[_mask_like(p)] @ self.axes.T for p in casters]
        cloud = np.concatenate(clouds)
        self.low = cloud[:, :2].min(0)
        cells = ((cloud[:, :2] - self.low) / _SHADOW_CELL).astype(int)
        self.shape = cells.max(0) + 1
        flat = cells[:, 0] * self.shape[1] + cells[:, 1]
        order = far_to_near(cloud[:, 2])
        self.depth = np.full(self.shape.prod(), -1e9, np.float32)
        self.depth[flat[order]] = cloud[order, 2]

    def lit(self, points: np.ndarray) -> np.ndarray:
        """Return the fraction (h, w) of the key light that reaches the points."""
        cloud = points @ self.axes.T
        cells = ((cloud[..., :2] - self.low) / _SHADOW_CELL).astype(int)
        cells = np.clip(cells, 0, self.shape - 1)
        nearest = self.depth[cells[..., 0] * self.shape[1] + cells[..., 1]]
        shadow = (nearest > cloud[..., 2] + 0.09).astype(np.float32)
        return np.clip(1 - cv2.GaussianBlur(shadow, (0, 0), 2.2), 0, 1)


def _mask_like(patch: Patch) -> np.ndarray:
    """Return the mask of a patch as bool on the grid of its points."""
    if patch.mask is None:
        return np.ones(patch.points.shape[:2], bool)
    return patch.mask > 0.5


def illuminate(
    patch: Patch, light: Light, shadows: ShadowMap
) -> tuple[np.ndarray, np.ndarray]:
    """Return irradiance (h, w, 3) and highlight (h, w) on the grid of the points."""
    normal = _normals(patch.points)
    towards = np.asarray(light.direction) / np.linalg.norm(light.direction)
    facing = normal @ towards
    lit = shadows.lit(patch.points)
    wrap = np.asarray(patch.wrap)
    diffuse = np.maximum(facing[..., None] + wrap, 0) / (1 + wrap)
    # Shadow edges of skin are reddish, because red scatters furthest.
    lit_tinted = lit[..., None] ** (1 - wrap)
    above = 0.5 - 0.5 * normal[..., 1:2]
    ambient = np.asarray(light.ambient) * (0.55 + 0.45 * above)
    ambient = ambient * (0.6 + 0.4 * normal[..., 2:])
    opposite = np.maximum(normal @ (towards * (-1, 1, 1)), 0)[..., None]
    irradiance = diffuse * lit_tinted * light.key + ambient
    irradiance += light.fill * opposite * np.asarray(light.key)
    half = towards + np.array([0, 0, 1.0])
    half /= np.linalg.norm(half)
    glint = np.maximum(normal @ half, 0) ** patch.shininess * lit * patch.gloss
    rim = 0.12 * patch.gloss * (1 - np.clip(normal[..., 2], 0, 1)) ** 3
    return irradiance.astype(np.float32), (glint + rim).astype(np.float32)


def _normals(points: np.ndarray) -> np.ndarray:
    """Return unit normals (h, w, 3) that face the viewer."""
    down, right = np.gradient(points, axis=(0, 1))
    normal = np.cross(right, down)
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    normal /= np.maximum(length, 1e-9)
    return normal * np.where(normal[..., 2:] < 0, -1, 1)
