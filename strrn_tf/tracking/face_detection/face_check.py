"""The face check: MTCNN's last network on the place of the landmarks.

Landmark networks have an answer for any picture. On a gray wall tracker and detector
agree on the mean face, and backward tracking always returns. Both can also agree on
half a face beside the true one. ``onet`` was trained to classify and locate faces. It
takes 48 x 48 pixels and half a millisecond.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from strrn_tf.geometry import (
    CROP_SIZE,
    apply_matrix,
    box_from_landmarks,
    eye_distance,
    invert_matrix,
    lengths,
    moved_box,
    similarity,
)
from strrn_tf.landmarks import OUTER_EYE_CORNERS
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face_detection.face_boxes import landmark_box, mtcnn_box
from strrn_tf.tracking.face_detection.mtcnn.boxes import calibrate, place_points
from strrn_tf.tracking.face_detection.mtcnn.networks import ONET_SIDE as SIDE
from strrn_tf.tracking.face_detection.mtcnn.networks import open_onet


class FaceCheckResult(NamedTuple):
    """What the face check sees at the landmarks.

    Attributes:
        score: probability of a face.
        landmark_offset: mean distance between eyes, nose and mouth corners of the face
            that is seen and those of the landmarks, a fraction of the eye distance.
        box: (4,) face box of the face that is seen, in pixels of the crop.
    """

    score: float
    landmark_offset: float
    box: np.ndarray


# Crop (S, S, 3) uint8 and landmarks (68, 2) in its pixels -> what is seen there.
CheckFace = Callable[[np.ndarray, np.ndarray], FaceCheckResult]


class FaceCheck:
    """Checks whether landmarks are on a face.

    Args:
        num_threads: threads of the network.
        config: oversampling and largest tilt of the patch.

    Attributes:
        network: that is run.
    """

    def __init__(
        self, num_threads: int = 1, config: TrackingConfig | None = None
    ) -> None:
        self._config = config or TrackingConfig()
        self.network = open_onet(num_threads)

    def __call__(self, crop: np.ndarray, landmarks: np.ndarray) -> FaceCheckResult:
        """Return the result for one crop.

        Args:
            crop: (S, S, 3) uint8 RGB.
            landmarks: (68, 2) in its pixels.
        """
        size = SIDE * self._oversampling(len(crop))
        matrix = patch_matrix(landmarks, size, self._config.face_check_max_tilt)
        fine = cv2.warpAffine(
            crop,
            matrix,
            (size, size),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        patch = cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        output = self.network.run(patch.astype(np.float32)).astype(np.float64)
        score = 1 / (1 + math.exp(-min(max(output[-1], -50.0), 50.0)))
        square = np.array([[0, 0, size - 1, size - 1]], np.float64)
        points = place_points(square, output[None, 4:14])[0]
        own = apply_matrix(matrix, np.asarray(landmarks, np.float64))
        apart = lengths(points - five_points(own)).mean()
        seen = landmark_box(_ordered(calibrate(square, output[None, :4])[0]))
        return FaceCheckResult(
            score,
            float(apart / eye_distance(own)),
            moved_box(seen, invert_matrix(matrix)),
        )

    def _oversampling(self, crop_size: int) -> int:
        """Return the samples per pixel of the patch; smaller crops need fewer."""
        scale = crop_size / CROP_SIZE
        return max(round(scale * self._config.face_check_oversampling), 1)


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """Return eye centres, nose tip and mouth corners (5, 2) of landmarks (68, 2)."""
    # Half the time of `mean`.
    eyes = np.add.reduce(landmarks[36:48].reshape(2, 6, 2), 1) / 6
    return np.concatenate([eyes, landmarks[[30, 48, 54]]])


def _ordered(box: np.ndarray) -> np.ndarray:
    """Return a box (4,) of at least one pixel; the network's box may be inverted."""
    return np.concatenate([box[:2], np.maximum(box[2:], box[:2] + 1)])


def patch_matrix(landmarks: np.ndarray, size: int, max_tilt: float) -> np.ndarray:
    """Return the similarity (2, 3) to the upright square of MTCNN's box of a face.

    Args:
        landmarks: (68, 2).
        size: side of the square in pixels.
        max_tilt: radians by which a head is turned upright at most.
    """
    landmarks = np.asarray(landmarks, np.float64)
    left, right = OUTER_EYE_CORNERS
    along = landmarks[right] - landmarks[left]
    tilt = min(max(math.atan2(along[1], along[0]), -max_tilt), max_tilt)
    upright = similarity(1.0, -tilt, np.zeros(2))
    box = mtcnn_box(box_from_landmarks(apply_matrix(upright, landmarks)))
    scale = size / (box[2:] - box[:2]).max()
    shift = (size - 1) / 2 - scale * (box[:2] + box[2:]) / 2
    return similarity(scale, -tilt, shift)
