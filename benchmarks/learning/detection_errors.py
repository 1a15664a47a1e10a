"""Errors of a detector on stored stills, in the windows of their landmarks."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

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
