"""Cuts an annotated still out for a store."""

import numpy as np

from data_pipeline.annotations.reading import check_inside, place_of, read_annotation
from data_pipeline.annotations.whole_head import whole_shape
from data_pipeline.crops.face_boxes import BoxFinder
from data_pipeline.crops.samples import Samples
from data_pipeline.crops.window import cut_samples
from data_pipeline.datasets.three_hundred_w import Still
from data_pipeline.media.images import read_image
from strrn_tf.geometry import upright_box


def cut_still(still: Still, boxes: str | BoxFinder) -> Samples:
    """Return the sample (n = 1, T = 1) of an annotated still.

    The window turns with the annotated face, so the face stands upright in the crop.

    Args:
        still: annotated image.
        boxes: "landmarks" for the tight box of the upright face, or a function from an
            image to face boxes. The box nearest to the annotated face is used. Missing
            points are those of the fitted head.

    Raises:
        ValueError: the image or its landmarks cannot be read, the landmarks lie outside
            the image, or no face is found.
    """
    image = read_image(still.image_path)
    annotation = read_annotation(still.landmarks_path, still.labels)
    where = place_of(still.landmarks_path, still.labels)
    check_inside(annotation, image.shape[1::-1], where)
    try:
        whole = whole_shape(annotation)
        box, roll = upright_box(whole)
        if callable(boxes):
            box = _nearest(boxes(image), box)
        shapes = annotation.landmarks[None], box, whole[None]
        return cut_samples(still.name, [image], *shapes, roll=roll)
    except ValueError as error:  # the landmarks are one point, or a line
        raise ValueError(f"{where}: {error}") from error


def _nearest(boxes: np.ndarray | None, truth: np.ndarray) -> np.ndarray:
    """Return the box whose centre is nearest to that of the annotated face."""
    boxes = np.reshape([] if boxes is None else boxes, (-1, 4))
    middle = (truth[:2] + truth[2:]) / 2
    distances = np.linalg.norm((boxes[:, :2] + boxes[:, 2:]) / 2 - middle, axis=-1)
    if not len(boxes) or distances.min() > (truth[2:] - truth[:2]).max() / 2:
        raise ValueError("no face was found where the annotated one is")
    return boxes[distances.argmin()]
