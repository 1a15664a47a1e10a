"""Frames of a network address in real time: cameras and streams."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from av.container import InputContainer

from data_pipeline.media.ffmpeg.decoding import Decoder
from data_pipeline.media.ffmpeg.display import Display
from data_pipeline.media.ffmpeg.opening import MAX_PIXELS, opened, video_stream
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
        scheme = urlsplit(address).scheme.lower()
        if scheme not in SCHEMES:
            raise ValueError(
                f"{self.name}: {scheme}:// is not opened. Known: {', '.join(SCHEMES)}"
            )
        self._is_connected = scheme not in _CONNECTIONLESS
        self._seen = -math.inf  # seconds in the container of the last frame
        self._is_complete = False
        # Opened now: mistakes are known at once.
        self._container: InputContainer | None = self._open()
        stream = video_stream(self._container, self.name)
        rate = fps or guessed_rate(stream) or DEFAULT_FPS
        super().__init__(Path(self.name), rate, stream.frames or None)

    def _open(self) -> InputContainer:
        return opened(self.address, self.name, _OPTIONS, TIMEOUT)

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
            began = self._clock()
            yield from self._connection()
            if self._is_complete:
                return
            if self._clock() - began >= STEADY:
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
            container, self._container = self._container or self._open(), None
            stream = video_stream(container, self.name)
        except (ValueError, OSError) as error:
            self._report(f"note: {one_line(error)}")
            return
        with container:
            decoder = Decoder(container, stream)
            display = Display(decoder.pixel_shape)
            is_file = container.size > 0
            for seconds, frame in decoder.frames():
                if is_file and seconds <= self._seen:
                    continue
                self._seen = seconds
                yield display.image(frame)
            self._is_complete = is_file and decoder.failure is None
