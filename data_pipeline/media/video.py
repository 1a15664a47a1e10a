"""Frames of videos, image folders, cameras, pipes and addresses; overlay videos.

Frames are always decoded in order, because seeking lands on wrong frames in many
compressed files.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from data_pipeline.media.camera import Camera
from data_pipeline.media.frame_reader import FrameReader
from data_pipeline.media.image_folder import ImageFolder
from data_pipeline.media.image_formats.kind import is_image_file
from data_pipeline.media.sources import is_address, is_camera, is_pipe, refuse_address
from strrn_tf.system.atomic import replacing
from strrn_tf.system.file_names import plain
from strrn_tf.system.validation import check_image


def open_video(
    path: str | Path,
    fps: float | None = None,
    *,
    from_zero: bool = False,
    allow_network: bool = False,
) -> FrameReader:
    """Return a reader of a video, an image, a folder of images, a pipe or a camera.

    Args:
        path: file or folder; ``"-"`` is standard input. A number without such a file is
            that of a camera. A file is a file, whatever its name looks like.
        fps: nominal rate of an image folder (default 25), of a camera or of an address.
            A video has its own timestamps and ignores it.
        from_zero: count the images of a folder from 0, whatever their names.
        allow_network: also open addresses, such as ``"rtsp://camera/live"``.

    Raises:
        ValueError: ``path`` is no readable source.
        OSError: a pipe, or the network, refuses to be opened.
    """
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"`fps` must be a positive number. Received: {fps}")
    # PyAV is imported where it is needed: folders of images and cameras are not.
    if is_address(path):
        if not allow_network:
            refuse_address(path)
        from data_pipeline.media.ffmpeg.address import Address

        return Address(str(path), fps)
    if is_camera(path):
        return Camera(int(str(path)), fps)
    if is_pipe(path):
        from data_pipeline.media.ffmpeg.pipe import Pipe

        return Pipe(path)
    if Path(path).is_dir() or is_image_file(path):
        return ImageFolder(path, fps, from_zero=from_zero)
    from data_pipeline.media.video_file import VideoFile

    try:
        return VideoFile(path)
    except OSError as error:  # one file of many must not end the others
        words = f"{plain(str(path))}: cannot be read ({error.strerror})"
        raise ValueError(words) from error


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: float) -> None:
    """Write frames as MPEG-4 video, atomically.

    The codec needs even sides, so an odd side loses its last row or column.

    Args:
        path: file to write. A missing folder is created.
        frames: images (H, W, 3) uint8 RGB of one size.
        fps: frames per second.

    Raises:
        ValueError: there is no frame, frames differ in size or are larger than the
            codec allows, or ``path`` does not end like a video.
        OSError: the file cannot be written, as on a full disk.
    """
    from data_pipeline.media.ffmpeg.encoding import encode

    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"`fps` must be a positive number. Received: {fps}")
    with replacing(path, shared=True) as temporary:
        encode(temporary, path, map(check_image, frames), fps)
