"""Writes clips in the 300VW layout: ``vid.avi`` and ``annot/000001.pts`` onwards."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from data_pipeline.media.pts import write_pts
from strrn_tf.system.atomic import replacing_folder

_JPEG_QUALITY = 95


def write_clip(
    folder: Path, frames: Iterable[tuple[np.ndarray, np.ndarray]], rate: float
) -> None:
    """Write a clip atomically.

    Args:
        folder: of the clip, such as ``300vw/001``.
        frames: images (H, W, 3) uint8 of one size with landmarks (68, 2).
        rate: frames per second.

    Raises:
        ValueError: there is no frame.
        OSError: the folder cannot be written.
    """
    with replacing_folder(folder) as new, ExitStack() as stack:
        (new / "annot").mkdir()
        writer = None
        for number, (image, landmarks) in enumerate(frames, 1):
            if writer is None:
                writer = _open_video(new / "vid.avi", image.shape[:2], rate)
                stack.callback(writer.release)
            writer.write(np.ascontiguousarray(image[..., ::-1]))
            write_pts(new / "annot" / f"{number:06d}.pts", landmarks)
        if writer is None:
            raise ValueError(f"{folder}: `frames` must hold at least one frame")


def _open_video(path: Path, size: tuple[int, int], rate: float) -> cv2.VideoWriter:
    """Return an opened Motion-JPEG writer for frames of ``size`` (H, W)."""
    code = cv2.VideoWriter_fourcc(*"MJPG")
    # OpenCV's own encoder: the same bytes whichever ffmpeg is installed.
    writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, code, rate, size[::-1])
    if not writer.isOpened():
        raise OSError(f"{path} could not be opened for writing.")
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, _JPEG_QUALITY)
    return writer
