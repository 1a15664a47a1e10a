"""Frames of a folder of images."""

from collections.abc import Iterator
from pathlib import Path

from data_pipeline.media.frame_reader import DEFAULT_FPS, FrameReader, VideoFrame
from data_pipeline.media.images import frame_number, list_images, read_image
from strrn_tf.system.file_names import plain


class ImageFolder(FrameReader):
    """Frames of a folder of images, in the order of the numbers in their names.

    Timestamps are index / fps, since a folder has no times.

    Raises:
        ValueError: the folder holds no image. Reading raises it if no image can be
            decoded.
    """

    has_names = True

    def __init__(self, path: str | Path, fps: float | None = None) -> None:
        path = Path(path)
        self.images = list_images(path)
        super().__init__(path, fps or DEFAULT_FPS, len(self.images))

    def _read(self, wanted: set[int] | None) -> Iterator[VideoFrame]:
        numbers = range(len(self.images)) if wanted is None else sorted(wanted)
        first_error = None
        has_image = False
        for index in numbers:
            if index >= len(self.images):
                break
            try:
                image = read_image(self.images[index])
                has_image = True
            except ValueError as error:
                image = None
                first_error = first_error or error
            name = plain(self.images[index].name)
            yield VideoFrame(index, index / self.fps, image, name)
        if first_error and not has_image:
            raise first_error
        self.num_frames = len(self.images)

    def are_neighbours(self, index: int) -> bool:
        """Compare the last numbers of names, because YouTube Faces has gaps."""
        if not 0 < index < len(self.images):
            return False
        before, after = (frame_number(p) for p in self.images[index - 1 : index + 1])
        return before is None or after is None or after - before == 1
