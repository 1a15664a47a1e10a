"""Small clips, stores and networks for tests of the learning."""

from pathlib import Path

import numpy as np

from data_pipeline.stores.store import CropStore
from strrn_tf.landmarks import NUM_LANDMARKS
from support.toy_models import toy_mean_shape

STORED, CROP, PADDING = 385, 315, 35
STEP = (4.0, -3.0)  # of the moving clip: 5 px
EYES = 120.0  # eye distance of the toy shape


def moving_clip(num_pairs=3, step=STEP):
    """Return pairs (N, 2, 315, 315, 3) of a blob that moves by ``step`` pixels."""
    y, x = np.mgrid[:CROP, :CROP]
    pairs = np.zeros((num_pairs, 2, CROP, CROP, 3), np.float32)
    for n in range(num_pairs):
        for t in range(2):
            centre = np.array([140.0 + 5 * n, 160.0]) + t * np.array(step)
            squared = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
            pairs[n, t] = np.exp(-squared / (2 * 8.0**2))[..., None]
    return pairs


class BlobDetector:
    """Puts the mean shape where the blob is: a detector that is never wrong."""

    def predict_on_batch(self, frames):
        weight = frames[..., 0].astype(np.float64)
        total = weight.sum((1, 2))
        columns, rows = np.arange(frames.shape[2]), np.arange(frames.shape[1])
        centre = np.stack(
            [(weight.sum(1) @ columns) / total, (weight.sum(2) @ rows) / total], -1
        )
        shape = toy_mean_shape() - 157 + centre[:, None]
        # The answer is the last refinement.
        return {"refinements": np.stack([shape + 30, shape], 1).astype(np.float32)}


class BlobTracker:
    """Tracks by detecting: never wrong, wherever it starts."""

    def predict_on_batch(self, inputs):
        return BlobDetector().predict_on_batch(inputs["frames"])["refinements"][:, -1]


def crop_store(folder, num, num_frames, seed=0, annotated=True):
    """Return a store in memory: frame n has the value n, landmarks are near a face."""
    rng = np.random.default_rng(seed)
    frames = np.zeros((num, num_frames, STORED, STORED, 3), np.uint8)
    frames += np.arange(1, num + 1, dtype=np.uint8)[:, None, None, None, None]
    landmarks = toy_mean_shape() + PADDING
    landmarks = landmarks + rng.normal(0, 2, (num, num_frames, NUM_LANDMARKS, 2))
    if not annotated:
        landmarks[:] = np.nan
    matrix = np.tile(np.eye(2, 3), (num, 1, 1))
    names = tuple(f"clip{n // 4}.avi#{n:06d}" for n in range(num))
    return CropStore(Path(folder), frames, landmarks.astype(np.float32), matrix, names)
