"""Surface patches of the person: face, ears, neck, clothes."""

import numpy as np

from data_pipeline.synthetic.head.canvas import Canvas, to_canvas
from data_pipeline.synthetic.head.eyes import paint_eyes
from data_pipeline.synthetic.head.face_model import Identity
from data_pipeline.synthetic.head.mouth import paint_mouth
from data_pipeline.synthetic.head.patch import Patch
from data_pipeline.synthetic.head.skin import (
    gloss_map,
    paint_brows,
    paint_nose,
    smooth_noise,
)
from data_pipeline.synthetic.head.surface import Head

_SKIN_WRAP = (0.4, 0.24, 0.18)
_GRID = 190


def rows_between(low: float, high: float, count: int) -> np.ndarray:
    """Return heights that are denser at both ends, where the surface closes."""
    even = np.linspace(0, 1, count)
    return low + (high - low) * (0.5 * even + 0.25 * (1 - np.cos(np.pi * even)))


def _squeeze(azimuth: np.ndarray) -> np.ndarray:
    """Return azimuths that are denser around the nose (near 0)."""
    return azimuth - 0.55 * 0.33 * np.tanh(azimuth / 0.33) * np.exp(
        -((azimuth / 0.9) ** 2)
    )


def face_patch(
    head: Head,
    skin: np.ndarray,
    light: tuple[float, float, float],
    facing: float,
) -> Patch:
    """Return the head with its painted face.

    Args:
        head: shape and expression.
        skin: painted skin of the neutral face, see ``paint_skin``.
        light: direction to the light in the head frame.
        facing: azimuth that faces the camera. Only that half of the head is made.
    """
    identity, expression = head.identity, head.expression
    y = rows_between(-identity.crown, identity.chin, _GRID)[:, None]
    even = facing + np.linspace(-1.95, 1.95, _GRID)
    # The sides of the nose run along the viewing axis and need closer samples.
    azimuth = _squeeze(even)[None]
    points = head.points(y, azimuth).astype(np.float32)
    # Behind the ears there is only skin, so the frontal paint must not appear there.
    painted = points[..., :2].copy()
    behind = np.broadcast_to(np.cos(azimuth) < -0.05, painted.shape[:2])
    painted[behind, 0] = 1.2
    canvas = Canvas(head.warp_rows(skin))
    paint_nose(canvas, identity)
    paint_mouth(canvas, identity, expression)
    paint_eyes(canvas, identity, expression, light)
    paint_brows(canvas, identity, expression)
    return Patch(
        points,
        canvas.pixels,
        texture_map=to_canvas(painted),
        wrap=_SKIN_WRAP,
        gloss=0.085,
        shininess=14,
        gloss_map=gloss_map(identity, expression),
        closed=True,
    )


def ear_patches(head: Head) -> list[Patch]:
    """Return both ears: oval shells with a rim and a dark hollow."""
    identity = head.identity
    turn = np.linspace(0, 2 * np.pi, 48)[None]
    radius = np.linspace(0.02, 1, 24)[:, None]
    back = radius * np.cos(turn)
    down = radius * np.sin(turn)
    rim = np.exp(-(((radius - 0.84) / 0.13) ** 2)) * (0.65 - 0.35 * np.cos(turn))
    hollow = np.exp(-(((back + 0.25) / 0.42) ** 2) - ((down - 0.1) / 0.4) ** 2)
    width = 0.17 * (1 - 0.28 * down)
    height = 0.33
    shade = 1 - 0.6 * hollow + 0.1 * rim - 0.3 * ((radius > 0.6) & (radius < 0.75))
    albedo = shade[..., None] * identity.skin * np.array((1.0, 0.84, 0.8))
    patches = []
    for side in (-1, 1):
        lateral = 0.98 + 0.11 * (back + 1) * 0.5 + 0.05 * rim - 0.05 * hollow
        depth = -0.1 - width * (back + 1) * 0.95
        level = 0.22 + height * down - 0.05 * back
        points = np.stack([side * lateral, level + 0 * depth, depth], -1)
        patches.append(
            Patch(
                points.astype(np.float32),
                albedo.astype(np.float32),
                wrap=_SKIN_WRAP,
                gloss=0.05,
            )
        )
    return patches


def torso_patches(identity: Identity) -> list[Patch]:
    """Return neck and clothed shoulders. The torso turns less than the head."""
    rng = np.random.default_rng(identity.seed + 3)
    azimuth = np.linspace(-2.0, 2.0, 70)[None]
    y = np.linspace(0.7, 2.6, 60)[:, None]
    flare = np.clip((y - 1.75) / 0.85, 0, 1)
    half = 0.62 + 0.1 * np.clip(1.3 - y, 0, 1) + 0.5 * flare**2
    x = half * np.sin(azimuth)
    z = -0.35 + half * 0.92 * np.cos(azimuth) + 0.15 * flare
    neck = np.stack([x, y + 0 * x, z], -1).astype(np.float32)
    skin = identity.skin * (0.86, 0.8, 0.78) * np.ones((8, 8, 3))
    patches = [Patch(neck, skin.astype(np.float32), wrap=_SKIN_WRAP, closed=True)]
    fraction = np.linspace(0, 1, 70)[:, None]
    collar = rng.uniform(1.8, 2.0)
    slope = 1 - (1 - fraction) ** 2.2
    half = 0.6 + 1.85 * slope**0.8
    drop = collar + 0.85 * slope**1.7 + 3.2 * np.clip(fraction - 0.45, 0, 1) ** 1.5
    front = 0.55 + 0.55 * slope
    x = half * np.sin(azimuth)
    y = drop + 0.42 * np.cos(azimuth) * (1 - 0.4 * fraction)
    z = -0.42 + front * np.cos(azimuth)
    points = np.stack([x, y, z], -1).astype(np.float32)
    cloth = Patch(points, _cloth(identity, rng), wrap=(0.15, 0.15, 0.15), closed=True)
    return [*patches, cloth]


def _cloth(identity: Identity, rng: np.random.Generator) -> np.ndarray:
    """Return the texture (H, W, 3) of the clothes: plain, striped or checked."""
    shape = (160, 240)
    folds = 1 + 0.12 * smooth_noise(rng, shape, 30) + 0.05 * smooth_noise(rng, shape, 3)
    cloth = folds[..., None] * identity.clothes
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    pattern = rng.integers(4)
    second = np.clip(identity.clothes[::-1] * rng.uniform(0.3, 1.8), 0.01, 0.9)
    period = int(rng.integers(10, 24))
    stripes = (rows // period) % 2 == 0
    if pattern == 1:
        cloth[stripes] = (folds[..., None] * second)[stripes]
    if pattern == 2:
        cloth[stripes ^ ((columns // period) % 2 == 0)] *= 0.6
    cloth[:5] *= 0.7
    return cloth.astype(np.float32)
