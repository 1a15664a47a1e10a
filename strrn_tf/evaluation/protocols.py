"""Protocols: how a detector and a tracker are run over a sequence that is scored.

There are five, because the paper does not name its own:

* ``detect``: the detector with a given box on every frame;
* ``detect-last``: the detector in the box of its own landmarks in the frame before. The
  given box is for the first frame, and for those after a loss;
* ``track``: the detector on the first frame, then one tracker step per frame;
* ``track-redetect``: the steps of ``FaceTracker``, see ``tracking.step``. Every few
  frames the detector corrects the tracker, and optical flow gives the motion between
  frames. The face is detected again in a box of this frame (the true one with ``gt``).
  This happens where the networks differ, the cycle error exceeds a limit, or the shape
  cannot be the face any more. The live tracker detects again in its previous box, and
  needs two detections that agree.
* ``live``: ``FaceTracker.update`` itself, as users run it, with its own face finder,
  face check and smoothing. It takes no box.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, NamedTuple, Protocol

import numpy as np

from strrn_tf.geometry import box_from_landmarks, box_sides
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.step import TrackState, track_step

ProtocolName = Literal["detect", "detect-last", "track", "track-redetect", "live"]
PROTOCOLS: tuple[ProtocolName, ...] = (
    "detect",
    "detect-last",
    "track",
    "track-redetect",
    "live",
)
# Those that make no step from one frame to the next.
DETECTOR_ALONE = "detect", "detect-last"
State = Literal["detected", "tracked", "lost"]
# Fraction of the eye distance, twice that of the live tracker.
CYCLE_LIMIT = 0.10
LOST_SHAPE = np.full((NUM_LANDMARKS, 2), np.nan, np.float32)


class LandmarkTracker(Protocol):
    """What an evaluation needs of a tracker; ``FaceTracker`` has it."""

    networks: FaceNetworks

    def align(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Return the landmarks (68, 2) of the face in a box (4,) of one image."""

    def step(
        self,
        previous_frame: np.ndarray,
        frame: np.ndarray,
        previous_landmarks: np.ndarray,
    ) -> tuple[np.ndarray, float]:
        """Return the landmarks (68, 2) in ``frame`` and the cycle error (fraction)."""

    def reset(self) -> None:
        """Forget all faces."""

    def update(self, frame: np.ndarray) -> list[Face]:
        """Take the next frame of a video and return its faces."""


class Answer(NamedTuple):
    """Answer of a protocol for one frame.

    Attributes:
        landmarks: (68, 2) float32 in image pixels, NaN if lost.
        cycle_error: of the tracker's step, a fraction of the eye distance. NaN where no
            step was made. A detected frame has one if its step was rejected.
        state: "detected", "tracked" or "lost".
    """

    landmarks: np.ndarray
    cycle_error: float
    state: State


class ProtocolRun:
    """One protocol on one sequence, with its state from frame to frame.

    Args:
        protocol: one of ``PROTOCOLS``.
        tracker: detector and tracker.
        cycle_limit: ``track-redetect`` rejects steps with a larger cycle error
            (fraction of the eye distance), in place of the ``config``'s.
        config: all other thresholds of ``track-redetect``.
    """

    def __init__(
        self,
        protocol: ProtocolName,
        tracker: LandmarkTracker,
        cycle_limit: float = CYCLE_LIMIT,
        config: TrackingConfig | None = None,
    ) -> None:
        if protocol not in PROTOCOLS:
            raise ValueError(
                f"`protocol` must be one of {', '.join(PROTOCOLS)}. "
                f"Received: {protocol!r}"
            )
        self.protocol, self.tracker = protocol, tracker
        self.config = replace(config or TrackingConfig(), max_cycle_error=cycle_limit)
        self._frame: np.ndarray | None = None
        self._landmarks: np.ndarray | None = None
        # Where the detector looks, and where the face was seen last.
        self._box: np.ndarray | None = None
        self._last: np.ndarray | None = None
        self._started = False
        self._state = TrackState()
        if protocol == "live":
            tracker.reset()

    def advance(
        self, image: np.ndarray, find_box: Callable[[], np.ndarray | None]
    ) -> Answer:
        """Run the protocol on the next frame.

        Args:
            image: (H, W, 3) uint8 RGB.
            find_box: finds the face box (4,) of this frame, or those (N, 4) of several
                faces. Then the one nearest to the last answer is taken, at the start
                the largest. None where there is none. The protocol calls it only if it
                needs a box in this frame.
        """
        if self.protocol == "live":
            return self._update(image)
        landmarks, cycle_error = self._step(image)
        state: State = "tracked"
        # Plain tracking starts once and is never corrected.
        if landmarks is None and not (self.protocol == "track" and self._started):
            landmarks, state = self._detect(image, find_box), "detected"
            self._state = TrackState()
        self._frame, self._landmarks = image, landmarks
        if landmarks is None:
            return Answer(LOST_SHAPE, cycle_error, "lost")
        self._started = True
        self._last = box_from_landmarks(landmarks)
        if self.protocol != "detect":
            self._box = self._last
        return Answer(np.asarray(landmarks, np.float32), cycle_error, state)

    def _step(self, image: np.ndarray) -> tuple[np.ndarray | None, float]:
        """Return landmarks and cycle error of a tracker step, None if rejected."""
        if self.protocol in DETECTOR_ALONE or self._landmarks is None:
            return None, np.nan
        if self.protocol == "track":
            start = self._landmarks
            landmarks, cycle_error = self.tracker.step(self._frame, image, start)
            # The drift of plain tracking is a result, so a bad shape is kept as long
            # as a crop window can be made from it.
            return landmarks if is_trackable(landmarks, image) else None, cycle_error
        networks, state = self.tracker.networks, self._state
        if state.crop is None:
            state = state.cut_crop(networks, self._frame, self._landmarks)
        step = track_step(networks, state, image, self._landmarks, self.config)
        self._state = step.state or TrackState()
        return step.landmarks, step.cycle_error

    def _update(self, image: np.ndarray) -> Answer:
        """Return the answer of the live tracker, which follows one face."""
        faces = [face for face in self.tracker.update(image) if face.state != "lost"]
        if not faces:
            return Answer(LOST_SHAPE, np.nan, "lost")
        return Answer(faces[0].landmarks, faces[0].cycle_error, faces[0].state)

    def _detect(
        self, image: np.ndarray, find_box: Callable[[], np.ndarray | None]
    ) -> np.ndarray | None:
        """Align from this frame's box, else from the last one known."""
        follows = self.protocol == "detect-last" and self._landmarks is not None
        box = None if follows else nearest_box(find_box(), self._last)
        self._box = self._box if box is None else box
        if self._box is None:
            return None
        landmarks = self.tracker.align(image, self._box)
        return landmarks if is_trackable(landmarks, image) else None


def nearest_box(boxes: np.ndarray | None, last: np.ndarray | None) -> np.ndarray | None:
    """Return the box (4,) whose centre is nearest to that of ``last`` (4,).

    A single box (4,) is returned as it is.

    Args:
        boxes: (4,), or (N, 4) of several faces, or None.
        last: where the face was; None: the largest box is returned. None is returned
            where all faces are more than its longer side away: they are others'.
    """
    if boxes is None or not np.size(boxes):
        return None
    if np.ndim(boxes) == 1:
        return boxes
    if last is None:
        return boxes[box_sides(boxes).prod(-1).argmax()]
    away = (boxes[:, :2] + boxes[:, 2:]) / 2 - (last[:2] + last[2:]) / 2
    distance = np.linalg.norm(away, axis=-1)
    nearest = distance.argmin()
    return boxes[nearest] if distance[nearest] <= box_sides(last).max() else None


def is_trackable(landmarks: np.ndarray, image: np.ndarray) -> bool:
    """Return whether a shape (68, 2) has a crop window in an image (H, W, 3).

    It has one if it is finite, spans an area and touches the image.
    """
    if not np.isfinite(landmarks).all():
        return False
    box = box_from_landmarks(landmarks)
    height, width = image.shape[:2]
    touches = (box[2:] >= 0).all() and (box[:2] <= (width - 1, height - 1)).all()
    return bool(touches and (box_sides(box) > 0).all())
