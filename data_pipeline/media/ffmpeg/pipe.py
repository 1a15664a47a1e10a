"""Frames of a pipe: standard input, a FIFO, or ``<(...)`` of a shell."""

import contextlib
import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from data_pipeline.media.ffmpeg.decoding import Decoder, first_packets
from data_pipeline.media.ffmpeg.frames import Frames
from data_pipeline.media.ffmpeg.opening import open_object, video_stream
from data_pipeline.media.ffmpeg.rates import guessed_rate, rate_of, stated_rate
from data_pipeline.media.frame_reader import DEFAULT_FPS, FrameReader, VideoFrame
from data_pipeline.media.sources import STANDARD_INPUT, shown_name

# Bytes at the beginning of a video among which the kind of an MP4 file shows.
_HEAD = 1 << 16
# Parts of such a file that say nothing about the place of the index.
_BEFORE_FRAMES = (b"ftyp", b"wide", b"free", b"skip", b"uuid")
# Packets whose times give the rate where the container states none.
_FIRST = 60


class Pipe(FrameReader):
    """Frames of a pipe, which can be read only once.

    Nothing is decoded before the frames are read. An MP4 file with its index at the end
    is first copied to a temporary file, because its beginning cannot be read without
    the index.

    Raises:
        ValueError: it is empty or not a video.
    """

    has_times = True

    def __init__(self, source: str | Path) -> None:
        self.name = shown_name(str(source))
        with contextlib.ExitStack() as resources:
            self._input = _Input(resources.enter_context(_opened(source)))
            file = self._rewindable(resources)
            with self._input.raising():
                container = resources.enter_context(open_object(file, self.name))
            stream = video_stream(container, self.name)
            head, rate = [], stated_rate(stream)
            if rate is None:
                with self._input.raising():
                    head = first_packets(container, stream, _FIRST)
                times = [packet.pts for packet in head if packet.size]
                rate = rate_of(times, stream.time_base) or guessed_rate(stream)
            self._decoder: Decoder | None = Decoder(container, stream, head=head)
            # They are open until the frames were read.
            self._resources = resources.pop_all()
        super().__init__(Path(self.name), rate or DEFAULT_FPS, stream.frames or None)

    def _rewindable(self, resources: contextlib.ExitStack) -> BinaryIO:
        """Return the input, or a copy if it has to be read twice."""
        if not self._input.peek(1):
            raise ValueError(f"{self.name}: a video must not be empty. Received: EOF")
        if not ends_with_index(self._input.peek):
            return self._input
        copy = tempfile.TemporaryFile()  # noqa: SIM115
        resources.enter_context(copy)
        shutil.copyfileobj(self._input, copy)
        copy.seek(0)
        return copy

    def _read(self, wanted: set[int] | None) -> Iterator[VideoFrame]:
        decoder, self._decoder = self._decoder, None
        if decoder is None:
            raise ValueError(
                f"{self.name}: a pipe can be read only once. Write it to a file first"
            )
        frames = Frames(decoder, self.fps)
        with self._resources:
            for frame in frames.read(wanted):
                yield frame
                self._input.raise_if_interrupted()
        self._input.raise_if_interrupted()
        if not frames.index:
            raise ValueError(f"{self.name}: no frame of this video can be decoded")
        if frames.ended:
            self.num_frames = frames.index


def _opened(source: str | Path) -> io.FileIO:
    is_standard = str(source) == STANDARD_INPUT
    if is_standard and sys.stdin is not None and sys.stdin.isatty():
        raise ValueError("standard input is a terminal, not a pipe with a video")
    return io.FileIO(0 if is_standard else source, "rb", closefd=not is_standard)


class _Input(io.RawIOBase):
    """A pipe, of which the beginning can be looked at before it is read."""

    def __init__(self, file: io.FileIO) -> None:
        self._file, self._head = file, b""
        self._interruption: BaseException | None = None

    def peek(self, size: int) -> bytes:
        """Return the first bytes, fewer than asked for only at the end."""
        while len(self._head) < size:
            more = self._file.read(size - len(self._head))
            if not more:
                break
            self._head += more
        return self._head[:size]

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._interruption is not None:
            return b""  # FFmpeg asks again
        if self._head:
            part, self._head = self._head[:size], self._head[size:]
            return part
        try:
            return self._file.read(size) or b""
        except BaseException as error:  # FFmpeg would drop it
            self._interruption = error
            return b""

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        """Raise what interrupts a read in this block, whatever FFmpeg makes of it."""
        try:
            yield
        finally:
            self.raise_if_interrupted()

    def raise_if_interrupted(self) -> None:
        """Raise what ended the last read, such as a second Ctrl-C."""
        if self._interruption is not None:
            raise self._interruption


def ends_with_index(peek: Callable[[int], bytes]) -> bool:
    """Return whether a file begins like an MP4 file whose index follows its frames.

    Args:
        peek: function of a number that returns so many bytes from the beginning of the
            file, or fewer at its end. No more are asked for than are needed: the next
            ones may be late.
    """
    position = 0
    while position < _HEAD:
        head = peek(position + 8)[position:]
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if kind == b"mdat":
            return True
        if kind not in _BEFORE_FRAMES or size < 8:
            return False
        position += size
    return False
