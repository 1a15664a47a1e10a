"""What the tracker says about one face in one frame."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Face:
    """One face in one frame.

    Attributes:
        id: number of the track; stays the same while the face is followed.
        landmarks: (68, 2) float32, xy in pixels of the frame, integers being pixel
            centres; NaN when the face is lost.
        box: (4,) float32, tight box of the landmarks; of the last ones when lost.
        reliability: probability that the mean error of the landmarks is below 5 % of
            the distance of the outer eye corners, see ``reliability``. Lost: 0.
        cycle_error: mean distance between the previous landmarks and those tracked back
            to them, as a fraction of the distance of the outer eye corners. NaN when
            detected (there is nothing to go back to).
        state: "detected", "tracked" or "lost".
        timestamp: what ``update`` was given.
        disagreement: mean distance, same unit, between tracker and detector when the
            detector last looked (at rest, in every fourth frame); when detected,
            between two looks of the detector from two windows. NaN when lost.
        face_score: probability, by MTCNN's last network, that there is a face at all,
            when the detector last looked. 1 if nobody asked. NaN when lost.
        offset: mean distance, as a fraction of the eye distance, between eyes, nose and
            mouth of the landmarks and those that MTCNN's last network sees, at the same
            time. 0 if nobody asked. NaN when lost.
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
    offset: float = 0.0
