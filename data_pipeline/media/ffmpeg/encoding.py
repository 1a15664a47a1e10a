"""Encodes overlay videos."""

import contextlib
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

CODEC = "mpeg4"
# Of 1 to 31: a good picture.
QUANTISER = 2
# FFmpeg's unit of quality, in steps of the quantiser.
LAMBDA = 118
# The codec counts time in at most so many ticks a second.
MOST_TICKS = 65535
# Seconds of the longest frame, a day. MP4 files do not take much more.
LONGEST = 86_400


def encode(
    file: Path, name: str | Path, frames: Iterable[np.ndarray], fps: float
) -> int:
    """Write frames as MPEG-4 video and return their number.

    Args:
        file: to write. Its suffix decides on the container.
        name: of the file in messages.
        frames: images (H, W, 3) uint8 RGB of one size. An odd side loses its last row
            or column.
        fps: frames per second, any positive number. Rates beyond those that the codec
            and the container count become the nearest of these.

    Raises:
        ValueError: frames differ in size, or cannot be encoded.
        OSError: the file cannot be written.
    """
    encoder, shape = None, None
    try:
        for frame in frames:
            if encoder is None:
                shape = frame.shape
                encoder = _Encoder(file, name, shape, fps)
            if frame.shape != shape:
                raise ValueError(
                    f"{name}: frames must have one shape, {shape}. "
                    f"Received: {frame.shape}"
                )
            encoder.add(frame)
        if encoder is None:
            raise ValueError(f"{name}: `frames` must hold at least one frame")
        return encoder.finish()
    except OSError as error:
        if isinstance(error, av.FFmpegError):
            raise OSError(error.errno, error.strerror, str(name)) from error
        raise
    finally:
        if encoder is not None:
            # A file that is not finished has no end, which fails once more.
            with contextlib.suppress(av.FFmpegError):
                encoder.close()


class _Encoder:
    def __init__(
        self, file: Path, name: str | Path, shape: tuple[int, ...], fps: float
    ) -> None:
        self._width, self._height = shape[1] // 2 * 2, shape[0] // 2 * 2
        self._reformatter = VideoReformatter()
        self._count = 0
        self._container = _opened(file, name)
        try:
            self._stream = self._new_stream(fps)
            self._stream.codec_context.open()
            self._container.start_encoding()
        except OSError:
            self.close()
            raise
        except (av.FFmpegError, ValueError) as error:
            self.close()
            raise ValueError(
                f"{name}: no overlay can have frames of {shape[1]} x {shape[0]} "
                f"pixels in this file ({getattr(error, 'strerror', error)}). MPEG-4 "
                "takes sides of 2 to 8190 pixels; landmarks are written at any size"
            ) from error

    def _new_stream(self, fps: float) -> VideoStream:
        # Higher and lower rates, as of pictures of one a week, play at the nearest.
        seconds = min(max(1 / fps, 1 / MOST_TICKS), LONGEST)
        tick = Fraction(seconds).limit_denominator(MOST_TICKS)
        stream = self._container.add_stream(CODEC, rate=1 / tick)
        stream.width, stream.height = self._width, self._height
        stream.pix_fmt = "yuv420p"
        codec = stream.codec_context
        codec.time_base = tick
        codec.thread_count = 1  # the same bytes on every machine
        codec.qscale, codec.global_quality = True, QUANTISER * LAMBDA
        return stream

    def add(self, image: np.ndarray) -> None:
        image = np.ascontiguousarray(image[: self._height, : self._width])
        frame = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(image, format="rgb24"),
            format=self._stream.pix_fmt,
            interpolation=Interpolation.BICUBIC,
            threads=1,
        )
        frame.pts, frame.time_base = self._count, self._stream.codec_context.time_base
        self._container.mux(self._stream.encode(frame))
        self._count += 1

    def finish(self) -> int:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._count

    def close(self) -> None:
        self._container.close()


def _opened(file: Path, name: str | Path) -> OutputContainer:
    try:
        return av.open(f"file:{file}", "w")
    except OSError as error:
        if isinstance(error, av.FFmpegError):
            raise OSError(error.errno, error.strerror, str(name)) from error
        raise
    except (av.FFmpegError, ValueError) as error:
        raise ValueError(
            f"{name}: cannot be written: the name does not end like one of a video "
            "(.mp4)"
        ) from error
