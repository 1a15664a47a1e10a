"""Glasses: rims, temples, a bridge and dark lenses."""

import numpy as np

from data_pipeline.synthetic.head.outlines import smooth_curve
from data_pipeline.synthetic.head.patch import Patch, tube
from data_pipeline.synthetic.head.surface import Head


def glasses_patches(head: Head, kind: str, rng: np.random.Generator) -> list[Patch]:
    """Return spectacles (``clear``: only the frame) or sunglasses (``dark``)."""
    colour = rng.uniform(0.01, 0.09, 3) if rng.random() < 0.7 else (0.35, 0.28, 0.15)
    squareness, radius = rng.uniform(1.8, 3.5), rng.uniform(0.012, 0.024)
    width, height = rng.uniform(0.27, 0.31), rng.uniform(0.17, 0.24)
    turn = np.linspace(0, 2 * np.pi, 64)
    power = 2 / squareness
    x = width * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power
    y = height * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power + 0.04
    options = {"gloss": 0.3, "shininess": 40, "casts_shadow": False}
    patches = []
    for side in (-1, 1):
        lens_x = side * head.identity.eye_centre + x
        depth = 1.06 - 0.16 * lens_x**2
        rim = np.stack([lens_x, y, depth], -1)
        patches.append(tube(rim, np.full(64, radius), colour, **options))
        hinge = rim[np.argmax(side * rim[:, 0])] + (0, -0.05, 0)
        temple = np.array([hinge, (side * 1.02, -0.02, 0.35), (side * 1.03, 0.0, -0.2)])
        patches.append(tube(temple, np.full(3, radius), colour, **options))
        if kind == "dark":
            patches.append(_lens(rim, rng))
    gap = head.identity.eye_centre - width
    bridge = np.array([(-gap, 0.0, 1.07), (0, -0.035, 1.1), (gap, 0.0, 1.07)])
    patches.append(tube(smooth_curve(bridge), np.full(21, radius), colour, **options))
    return patches


def _lens(rim: np.ndarray, rng: np.random.Generator) -> Patch:
    """Return a dark lens inside a rim (N, 3)."""
    fraction = np.linspace(0, 1, 12)[:, None, None]
    middle = rim.mean(0)
    points = middle + fraction * (rim - middle)
    tint = np.linspace(0.01, 0.05, 12)[:, None, None] * np.ones((12, 12, 3))
    return Patch(
        points.astype(np.float32),
        (tint * rng.uniform(0.5, 1.2, 3)).astype(np.float32),
        gloss=0.35,
        shininess=6,
    )
