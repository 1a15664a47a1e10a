"""Frames of video files, with the numbers and times of the container.

A packet between two frames that gave no frame is a broken frame. In program streams
(.mpg) damage may swallow a packet. Later numbers are then too small by one, and times
are right.
"""

from collections.abc import Iterator
from pathlib import Path

from data_pipeline.media.ffmpeg.containers import is_cut_off
from data_pipeline.media.ffmpeg.decoding import Damaged, Decoder, num_threads
from data_pipeline.media.ffmpeg.frames import Frames
from data_pipeline.media.ffmpeg.opening import open_file, video_stream
from data_pipeline.media.ffmpeg.rates import (
    announced_frames,
    guessed_rate,
    has_index,
    is_refuted,
    measured_rate,
    stated_rate,
)
from data_pipeline.media.frame_reader import DEFAULT_FPS, FrameReader, VideoFrame
from strrn_tf.system.file_names import plain


class VideoFile(FrameReader):
    """Frames of a video file, with the timestamps of its container.

    Frames are as players show them: with square pixels, turned and mirrored as the
    container asks. The rate is the average one.

    Raises:
        ValueError: not a single frame can be decoded.
    """

    has_times = True

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        shown = plain(str(path))
        if not path.is_file():
            raise ValueError(f"{shown}: there is no such video file")
        if path.stat().st_size == 0:
            raise ValueError(f"{shown}: a video must not be empty. Received: 0 bytes")
        with open_file(path) as container:
            stream = video_stream(container, shown)
            rate = stated_rate(stream)
            guess = guessed_rate(stream)
            if next(Decoder(container, stream).frames(), None) is None:
                raise ValueError(f"{shown}: no frame of this video can be decoded")
            if rate and not has_index(stream) and is_refuted(rate, container, stream):
                rate = None
            fps = rate or _measured_rate(path) or guess or DEFAULT_FPS
            super().__init__(path, fps, announced_frames(container, stream, fps))

    def _read(self, wanted: set[int] | None) -> Iterator[VideoFrame]:
        start = 0
        for threads in dict.fromkeys((num_threads(), 1)):
            with open_file(self.path) as container:
                stream = video_stream(container, plain(str(self.path)))
                frames = Frames(Decoder(container, stream, threads), self.fps)
                try:
                    yield from frames.read(wanted, start)
                except Damaged:
                    # Begin again with one thread, behind what was given away.
                    start = frames.index
                    continue
            if frames.ended:
                self._note_end(frames.index)
            return

    def _note_end(self, num_frames: int) -> None:
        self.num_frames = num_frames
        # A smaller count than announced is no proof, because edit lists hide frames.
        ends_early = num_frames < (self.num_frames_hint or 0)
        self.truncated = ends_early and is_cut_off(self.path)


def _measured_rate(path: Path) -> float | None:
    with open_file(path) as container:
        return measured_rate(container, video_stream(container, plain(str(path))))
