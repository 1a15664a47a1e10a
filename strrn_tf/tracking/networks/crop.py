"""Cuts the crop of a face out of an image, without aliasing.

``strrn_tf.geometry.crop_matrix`` is the crop window; this file only resamples. A window
larger than the crop is first shrunk by area averaging. Bilinear sampling of a large
face would use four pixels of many, and fine texture would become noise that changes
from frame to frame. Outside the image the border is repeated.
"""

import math

import cv2
import numpy as np

from strrn_tf.geometry import (
    CROP_SIZE,
    LARGEST_COORDINATE,
    apply_matrix,
    check_box,
    compose,
    invert_matrix,
    similarity,
)

# From this scale on, bilinear sampling skips too little of the image to be worth the
# time of averaging. The crops of the training data have the same limit.
SHRINK_BELOW = 0.75

# OpenCV cannot warp images of which a side is longer.
LONGEST_SIDE = 32_766


def cut(image: np.ndarray, matrix: np.ndarray, size: int = CROP_SIZE) -> np.ndarray:
    """Return the crop (size, size, 3) uint8 of an image (H, W, 3) uint8.

    Args:
        image: RGB image (the order of the channels is kept, whatever it is).
        matrix: (2, 3) similarity from image to crop pixels, integers being pixel
            centres in both.
        size: side of the crop in pixels.
    """
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    if scale < SHRINK_BELOW:
        image, matrix = _shrink(image, matrix, size, scale)
    elif max(image.shape[:2]) > LONGEST_SIDE:
        image, matrix = _cut_out(image, matrix, size, scale)
    return cv2.warpAffine(
        image,
        np.asarray(matrix, np.float64),
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def to_network(crop: np.ndarray) -> np.ndarray:
    """Return a crop (H, W, 3) uint8 as a batch (1, H, W, 3) float32 in [0, 1]."""
    return (crop.astype(np.float32) / np.float32(255))[None]


def check_box_in_image(box: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return the box as float64 (4,); a ``ValueError`` if it is empty or outside."""
    box = check_box(box)
    height, width = image.shape[:2]
    if (box[2:] < 0).any() or box[0] > width - 1 or box[1] > height - 1:
        raise ValueError(
            f"`box` must overlap the image of {width} x {height} pixels. "
            f"Received: {tuple(box.tolist())}"
        )
    if np.abs(box).max() > LARGEST_COORDINATE:
        raise ValueError(
            f"`box` must have no coordinate beyond {LARGEST_COORDINATE:.0e}. "
            f"Received: {tuple(box.tolist())}"
        )
    return box


def _shrink(
    image: np.ndarray, matrix: np.ndarray, size: int, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the needed part of the image, shrunk, and the matrix from there."""
    image, matrix = _cut_out(image, matrix, size, scale)
    # Halving is twenty times as fast as averaging over fractions of pixels.
    while scale <= 0.5 and min(image.shape[:2]) > 1:
        small = np.array(image.shape[1::-1]) // 2
        image, matrix = _average(image[: 2 * small[1], : 2 * small[0]], matrix, small)
        scale *= 2
    if scale < SHRINK_BELOW:
        small = np.maximum(np.rint(np.array(image.shape[1::-1]) * scale), 1)
        image, matrix = _average(image, matrix, small.astype(int))
    return image, matrix


def _cut_out(
    image: np.ndarray, matrix: np.ndarray, size: int, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the needed part of the image and the matrix from there."""
    start, stop = _needed_part(image.shape, matrix, size, scale)
    part = image[start[1] : stop[1], start[0] : stop[0]]
    return part, compose(matrix, similarity(1.0, 0.0, start))


def _average(
    image: np.ndarray, matrix: np.ndarray, small: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Shrink an image to (width, height); return it and the matrix from there.

    Resizing by s maps x to (x + 0.5) s - 0.5; s is that of the whole pixels that
    result, separately for x and y.
    """
    factor = small / image.shape[1::-1]
    enlarge = np.column_stack([np.diag(1 / factor), 0.5 / factor - 0.5])
    shrunk = cv2.resize(image, small.tolist(), interpolation=cv2.INTER_AREA)
    return shrunk, compose(matrix, enlarge)


def _needed_part(
    shape: tuple[int, ...], matrix: np.ndarray, size: int, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return (start, stop) xy of the pixels that a crop needs, clipped to the image."""
    last = size - 1
    corners = np.array([[0, 0], [last, 0], [0, last], [last, last]], np.float64)
    corners = apply_matrix(invert_matrix(matrix), corners)
    # Two small pixels to spare, so that no inner edge takes part in interpolation.
    spare = np.ceil(2 / scale) + 1
    limit = np.array([shape[1], shape[0]])
    start = np.clip(np.floor(corners.min(0)) - spare, 0, limit - 1).astype(int)
    stop = np.clip(np.ceil(corners.max(0)) + spare + 1, start + 1, limit).astype(int)
    return start, stop
