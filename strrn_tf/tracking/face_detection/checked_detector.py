"""Detection of one face in a box, confirmed by a second detection and the face check.

The detector network returns landmarks for any picture, so its answer alone does not
show that there is a face.
"""

from typing import NamedTuple

import numpy as np

from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    invert_matrix,
    moved_box,
)
from strrn_tf.tracking import track_checks
from strrn_tf.tracking.confidence.visibility import UNSEEN, Visibility
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face_detection.face_check import CheckFace, FaceCheckResult
from strrn_tf.tracking.networks.face_networks import Crop, FaceNetworks

# The first detection, and one more in the box where the face check sees the face.
ATTEMPTS = 2


class Detection(NamedTuple):
    """A detected face.

    Attributes:
        landmarks: (68, 2) float32 in pixels of the image.
        distances: (68,) to the landmarks of a second detection, fractions of the eye
            distance.
        crop: of the second detection, cut around ``landmarks``.
        check: result of the face check, its box in pixels of the image.
    """

    landmarks: np.ndarray
    distances: np.ndarray
    crop: Crop
    check: FaceCheckResult

    @property
    def inconsistency(self) -> float:
        """Mean of the distances."""
        return float(self.distances.mean())


class CheckedDetector:
    """Detects faces in boxes and checks them.

    Args:
        networks: of the detector.
        face_check: classifies faces. None: everything is a face.
        config: thresholds.
    """

    def __init__(
        self,
        networks: FaceNetworks,
        face_check: CheckFace | None,
        config: TrackingConfig,
    ) -> None:
        self._networks, self._face_check = networks, face_check
        self._config = config

    @property
    def has_face_check(self) -> bool:
        """Whether there is a face check."""
        return self._face_check is not None

    def check(self, crop: Crop, landmarks: np.ndarray) -> FaceCheckResult:
        """Return the result of the face check, its box in pixels of the image.

        Args:
            crop: of the image.
            landmarks: (68, 2) in pixels of the image.
        """
        if self._face_check is None:
            return FaceCheckResult(1.0, 0.0, box_from_landmarks(landmarks))
        result = self._face_check(crop.image, apply_matrix(crop.matrix, landmarks))
        return result._replace(box=moved_box(result.box, invert_matrix(crop.matrix)))

    def detect(
        self,
        image: np.ndarray,
        box: np.ndarray,
        previous_box: np.ndarray | None,
        min_score: float,
        roll: float = 0.0,
        visibility: Visibility = UNSEEN,
        is_known: bool = False,
    ) -> Detection | None:
        """Return the face in or near a box, None if there is none.

        Where the face check sees a face beside the landmarks, that place is tried too.

        Args:
            image: (H, W, 3) uint8 RGB.
            box: face box (4,).
            previous_box: (4,), where the face was in the frame before; None: nowhere.
            min_score: least probability of a face.
            roll: of the face in radians, the likeliest.
            visibility: of the face before. One that looks the same needs no face check.
            is_known: whether the face had this roll before.
        """
        for _ in range(ATTEMPTS):
            found = self._networks.detect_consistently(image, box, roll, is_known)
            if found is None:
                return None
            landmarks, distances, crop = found
            if crop is None or track_checks.is_degenerate(
                landmarks, previous_box, image.shape, self._config
            ):
                return None
            check = self.check(crop, landmarks)
            detection = Detection(landmarks, distances, crop, check)
            seen = visibility.compared(crop, landmarks, self._config)
            if track_checks.is_known_again(seen, self._config):
                return detection
            if check.score < min_score:
                return None
            if check.landmark_offset <= self._config.max_landmark_offset:
                return detection
            box = check.box
        return None
