"""Where optical flow carries landmarks: how a face has moved, without noise.

The networks see one frame at a time, so that what they are off by is new in every
frame. Lucas and Kanade's method compares two frames and tells their difference to a
small part of a pixel, but what it is off by adds up, and it knows no face. Each makes
up for the other; see ``agreement.steady``.
"""

from typing import NamedTuple

import cv2
import numpy as np

from strrn_tf.tracking.config import TrackingConfig


class Search(NamedTuple):
    """How far and how finely a landmark is looked for.

    Attributes:
        window: side in pixels of what is compared around it; in a crop the eyes are
            about 95 pixels apart.
        levels: of the pyramid.
        steps: at most so many on each level.
        precision: a step of fewer pixels is the last.
    """

    window: int
    levels: int
    steps: int
    precision: float

    @classmethod
    def of_config(cls, config: TrackingConfig) -> "Search":
        """Return the search of the live tracker, from frame to frame."""
        return cls(
            config.flow_window,
            config.flow_levels,
            config.flow_iterations,
            config.flow_precision,
        )


def carry(
    before: np.ndarray,
    after: np.ndarray,
    landmarks: np.ndarray,
    search: Search,
) -> np.ndarray:
    """Return where the landmarks of one frame are in the next one.

    Args:
        before: (S, S) uint8 grey, the frame of the landmarks.
        after: (S, S) uint8 grey, the next one, in the same window.
        landmarks: (L, 2) in pixels of both.
        search: how far and how finely they are looked for.

    Returns:
        (L, 2) float32, NaN for a landmark that is not found again, as on a plain wall,
        or is further outside than a window. What is just outside is looked for in the
        border's pixels, repeated.
    """
    carried, found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        after,
        np.ascontiguousarray(landmarks[:, None], np.float32),
        None,
        winSize=(search.window, search.window),
        maxLevel=search.levels - 1,
        criteria=(
            cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT,
            search.steps,
            search.precision,
        ),
    )
    return np.where(found == 1, carried[:, 0], np.float32(np.nan))
