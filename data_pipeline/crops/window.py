"""The window of a stored crop: the network's crop with a margin for augmentation.

The stored crop has the scale of the network's crop (315 x 315) and is 35 pixels wider
on every side. Without augmentation the crop is exactly ``frame[35:350, 35:350]``.
"""

from collections.abc import Sequence

import numpy as np

from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE, apply_matrix, crop_matrix
from strrn_tf.tracking.networks.crop import cut

STORED_SIZE = 385
STORED_MARGIN = CROP_MARGIN * STORED_SIZE / CROP_SIZE


def cut_window(
    images: Sequence[np.ndarray],
    landmarks: np.ndarray,
    box: np.ndarray,
    roll: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut one window out of T images.

    Args:
        images: T images (H, W, 3) uint8.
        landmarks: (T, 68, 2) in image pixels. NaN stays NaN.
        box: face box (4,) in image pixels.
        roll: of the window, in radians, see ``strrn_tf.geometry.crop_matrix``.

    Returns:
        Crops (T, 385, 385, 3) uint8, landmarks (T, 68, 2) float32 in stored pixels, and
        the matrix (2, 3) float64 from image to stored crop.

    Raises:
        ValueError: the box is empty or not finite.
    """
    matrix = crop_matrix(box, STORED_SIZE, STORED_MARGIN, roll)
    crops = np.stack([cut(image, matrix, STORED_SIZE) for image in images])
    return crops, apply_matrix(matrix, landmarks).astype(np.float32), matrix
