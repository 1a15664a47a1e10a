"""Frames of videos, image folders and cameras, and writing of overlay videos.

Images are RGB outside this file and its readers; OpenCV's BGR stays inside. Frames are
always decoded in order, because seeking lands on wrong frames in many compressed files.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from data_pipeline.media.camera import Camera
from data_pipeline.media.frame_reader import FrameReader
from data_pipeline.media.image_folder import ImageFolder
from data_pipeline.media.image_formats.kind import is_image_file
from data_pipeline.media.opencv_log import ERROR, log_level
from data_pipeline.media.video_file import VideoFile
from strrn_tf.system.atomic import replacing
from strrn_tf.system.validation import check_image


def open_video(
    path: str | Path, fps: float | None = None, *, from_zero: bool = False
) -> FrameReader:
    """Return a reader of a video file, an image, a folder of images or a camera.

    Args:
        path: file or folder. A number without such a file is that of a camera.
        fps: nominal rate of an image folder (default 25) or of a camera. A video file
            has its own timestamps and ignores it.
        from_zero: count the images of a folder from 0, whatever their names.

    Raises:
        ValueError: ``path`` is no readable source.
    """
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"`fps` must be a positive number. Received: {fps}")
    if "://" in str(path):
        raise ValueError(f"{path}: addresses are not read; download the video first")
    if is_camera(path):
        return Camera(int(str(path)), fps)
    if Path(path).is_dir() or is_image_file(path):
        return ImageFolder(path, fps, from_zero=from_zero)
    return VideoFile(path)


def is_camera(path: str | Path) -> bool:
    """Return whether a source is the number of a camera."""
    name = str(path)
    return name.isascii() and name.isdigit() and not Path(path).exists()


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: float,
    *,
    open_writer: Callable[..., cv2.VideoWriter] = cv2.VideoWriter,
) -> None:
    """Write frames as MPEG-4 video, atomically.

    The codec needs even sides, so an odd side loses its last row or column.

    Args:
        path: file to write. A missing folder is created.
        frames: images (H, W, 3) uint8 RGB of one size.
        fps: frames per second.
        open_writer: function with the arguments and the result of ``cv2.VideoWriter``.

    Raises:
        ValueError: there is no frame, frames differ in size, or ``path`` cannot be
            written.
        OSError: the disk is full.
    """
    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"`fps` must be a positive number. Received: {fps}")
    writer, shape, count = None, None, 0
    # OpenCV would warn of every frame on a full disk. `_check_written` raises once.
    with replacing(path, shared=True) as temporary, log_level(ERROR):
        try:
            for frame in frames:
                frame = check_image(frame)
                if writer is None:
                    shape = frame.shape
                    size = shape[1] // 2 * 2, shape[0] // 2 * 2
                    codec = cv2.VideoWriter_fourcc(*"mp4v")
                    writer = open_writer(
                        str(temporary), cv2.CAP_FFMPEG, codec, fps, size
                    )
                    _check_opened(writer, path, size)
                if frame.shape != shape:
                    raise ValueError(
                        f"{path}: frames must have one shape, {shape}. "
                        f"Received: {frame.shape}"
                    )
                frame = frame[: size[1], : size[0]]
                writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
                count += 1
        finally:
            if writer is not None:
                writer.release()
        if writer is None:
            raise ValueError(f"{path}: `frames` must hold at least one frame")
        _check_written(temporary, path, count)


def _check_written(written: Path, path: str | Path, count: int) -> None:
    """Raise an ``OSError`` unless a video has all its frames. OpenCV does not check."""
    capture = cv2.VideoCapture(str(written), cv2.CAP_FFMPEG)
    found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    capture.release()
    if found < count:
        raise OSError(
            f"{path}: only {found} of {count} frames could be written; is the disk "
            "full? What was there before is kept"
        )


def _check_opened(
    writer: cv2.VideoWriter, path: str | Path, size: tuple[int, int]
) -> None:
    """Raise a ``ValueError`` unless a writer of frames (width, height) is open."""
    if not writer.isOpened():
        raise ValueError(
            f"{path}: cannot be written: its folder takes no files, "
            "the name does not end like one of a video (.mp4), or no video can have "
            f"frames of {size[0]} x {size[1]} pixels"
        )
