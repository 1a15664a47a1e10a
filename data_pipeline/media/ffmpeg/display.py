"""Frames as players show them: RGB, square pixels, turned and mirrored as asked."""

from fractions import Fraction

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

# Pixels of real videos are at most this much wider than high, or the reverse. Other
# shapes are damage.
MOST_OBLONG = 8


def _unnamed(kind: type[Type], value: int) -> Type:
    """Return a member for side data that PyAV has no name for, such as EXIF.

    Without it PyAV would not give the other side data of the frame either.
    """
    member = object.__new__(kind)
    member._name_, member._value_ = f"UNNAMED_{value}", value
    return member


Type._missing_ = classmethod(_unnamed)


class Display:
    """Converts decoded frames.

    Args:
        pixel_shape: width of a stored pixel divided by its height; None: unknown.
    """

    def __init__(self, pixel_shape: Fraction | None) -> None:
        self._pixel_shape = float(pixel_shape or 1)
        self._reformatter = VideoReformatter()
        self._rotation: int | None = None
        self._matrix: np.ndarray | None = None

    def image(self, frame: VideoFrame) -> np.ndarray | None:
        """Return (H, W, 3) uint8 RGB of a decoded frame.

        Returns:
            None if the frame has a format that cannot be converted.
        """
        try:
            return self._image(frame)
        except (av.FFmpegError, ValueError):
            return None

    def _image(self, frame: VideoFrame) -> np.ndarray:
        # One thread: other work may run on the other cores.
        rgb = self._reformatter.reformat(
            frame, format="rgb24", interpolation=Interpolation.BICUBIC, threads=1
        )
        stored = rgb.to_ndarray()
        size = square_size(stored.shape[1], stored.shape[0], self._pixel_shape)
        if size != stored.shape[1::-1]:
            stored = cv2.resize(stored, size, interpolation=cv2.INTER_LINEAR)
        # Side data and their frame refer to each other: if they were asked for every
        # time, the memory of frames would be free only after a collection.
        if frame.rotation != self._rotation:
            self._rotation, self._matrix = frame.rotation, matrix_of(frame)
        return oriented(stored, self._matrix)


def square_size(width: int, height: int, shape: float) -> tuple[int, int]:
    """Return (width, height) of a picture in square pixels.

    As in browsers, VLC and mpv the shorter side of a pixel grows: nothing shrinks.

    Args:
        width: in stored pixels.
        height: in stored pixels.
        shape: width of a stored pixel divided by its height.
    """
    if not 1 / MOST_OBLONG <= shape <= MOST_OBLONG:
        return width, height
    if shape > 1:
        return round(width * shape), height
    return width, round(height / shape)


def matrix_of(frame: VideoFrame) -> np.ndarray | None:
    """Return the display matrix (2, 2) of a frame, None if it has none.

    Its columns are the directions, x to the right and y down, in which the rows and the
    columns of the stored picture run when shown.
    """
    data = frame.side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return None
    # a b u  c d v  x y w: a stored (p, q) is shown at (a p + c q + x, b p + d q + y).
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    return np.array([[a, c], [b, d]], float)


def oriented(image: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Return an image turned and mirrored as its display matrix (2, 2) asks.

    Angles between two quarters of a turn become the nearer one, as in most players. A
    matrix that shows nothing is damage and is ignored.
    """
    if matrix is None or abs(np.linalg.det(matrix)) == 0:
        return image
    (a, c), (b, d) = matrix
    if abs(a) + abs(d) >= abs(b) + abs(c):
        right, down = a < 0, d < 0
    else:
        image = image.swapaxes(0, 1)
        right, down = c < 0, b < 0
    image = image[:, ::-1] if right else image
    image = image[::-1] if down else image
    return np.ascontiguousarray(image)
