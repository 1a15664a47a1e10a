"""The targets of SBR: detected landmarks, tracked by Lucas-Kanade optical flow.

Dong et al. 2018, "Supervision-by-Registration", with the constants of their
``configs/lk.config`` and the tests of ``lib/procedure/lk_loss.py``. A sample has three
consecutive frames, and only the middle one is supervised, as published. (Their loss
on the outer frames is zero.) OpenCV's pyramidal tracker
replaces theirs, which runs inside the network. Neither passes a gradient: theirs is
stopped (``stable 1``). NumPy and OpenCV.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from strrn_tf.config import SbrConfig
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE
from strrn_tf.tracking.optical_flow import FlowSettings, flow_landmarks

# Their crop is 256 pixels for 1.4 times the face box. Distances are in its pixels.
PUBLISHED_PIXEL = (CROP_SIZE / CROP_MARGIN) / (256 / 1.4)
# A smaller forward-backward distance counts as a failure, as in their tracker.
MIN_FORWARD_BACKWARD = 1e-5
LEVELS, STEPS, PRECISION = 3, 20, 1e-3

Flow = Callable[[np.ndarray, np.ndarray, np.ndarray, FlowSettings], np.ndarray]


class Registration(NamedTuple):
    """Landmarks in the middle frames, tracked by optical flow.

    Attributes:
        forward: (B, L, 2) float32 crop pixels, tracked from the frame before.
        backward: (B, L, 2) float32 crop pixels, tracked from the frame after.
        kept: (B, L) float32, 1 for landmarks that pass all tests, else 0.
    """

    forward: np.ndarray
    backward: np.ndarray
    kept: np.ndarray


def register(
    frames: np.ndarray,
    shapes: np.ndarray,
    config: SbrConfig,
    flow: Flow = flow_landmarks,
) -> Registration:
    """Track the landmarks of the outer frames into the middle one.

    A landmark is left out of the whole sample in three cases. It leaves a frame. Its
    forward-backward distance, from the first frame to the last and back, is too large
    or zero. Or flow and detector are far apart in any frame. The published test of the
    detector's score is missing, because MDM has no score.

    Args:
        frames: (B, 3, H, W, 3) float32 in [0, 1], consecutive.
        shapes: (B, 3, L, 2) detected landmarks in crop pixels.
        config: limits of the tests.
        flow: tracks points (L, 2) from one picture to another.
    """
    found = [
        _register_one(sample, shape, config, flow)
        for sample, shape in zip(frames, shapes, strict=True)
    ]
    return Registration(*(np.stack(column) for column in zip(*found, strict=True)))


def _register_one(
    frames: np.ndarray, shapes: np.ndarray, config: SbrConfig, flow: Flow
) -> Registration:
    gray = [cv2.cvtColor(_bytes(frame), cv2.COLOR_RGB2GRAY) for frame in frames]
    shapes = np.asarray(shapes, np.float32)
    height, width = gray[0].shape
    inside = (shapes >= 0) & (shapes <= (width - 1, height - 1))
    kept = inside.all((0, 2))
    settings = FlowSettings(config.window, LEVELS, STEPS, PRECISION)

    def track(points: np.ndarray, order: tuple[int, ...]) -> dict[int, np.ndarray]:
        """Return the points in every frame of the order; lost ones are not kept."""
        tracked = {order[0]: points}
        for here, there in pairwise(order):
            points = flow(gray[here], gray[there], points, settings)
            np.logical_and(kept, np.isfinite(points).all(-1), out=kept)
            # The loss multiplies by `kept`, and 0 times NaN is NaN.
            tracked[there] = points = np.nan_to_num(points)
        return tracked

    forward, backward = track(shapes[0], (0, 1, 2)), track(shapes[2], (2, 1, 0))
    returned = track(forward[2], (2, 1, 0))
    for frame in (0, 1):
        gap = _distance(forward[frame], returned[frame])
        kept &= gap <= config.forward_backward * PUBLISHED_PIXEL
        kept &= gap > MIN_FORWARD_BACKWARD
    for frame in (0, 1, 2):
        for points in (forward[frame], backward[frame]):
            gap = _distance(points, shapes[frame])
            kept &= gap <= config.distance * PUBLISHED_PIXEL
    return Registration(forward[1], backward[1], kept.astype(np.float32))


def _distance(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points - others, axis=-1)


def _bytes(frame: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(frame, 0, 1)).astype(np.uint8)
