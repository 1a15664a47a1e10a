"""Errors of a detector on stills, in the windows of their landmarks."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

    from data_pipeline.datasets.three_hundred_w import Still
    from data_pipeline.stores.store import CropStore


def detection_errors(
    store: "CropStore", detector: "keras.Model", batch_size: int
) -> np.ndarray:
    """Return the inter-pupil errors (N,) of a detector in percent."""
    from data_pipeline.batches.training_data import PADDING
    from strrn_tf.evaluation.metrics import nme
    from strrn_tf.geometry import CROP_SIZE

    inside = slice(PADDING, PADDING + CROP_SIZE)
    found = []
    for first in range(0, len(store), batch_size):
        rows = slice(first, first + batch_size)
        crops = store.frames[rows, 0, inside, inside].astype(np.float32) / 255
        found.extend(detector.predict_on_batch(crops)["refinements"][:, -1])
    shapes = np.array(found) + PADDING
    return nme(shapes, store.landmarks[:, 0], "interpupil", store.whole[:, 0])


@cache
def exported_errors(model: Path, stills: tuple["Still", ...]) -> list[float]:
    """Return the inter-pupil errors of an exported model's detector in percent.

    They are kept, as many sets share a model and stills.

    Args:
        model: its folder or name.
        stills: annotated, some of their points may be missing.
    """
    from data_pipeline.annotations.reading import read_annotation
    from data_pipeline.annotations.whole_head import whole_shape
    from data_pipeline.media.images import read_image
    from strrn_tf.evaluation.metrics import nme
    from strrn_tf.geometry import box_from_landmarks
    from strrn_tf.tracking.tracker import FaceTracker

    tracker = FaceTracker.from_pretrained(str(model))
    errors = []
    for still in stills:
        annotation = read_annotation(still.landmarks_path, still.labels)
        whole = whole_shape(annotation)
        image = read_image(still.image_path)
        found = tracker.align(image, box_from_landmarks(whole))
        errors.append(float(nme(found, annotation.landmarks, "interpupil", whole)))
    return errors
