"""Functions that find face boxes in an image: MTCNN, or one that a user brings.

A face box is the tight box of the 68 landmarks. Behind it may stand the face's roll.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from strrn_tf.geometry import as_numbers
from strrn_tf.tracking.networks.crop import check_box_in_image

if TYPE_CHECKING:
    from strrn_tf.tracking.face_detection.mtcnn.networks import Network

# Finds faces: image (H, W, 3) -> face boxes (N, 4) in image pixels. MTCNN has (N, 5),
# with the roll in radians, where crop windows turn.
Finder = Callable[[np.ndarray], Sequence[np.ndarray]]
# By which images are turned where no upright face is found, see ``np.rot90``.
QUARTER_TURNS = (2, 1, 3)


class MtcnnFinder:
    """Finds face boxes with MTCNN, which is opened at the first search.

    MTCNN finds faces that stand upright to within about 45 degrees. With ``turns`` an
    image without such a face is turned and searched again: the first image by 180, 90
    and 270 degrees, a later one by one of these in turn. An upright face costs nothing.
    Behind the boxes are then the rolls.

    Args:
        num_threads: threads of every network.
        min_face_fraction: smallest box, as a fraction of the image's shorter side.
        turns: whether turned faces are looked for.
        onet: the last network, where it is open already.
    """

    def __init__(
        self,
        num_threads: int,
        min_face_fraction: float,
        *,
        turns: bool,
        onet: "Network | None" = None,
    ) -> None:
        self._settings = {
            "num_threads": num_threads,
            "min_face_fraction": min_face_fraction,
            "onet": onet,
        }
        self._turns = turns
        self._mtcnn = None
        self.reset()

    def reset(self) -> None:
        """Take the next image for the first one of another video."""
        self._num_turned = 0

    def __call__(self, image: np.ndarray) -> list[np.ndarray]:
        found = self._find(image)
        if found or not self._turns:
            return found
        is_first = self._num_turned == 0
        turns = QUARTER_TURNS if is_first else [QUARTER_TURNS[self._num_turned % 3]]
        self._num_turned += 1
        for turn in turns:
            found = self._find(np.ascontiguousarray(np.rot90(image, turn)))
            if found:
                return [turn_back(box, turn, image.shape) for box in found]
        return []

    def _find(self, image: np.ndarray) -> list[np.ndarray]:
        from strrn_tf.tracking.face_detection.face_boxes import (
            landmark_box,
            rolled_boxes,
        )
        from strrn_tf.tracking.face_detection.face_finder import FaceFinder

        if self._mtcnn is None:
            self._mtcnn = FaceFinder(**self._settings)
        found = self._mtcnn.find(image)
        if self._turns:
            return list(rolled_boxes(found))
        return [landmark_box(face.box) for face in found]


def turn_back(box: np.ndarray, turns: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return a box and roll (5,) of ``np.rot90(image, turns)`` for the image itself.

    Args:
        box: (4,) in pixels of the turned image, and behind it the roll in radians.
        turns: quarter turns, 0 to 3.
        shape: of the image: height, width and more.
    """
    x0, y0, x1, y1, roll = box
    # The image was turned counter-clockwise, which a roll does not count as positive.
    roll += turns * np.pi / 2
    right, bottom = shape[1] - 1, shape[0] - 1
    if turns == 1:
        return np.array([right - y1, x0, right - y0, x1, roll])
    if turns == 2:
        return np.array([right - x1, bottom - y1, right - x0, bottom - y0, roll])
    if turns == 3:
        return np.array([y0, bottom - x1, y1, bottom - x0, roll])
    return np.asarray(box)


def checked_finder(finder: Finder) -> Finder:
    """Return a finder that raises a ``ValueError`` if a user's one returns no boxes."""

    def find(image: np.ndarray) -> list[np.ndarray]:
        try:
            return check_boxes(finder(image), image)
        except ValueError as error:
            raise ValueError(f"What `finder` returned: {error}") from error

    return find


def check_boxes(boxes: Sequence[np.ndarray], image: np.ndarray) -> list[np.ndarray]:
    """Return face boxes as a list of float64 (4,).

    Args:
        boxes: (N, 4), N may be 0.
        image: (H, W, 3); every box has to overlap it.

    Raises:
        ValueError: the boxes are something else.
    """
    array = as_numbers(boxes, "boxes")
    if array.size and (array.ndim != 2 or array.shape[1] != 4):
        raise ValueError(
            "`boxes` must be (N, 4), a list of (x0, y0, x1, y1). "
            f"Received: shape {array.shape}"
        )
    return [check_box_in_image(box, image) for box in array.reshape(-1, 4)]
