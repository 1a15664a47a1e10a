"""What every source of frames has in common: files, folders of images, cameras."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

DEFAULT_FPS = 25.0


class VideoFrame(NamedTuple):
    """One frame: 0-based number, seconds from the first frame, (H, W, 3) uint8 RGB.

    The image of a frame that cannot be decoded is None; only who asks for broken frames
    is given such.
    """

    index: int
    timestamp: float
    image: np.ndarray | None


class FrameReader:
    """A source of frames that is read in order, as often as wanted.

    A broken frame keeps its number and its time.

    Attributes:
        path: the file or folder.
        fps: nominal frames per second.
        num_frames_hint: what the container announces; None when it announces nothing.
            What can be read may differ.
        num_frames: frames found by the last reading that reached the end, else None.
        num_broken: frames that the last reading could not decode.
        truncated: whether the last reading ended before the announced end.
    """

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

        Frames that are not wanted are skipped without converting them, and reading
        stops after the last wanted one.

        Args:
            indices: 0-based numbers of the frames wanted; None: all.
            broken: yield frames that cannot be decoded too, with no image.
        """
        self.num_broken = 0
        for frame in self._read(None if indices is None else set(indices)):
            self.num_broken += frame.image is None
            if broken or frame.image is not None:
                yield frame

    def _read(self, wanted: set[int] | None) -> Iterator[VideoFrame]:
        """Yield the wanted frames, broken ones with no image."""
        raise NotImplementedError

    def are_neighbours(self, index: int) -> bool:
        """Return whether frame ``index - 1`` directly precedes frame ``index``."""
        return index > 0
