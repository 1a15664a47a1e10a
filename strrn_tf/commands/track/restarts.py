"""Tracking through frames that differ in size, such as the pictures of a folder."""

from dataclasses import replace
from typing import Protocol

import numpy as np

from strrn_tf.tracking.face import Face


class Tracker(Protocol):
    """The part of ``FaceTracker`` that commands need."""

    def reset(self) -> None:
        """Forget all faces."""

    def update(self, frame: np.ndarray, timestamp: float | None) -> list[Face]:
        """Take the next frame of a video and return its faces."""


class RestartingTracker:
    """Begins again where a frame has another size than the one before.

    Faces of a new beginning have other ids than all before.

    Args:
        tracker: fresh, or reset.

    Attributes:
        restarts: how often it began again.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._shape: tuple[int, ...] | None = None
        self._first_id = self._next_id = 0
        self.restarts = 0

    def reset(self) -> None:
        """Forget all faces. Those that follow have ids of their own."""
        self._tracker.reset()
        self._first_id = self._next_id

    def update(self, frame: np.ndarray, timestamp: float | None) -> list[Face]:
        """Take the next frame (H, W, 3) uint8 RGB, of any size; return its faces."""
        if self._shape not in (None, frame.shape):
            self.reset()
            self.restarts += 1
        self._shape = frame.shape
        faces = self._tracker.update(frame, timestamp)
        if self._first_id:
            faces = [replace(face, id=face.id + self._first_id) for face in faces]
        self._next_id = max([self._next_id, *(face.id + 1 for face in faces)])
        return faces
