"""Out-of-focus backgrounds: rooms, streets and lamps."""

import cv2
import numpy as np

from data_pipeline.synthetic.head.outlines import smooth_curve
from data_pipeline.synthetic.head.skin import smooth_noise


def paint_background(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Return an out-of-focus room or street (H, W, 3), linear RGB."""
    height, width = size
    base = rng.uniform(0.04, 0.6) * np.clip(1 + rng.normal(0, 0.14, 3), 0.5, 1.6)
    slope = rng.normal(0, 0.25, 2)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    picture = base * np.clip(1 + slope[0] * x + slope[1] * y, 0.3, 2)[..., None]
    for _ in range(rng.integers(3, 14)):
        _paint_shape(picture, rng)
    picture = picture.astype(np.float32)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.8, 7.0))
    for _ in range(rng.integers(0, 9) if rng.random() < 0.35 else 0):
        _paint_lamp(picture, rng)
    grain = 0.02 * smooth_noise(rng, size, 9) + 0.01 * smooth_noise(rng, size, 2)
    return picture * (1 + grain[..., None])


def _paint_shape(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Paint a board, a window, a trunk or a blob of one colour."""
    height, width = picture.shape[:2]
    chroma = rng.normal(0, 0.1 if rng.random() < 0.75 else 0.35, 3)
    colour = np.clip(rng.uniform(0.02, 0.8) * np.exp(chroma), 0.005, 0.95)
    centre = rng.uniform((0, 0), (width, height))
    half = rng.uniform(0.04, 0.4, 2) * (width, height)
    kind = rng.integers(3)
    if kind == 0:
        half[rng.integers(2)] *= 0.2
    if kind == 2:
        turn = np.linspace(0, 2 * np.pi, 8)
        wobble = 1 + 0.2 * rng.standard_normal((8, 1))
        wobble[-1] = wobble[0]
        corners = np.stack([np.cos(turn), np.sin(turn)], -1) * wobble
        corners = smooth_curve(corners, 8)
    else:
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)
        corners = corners + rng.normal(0, 0.03, (4, 2))
    points = np.round(centre + corners * half).astype(np.int32)
    cv2.fillPoly(picture, [points], colour.tolist(), cv2.LINE_AA)


def _paint_lamp(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Paint an out-of-focus light."""
    height, width = picture.shape[:2]
    centre = np.round(rng.uniform((0, 0), (width, height))).astype(int)
    mask = np.zeros(picture.shape[:2], np.float32)
    radius = int(rng.integers(3, 14))
    cv2.circle(mask, centre.tolist(), radius, 1.0, -1, cv2.LINE_AA)
    mask = cv2.GaussianBlur(mask, (0, 0), 1)[..., None] * rng.uniform(0.3, 0.9)
    picture += mask * (rng.uniform(0.4, 1.0, 3).astype(np.float32) - picture)
