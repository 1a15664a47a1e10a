"""What is known at run time for and against single landmarks. NumPy only."""

from typing import NamedTuple

import numpy as np

from strrn_tf.landmarks import NUM_LANDMARKS

UNKNOWN = np.full(NUM_LANDMARKS, np.nan, np.float32)


class Evidence(NamedTuple):
    """Evidence of the landmarks of one face in one frame, each (68,).

    Distances are fractions of the eye distance. NaN is not known.

    Attributes:
        cycle: distance between the landmark before and the one that backward tracking
            returns to.
        flow: distance of tracker and optical flow.
        disagreement: distance of tracker and detector at the last check. Of a face that
            was detected, distance of two detections.
        resemblance: of the surroundings at the last check to those of the last plain
            sight, see ``visibility``.
    """

    cycle: np.ndarray = UNKNOWN
    flow: np.ndarray = UNKNOWN
    disagreement: np.ndarray = UNKNOWN
    resemblance: np.ndarray = UNKNOWN


NOTHING = Evidence()
