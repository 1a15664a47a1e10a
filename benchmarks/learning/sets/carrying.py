"""Corrected landmarks, carried by optical flow into the frames between them.

The other way to use corrected frames. `corrections` moves the models' labels, and time
has no direction for it. Here the models' labels do not matter between two corrected
frames, and offline tracking fills what lies there like a moment of loss.
"""

from itertools import pairwise

import cv2
import numpy as np

from data_pipeline.stores.store import CropStore
from data_pipeline.synthetic.scene.motion import FRAMES_PER_SECOND
from strrn_tf.geometry import apply_matrix, box_from_landmarks, invert_matrix
from strrn_tf.system.file_names import clip_of, index_of
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.offline.config import OfflineConfig
from strrn_tf.tracking.offline.filling import fill_gap
from strrn_tf.tracking.offline.sighting import Sighting, View


def carried_labels(
    clips: CropStore, labels: np.ndarray, corrected: CropStore
) -> np.ndarray:
    """Return labels (n, 68, 2) in stored pixels, carried where both sides are known.

    Between two corrected frames of a clip that follow each other, their landmarks are
    carried in from both. Frames before the first and behind the last keep their labels.

    Args:
        clips: n frames of clips at 25 frames per second, of which some may be left out.
            Names are those of `frame_name`, in any order.
        labels: (n, 68, 2) in stored pixels. Beside a gap they say how the face moves.
        corrected: further frames of these clips. Names end with ".jpg".
    """
    config, tracking = OfflineConfig(), TrackingConfig()
    names = [*clips.names, *(name.removesuffix(".jpg") for name in corrected.names)]
    frames = [*clips.frames[:, 0], *corrected.frames[:, 0]]
    shapes = np.concatenate([labels, corrected.whole[:, 0]])
    # Stored crops lie apart in their frames: each has a window of its own.
    matrices = np.concatenate([clips.matrix, corrected.matrix])
    shapes = apply_matrix(invert_matrix(matrices), shapes)
    seconds = [index_of(name) / FRAMES_PER_SECOND for name in names]
    parts = zip(frames, shapes, matrices, seconds, strict=True)
    seen = [sighting(*part, tracking) for part in parts]
    clip = np.array([clip_of(name) for name in names])
    result = labels.copy()
    for rows in (np.flatnonzero(clip == name) for name in np.unique(clip)):
        order = sorted(rows.tolist(), key=seconds.__getitem__)
        sides = [at for at, row in enumerate(order) if row >= len(clips)]
        here = [seen[row] for row in order]
        for start, stop in pairwise(sides):
            faces = fill_gap(here, start, stop, config, tracking)
            for row, face in zip(order[start + 1 : stop], faces, strict=True):
                result[row] = apply_matrix(matrices[row], face.landmarks)
    return result


def sighting(
    crop: np.ndarray,
    landmarks: np.ndarray,
    matrix: np.ndarray,
    seconds: float,
    tracking: TrackingConfig,
) -> Sighting:
    """Return what is seen of a face in a stored crop.

    Args:
        crop: (385, 385, 3) uint8 RGB.
        landmarks: (68, 2) in pixels of the frame that the crop was cut from.
        matrix: (2, 3) from the frame to the crop.
        seconds: of the frame.
        tracking: ``noise_level``.
    """
    view = View(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), matrix)
    face = Face(0, landmarks, box_from_landmarks(landmarks), 1.0, np.nan, "detected")
    pattern = view.around(landmarks).pattern(landmarks, tracking)
    return Sighting(face, seconds, view, pattern)
