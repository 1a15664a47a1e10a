"""Decoded frames of the video stream of a container, in the order of display."""

import math
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from data_pipeline.media.ffmpeg.stream_clock import Packets
from data_pipeline.media.frame_reader import THREADS

# Failures to read, one after the other, after which a file counts as ended.
MAX_FAILED = 50
# More threads need memory for their frames and hardly help.
MAX_THREADS = 4


class Damaged(Exception):
    """A packet cannot be decoded."""


class Decoder:
    """Frames of a video stream with their times in the container.

    Args:
        container: opened, and read by nobody else.
        stream: of the container.
        threads: that decode. Frames of damaged files are only right with one.
        head: packets of the stream that were read before.

    Attributes:
        container, stream: what is decoded.
        pixel_shape: width of a stored pixel divided by its height; None: unknown.
        failure: the last error in reading, as of a lost connection, or None.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        threads: int = 1,
        head: Sequence[Packet] = (),
    ) -> None:
        self.pixel_shape: Fraction | None = stream.sample_aspect_ratio
        self.failure: av.FFmpegError | None = None
        self.container, self.stream = container, stream
        self._threads, self._head = threads, head
        self._unit = float(stream.time_base or 0)
        self._start = stream.start_time or 0

    def frames(
        self, packets: Packets | None = None
    ) -> Iterator[tuple[float, VideoFrame]]:
        """Yield every frame with its seconds from the start of the stream.

        The seconds are NaN where the container has none.

        Args:
            packets: receives the times of all packets.

        Raises:
            Damaged: a packet cannot be decoded and there are several threads.
        """
        codec = self.stream.codec_context
        codec.thread_count = self._threads
        codec.thread_type = "AUTO" if self._threads > 1 else "SLICE"
        for packet in self._read_packets():
            if packets and packet.size and not packet.is_discard:
                packets.add(self._seconds(packet))
            for frame in self._decode(packet):
                yield self._seconds(frame), frame

    def _read_packets(self) -> Iterator[Packet]:
        """Yield all packets and an empty one; go on behind damage."""
        yield from self._head
        failed = 0
        while failed < MAX_FAILED:
            try:
                for packet in self.container.demux(self.stream):
                    failed = 0
                    yield packet
                return
            except av.FFmpegError as error:
                self.failure = error
                # Beyond the time limit every attempt would take as long again.
                is_late = isinstance(error, av.error.ExitError)
                failed = MAX_FAILED if is_late else failed + 1
        end = Packet()
        end.stream = self.stream
        yield end

    def _decode(self, packet: Packet) -> list[VideoFrame]:
        try:
            return packet.decode()
        except av.FFmpegError as error:
            # Threads report late, and PyAV loses the frames that came with the report.
            if self._threads > 1:
                raise Damaged from error
            return []

    def _seconds(self, timed: Packet | VideoFrame) -> float:
        ticks = timed.dts if timed.pts is None else timed.pts
        return math.nan if ticks is None else (ticks - self._start) * self._unit


def first_packets(
    container: InputContainer, stream: VideoStream, count: int
) -> list[Packet]:
    """Return the first packets of a container, fewer if reading fails.

    Raises:
        av.FFmpegError: there is not a single one.
    """
    packets: list[Packet] = []
    try:
        packets.extend(islice(container.demux(stream), count))
    except av.FFmpegError:
        if not packets:
            raise
    return packets


def num_threads() -> int:
    """Return how many threads decode a video: as many as this process has cores."""
    asked = os.environ.get(THREADS, "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return min(cores, MAX_THREADS)
