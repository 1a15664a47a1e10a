"""Where optical flow carries landmarks: how a face has moved, without noise.

The networks see one frame at a time, so that what they are off by is new in every
frame. Lucas and Kanade's method compares two frames and tells their difference to a
small part of a pixel, but what it is off by adds up, and it knows no face. Each makes
up for the other; see ``agreement.steady``.
"""

import cv2
import numpy as np

# Side of the window that is compared around a landmark, in crop pixels (an eye distance
# is about 95 of them); levels of the pyramid; steps on each.
WINDOW = 21
LEVELS = 2
STEPS = 10


def carry(before: np.ndarray, after: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Return where the landmarks of one frame are in the next one.

    Args:
        before: (S, S) uint8 grey, the frame of the landmarks.
        after: (S, S) uint8 grey, the next one, in the same window.
        landmarks: (L, 2) in pixels of both.

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
        winSize=(WINDOW, WINDOW),
        maxLevel=LEVELS - 1,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, 0.03),
    )
    return np.where(found == 1, carried[:, 0], np.float32(np.nan))
