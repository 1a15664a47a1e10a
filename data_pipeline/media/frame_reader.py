"""The interface of all sources of frames: files, folders, cameras, pipes, addresses."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

DEFAULT_FPS = 25.0
# Where this variable is set, it is the number of threads that decode a video.
THREADS = "STRRN_DECODING_THREADS"


class VideoFrame(NamedTuple):
    """One frame: number, seconds from the first frame, (H, W, 3) uint8 RGB.

    Frames are counted from 0. Numbered pictures have the numbers of their names.

    The image of a broken frame is None. Only a call with ``broken=True`` yields those.
    ``name`` is the file name of a picture, and None in a video.
    """

    index: int
    timestamp: float
    image: np.ndarray | None
    name: str | None = None


class FrameReader:
    """A source of frames, which are read in order and any number of times.

    Pipes are read once.

    A broken frame keeps its number and its time.

    Attributes:
        has_times: whether the source has times of its own, whatever rate is asked for.
        path: file or folder.
        fps: average frames per second; nominal ones of folders and cameras.
        num_frames_hint: number of frames that the container announces, or None. The
            number of readable frames may differ.
        num_frames: number of frames of the last reading that reached the end, or None.
        num_broken: number of frames that the last reading could not decode.
        truncated: whether the last reading ended before the announced end.
        has_names: whether its frames are pictures, which have names.
        passed_over: names of files beside the frames that are not read.
    """

    has_times = False
    has_names = False
    passed_over: Sequence[str] = ()

    def __init__(self, path: Path, fps: float, num_frames_hint: int | None) -> None:
        self.path = path
        self.fps = fps
        self.num_frames_hint = num_frames_hint
        self.num_frames: int | None = None
        self.num_broken = 0
        self.truncated = False

    def __iter__(self) -> Iterator[VideoFrame]:
        return self.frames()

    def frames(
        self, indices: Collection[int] | None = None, *, broken: bool = False
    ) -> Iterator[VideoFrame]:
        """Yield all frames, or those with the given numbers, in rising order.

        Other frames are skipped without a conversion. Reading stops after the last
        wanted frame.

        Args:
            indices: numbers of the wanted frames; None for all.
            broken: also yield frames that cannot be decoded, without an image.
        """
        self.num_broken = 0
        for frame in self._read(None if indices is None else set(indices)):
            self.num_broken += frame.image is None
            if broken or frame.image is not None:
                yield frame

    def _read(self, wanted: set[int] | None) -> Iterator[VideoFrame]:
        """Yield the wanted frames, broken ones without an image."""
        raise NotImplementedError

    def numbers(self, num_frames: int) -> Sequence[int]:
        """Return the numbers of the first frames, rising."""
        return range(num_frames)

    def are_neighbours(self, index: int) -> bool:
        """Return whether frame ``index - 1`` directly precedes frame ``index``."""
        return index > 0
