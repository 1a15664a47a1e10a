"""Opens files, pipes and addresses with FFmpeg, and says in one line why it cannot."""

import errno
import os
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from strrn_tf.system.file_names import plain

# Larger frames are refused before memory is taken for them: 8K and somewhat more.
MAX_PIXELS = 36_000_000
# "Videos" that FFmpeg makes of any text.
NO_VIDEOS = frozenset(("tty",))
# Formats that hold names of other files. Opening a file must not reach the network.
FILES_ONLY = {
    "protocol_whitelist": "file",
    "max_pixels": str(MAX_PIXELS),
    # A playlist on a disk does not grow: do not wait for more.
    "max_reload": "1",
    "m3u8_hold_counters": "1",
}
# Of a pipe: there is nothing else to open.
PIPE_ONLY = {"protocol_whitelist": "pipe", "max_pixels": str(MAX_PIXELS)}


def open_file(path: Path) -> InputContainer:
    """Return an opened video file, whatever its name is.

    Raises:
        ValueError: it is not a video.
        OSError: the system refuses to open it.
    """
    # Without the prefix FFmpeg takes what stands before a colon for a protocol.
    return opened(f"file:{path}", str(path), FILES_ONLY)


def open_object(file: BinaryIO, name: str) -> InputContainer:
    """Return an opened pipe, or any other file object; see ``open_file``."""
    return opened(file, name, PIPE_ONLY)


def opened(
    source: str | BinaryIO,
    name: str,
    options: dict[str, str],
    timeout: float | None = None,
) -> InputContainer:
    """Return an opened container.

    Args:
        source: as FFmpeg takes it.
        name: of the source in messages.
        options: of FFmpeg.
        timeout: seconds that opening, or reading a packet, may take; None: any time.

    Raises:
        ValueError: it is not a video.
        OSError: the system or the network refuses to open it.
    """
    try:
        container = av.open(source, options=options, timeout=timeout)
    except av.FFmpegError as error:
        raise explained(error, name) from error
    if container.format.name in NO_VIDEOS:
        container.close()
        raise _no_video(name, "a text")
    return container


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """Return the stream that players show, ready to be decoded.

    Raises:
        ValueError: there is none that FFmpeg can decode.
    """
    stream = container.streams.best("video")
    if stream is None:
        raise ValueError(f"{name}: there is no video stream in this file")
    if stream.codec_context is None:
        raise ValueError(f"{name}: FFmpeg has no decoder for this video's codec")
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return stream


def explained(error: av.FFmpegError, name: str) -> ValueError | OSError:
    """Return an error of FFmpeg as one of the system, a server or no video."""
    if isinstance(error, (av.error.HTTPClientError, av.error.HTTPServerError)):
        return ValueError(f"{name}: {error.strerror}")
    if isinstance(error, av.error.ExitError):
        return TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT), name)
    number = error.errno or 0
    # FFmpeg's own errors have numbers that no system has.
    if isinstance(error, OSError) and 0 < number < 1000:
        return OSError(number, os.strerror(number), name)
    return _no_video(name, f"FFmpeg: {error.strerror}")


def _no_video(name: str, found: str) -> ValueError:
    return ValueError(
        f"{plain(name)}: is not a video that FFmpeg can open (cut off, of an "
        f"unknown format, or not a video). Received: {found}"
    )
