"""Numbers, times and pictures of the frames of a container."""

import math
from collections.abc import Iterator

from data_pipeline.media.ffmpeg.decoding import Decoder
from data_pipeline.media.ffmpeg.display import Display
from data_pipeline.media.ffmpeg.stream_clock import Clock, Packets
from data_pipeline.media.frame_reader import VideoFrame


class Frames:
    """The frames of one pass over a container.

    Args:
        decoder: of a container that nothing was decoded of.
        fps: average frames per second, for frames without a time.

    Attributes:
        index: number of the frame that comes next.
        ended: whether the end was reached. Then ``index`` is the number of frames.
    """

    def __init__(self, decoder: Decoder, fps: float) -> None:
        self.index = 0
        self.ended = False
        self._decoder, self._clock = decoder, Clock(fps)
        self._packets, self._display = Packets(), Display(decoder.pixel_shape)

    def read(self, wanted: set[int] | None, start: int = 0) -> Iterator[VideoFrame]:
        """Yield frames, broken ones without an image.

        Args:
            wanted: 0-based numbers of the frames; None: all.
            start: number of the first frame to yield.

        Raises:
            Damaged: see ``Decoder``.
        """
        last = max(wanted, default=-1) if wanted is not None else math.inf
        if last < 0:
            return
        for now, decoded in self._decoder.frames(self._packets):
            lost = self._packets.lost_before(now, self._clock)
            for time, frame in [*((time, None) for time in lost), (now, decoded)]:
                seconds = self._clock.read(time)
                if self.index >= start and (wanted is None or self.index in wanted):
                    image = None if frame is None else self._display.image(frame)
                    yield VideoFrame(self.index, seconds, image)
                self.index += 1
            if self.index > last:
                return
        self.ended = True
