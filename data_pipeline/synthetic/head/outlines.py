"""Outlines of the features in the frontal plane; landmarks are points of them.

Lids, lips, brows and nostrils are painted through these outlines, so a landmark always
lies on the painted edge. Points are (x, y) in head units of the unturned face with its
expression. Order and meaning follow the iBUG 68-point markup.
"""

import numpy as np

from data_pipeline.synthetic.head.face_model import Expression, Identity

# Heights of contour landmarks 0 to 8, as fractions of the height of the chin.
JAW_HEIGHTS = np.array([0.0, 0.175, 0.34, 0.502, 0.652, 0.783, 0.892, 0.972, 1.0])


def jaw_half_width(identity: Identity, y: np.ndarray) -> np.ndarray:
    """Return the half width of the neutral head at heights ``y``, 1 at the ears."""
    y = np.asarray(y, float)
    low = np.clip(y / identity.chin, 0, 1) ** identity.jaw_power
    high = np.clip(-(y - 0.0) / identity.crown, 0, 1) ** 2.5
    lower = (1 - low) ** (1 / identity.jaw_square)
    upper = (1 - high) ** (1 / 2.3)
    return np.where(y > 0, lower, upper)


def jaw_drop(expression: Expression) -> float:
    """Return the distance by which the open mouth lowers the chin."""
    return 0.75 * max(expression.mouth_open, 0.0)


def lower_by_jaw(
    identity: Identity, expression: Expression, y: np.ndarray
) -> np.ndarray:
    """Map heights of the neutral face to the face with the mouth open."""
    rest = identity.mouth_y - 0.02
    fraction = np.clip((np.asarray(y, float) - rest) / (identity.chin - rest), 0, 1)
    return y + jaw_drop(expression) * np.sin(fraction * np.pi / 2) ** 0.8


def brow_outline(identity: Identity, expression: Expression, side: int) -> np.ndarray:
    """Return the upper edge of a brow (5, 2), outer end first. Side 0 is image left."""
    x = np.array([0.86, 0.72, 0.54, 0.35, 0.17])
    arch = np.array([-1.9, 0.1, 0.9, 0.55, -0.25])
    raised = np.array([0.5, 1.0, 1.1, 1.0, 0.8]) * 0.13 * expression.brows[side]
    frown = np.array([0.0, 0.0, 0.02, 0.05, 0.09]) * expression.frown
    y = identity.brow_y - identity.brow_arch * arch - raised + frown
    x = x - np.array([0, 0, 0.0, 0.01, 0.03]) * expression.frown
    return _sided(np.stack([-x, y], -1), side)


def brow_lower_edge(upper: np.ndarray, identity: Identity) -> np.ndarray:
    """Return the lower edge (5, 2) of a brow with the given upper edge."""
    fraction = np.array([0.12, 0.55, 0.85, 1.0, 0.95])
    return upper + np.stack([np.zeros(5), identity.brow_thickness * fraction], -1)


def eye_outline(identity: Identity, expression: Expression, side: int) -> np.ndarray:
    """Return an eye (6, 2): outer corner, upper lid 2, inner corner, lower lid 2.

    The order is outer to inner on both sides; ``frontal_landmarks`` reorders side 1.
    """
    half = identity.eye_width / 2
    centre, height = identity.eye_centre, identity.eye_height
    opening = float(np.clip(expression.lids[side], 0.0, 1.35))
    squint = 0.012 * max(expression.smile, 0.0)
    x = np.array([1.0, 0.36, -0.36, -1.0, -0.36, 0.36]) * half + centre
    slant = identity.eye_slant * np.array([-0.6, 0, 0, 0.6, 0.25, -0.15])
    lower = 0.31 * height - squint + 0.004 * (1 - opening)
    closed = lower * 0.9
    upper = closed + (-0.7 * height - closed) * opening
    y = slant + np.array([0, upper, upper * 0.97 + 0.002, 0, lower, lower])
    return _sided(np.stack([-x, y], -1), side)


def nose_outline(identity: Identity) -> tuple[np.ndarray, np.ndarray]:
    """Return the bridge (4, 2), the tip last, and the base (5, 2), left to right."""
    length, width = identity.nose_length, identity.nose_width
    top, tip = -0.05, length - 0.165
    y = top + (tip - top) * np.array([0.0, 0.335, 0.67, 1.0])
    bridge = np.stack([np.zeros(4), y], -1)
    x = np.array([-1.0, -0.5, 0.0, 0.5, 1.0]) * width
    base_y = length + np.array([-0.06, -0.025, 0.0, -0.025, -0.06])
    return bridge, np.stack([x, base_y], -1)


def lip_outlines(
    identity: Identity, expression: Expression
) -> tuple[np.ndarray, np.ndarray]:
    """Return the outer lips (12, 2) and the inner lips (8, 2) in iBUG order."""
    smile, pucker = expression.smile, max(expression.pucker, 0.0)
    gap = max(expression.mouth_open, 0.0)
    width = identity.mouth_width * (1 + 0.22 * smile - 0.3 * pucker - 0.18 * gap)
    full = 1 - 0.22 * smile + 0.25 * pucker
    upper, lower = identity.upper_lip * full, identity.lower_lip * full
    x = width * np.array([-1, -0.64, -0.265, 0, 0.265, 0.64, 1.0])
    corner = -0.012 - 0.1 * smile + 0.35 * gap
    line = identity.mouth_y + 0.015 * smile
    top = line - 0.12 * gap
    bottom = line + 0.88 * gap
    top_y = top - upper * np.array([0, 0.72, 1.08, 0.88, 1.08, 0.72, 0])
    sag = np.array([0, 0.62, 0.96, 1.0, 0.96, 0.62, 0])
    bottom_y = bottom + lower * sag - 0.25 * gap * (1 - sag)
    bend = np.abs(x / width) ** 2
    top_y = top_y + corner * bend * np.array([0, 1, 1, 1, 1, 1, 0]) * 0.6
    bottom_y = bottom_y + corner * bend * np.array([0, 1, 1, 1, 1, 1, 0]) * 0.3
    top_y[[0, 6]] = line + corner
    outer = np.stack([np.append(x, x[5:0:-1]), np.append(top_y, bottom_y[5:0:-1])], -1)
    inner_x = width * np.array([-0.86, -0.27, 0, 0.27, 0.86, 0.27, 0, -0.27])
    inner_y = np.array([0, top, top + 0.006, top, 0, bottom, bottom + 0.004, bottom])
    inner_y = inner_y + corner * (inner_x / width) ** 2 * 0.5
    inner_y[[0, 4]] = line + corner * 0.87
    inner = np.stack([inner_x, inner_y], -1)
    for points in (outer, inner):
        points[:, 1] += 0.05 * expression.skew * points[:, 0] / width
        points[:, 0] += 0.03 * expression.skew
    return outer, inner


def frontal_landmarks(identity: Identity, expression: Expression) -> np.ndarray:
    """Return landmarks 17..67 (51, 2) in the frontal plane, iBUG order."""
    brows = [brow_outline(identity, expression, side) for side in (0, 1)]
    eyes = [eye_outline(identity, expression, side) for side in (0, 1)]
    bridge, base = nose_outline(identity)
    outer, inner = lip_outlines(identity, expression)
    right_eye = eyes[1][[3, 2, 1, 0, 5, 4]]
    parts = [brows[0], brows[1][::-1], bridge, base, eyes[0], right_eye, outer, inner]
    return np.concatenate(parts)


def smooth_curve(points: np.ndarray, samples: int = 10) -> np.ndarray:
    """Return a curve (M, D) through points (N, D), ``samples`` for every segment.

    It is a cubic Hermite (Catmull-Rom) curve with centripetal knots, without loops.
    """
    points = np.asarray(points, float)
    chord = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    knots = np.append(0, np.cumsum(np.sqrt(np.maximum(chord, 1e-9))))
    slope = np.gradient(points, knots, axis=0, edge_order=min(2, len(points) - 1))
    fraction = np.arange((len(points) - 1) * samples + 1) / samples
    index = np.minimum(fraction.astype(int), len(points) - 2)
    u = (fraction - index)[:, None]
    step = (knots[index + 1] - knots[index])[:, None]
    start, end = points[index], points[index + 1]
    bend = (1 - u) * slope[index] * step - u * slope[index + 1] * step
    blend = u * u * (3 - 2 * u)
    return start + blend * (end - start) + u * (1 - u) * bend


def _sided(points: np.ndarray, side: int) -> np.ndarray:
    """Return points given for the image left side, mirrored for side 1."""
    return points * np.array([1.0 if side == 0 else -1.0, 1.0])
