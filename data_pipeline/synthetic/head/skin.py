"""The skin, painted on the frontal plane, with brows, nostrils and beard."""

import cv2
import numpy as np

from data_pipeline.synthetic.head.canvas import (
    PIXELS_PER_UNIT,
    Canvas,
    canvas_grid,
    canvas_shape,
    ellipse,
    polygon_mask,
    stroke_mask,
    to_canvas,
)
from data_pipeline.synthetic.head.face_model import Expression, Identity
from data_pipeline.synthetic.head.outlines import (
    brow_lower_edge,
    brow_outline,
    jaw_half_width,
    lip_outlines,
    smooth_curve,
)


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int], cell: float
) -> np.ndarray:
    """Return noise (H, W) of zero mean and about unit spread, with grains of a size.

    Args:
        rng: source of the randomness.
        shape: (H, W) in pixels.
        cell: size of a grain in pixels.
    """
    small = [max(2, int(np.ceil(side / cell)) + 2) for side in shape]
    values = rng.standard_normal(small, dtype=np.float32)
    return cv2.resize(values, shape[::-1], interpolation=cv2.INTER_CUBIC)


def _bump(
    x: np.ndarray, y: np.ndarray, centre: tuple[float, float], radius: float
) -> np.ndarray:
    """Return two mirrored soft spots (H, W)."""
    squared = (np.abs(x) - centre[0]) ** 2 + (y - centre[1]) ** 2
    return np.exp(-squared / radius**2)


def paint_skin(identity: Identity) -> np.ndarray:
    """Return the skin (H, W, 3) of the neutral face: tone, blush, spots, stubble."""
    rng = np.random.default_rng(identity.seed)
    shape = canvas_shape()
    x, y = canvas_grid()
    tone = 1 + 0.035 * smooth_noise(rng, shape, 40) + 0.03 * smooth_noise(rng, shape, 9)
    tone += 0.025 * rng.standard_normal(shape, dtype=np.float32)
    skin = tone[..., None] * identity.skin
    red = 0.5 * _bump(x, y, (0.55, 0.42), 0.28)
    red += 0.55 * _bump(x, y, (0.0, identity.nose_length - 0.14), 0.13)
    red += 0.35 * _bump(x, y, (0.0, identity.chin - 0.2), 0.2)
    red = red[..., None] * np.float32((0.02, -0.16, -0.15))
    skin *= 1 + red * (0.5 + float(identity.skin.mean()))
    under_eye = _bump(x, y, (identity.eye_centre - 0.03, 0.12), 0.13)[..., None]
    skin *= 1 - under_eye * np.float32((0.1, 0.14, 0.1)) * (0.5 + identity.wrinkles)
    canvas = Canvas(skin.astype(np.float32))
    _paint_spots(canvas, identity, rng)
    _paint_creases(canvas, identity)
    _paint_beard(canvas, identity, rng)
    return canvas.pixels


def _paint_spots(canvas: Canvas, identity: Identity, rng: np.random.Generator) -> None:
    """Paint freckles and a few moles."""
    for _ in range(int(90 * identity.freckles)):
        centre = rng.normal((0, 0.35), (0.4, 0.25))
        spot = ellipse(centre, (rng.uniform(0.006, 0.013),) * 2)
        canvas.fill(spot, identity.skin * (0.55, 0.42, 0.35), 0.45, 0.006)
    for _ in range(rng.poisson(1.5)):
        centre = rng.uniform((-0.7, -0.9), (0.7, 1.3))
        spot = ellipse(centre, (rng.uniform(0.01, 0.018),) * 2)
        canvas.fill(spot, identity.skin * (0.3, 0.2, 0.18), 0.8, 0.005)


def _paint_creases(canvas: Canvas, identity: Identity) -> None:
    """Paint the folds beside the nose, on the forehead and under the eyes."""
    dark = identity.skin * (0.55, 0.42, 0.38)
    depth = 0.1 + 0.45 * identity.wrinkles
    width, mouth = identity.nose_width, identity.mouth_y
    for side in (-1, 1):
        fold = [
            (width * 1.25, identity.nose_length - 0.1),
            (width * 1.75, mouth - 0.16),
            (identity.mouth_width + 0.12, mouth + 0.06),
        ]
        line = smooth_curve(np.array(fold)) * (side, 1)
        canvas.stroke(line, 0.02, dark, depth, 0.018)
        bag = [(0.28, 0.1), (0.42, 0.16), (0.58, 0.11)]
        canvas.stroke(
            smooth_curve(np.array(bag)) * (side, 1), 0.012, dark, 0.6 * depth, 0.014
        )
    for row in range(3):
        height = -0.6 - 0.13 * row
        line = [(-0.5, height + 0.03), (0, height), (0.5, height + 0.03)]
        canvas.stroke(
            smooth_curve(np.array(line)), 0.012, dark, 0.6 * depth - 0.06, 0.015
        )


def beard_mask(identity: Identity) -> np.ndarray:
    """Return the mask (H, W) in [0, 1] of a beard on the neutral face."""
    x, y = canvas_grid()
    half = np.maximum(jaw_half_width(identity, y), 0.05).astype(np.float32)
    fraction = np.clip(np.abs(x) / half, 0, 1.2)
    upper = identity.mouth_y + 0.16 - 0.75 * np.clip(fraction - 0.25, 0, 1) ** 1.2
    grown = np.clip((y - upper) / 0.1, 0, 1)
    chin = np.clip((y - identity.mouth_y - 0.17) / 0.06, 0, 1)
    chin = chin * np.clip((0.3 - np.abs(x)) / 0.1, 0, 1)
    return np.maximum(grown * np.clip((fraction - 0.22) / 0.16, 0, 1), chin)


def _moustache_mask(identity: Identity) -> np.ndarray:
    """Return the mask (H, W) in [0, 1] of a moustache."""
    x, y = canvas_grid()
    middle = identity.mouth_y - 0.15 + 0.3 * np.abs(x) ** 1.6
    band = np.clip(1.4 - np.abs(y - middle) / 0.06, 0, 1)
    return band * np.clip((identity.mouth_width + 0.1 - np.abs(x)) / 0.1, 0, 1)


def _paint_beard(canvas: Canvas, identity: Identity, rng: np.random.Generator) -> None:
    """Paint stubble, beard and moustache as dark, upright hairs."""
    shape = canvas_shape()
    hairs = rng.standard_normal(shape, dtype=np.float32)
    hairs = cv2.GaussianBlur(hairs, (0, 0), sigmaX=0.7, sigmaY=2.5) * 2.2
    hairs = np.clip(0.6 + 0.4 * hairs, 0, 1)
    beard, moustache = beard_mask(identity), _moustache_mask(identity)
    stubble = np.maximum(beard, moustache) * identity.stubble * 0.5
    whole = (slice(None), slice(None))
    canvas.blend(whole, stubble * hairs, identity.hair * 0.6 + identity.skin * 0.25)
    dense = np.maximum(beard * identity.beard, moustache * identity.moustache)
    dense = cv2.GaussianBlur(dense.astype(np.float32), (0, 0), 2)
    colour = identity.hair * (0.35 + 0.9 * hairs[..., None])
    canvas.blend(whole, np.clip(dense * (0.55 + 0.45 * hairs), 0, 1), colour)


def paint_brows(canvas: Canvas, identity: Identity, expression: Expression) -> None:
    """Paint both brows as a soft band with single hairs."""
    rng = np.random.default_rng(identity.seed + 1)
    colour = identity.hair * 0.7 + 0.02 * identity.skin
    for side in (0, 1):
        upper = brow_outline(identity, expression, side)
        lower = brow_lower_edge(upper, identity)
        top, bottom = smooth_curve(upper, 8), smooth_curve(lower, 8)
        outline = np.concatenate([top, bottom[::-1]])
        canvas.fill(outline, colour, 0.72, 0.009)
        window = canvas.window(outline, 0.08)
        shape = canvas.pixels[window].shape[:2]
        mask = np.zeros(shape, np.float32)
        hairs = rng.random((70, 3))
        for along, across, length in hairs:
            index = int(along * (len(top) - 2))
            root = bottom[index] + across * (top[index] - bottom[index])
            ahead = top[max(index - 4, 0)] - top[index]
            lean = np.array([ahead[0] * 1.2, -0.035 + 0.6 * ahead[1]])
            tip = np.array([root, root + lean * (0.5 + 0.5 * length)])
            tip[1, 1] = max(tip[1, 1], np.interp(index, range(len(top)), top[:, 1]))
            stroke = stroke_mask(shape, canvas.local(tip, window), 1.0)
            np.maximum(mask, stroke, out=mask)
        canvas.blend(window, 0.85 * mask, colour * 0.7)


def paint_nose(canvas: Canvas, identity: Identity) -> None:
    """Paint nostrils, the edge of the wings and the shade under the tip."""
    dark = identity.skin * (0.16, 0.09, 0.08)
    width, bottom = identity.nose_width, identity.nose_length
    x = np.array([-1, 0, 1, 0.8, 0, -0.8]) * width
    y = np.array([-0.05, -0.09, -0.05, 0.01, 0.03, 0.01]) + bottom
    shade = np.stack([x, y], -1)
    canvas.shade(shade, 0.78, 0.035)
    for side in (-1, 1):
        hole = ellipse(
            (side * width * 0.5, bottom - 0.047), (width * 0.27, 0.024), side * -0.25
        )
        canvas.fill(hole, dark, 0.9, 0.009)
        wing = np.array(
            [(width * 0.78, bottom - 0.2), (width * 1.04, bottom - 0.13),
             (width, bottom - 0.055), (width * 0.72, bottom - 0.035)]
        )  # fmt: skip
        line = smooth_curve(wing) * (side, 1)
        canvas.stroke(line, 0.014, identity.skin * (0.4, 0.27, 0.24), 0.55, 0.012)


def gloss_map(identity: Identity, expression: Expression) -> np.ndarray:
    """Return the gloss (H, W) of the skin: lips, nose and forehead shine most."""
    x, y = canvas_grid()
    shine = 0.6 + 0.5 * _bump(x, y, (0.0, -0.7), 0.4)
    shine += 0.8 * _bump(x, y, (0.0, identity.nose_length - 0.18), 0.12)
    shine = (shine * np.ones_like(y)).astype(np.float32)
    outer, _ = lip_outlines(identity, expression)
    lips = polygon_mask(shine.shape, to_canvas(outer), 0.01 * PIXELS_PER_UNIT)
    shine += lips
    for side in (0, 1):
        brow = brow_outline(identity, expression, side)
        band = np.concatenate([brow, brow_lower_edge(brow, identity)[::-1]])
        shine *= 1 - 0.8 * polygon_mask(shine.shape, to_canvas(band), 3.0)
    return shine
