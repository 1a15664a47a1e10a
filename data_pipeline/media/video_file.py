"""Frames of video files, with the numbers and times of the container.

OpenCV skips frames that it cannot decode. At some damaged packets it reports the end of
the video, and goes on when asked again. Where time jumps or reading ends early, all
packets are therefore listed, which is quick because nothing is decoded. A packet
between two frames without a frame of its own is a broken frame. In program streams
(.mpg) damage may swallow a packet. Later numbers are then too small by one, and times
are right.
"""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from data_pipeline.media.containers import is_cut_off
from data_pipeline.media.frame_reader import DEFAULT_FPS, FrameReader, VideoFrame
from data_pipeline.media.opencv_log import SILENT, log_level

# FFmpeg would report every damaged packet on stderr. Here `truncated`, broken frames
# and errors report damage. OpenCV reads the variable when it opens its first video.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# In frame intervals: the step above which a frame may be missing, and the distance
# below which two times are the same.
GAP, SAME = 1.25, 0.5
# Consecutive damaged packets after which a video counts as ended. At the real end
# further attempts fail at once.
MAX_FAILED = 50
# Largest difference between the orders of decoding and of display, in packets.
REORDERING = 16


class VideoFile(FrameReader):
    """Frames of a video file, with the timestamps of its container.

    Frames are rotated as the container asks, like in players.

    Raises:
        ValueError: not a single frame can be decoded.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        if not path.is_file():
            raise ValueError(f"{path}: there is no such video file")
        if path.stat().st_size == 0:
            raise ValueError(f"{path}: a video must not be empty. Received: 0 bytes")
        capture = open_capture(path)
        fps = capture.get(cv2.CAP_PROP_FPS)
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        is_readable = any(capture.grab() for _ in range(MAX_FAILED))
        capture.release()
        if not is_readable:
            raise ValueError(f"{path}: no frame of this video can be decoded")
        is_plausible = np.isfinite(fps) and 0 < fps <= 1000
        hint = int(count) if 0 < count < 1e9 else None
        super().__init__(path, float(fps) if is_plausible else DEFAULT_FPS, hint)

    def _read(self, wanted: set[int] | None) -> Iterator[VideoFrame]:
        last = max(wanted, default=-1) if wanted is not None else np.inf
        capture = open_capture(self.path)
        clock = Clock(self.fps)
        index = 0
        try:
            while index <= last and self._grab(capture, clock, index):
                now = capture.get(cv2.CAP_PROP_POS_MSEC)
                for lost in self._lost_before(now, clock):
                    seconds = clock.read(lost)
                    if wanted is None or index in wanted:
                        yield VideoFrame(index, seconds, None)
                    index += 1
                seconds = clock.read(now)
                if wanted is None or index in wanted:
                    is_decoded, image = capture.retrieve()
                    if is_decoded:
                        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
                    yield VideoFrame(index, seconds, image if is_decoded else None)
                index += 1
            if index <= last:
                self._note_end(index)
        finally:
            capture.release()

    def _grab(self, capture: cv2.VideoCapture, clock: "Clock", index: int) -> bool:
        """Go to the next frame and return whether it exists."""
        if capture.grab():
            return True
        if index == self.num_frames_hint:
            return False
        return any(capture.grab() for _ in range(self._num_packets_after(clock.last)))

    def _num_packets_after(self, milliseconds: float) -> int:
        later = self._packets[self._packets > milliseconds]
        return len(later) if np.isfinite(milliseconds) else MAX_FAILED

    def _lost_before(self, now: float, clock: "Clock") -> list[float]:
        """Return the times of packets before a frame that gave no frame."""
        before, step = clock.last, 1000 * clock.smallest_step
        if not np.isfinite(before):
            before = -step  # no frame was decoded yet, and a stream begins at 0
        if not now - before > GAP * step:
            return []
        apart = SAME * step
        is_lost = (self._packets >= before + apart) & (self._packets <= now - apart)
        return self._packets[is_lost].tolist()

    @cached_property
    def _packets(self) -> np.ndarray:
        """Times of all packets in milliseconds, rising."""
        return packet_times(self.path, 1000 / self.fps)

    def _note_end(self, num_frames: int) -> None:
        self.num_frames = num_frames
        # A smaller count than announced is no proof, because edit lists hide frames.
        ends_early = num_frames < (self.num_frames_hint or 0)
        self.truncated = ends_early and is_cut_off(self.path)


def packet_times(path: Path, step: float) -> np.ndarray:
    """Return the times of all packets of a video in milliseconds, rising.

    Args:
        path: a video file.
        step: milliseconds between frames, for packets without a time.
    """
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
    times: list[float] = []
    without_time: list[int] = []  # number of packets before each of them
    failed = 0
    while failed < MAX_FAILED:
        if capture.grab():
            without_time += [len(times)] * failed
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC))
            failed = 0
        else:
            failed += 1
    capture.release()
    known = np.unique(np.array([time for time in times if np.isfinite(time)]))
    for position in without_time:
        known = _fill_hole(known, position, step)
    return known


def _fill_hole(times: np.ndarray, position: int, step: float) -> np.ndarray:
    """Add one time in the widest hole near a position in the file.

    A packet that is too damaged for the parser has no time. Packets are in the order of
    decoding, which differs from that of time by a few frames.
    """
    start = max(0, position - REORDERING)
    near = times[start : position + REORDERING]
    if start == 0:
        near = np.concatenate([[-step], near])  # a stream begins at 0
    if len(near) < 2 or not np.diff(near).max() > GAP * step:
        return times
    new = near[np.diff(near).argmax()] + step
    return np.insert(times, np.searchsorted(times, new), new)


class Clock:
    """Seconds since the first frame, strictly rising.

    Containers without timestamps give 0 for every frame, and damaged ones go back in
    time. Then the nominal frame rate continues from the last good time.

    Attributes:
        last: time of the last frame in the container, in milliseconds; NaN before.
        smallest_step: smallest step between two frames so far, in seconds. It lies
            between a quarter of the nominal step and the nominal step.
    """

    def __init__(self, fps: float) -> None:
        self.step = self.smallest_step = 1 / fps
        self.last = np.nan
        self.start = 0.0
        self.seconds: float | None = None

    def read(self, milliseconds: float) -> float:
        """Return the seconds of the next frame.

        Args:
            milliseconds: time of the frame in the container.
        """
        before, self.last = self.seconds, milliseconds
        if before is None:
            self.start = milliseconds if np.isfinite(milliseconds) else 0.0
            self.seconds = 0.0
            return self.seconds
        seconds = (milliseconds - self.start) / 1000
        if np.isfinite(seconds) and seconds > before:
            smallest = min(self.smallest_step, seconds - before)
            self.smallest_step = max(smallest, self.step / 4)
        else:
            seconds = before + self.step
        self.seconds = seconds
        return seconds


def open_capture(path: Path) -> cv2.VideoCapture:
    """Return the opened file.

    Raises:
        ValueError: it is not a video.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:  # OpenCV would crash
        shown = str(path).encode("utf-8", "backslashreplace").decode()
        raise ValueError(f"{shown}: the name is not valid UTF-8. Rename it") from None
    # The back end is named, because OpenCV would read `clip_0001.mp4` as the first of a
    # series of images. Its warning is silenced: the error below has more detail.
    with log_level(SILENT):
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise ValueError(
            f"{path}: is not a video that OpenCV can open (cut off, of an unknown "
            "codec, or not a video)"
        )
    return capture
