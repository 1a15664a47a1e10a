"""One face in one frame, as the tracker reports it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from strrn_tf.geometry.head_pose import Camera, HeadPose, PlacedHead, place_head
from strrn_tf.geometry.openings import EyeOpening, eye_opening, mouth_opening
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.confidence.evidence import NOTHING, Evidence


@dataclass(frozen=True, eq=False)
class Face:
    """One face in one frame.

    The *eye distance* is the distance of the outer eye corners.

    Attributes:
        id: number of the track. It stays the same while the face is followed.
        landmarks: (68, 2) float32, xy in pixels of the frame. Integers are pixel
            centres. NaN when lost.
        box: (4,) float32, tight box of the landmarks. When lost, of the last ones.
        reliability: probability that the mean error of the landmarks is below 5 % of
            the eye distance, see ``reliability``. 0 when lost.
        cycle_error: mean distance between the previous landmarks and those that
            backward tracking returns to, as a fraction of the eye distance. NaN when
            detected, because no step was made.
        state: "detected", "tracked" or "lost"; from ``OfflineTracker`` also "filled".
        timestamp: the argument of ``update``.
        disagreement: mean distance between tracker and detector at the last check, as a
            fraction of the eye distance. A face at rest is checked in every fourth
            frame. When detected, the distance between two detections in two crops. NaN
            when lost.
        face_score: probability of a face by MTCNN's last network at the last check. 1
            without a face check. NaN when lost.
        landmark_offset: mean distance between eyes, nose and mouth of the landmarks and
            those that MTCNN's last network sees, as a fraction of the eye distance, at
            the last check. 0 without a face check. NaN when lost.
        camera: that of the frame, see ``head_pose``. Without one the pose is that of a
            head far from the camera.
        evidence: for and against single landmarks.
        judge: gives ``landmark_confidence``. None: it is not known.

    Confidence, pose and openings are computed when they are first asked for.
    """

    id: int
    landmarks: np.ndarray
    box: np.ndarray
    reliability: float
    cycle_error: float
    state: str
    timestamp: float | None = None
    disagreement: float = np.nan
    face_score: float = 1.0
    landmark_offset: float = 0.0
    camera: Camera | None = None
    evidence: Evidence = NOTHING
    judge: "Callable[[Face], np.ndarray] | None" = None

    @cached_property
    def landmark_confidence(self) -> np.ndarray:
        """(68,) float32, probability of each landmark to be near its true place.

        Near is within 5 % of the eye distance, see ``landmark_confidence``. 0 when
        lost. NaN if it is not known, as of a face that no tracker made.
        """
        if self.state == "lost":
            return np.zeros(NUM_LANDMARKS, np.float32)
        if self.judge is None:
            return np.full(NUM_LANDMARKS, np.nan, np.float32)
        return self.judge(self)

    @cached_property
    def head(self) -> PlacedHead:
        """The average head, placed where the landmarks are seen. NaN when lost."""
        return place_head(self.landmarks, self.camera)

    @property
    def pose(self) -> HeadPose:
        """Yaw, pitch and roll of the head in degrees, see ``HeadPose``. NaN when lost.

        Yaw is positive where the nose points to the right of the picture, pitch where
        it points down, and roll where the head is turned clockwise.
        """
        return self.head.pose

    @property
    def eye_opening(self) -> EyeOpening:
        """Height over width of the eyes at the left and right of the picture."""
        return eye_opening(self.landmarks)

    @property
    def mouth_opening(self) -> float:
        """Gap between the lips over the eye distance."""
        return mouth_opening(self.landmarks)

    @property
    def offset(self) -> float:
        """Deprecated alias of ``landmark_offset``. The next version removes it."""
        return self.landmark_offset
