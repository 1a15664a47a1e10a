"""The eyes, painted on the frontal plane: lids, lashes, sclera, iris, glint."""

import cv2
import numpy as np

from data_pipeline.synthetic.head.canvas import (
    PIXELS_PER_UNIT,
    Canvas,
    canvas_grid,
    ellipse,
    polygon_mask,
)
from data_pipeline.synthetic.head.face_model import Expression, Identity
from data_pipeline.synthetic.head.outlines import eye_outline, smooth_curve

_SCLERA = np.float32((0.66, 0.62, 0.59))
_IRIS_RADIUS = 0.088


def paint_eyes(
    canvas: Canvas,
    identity: Identity,
    expression: Expression,
    light: tuple[float, float, float],
) -> None:
    """Paint both eyes. ``light`` is the direction to the light, for the glint."""
    for side in (0, 1):
        outline = eye_outline(identity, expression, side)
        upper = smooth_curve(outline[:4])
        lower = smooth_curve(np.concatenate([outline[3:], outline[:1]]))
        _paint_lids(canvas, identity, upper, lower, expression.lids[side])
        if expression.lids[side] > 0.12:
            edge = np.concatenate([upper, lower[1:-1]])
            _paint_eyeball(canvas, identity, expression, edge, upper, light)
        _paint_lashes(canvas, identity, upper, lower, 1 if side else -1)


def _paint_lids(
    canvas: Canvas,
    identity: Identity,
    upper: np.ndarray,
    lower: np.ndarray,
    opening: float,
) -> None:
    """Paint the shade of the socket, the upper lid and its crease."""
    dark = identity.skin * (0.5, 0.36, 0.32)
    middle = (upper[0] + upper[-1]) / 2
    canvas.shade(ellipse(middle - (0, 0.07), (0.2, 0.085)), 0.84, 0.04)
    lift = (0, 0.045 + 0.02 * opening)
    inset = np.linspace(-1, 1, len(upper))[:, None] ** 2
    crease = upper - np.asarray(lift) * (1 - 0.8 * inset)
    canvas.stroke(crease - np.array([0, 0.012]), 0.016, dark, 0.65, 0.011)
    canvas.stroke(lower + np.array([0, 0.04]), 0.02, dark, 0.16, 0.02)


def _paint_eyeball(
    canvas: Canvas,
    identity: Identity,
    expression: Expression,
    edge: np.ndarray,
    upper: np.ndarray,
    light: tuple[float, float, float],
) -> None:
    """Paint the visible part of the eyeball between the lids."""
    window = canvas.window(edge, 0.03)
    shape = canvas.pixels[window].shape[:2]
    x = canvas_grid()[0][:, window[1]]
    y = canvas_grid()[1][window[0]]
    middle = (edge.min(0) + edge.max(0)) / 2
    # The eyeball stays between the corners and does not follow the lids.
    corners = (upper[0] + upper[-1]) / 2
    centre = (middle[0] + 0.07 * expression.gaze[0],
              corners[1] - 0.018 + 0.05 * expression.gaze[1])  # fmt: skip
    away = np.clip(np.abs(x - middle[0]) / (identity.eye_width / 2), 0, 1)
    # The white of an eye lies in the shade of its socket, darker with darker skin.
    bright = np.float32(0.62 + 0.38 * min(1.0, float(identity.skin.mean()) / 0.4))
    ball = np.ones(shape, np.float32)[..., None] * _SCLERA * bright
    ball *= (1 - 0.4 * away[..., None] ** 2) * np.float32((1, 1, 1))
    ball *= 1 - away[..., None] ** 4 * np.float32((0.0, 0.25, 0.25))
    radius = np.hypot(x - centre[0], y - centre[1]) / _IRIS_RADIUS
    angle = np.arctan2(y - centre[1], x - centre[0])
    _blend(ball, _below(radius, 1.0), _iris(identity, radius, angle))
    _blend(ball, _below(radius, 0.42), np.float32((0.004, 0.004, 0.004)))
    lid_y = np.interp(x[0], *_rising(upper)).astype(np.float32)
    covered = np.clip(1 - (y - lid_y) / (0.45 * identity.eye_height), 0, 1)
    ball *= 1 - 0.62 * covered[..., None]
    glint = np.hypot(
        x - centre[0] - 0.035 * np.sign(light[0] or 1), y - centre[1] + 0.03
    )
    _blend(ball, 0.9 * _below(glint / 0.017, 1.0), np.float32((1.3, 1.3, 1.3)))
    mask = polygon_mask(shape, canvas.local(edge, window), 0.7)
    canvas.blend(window, mask, ball)
    inner = upper[-1] * 0.93 + 0.07 * upper[0]
    canvas.fill(ellipse(inner, (0.018, 0.011)), identity.skin * (0.9, 0.5, 0.48), 0.8)


def _iris(identity: Identity, radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Return colours (h, w, 3) of the iris: fibres, dark rim, bright lower half."""
    fibres = 1 + 0.25 * np.sin(17 * angle) * np.cos(5 * angle + identity.seed % 7)
    rim = 1 - 0.75 * np.clip((radius - 0.72) / 0.25, 0, 1)
    below = 1.0 + 0.45 * np.sin(angle)
    return (fibres * rim * below)[..., None].astype(np.float32) * identity.iris * 1.3


def _paint_lashes(
    canvas: Canvas,
    identity: Identity,
    upper: np.ndarray,
    lower: np.ndarray,
    outward: int,
) -> None:
    """Paint the dark upper rim, the thin lower one and a few lashes."""
    dark = identity.hair * 0.15 + 0.006
    canvas.stroke(upper, 0.021, dark, 0.92, 0.006)
    canvas.stroke(lower, 0.011, identity.skin * (0.35, 0.2, 0.19), 0.55, 0.006)
    window = canvas.window(upper, 0.08)
    mask = np.zeros(canvas.pixels[window].shape[:2], np.uint8)
    for index in range(0, len(upper) // 2, 2):
        fraction = 1 - index / (len(upper) / 2)
        tip = upper[index] + (outward * 0.05 * fraction, -0.03 - 0.015 * fraction)
        line = canvas.local(np.array([upper[index], tip]), window)
        cv2.polylines(
            mask, [np.round(line * 16).astype(np.int32)], False, 255, 1, cv2.LINE_AA, 4
        )
    canvas.blend(window, mask.astype(np.float32) / 255 * 0.55, dark)


def _below(values: np.ndarray, limit: float) -> np.ndarray:
    """Return a mask of values below a limit, with an edge one canvas pixel wide."""
    softness = 1.2 / (_IRIS_RADIUS * PIXELS_PER_UNIT)
    return np.clip((limit - values) / softness + 0.5, 0, 1).astype(np.float32)


def _blend(image: np.ndarray, mask: np.ndarray, colour: np.ndarray) -> None:
    """Mix a colour into an image (h, w, 3) in place."""
    image += mask[..., None] * (colour - image)


def _rising(curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of a curve in rising order of x, as ``np.interp`` needs."""
    order = np.argsort(curve[:, 0])
    return curve[order, 0], curve[order, 1]
