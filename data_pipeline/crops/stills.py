"""Cuts an annotated still out for a store."""

import numpy as np

from data_pipeline.crops.face_boxes import BoxFinder
from data_pipeline.crops.samples import Samples
from data_pipeline.crops.window import cut_window
from data_pipeline.datasets.three_hundred_w import Still, read_landmarks
from data_pipeline.media.images import read_image
from strrn_tf.geometry import box_from_landmarks, upright_box


def cut_still(still: Still, boxes: str | BoxFinder) -> Samples:
    """Return the sample (n = 1, T = 1) of an annotated still.

    Args:
        still: annotated image.
        boxes: "landmarks" for the tight box of the upright annotation, or a function
            from an image to face boxes. The box nearest to the annotated face is used.
            The window turns with the annotated face either way.

    Raises:
        ValueError: the image or its landmarks cannot be read, or no face is found.
    """
    image, landmarks = read_image(still.image_path), read_landmarks(still)
    box, roll = upright_box(landmarks)
    if callable(boxes):
        box = _nearest(boxes(image), box_from_landmarks(landmarks))
    try:
        frames, landmarks, matrix = cut_window([image], landmarks[None], box, roll)
    except ValueError as error:  # the landmarks are one point, or a line
        raise ValueError(f"{still.landmarks_path}: {error}") from error
    return Samples([still.name], frames[None], landmarks[None], matrix[None])


def _nearest(boxes: np.ndarray | None, truth: np.ndarray) -> np.ndarray:
    """Return the box whose centre is nearest to that of the annotated face."""
    boxes = np.reshape([] if boxes is None else boxes, (-1, 4))
    middle = (truth[:2] + truth[2:]) / 2
    distances = np.linalg.norm((boxes[:, :2] + boxes[:, 2:]) / 2 - middle, axis=-1)
    if not len(boxes) or distances.min() > (truth[2:] - truth[:2]).max() / 2:
        raise ValueError("no face was found where the annotated one is")
    return boxes[distances.argmin()]
