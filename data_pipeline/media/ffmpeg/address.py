"""Frames of a network address in real time: cameras and streams."""

import math
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import av
import numpy as np
from av.container import InputContainer

from data_pipeline.media.ffmpeg.decoding import Decoder, first_packets
from data_pipeline.media.ffmpeg.display import Display
from data_pipeline.media.ffmpeg.opening import (
    MAX_PIXELS,
    explained,
    open_object,
    opened,
    video_stream,
)
from data_pipeline.media.ffmpeg.rates import guessed_rate
from data_pipeline.media.frame_reader import DEFAULT_FPS, FrameReader, VideoFrame
from data_pipeline.media.sources import SCHEMES, without_secrets
from strrn_tf.system.command_line import one_line

# There is no connection that could break: silence is the end.
_CONNECTIONLESS = ("udp", "rtp")
_OPTIONS = {
    # No file: a stream must not name one of this machine.
    "protocol_whitelist": "http,https,httpproxy,tls,tcp,udp,rtp,rtsp,rtmp,rtmps,crypto",
    "rtsp_flags": "prefer_tcp",
    # FFmpeg uses a connection of HTTP again. A server has to be asked to leave it open.
    "multiple_requests": "1",
    "max_pixels": str(MAX_PIXELS),
}
# Seconds that opening and every packet may take.
TIMEOUT = 10.0
# Seconds before each attempt to connect again.
DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0)
# Seconds of a connection after which the attempts count from the first again.
STEADY = 60.0


class Address(FrameReader):
    """Frames of a network address. Timestamps come from a clock.

    A lost connection is opened again, a limited number of times. Where a file is sent,
    frames that were seen before are skipped then.

    Args:
        address: of a stream, or of a video file on a server.
        fps: nominal frame rate; None for the rate that the stream announces.
        clock: function that returns seconds, from any origin.
        sleep: waits some seconds.
        report: shows a line to the user.

    Raises:
        ValueError: it is not a video, or no address that can be opened.
        OSError: there is no connection.
    """

    def __init__(
        self,
        address: str,
        fps: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        report: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
    ) -> None:
        self.address, self.name = address, without_secrets(address)
        self._clock, self._sleep, self._report = clock, sleep, report
        scheme = address.partition(":")[0].lower()
        if scheme not in SCHEMES:
            raise ValueError(
                f"{self.name}: {scheme}:// is not opened. Known: {', '.join(SCHEMES)}"
            )
        self._is_connected = scheme not in _CONNECTIONLESS
        self._seen = -math.inf  # seconds in the container of the last frame
        self._is_complete = False
        # Opened now: mistakes are known at once.
        self._decoder: Decoder | None = self._open()
        stream = self._decoder.stream
        rate = fps or guessed_rate(stream) or DEFAULT_FPS
        super().__init__(Path(self.name), rate, stream.frames or None)

    def _open(self) -> Decoder:
        """Return a decoder of a connection, which has received its first packet."""
        container = opened(self.address, self.name, _OPTIONS, TIMEOUT)
        try:
            return _begun(container, self.name)
        except av.FFmpegError as error:
            container.close()
            if not self.address.lower().startswith("http"):
                raise explained(error, self.name) from error
        # The index of an MP4 file is at its end, and the server sends no parts.
        copy = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the container
        with urlopen(self.address, timeout=TIMEOUT) as response:
            shutil.copyfileobj(response, copy)
        copy.seek(0)
        return _begun(open_object(copy, self.name), self.name)

    def _read(self, wanted: set[int] | None) -> Iterator[VideoFrame]:
        last = max(wanted, default=-1) if wanted is not None else math.inf
        index, start = 0, None
        for image in self._images():
            now = self._clock()
            start = now if start is None else start
            if wanted is None or index in wanted:
                yield VideoFrame(index, now - start, image)
            index += 1
            if index > last:
                return
        if not index:
            raise ValueError(f"{self.name}: no frame of this video can be decoded")
        self.num_frames = index

    def _images(self) -> Iterator[np.ndarray | None]:
        """Yield the images of all connections."""
        attempts = 0
        self._seen, self._is_complete = -math.inf, False
        while True:
            began = None
            for image in self._connection():
                began = self._clock() if began is None else began
                yield image
            if self._is_complete:
                return
            if began is not None and self._clock() - began >= STEADY:
                attempts = 0
            if attempts == len(DELAYS) or not self._is_connected:
                self._report(f"note: {self.name}: the stream has ended")
                return
            delay = DELAYS[attempts]
            attempts += 1
            self._report(
                f"note: {self.name}: the connection is lost; attempt {attempts} of "
                f"{len(DELAYS)} to open it again in {delay:.0f} s"
            )
            self._sleep(delay)

    def _connection(self) -> Iterator[np.ndarray | None]:
        """Yield the images of one connection, as long as it lasts."""
        try:
            decoder, self._decoder = self._decoder or self._open(), None
        except (ValueError, OSError, av.FFmpegError) as error:
            self._report(f"note: {one_line(error)}")
            return
        with decoder.container as container:
            display = Display(decoder.pixel_shape)
            length = (container.duration or 0) / 1e6
            size = container.size or 0  # unknown: None, or negative before PyAV 19
            is_file = size > 0 or length > 0
            for seconds, frame in decoder.frames():
                if is_file and seconds <= self._seen:
                    continue
                self._seen = seconds
                yield display.image(frame)
            is_whole = size > 0 and decoder.failure is None
            is_at_end = length > 0 and self._seen >= length - 2 / self.fps
            self._is_complete = is_whole or is_at_end


def _begun(container: InputContainer, name: str) -> Decoder:
    stream = video_stream(container, name)
    return Decoder(container, stream, head=first_packets(container, stream, 1))
