"""The mouth, painted on the frontal plane: lips, teeth and tongue."""

import cv2
import numpy as np

from data_pipeline.synthetic.head.canvas import Canvas, canvas_grid, polygon_mask
from data_pipeline.synthetic.head.face_model import Expression, Identity
from data_pipeline.synthetic.head.outlines import lip_outlines, smooth_curve


def paint_mouth(canvas: Canvas, identity: Identity, expression: Expression) -> None:
    """Paint the lips, and in an open mouth the teeth and the tongue."""
    outer, inner = lip_outlines(identity, expression)
    rng = np.random.default_rng(identity.seed + 2)
    edge = _closed(outer, (0, 6))
    canvas.shade(edge + np.array([0, 0.045]), 0.86, 0.035)
    window = canvas.window(edge, 0.05)
    shape = canvas.pixels[window].shape[:2]
    lip_mask = polygon_mask(shape, canvas.local(edge, window), 0.9)
    grooves = cv2.GaussianBlur(
        rng.standard_normal((shape[1], 1), dtype=np.float32), (0, 0), 1.0
    ).reshape(1, -1, 1)
    rows = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None, None]
    colour = identity.lips * (0.86 + 0.2 * rows) * (1 + 0.1 * grooves)
    canvas.blend(window, 0.92 * lip_mask, colour)
    _paint_cavity(canvas, identity, expression, inner)
    upper = smooth_curve(inner[:5])
    thickness = 0.02 if expression.mouth_open < 0.02 else 0.012
    corners = np.array([outer[0], inner[0]]), np.array([inner[4], outer[6]])
    dark = identity.lips * (0.22, 0.14, 0.14)
    canvas.stroke(upper, thickness, dark, 0.85, 0.007)
    for corner in corners:
        canvas.stroke(corner, 0.018, dark, 0.7, 0.014)


def _paint_cavity(
    canvas: Canvas, identity: Identity, expression: Expression, inner: np.ndarray
) -> None:
    """Paint teeth, tongue and shade between the lips."""
    if expression.mouth_open < 0.012:
        return
    edge = _closed(inner, (0, 4))
    window = canvas.window(edge, 0.03)
    local = canvas.local(edge, window)
    shape = canvas.pixels[window].shape[:2]
    inside = Canvas(np.empty((*shape, 3), np.float32))
    inside.pixels[:] = (0.045, 0.012, 0.012)
    y = canvas_grid()[1][window[0]]
    x = canvas_grid()[0][:, window[1]]
    top, gap = inner[2, 1], max(inner[6, 1] - inner[2, 1], 1e-3)
    tongue = np.clip((y - top - 0.6 * gap) / (0.35 * gap), 0, 1)
    tongue = tongue * np.exp(-((x / 0.22) ** 2))
    whole = (slice(None), slice(None))
    inside.blend(whole, 0.8 * tongue, np.float32((0.28, 0.07, 0.07)))
    teeth = np.clip((top + 0.085 + 0.015 * np.cos(9 * x) - y) / 0.012, 0, 1)
    teeth = teeth * np.clip((0.31 - np.abs(x)) / 0.08, 0, 1)
    seams = 1 - 0.18 * (np.abs((np.abs(x) / 0.062) % 1 - 0.5) > 0.42)
    shown = 0.35 + 0.65 * min(1.0, max(expression.smile, 0) + 0.4)
    tooth = (
        np.float32((0.72, 0.68, 0.58))
        * seams[..., None]
        * np.ones_like(teeth)[..., None]
    )
    inside.blend(whole, teeth * shown, tooth)
    shadow = np.clip((y - top) / (0.05 + 0.3 * gap), 0.35, 1)
    inside.pixels *= shadow[..., None]
    canvas.blend(window, polygon_mask(shape, local, 0.8), inside.pixels)


def _closed(points: np.ndarray, corners: tuple[int, int]) -> np.ndarray:
    """Return a closed outline through points that is smooth except at two corners."""
    first, second = corners
    there = smooth_curve(points[first : second + 1], 8)
    back = smooth_curve(np.concatenate([points[second:], points[:1]]), 8)
    return np.concatenate([there, back[1:-1]])
