"""Where Lucas-Kanade says that detected landmarks go: the targets of SBR.

Dong et al. 2018, "Supervision-by-Registration", with the constants of their
``configs/lk.config`` and the tests of ``lib/procedure/lk_loss.py``. Three consecutive
frames; only the one in the middle is supervised, as there: at both ends their loss
compares the detections with themselves. OpenCV's pyramidal tracker takes the place of
theirs, which runs inside the network; it gives no gradient, and theirs is cut off
(``stable 1``). NumPy and OpenCV.
"""

from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from strrn_tf.config import SbrConfig
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE
from strrn_tf.tracking.optical_flow import FlowSettings, flow_landmarks

# Their crop is 256 pixels for 1.4 times the face box; distances are said in its pixels.
PUBLISHED_PIXEL = (CROP_SIZE / CROP_MARGIN) / (256 / 1.4)
# What did not move at all has not been tracked (in their tracker a failure).
STOOD_STILL = 1e-5
LEVELS, STEPS, PRECISION = 3, 20, 1e-3


class Registration(NamedTuple):
    """What optical flow says of the landmarks in the middle frames.

    Attributes:
        forward: (B, L, 2) float32 crop pixels, followed from the frame before.
        backward: (B, L, 2) float32 crop pixels, followed from the frame after.
        kept: (B, L) float32, 1 where all tests are passed, else 0.
    """

    forward: np.ndarray
    backward: np.ndarray
    kept: np.ndarray


def register(frames: np.ndarray, shapes: np.ndarray, config: SbrConfig) -> Registration:
    """Follow the landmarks of the frames at both ends into the middle one.

    A point is left out of the whole sample when it leaves a frame; when the way from
    the first frame to the last does not lead back to it, or stands still; or when flow
    and detector are far apart in any frame. The published test of the detector's
    score is missing: MDM has none.

    Args:
        frames: (B, 3, H, W, 3) float32 in [0, 1], consecutive.
        shapes: (B, 3, L, 2) detected landmarks in crop pixels.
        config: limits of the tests.
    """
    found = [
        _register_one(sample, shape, config)
        for sample, shape in zip(frames, shapes, strict=True)
    ]
    return Registration(*(np.stack(column) for column in zip(*found, strict=True)))


def _register_one(
    frames: np.ndarray, shapes: np.ndarray, config: SbrConfig
) -> Registration:
    grey = [cv2.cvtColor(_bytes(frame), cv2.COLOR_RGB2GRAY) for frame in frames]
    shapes = np.asarray(shapes, np.float32)
    height, width = grey[0].shape
    inside = (shapes >= 0) & (shapes <= (width - 1, height - 1))
    kept = inside.all((0, 2))
    settings = FlowSettings(config.window, LEVELS, STEPS, PRECISION)

    def follow(points: np.ndarray, order: tuple[int, ...]) -> dict[int, np.ndarray]:
        """Return the points in every frame of the order; note those that are lost."""
        places = {order[0]: points}
        for here, there in pairwise(order):
            points = flow_landmarks(grey[here], grey[there], points, settings)
            np.logical_and(kept, np.isfinite(points).all(-1), out=kept)
            # A point that is lost must not become a number that is none.
            places[there] = points = np.nan_to_num(points)
        return places

    forward, backward = follow(shapes[0], (0, 1, 2)), follow(shapes[2], (2, 1, 0))
    returned = follow(forward[2], (2, 1, 0))
    for frame in (0, 1):
        gap = _distance(forward[frame], returned[frame])
        kept &= (gap <= config.forward_backward * PUBLISHED_PIXEL) & (gap > STOOD_STILL)
    for frame in (0, 1, 2):
        for followed in (forward[frame], backward[frame]):
            gap = _distance(followed, shapes[frame])
            kept &= gap <= config.distance * PUBLISHED_PIXEL
    return Registration(forward[1], backward[1], kept.astype(np.float32))


def _distance(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points - others, axis=-1)


def _bytes(frame: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(frame, 0, 1)).astype(np.uint8)
