"""Frames of a folder of images, or of one image."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from data_pipeline.media.frame_reader import DEFAULT_FPS, FrameReader, VideoFrame
from data_pipeline.media.images import (
    frame_number,
    natural_key,
    read_image,
    read_white,
)
from data_pipeline.media.suffixes import is_beside, is_image
from strrn_tf.system.file_names import plain

# Larger numbers in names are times, not numbers of frames.
MAX_NUMBER = 10**9
# Images that are read to find the depth of all.
SAMPLED = 8


class ImageFolder(FrameReader):
    """Frames of a folder of images in natural order (2 before 10), or of one image.

    Where all names are alike but for one number, this is the number of the frame: the
    images 0100 to 0103 and 0120 are the frames 100 to 103 and 120. Times are those of
    the numbers, from the first image on. Otherwise frames are counted from 0.

    Images of more than 8 bits get one value of white, so that brightness does not jump.
    It is the largest of 8 images that are spread evenly. A brighter image has its own.

    Args:
        path: of the folder or the image.
        fps: frames per second.
        from_zero: count the frames from 0, whatever their names.

    Attributes:
        images: in the order of the frames.
        passed_over: names of the files beside them that are not read.

    Raises:
        ValueError: the folder holds no image. Reading raises it if no image can be
            decoded.
    """

    has_names = True

    def __init__(
        self, path: str | Path, fps: float | None = None, *, from_zero: bool = False
    ) -> None:
        path = Path(path)
        self.images, self.passed_over = list_images(path)
        self._in_names = frame_numbers(self.images)
        in_order = list(range(len(self.images)))
        self._numbers = in_order if from_zero else self._in_names or in_order
        self._places = {number: i for i, number in enumerate(self._numbers)}
        super().__init__(path, fps or DEFAULT_FPS, len(self.images))

    def _read(self, wanted: set[int] | None) -> Iterator[VideoFrame]:
        first_error = None
        has_image = False
        for place, number in enumerate(self._numbers):
            if wanted is not None and number not in wanted:
                continue
            path = self.images[place]
            try:
                image = read_image(path, white=self._white)
                has_image = True
            except ValueError as error:
                image = None
                first_error = first_error or error
            seconds = (number - self._numbers[0]) / self.fps
            yield VideoFrame(number, seconds, image, plain(path.name))
        if first_error and not has_image:
            raise first_error
        self.num_frames = len(self.images)

    def numbers(self, num_frames: int) -> Sequence[int]:
        return self._numbers[:num_frames]

    def are_neighbours(self, index: int) -> bool:
        """Compare the numbers in the names. Names without numbers are neighbours."""
        after, before = self._places.get(index), self._places.get(index - 1)
        if after is None or before is None:
            return False
        if self._in_names:
            return self._in_names[after] - self._in_names[before] == 1
        # Several sequences may be in one folder.
        first, second = (frame_number(self.images[i]) for i in (before, after))
        return first is None or second is None or second - first == 1

    @cached_property
    def _white(self) -> float:
        """The value of white of images of more than 8 bits."""
        places = np.linspace(0, len(self.images) - 1, SAMPLED).astype(int)
        white = 0.0
        if len(self.images) > 1:
            for place in np.unique(places):
                try:
                    own = read_white(self.images[place])
                except ValueError:  # reported when it is read
                    continue
                if own is None:
                    break
                white = max(white, own)
        return white


def list_images(path: Path) -> tuple[list[Path], list[str]]:
    """Return the images of a folder in natural order, and the names of other files.

    An image itself is the only one.

    Raises:
        ValueError: the folder cannot be read or holds no image.
    """
    if path.is_file():
        return [path], []
    try:
        files = [p for p in path.iterdir() if not is_beside(p)]
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    images = sorted(filter(is_image, files), key=lambda path: natural_key(path.name))
    others = [plain(p.name) for p in files if p.is_file() and not is_image(p)]
    others.sort(key=natural_key)
    if not images:
        found = f" but {', '.join(others[:3])}" if others else ""
        raise ValueError(
            f"{path}: there is no image in this folder{found}. Name videos themselves"
        )
    return images, others


def frame_numbers(images: Sequence[Path]) -> list[int] | None:
    """Return the numbers in the names of images that are alike but for one number.

    The result is None for other names, and for numbers that are times.
    """
    parts = [re.split(r"([0-9]+)", path.stem) for path in images]
    if len({tuple(words[::2]) for words in parts}) > 1:
        return None
    columns = zip(*([int(n) for n in words[1::2]] for words in parts), strict=True)
    differing = [list(column) for column in columns if len(set(column)) > 1]
    if len(differing) != 1:
        return None
    (numbers,) = differing
    is_clear = len(set(numbers)) == len(numbers) and max(numbers) < MAX_NUMBER
    return numbers if is_clear else None
