"""Frames of video files and of folders of numbered images, and overlay videos.

RGB outside this file; OpenCV's BGR stays inside. Frames are always decoded in order:
seeking in compressed video lands on wrong frames with many files.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from data_pipeline.containers import is_cut_off
from data_pipeline.images import check_image, frame_number, list_images, read_image
from data_pipeline.opencv_log import ERROR, set_log_level
from strrn_tf.atomic import replacing

# FFmpeg would report every damaged packet on stderr; damage is reported by
# `truncated` and by errors instead. Read by OpenCV at the first video it opens.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".avi", ".mpg", ".mpeg", ".mkv", ".webm"),
    *(".wmv", ".flv", ".3gp", ".ts"),
)
DEFAULT_FPS = 25.0


class VideoFrame(NamedTuple):
    """One frame: 0-based number, seconds from the first frame, (H, W, 3) uint8 RGB."""

    index: int
    timestamp: float
    image: np.ndarray


class FrameReader:
    """A source of frames that is read in order, as often as wanted.

    Attributes:
        path: the file or folder.
        fps: nominal frames per second.
        num_frames_hint: what the container announces; None when it announces nothing.
            What can be read may differ.
        num_frames: frames found by the last reading that reached the end, else None.
        truncated: whether the last reading ended before the announced end.
    """

    def __init__(self, path: Path, fps: float, num_frames_hint: int | None) -> None:
        self.path = path
        self.fps = fps
        self.num_frames_hint = num_frames_hint
        self.num_frames: int | None = None
        self.truncated = False

    def __iter__(self) -> Iterator[VideoFrame]:
        return self.frames()

    def frames(self, indices: Collection[int] | None = None) -> Iterator[VideoFrame]:
        """Yield all frames, or those with the given numbers, in rising order.

        Frames that are not wanted are skipped without converting them, and reading
        stops after the last wanted one.
        """
        raise NotImplementedError

    def are_neighbours(self, index: int) -> bool:
        """Return whether frame ``index - 1`` directly precedes frame ``index``."""
        return index > 0


class VideoFile(FrameReader):
    """Frames of a video file, with the timestamps of its container.

    Raises:
        ValueError: not a single frame can be decoded.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        if not path.is_file():
            raise ValueError(f"{path}: there is no such video file")
        if path.stat().st_size == 0:
            raise ValueError(f"{path}: a video must not be empty. Received: 0 bytes")
        capture = self._open(path)
        fps = capture.get(cv2.CAP_PROP_FPS)
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        is_readable = capture.grab()
        capture.release()
        if not is_readable:
            raise ValueError(f"{path}: no frame of this video can be decoded")
        is_plausible = np.isfinite(fps) and 0 < fps <= 1000
        hint = int(count) if 0 < count < 1e9 else None
        super().__init__(path, float(fps) if is_plausible else DEFAULT_FPS, hint)

    @staticmethod
    def _open(path: Path) -> cv2.VideoCapture:
        # Named back end: OpenCV would otherwise try to read `clip_0001.mp4` as the
        # first of a series of images.
        # Its warning on failure is silenced: the error raised here says more.
        level = set_log_level(ERROR)
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        set_log_level(level)
        if not capture.isOpened():
            raise ValueError(
                f"{path}: is not a video that OpenCV can open (cut off, or not a video)"
            )
        return capture

    def frames(self, indices: Collection[int] | None = None) -> Iterator[VideoFrame]:
        wanted = None if indices is None else set(indices)
        capture = self._open(self.path)
        clock = _Clock(self.fps)
        index = 0
        try:
            while (wanted is None or wanted) and capture.grab():
                seconds = clock.read(index, capture.get(cv2.CAP_PROP_POS_MSEC))
                if wanted is None or index in wanted:
                    is_decoded, image = capture.retrieve()
                    if is_decoded:
                        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
                        yield VideoFrame(index, seconds, image)
                    wanted = None if wanted is None else wanted - {index}
                index += 1
            if wanted is None or wanted:
                self._note_end(index)
        finally:
            capture.release()

    def _note_end(self, num_frames: int) -> None:
        self.num_frames = num_frames
        # A count below the announced one is not enough: edit lists hide frames.
        ends_early = num_frames < (self.num_frames_hint or 0)
        self.truncated = ends_early and is_cut_off(self.path)


class _Clock:
    """Seconds since the first frame, strictly rising.

    Containers without timestamps give 0 for every frame, damaged ones go backwards;
    then the nominal frame rate carries on from the last good one.
    """

    def __init__(self, fps: float) -> None:
        self.step = 1 / fps
        self.start: float | None = None
        self.last = 0.0

    def read(self, index: int, milliseconds: float) -> float:
        if index == 0:
            self.start = milliseconds if np.isfinite(milliseconds) else 0.0
            return 0.0
        seconds = (milliseconds - self.start) / 1000
        if not (np.isfinite(seconds) and seconds > self.last):
            seconds = self.last + self.step
        self.last = seconds
        return seconds


class ImageFolder(FrameReader):
    """Frames of a folder of images, in the order of the numbers in their names.

    Timestamps are index / fps; a folder knows nothing better.

    Raises:
        ValueError: the folder holds no image, or an image cannot be decoded.
    """

    def __init__(self, path: str | Path, fps: float | None = None) -> None:
        path = Path(path)
        self.images = list_images(path)
        super().__init__(path, fps or DEFAULT_FPS, len(self.images))

    def frames(self, indices: Collection[int] | None = None) -> Iterator[VideoFrame]:
        wanted = range(len(self.images)) if indices is None else sorted(set(indices))
        for index in wanted:
            if index >= len(self.images):
                break
            image = read_image(self.images[index])
            yield VideoFrame(index, index / self.fps, image)
        self.num_frames = len(self.images)

    def are_neighbours(self, index: int) -> bool:
        """Compare the last numbers in the names: sets like YouTube Faces have gaps."""
        if not 0 < index < len(self.images):
            return False
        before, after = (frame_number(p) for p in self.images[index - 1 : index + 1])
        return before is None or after is None or after - before == 1


def open_video(path: str | Path, fps: float | None = None) -> FrameReader:
    """Return a reader of the frames of a video file or a folder of images.

    Args:
        path: video file or folder.
        fps: frame rate of a folder of images (25 when not given). A video file has its
            own timestamps, so ``fps`` is not used for it.

    Raises:
        ValueError: there is nothing at ``path`` that can be read.
    """
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"`fps` must be a positive number. Received: {fps}")
    return ImageFolder(path, fps) if Path(path).is_dir() else VideoFile(path)


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: float) -> None:
    """Write RGB frames (H, W, 3) uint8 of one size as MPEG-4 video, atomically.

    An odd side loses its last row or column, because the codec needs even sides.

    Raises:
        ValueError: there is no frame, frames differ in size, or it cannot be written.
        OSError: the disk is full.
    """
    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"`fps` must be a positive number. Received: {fps}")
    writer, shape, count = None, None, 0
    with replacing(path) as temporary:
        try:
            for frame in frames:
                frame = check_image(frame)
                if writer is None:
                    shape = frame.shape
                    writer = _open_writer(temporary, fps, shape)
                if frame.shape != shape:
                    raise ValueError(
                        f"{path}: frames must have one shape, {shape}. "
                        f"Received: {frame.shape}"
                    )
                frame = frame[: shape[0] // 2 * 2, : shape[1] // 2 * 2]
                writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
                count += 1
        finally:
            if writer is not None:
                writer.release()
        if writer is None:
            raise ValueError(f"{path}: `frames` must hold at least one frame")
        _check_written(temporary, path, count)


def _check_written(written: Path, path: str | Path, count: int) -> None:
    """Raise an ``OSError`` unless a video has all its frames: OpenCV never does."""
    capture = cv2.VideoCapture(str(written), cv2.CAP_FFMPEG)
    found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    capture.release()
    if found < count:
        raise OSError(
            f"{path}: only {found} of {count} frames could be written; is the disk "
            "full? What was there before is kept"
        )


def _open_writer(path: Path, fps: float, shape: tuple[int, ...]) -> cv2.VideoWriter:
    size = shape[1] // 2 * 2, shape[0] // 2 * 2
    codec = cv2.VideoWriter_fourcc(*"mp4v")
    # It would warn of every frame that finds no room; `_check_written` says it once.
    set_log_level(ERROR)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, fps, size)
    if not writer.isOpened():
        raise ValueError(f"{path}: OpenCV cannot write a video here (use .mp4)")
    return writer
