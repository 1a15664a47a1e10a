"""Optical flow of landmarks: pyramidal Lucas-Kanade by OpenCV.

The networks see one frame at a time, so their errors are new in every frame. Optical
flow compares two frames and measures motion to a small part of a pixel. Its errors add
up, and it knows no face. ``fusion.fuse`` combines both.
"""

from typing import NamedTuple

import cv2
import numpy as np

from strrn_tf.geometry import CROP_SIZE
from strrn_tf.tracking.config import TrackingConfig


class FlowSettings(NamedTuple):
    """Settings of the search for one landmark.

    Attributes:
        window: side in pixels of the compared neighbourhood.
        levels: of the image pyramid.
        iterations: largest number on each level.
        precision: pixels; iteration stops after a smaller step.
    """

    window: int
    levels: int
    iterations: int
    precision: float

    @classmethod
    def of_config(cls, config: TrackingConfig, crop_size: int) -> "FlowSettings":
        """Return the settings of the live tracker.

        Args:
            config: for crops of 315 pixels.
            crop_size: side of the crops in pixels. The window covers the same part of
                the face in smaller ones.
        """
        scale = crop_size / CROP_SIZE
        window = 2 * round((scale * config.flow_window - 1) / 2) + 1
        return cls(
            max(window, 3),
            config.flow_levels,
            config.flow_iterations,
            scale * config.flow_precision,
        )


def flow_landmarks(
    previous: np.ndarray,
    frame: np.ndarray,
    landmarks: np.ndarray,
    settings: FlowSettings,
) -> np.ndarray:
    """Return the landmarks of one frame in the next one.

    Args:
        previous: (S, S) uint8 gray, the frame of the landmarks.
        frame: (S, S) uint8 gray, the next one, cut by the same crop window.
        landmarks: (L, 2) in pixels of both.
        settings: of the search.

    Returns:
        (L, 2) float32. NaN for a landmark that is not found again, as on a plain wall,
        or that is outside by more than a window. Nearer ones are searched for in the
        repeated pixels of the border.
    """
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        previous,
        frame,
        np.ascontiguousarray(landmarks[:, None], np.float32),
        None,
        winSize=(settings.window, settings.window),
        maxLevel=settings.levels - 1,
        criteria=(
            cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT,
            settings.iterations,
            settings.precision,
        ),
    )
    return np.where(found == 1, moved[:, 0], np.float32(np.nan))
