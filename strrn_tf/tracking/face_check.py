"""Is there a face at all? MTCNN's last network, asked about one crop.

Landmark networks answer whatever they see: on a grey wall tracker and detector agree on
the mean face, and every way back is perfect. ``onet`` was trained to tell faces from
everything else, takes 48 x 48 pixels and half a millisecond.
"""

import cv2
import numpy as np

from strrn_tf.face_boxes import mtcnn_box
from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    compose,
    similarity,
)
from strrn_tf.landmarks import OUTER_EYE_CORNERS
from strrn_tf.tracking.mtcnn.networks import Network

SIDE = 48
# Samples for every pixel of the patch and direction, averaged: the network's patches
# are four to five times as small as the crop.
SAMPLES = 4
# Heads tilted further than so many radians are not turned upright entirely: the
# landmarks of what is no face may have any angle.
LARGEST_TILT = 0.8


class FaceCheck:
    """Says how probable it is that landmarks are on a face.

    Args:
        num_threads: threads of the network.
    """

    def __init__(self, num_threads: int = 1) -> None:
        self._network = Network("onet", SIDE, SIDE, num_threads)

    def __call__(self, crop: np.ndarray, landmarks: np.ndarray) -> float:
        """Return the probability of a face.

        Args:
            crop: (H, W, 3) float32 RGB in [0, 1].
            landmarks: (68, 2) in its pixels.
        """
        matrix = patch_matrix(landmarks, SIDE * SAMPLES)
        fine = cv2.warpAffine(
            crop,
            matrix,
            (SIDE * SAMPLES, SIDE * SAMPLES),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        patch = cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        logit = float(self._network.run(patch * np.float32(255))[-1])
        return 1 / (1 + float(np.exp(-np.clip(logit, -50, 50))))


def patch_matrix(landmarks: np.ndarray, size: int) -> np.ndarray:
    """Return the similarity (2, 3) to the upright square of MTCNN's box of a face.

    Args:
        landmarks: (68, 2).
        size: side of the square in pixels.
    """
    landmarks = np.asarray(landmarks, np.float64)
    right, left = OUTER_EYE_CORNERS
    along = landmarks[left] - landmarks[right]
    tilt = np.clip(np.arctan2(along[1], along[0]), -LARGEST_TILT, LARGEST_TILT)
    upright = similarity(1.0, -tilt, np.zeros(2))
    box = mtcnn_box(box_from_landmarks(apply_matrix(upright, landmarks)))
    scale = size / (box[2:] - box[:2]).max()
    shift = (size - 1) / 2 - scale * (box[:2] + box[2:]) / 2
    return compose(similarity(scale, 0.0, shift), upright)
