"""Frames of a camera in real time."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from data_pipeline.media.frame_reader import FrameReader, VideoFrame
from data_pipeline.media.opencv_log import SILENT, log_level

# Frame rate of cameras that announce none.
CAMERA_FPS = 30.0
# Pictures that may fail one after the other before the camera counts as gone. Some
# cameras need a moment to start.
PATIENCE = 30


class Capture(Protocol):
    """The methods of ``cv2.VideoCapture`` that a camera needs."""

    def isOpened(self) -> bool: ...
    def get(self, prop: int) -> float: ...
    def read(self) -> tuple[bool, np.ndarray | None]: ...
    def release(self) -> None: ...


class Camera(FrameReader):
    """Frames of a camera until it is gone. Timestamps come from a clock.

    Pictures taken while the reader is busy are lost. A failed picture is a broken
    frame.

    Args:
        number: of the camera, from 0.
        fps: nominal frame rate; None for the rate that the camera announces.
        open_capture: function that opens a camera by its number.
        clock: function that returns seconds, from any origin.

    Raises:
        ValueError: there is no such camera.
    """

    def __init__(
        self,
        number: int,
        fps: float | None = None,
        *,
        open_capture: Callable[[int], Capture] = cv2.VideoCapture,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.number = number
        self._open_capture = open_capture
        self._clock = clock
        capture = self._open()
        announced = capture.get(cv2.CAP_PROP_FPS)
        capture.release()
        is_plausible = np.isfinite(announced) and 0 < announced <= 1000
        announced = float(announced) if is_plausible else CAMERA_FPS
        super().__init__(Path(f"camera {number}"), fps or announced, None)

    def _read(self, wanted: set[int] | None) -> Iterator[VideoFrame]:
        last = max(wanted, default=-1) if wanted is not None else np.inf
        capture = self._open()
        start, index, failed = None, 0, []
        try:
            while index + len(failed) <= last and len(failed) < PATIENCE:
                is_there, image = capture.read()
                now = self._clock()
                start = now if start is None else start
                if not is_there:
                    failed.append(now - start)
                    continue
                # Failed pictures count only once another one comes. After a camera is
                # gone all pictures fail.
                for seconds in failed:
                    if wanted is None or index in wanted:
                        yield VideoFrame(index, seconds, None)
                    index += 1
                failed.clear()
                if wanted is None or index in wanted:
                    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
                    yield VideoFrame(index, now - start, image)
                index += 1
            self.num_frames = index
        finally:
            capture.release()

    def _open(self) -> Capture:
        # OpenCV would log every driver that it tries in vain.
        with log_level(SILENT):
            capture = self._open_capture(self.number)
        if not capture.isOpened():
            raise ValueError(
                f"camera {self.number} cannot be opened. Is it plugged in, may you use "
                "it, and is no other program using it? Cameras are numbered from 0"
            )
        return capture
