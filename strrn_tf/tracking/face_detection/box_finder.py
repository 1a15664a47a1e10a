"""Functions that find face boxes in an image: MTCNN, or one that a user brings.

A face box is the tight box of the 68 landmarks.
"""

from collections.abc import Callable, Sequence

import numpy as np

from strrn_tf.geometry import as_numbers
from strrn_tf.tracking.networks.crop import check_box_in_image

# Finds faces: image (H, W, 3) -> face boxes (N, 4) in image pixels.
Finder = Callable[[np.ndarray], Sequence[np.ndarray]]


def mtcnn_finder(num_threads: int, min_face_fraction: float) -> Finder:
    """Return a finder that opens MTCNN at its first call.

    Args:
        num_threads: threads of every network.
        min_face_fraction: smallest box, as a fraction of the image's shorter side.
    """
    opened = []

    def find(image: np.ndarray) -> list[np.ndarray]:
        from strrn_tf.tracking.face_detection.face_boxes import landmark_box
        from strrn_tf.tracking.face_detection.face_finder import FaceFinder

        if not opened:
            opened.append(
                FaceFinder(num_threads=num_threads, min_face_fraction=min_face_fraction)
            )
        return [landmark_box(face.box) for face in opened[0].find(image)]

    return find


def checked_finder(finder: Finder) -> Finder:
    """Return a finder that raises a ``ValueError`` if a user's one returns no boxes."""

    def find(image: np.ndarray) -> list[np.ndarray]:
        try:
            return check_boxes(finder(image), image)
        except ValueError as error:
            raise ValueError(f"What `finder` returned: {error}") from error

    return find


def check_boxes(boxes: Sequence[np.ndarray], image: np.ndarray) -> list[np.ndarray]:
    """Return face boxes as a list of float64 (4,).

    Args:
        boxes: (N, 4), N may be 0.
        image: (H, W, 3); every box has to overlap it.

    Raises:
        ValueError: the boxes are something else.
    """
    array = as_numbers(boxes, "boxes")
    if array.size and (array.ndim != 2 or array.shape[1] != 4):
        raise ValueError(
            "`boxes` must be (N, 4), a list of (x0, y0, x1, y1). "
            f"Received: shape {array.shape}"
        )
    return [check_box_in_image(box, image) for box in array.reshape(-1, 4)]
