"""One face in one frame, as the tracker reports it."""

from dataclasses import dataclass

import numpy as np


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
        state: "detected", "tracked" or "lost".
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

    @property
    def offset(self) -> float:
        """Deprecated alias of ``landmark_offset``. The next version removes it."""
        return self.landmark_offset
