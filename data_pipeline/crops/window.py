"""The window of a stored crop: the network's crop with a margin for augmentation.

The stored crop has the scale of the network's crop (315 x 315) and is 35 pixels wider
on every side. Without augmentation the crop is exactly ``frame[35:350, 35:350]``.
"""

from collections.abc import Sequence

import numpy as np

from data_pipeline.annotations.annotation import Annotation
from data_pipeline.annotations.whole_head import whole_shape
from data_pipeline.crops.samples import Samples
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE, apply_matrix, crop_matrix
from strrn_tf.tracking.networks.crop import cut

STORED_SIZE = 385
STORED_MARGIN = CROP_MARGIN * STORED_SIZE / CROP_SIZE


def cut_samples(
    name: str,
    images: Sequence[np.ndarray],
    landmarks: np.ndarray,
    box: np.ndarray,
    whole: np.ndarray | None = None,
    *,
    roll: float = 0.0,
) -> Samples:
    """Return the sample (n = 1) that one window cuts out of T images.

    Args:
        name: of the sample.
        images: T images (H, W, 3) uint8.
        landmarks: (T, 68, 2) in image pixels. NaN is not annotated.
        box: face box (4,) in image pixels.
        whole: (T, 68, 2) with all points, see `Samples`; None: they are fitted.
        roll: of the window in radians, see `geometry.crop_matrix`.

    Raises:
        ValueError: the box is empty or not finite, or no head fits an annotation.
    """
    frames, moved, matrix = cut_window(images, landmarks, box, roll)
    sample = Samples([name], frames[None], moved[None], matrix[None])
    known = np.isfinite(landmarks).all(-1)
    if (known.all(-1) | ~known.any(-1)).all():
        return sample
    if whole is None:
        found = [
            whole_shape(Annotation(shape)) if mask.any() else shape
            for shape, mask in zip(landmarks, known, strict=True)
        ]
        whole = np.stack(found)
    whole = apply_matrix(matrix, whole).astype(np.float32)
    # Annotated points are the same to the last bit.
    return sample._replace(whole=np.where(known[..., None], moved, whole)[None])


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
        roll: of the window in radians.

    Returns:
        Crops (T, 385, 385, 3) uint8, landmarks (T, 68, 2) float32 in stored pixels, and
        the matrix (2, 3) float64 from image to stored crop.

    Raises:
        ValueError: the box is empty or not finite.
    """
    matrix = crop_matrix(box, STORED_SIZE, STORED_MARGIN, roll)
    crops = np.stack([cut(image, matrix, STORED_SIZE) for image in images])
    return crops, apply_matrix(matrix, landmarks).astype(np.float32), matrix
