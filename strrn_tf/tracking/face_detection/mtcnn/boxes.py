"""Box arithmetic of the MTCNN cascade: pyramid, windows, suppression, calibration.

Boxes are (N, 4) float64 (x0, y0, x1, y1) in image pixels. The rules are those of the
`mtcnn` 1.0 package, which cuts the training data. Docstrings name its departures from
Zhang et al. 2016.
"""

import numpy as np

SMALLEST_FACE = 20
CELL, STRIDE = 12, 2
PYRAMID_STEP = 0.709
OUTSIDE = 127.5
# Boxes that are compared with all better ones at once: bounds the memory on crowded
# images.
BLOCK = 256


def pyramid_scales(height: int, width: int, min_face: float) -> list[float]:
    """Return the scales at which the proposal network sees an image.

    They are always members of the series ``12 / 20 * 0.709 ** k``. A larger
    ``min_face`` leaves out scales and changes none, so the remaining faces keep their
    boxes. The last scale is the last on which a 12-pixel window fits.

    Args:
        height: rows of the image.
        width: columns of the image.
        min_face: side in pixels of the smallest face to be found, at least 20.
    """
    rung = int(np.floor(np.log(min_face / SMALLEST_FACE) / -np.log(PYRAMID_STEP)))
    scales = []
    while True:
        scale = CELL / SMALLEST_FACE * PYRAMID_STEP**rung
        if int(min(height, width) * scale) < CELL:
            return scales
        scales.append(scale)
        rung += 1


def window_boxes(output: np.ndarray, scale: float, logit: float) -> tuple:
    """Return boxes (N, 4) and logits (N,) of the windows above a logit.

    Args:
        output: (rows, columns, 5) of the proposal network: offsets, logit.
        scale: scale of the image it saw.
        logit: the threshold.
    """
    rows, columns = np.nonzero(output[..., 4] > logit)
    found = output[rows, columns].astype(np.float64)
    corner = STRIDE * np.column_stack([columns, rows])
    # The package (as the MATLAB original) lets a window start one pixel late.
    windows = np.column_stack([corner + 1, corner + CELL])
    boxes = windows + found[:, :4] * (CELL - 1)
    return boxes / scale, found[:, 4]


def suppress(
    boxes: np.ndarray,
    scores: np.ndarray,
    threshold: float,
    *,
    smaller: bool = False,
    block: int = BLOCK,
) -> np.ndarray:
    """Return indices of the boxes kept by non-maximum suppression, best score first.

    A box is suppressed when any better-scored box overlaps it, even a suppressed one.
    This is the package's rule. The paper's greedy rule compares with kept boxes only
    and is less strict.

    Args:
        boxes: (N, 4).
        scores: (N,).
        threshold: overlap above which the worse box is suppressed.
        smaller: measure the intersection against the smaller box, not the union.
        block: number of boxes that are compared at once.
    """
    order = np.argsort(-scores, kind="stable")
    boxes = boxes[order]
    beaten = np.zeros(len(boxes), bool)
    for start in range(0, len(boxes), block):
        stop = start + block
        overlaps = _overlaps(boxes[:stop], boxes[start:stop], smaller) > threshold
        beaten[start:stop] = np.triu(overlaps, k=1 - start).any(0)
    return order[~beaten]


def _overlaps(boxes: np.ndarray, others: np.ndarray, smaller: bool) -> np.ndarray:
    """Return (N, M): intersection of boxes (N, 4), (M, 4) over union or smaller box."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)[:, None]
    other_area = (others[:, 2:] - others[:, :2]).prod(-1)[None]
    if smaller:
        return shared / np.minimum(area, other_area)
    return shared / (area + other_area - shared)


def calibrate(boxes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Move the sides of boxes (N, 4) by offsets (N, 4), in units of width and height.

    Width and height count pixels, hence one more than the difference of the sides.
    """
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    return boxes + offsets * np.hstack([sides, sides])


def place_points(boxes: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return points (N, 5, 2) from shares (N, 10), x first then y, of squares (N, 4).

    The origin is one pixel before the corner: the networks learnt 1-based boxes.
    """
    shares = shares.reshape(-1, 2, 5).swapaxes(1, 2)
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    return boxes[:, None, :2] - 1 + sides[:, None] * shares


def square(boxes: np.ndarray) -> np.ndarray:
    """Grow boxes (N, 4) to squares of their longer side about the same centre."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) / 2
    return np.hstack([centre - half, centre + half])


def cut_patches(pixels: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """Sample (N, side, side, 3) bilinearly from an image; outside of it is mid-grey.

    The outer samples lie on the sides of the box. As in the package, a box spans the
    image at (0, 0, W, H), so coordinates shrink by (W - 1) / W. As in the package,
    nothing is smoothed before the reduction. OpenCV's warps are not used: they round
    coordinates to 1/32 pixel, which is enough to let another candidate win.

    Args:
        pixels: (H, W, 3) float32.
        boxes: (N, 4).
        side: side of the patches.
    """
    height, width = pixels.shape[:2]
    x, x_share, x_inside = _sample_line(boxes[:, 0::2], width, side)
    y, y_share, y_inside = _sample_line(boxes[:, 1::2], height, side)
    index = (y * width)[:, :, None] + x[:, None]
    taken = pixels.reshape(-1, 3).take(index, axis=0)
    upper, lower = taken[:, :side], taken[:, side:]
    rows = upper + (lower - upper) * y_share[:, :, None, None]
    left, right = rows[:, :, :side], rows[:, :, side:]
    patches = left + (right - left) * x_share[:, None, :, None]
    patches[~(y_inside[:, :, None] & x_inside[:, None])] = OUTSIDE
    return patches


def _sample_line(ends: np.ndarray, length: int, side: int) -> tuple:
    """Return where boxes sample one axis of an image.

    Args:
        ends: (N, 2) first and last sample before shrinking.
        length: pixels of the axis.
        side: samples of a box.

    Returns:
        Pixels before, then pixels after the samples (N, 2 side); shares (N, side)
        float32 of the pixels after; whether samples are inside (N, side).
    """
    first, last = (ends * (length - 1) / length).T[..., None]
    at = first + (last - first) / (side - 1) * np.arange(side)
    before = np.clip(np.floor(at), 0, length - 2).astype(np.intp)
    inside = (at >= 0) & (at <= length - 1)
    share = (at - before).astype(np.float32)
    return np.concatenate([before, before + 1], 1), share, inside
