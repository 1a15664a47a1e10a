"""Frames of video files, with the numbers and times that they have in the container.

OpenCV leaves out what it cannot decode, and at some damaged packets it says that the
video has ended; asked again, it goes on. So where time jumps or reading ends early, the
packets are listed, which is quick because nothing is decoded: a packet between two
frames that became neither is a broken frame. In program streams (.mpg) damage may
swallow the packet itself; then later numbers are too small by one, times are right.
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

# FFmpeg would report every damaged packet on stderr; damage is reported by
# `truncated`, by broken frames and by errors instead. Read by OpenCV at the first video
# it opens.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# Steps of time above which a frame may be missing, and within which two times are one.
GAP, SAME = 1.25, 0.5
# Damaged packets one after the other at which a video is taken to have ended. At its
# end every further attempt is answered at once.
MAX_FAILED = 50
# Packets by which the orders of decoding and of showing differ at most.
REORDERING = 16


class VideoFile(FrameReader):
    """Frames of a video file, with the timestamps of its container.

    Frames are turned as the container says, as players do.

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
        """Go to the next frame; return whether there is one."""
        if capture.grab():
            return True
        if index == self.num_frames_hint:
            return False
        return any(capture.grab() for _ in range(self._num_packets_after(clock.last)))

    def _num_packets_after(self, milliseconds: float) -> int:
        later = self._packets[self._packets > milliseconds]
        return len(later) if np.isfinite(milliseconds) else MAX_FAILED

    def _lost_before(self, now: float, clock: "Clock") -> list[float]:
        """Return the times of the packets that no frame came of, up to a frame."""
        before, step = clock.last, 1000 * clock.smallest_step
        if not np.isfinite(before):
            before = -step  # nothing was decoded so far, and a stream begins at 0
        if not now - before > GAP * step:
            return []
        apart = SAME * step
        is_lost = (self._packets >= before + apart) & (self._packets <= now - apart)
        return self._packets[is_lost].tolist()

    @cached_property
    def _packets(self) -> np.ndarray:
        """Times of all packets in milliseconds, rising; empty when there are none."""
        return packet_times(self.path, 1000 / self.fps)

    def _note_end(self, num_frames: int) -> None:
        self.num_frames = num_frames
        # A count below the announced one is not enough: edit lists hide frames.
        ends_early = num_frames < (self.num_frames_hint or 0)
        self.truncated = ends_early and is_cut_off(self.path)


def packet_times(path: Path, step: float) -> np.ndarray:
    """Return the times of all packets of a video in milliseconds, rising.

    Args:
        path: a video file.
        step: milliseconds from frame to frame, where nothing better is known.
    """
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
    times: list[float] = []
    without_time: list[int] = []  # how many packets came before each of them
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
    for place in without_time:
        known = _fill_hole(known, place, step)
    return known


def _fill_hole(times: np.ndarray, place: int, step: float) -> np.ndarray:
    """Return the times with one more, in the widest hole near a place in the file.

    A packet that is too damaged to be parsed has no time of its own. Packets lie in the
    order of decoding, which differs from that of time by a few frames.
    """
    start = max(0, place - REORDERING)
    near = times[start : place + REORDERING]
    if start == 0:
        near = np.concatenate([[-step], near])  # a stream begins at 0
    if len(near) < 2 or not np.diff(near).max() > GAP * step:
        return times
    new = near[np.diff(near).argmax()] + step
    return np.insert(times, np.searchsorted(times, new), new)


class Clock:
    """Seconds since the first frame, strictly rising.

    Containers without timestamps give 0 for every frame, damaged ones go backwards;
    then the nominal frame rate carries on from the last good one.

    Attributes:
        last: what the container said of the last frame, in milliseconds; NaN before.
        smallest_step: in seconds, between any two frames so far, at most the nominal
            one and at least a quarter of it.
    """

    def __init__(self, fps: float) -> None:
        self.step = self.smallest_step = 1 / fps
        self.last = np.nan
        self.start = 0.0
        self.seconds: float | None = None

    def read(self, milliseconds: float) -> float:
        """Return the seconds of the next frame.

        Args:
            milliseconds: what the container says of it.
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
    # Named back end: OpenCV would otherwise try to read `clip_0001.mp4` as the first of
    # a series of images. Its warning on failure is silenced: the error here says more.
    with log_level(SILENT):
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise ValueError(
            f"{path}: is not a video that OpenCV can open (cut off, of an unknown "
            "codec, or not a video)"
        )
    return capture
