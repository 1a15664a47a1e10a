"""The two networks of a model folder, from image pixels to image pixels.

Here, and only here, an image becomes a network's input and a network's output becomes
landmarks of the image. ``examples/minimal_litert.py`` is the same in one page.
"""

from typing import NamedTuple

import cv2
import numpy as np

from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    crop_matrix,
    invert_matrix,
    relative_distance,
)
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking import optical_flow
from strrn_tf.tracking.networks.crop import cut, to_network
from strrn_tf.tracking.networks.litert import LiteRTModel
from strrn_tf.tracking.networks.model_folder import ModelFolder


class View(NamedTuple):
    """A crop and where it is.

    Attributes:
        matrix: (2, 3), from image to crop pixels.
        crop: (1, S, S, 3) float32 in [0, 1], as the networks take it.
        grey: (S, S) uint8, the same without colours.
    """

    matrix: np.ndarray
    crop: np.ndarray
    grey: np.ndarray


class FaceNetworks:
    """Detector and tracker of one model folder.

    Arguments are not checked here but in ``FaceTracker``.
    """

    def __init__(self, folder: ModelFolder, num_threads: int = 1) -> None:
        """Open both networks.

        Args:
            folder: a verified model folder.
            num_threads: threads of each network.

        Raises:
            ValueError: a network has other inputs or outputs than the folder's
                description says.
        """
        self._size, self._margin = folder.crop_size, folder.crop_margin
        frames = {"frames": (1, self._size, self._size, 3)}
        start = {"start": (1, NUM_LANDMARKS, 2)}
        self._detector = LiteRTModel(
            folder.detector,
            inputs=frames,
            outputs=["landmarks"],
            num_threads=num_threads,
        )
        self._tracker = LiteRTModel(
            folder.tracker,
            inputs=frames | start,
            outputs=["landmarks"],
            num_threads=num_threads,
        )

    def window(self, box: np.ndarray) -> np.ndarray:
        """Return the matrix (2, 3) from the image to the crop around a face box."""
        return crop_matrix(box, self._size, self._margin)

    def cut(self, image: np.ndarray, matrix: np.ndarray) -> View:
        """Return what is seen of an image through a window, see ``window``."""
        pixels = cut(image, matrix, self._size)
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        return View(matrix, to_network(pixels), grey)

    def look(self, image: np.ndarray, box: np.ndarray) -> View:
        """Return the crop around a face box of an image."""
        return self.cut(image, self.window(box))

    def detect(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Return the landmarks (68, 2) float32 of the face in a box of an image."""
        return self.detect_in(self.look(image, box))

    def detect_in(self, view: View) -> np.ndarray:
        """Return the landmarks (68, 2) float32, in image pixels, of what is in view."""
        return _to_image(view.matrix, self.detect_in_crop(view.crop))

    def detect_twice(
        self, image: np.ndarray, box: np.ndarray
    ) -> tuple[np.ndarray, float, View | None]:
        """Return ``detect`` and, from a second look, what ``look_again`` says."""
        landmarks = self.detect(image, box)
        return landmarks, *self.look_again(image, landmarks)

    def look_again(
        self, image: np.ndarray, landmarks: np.ndarray
    ) -> tuple[float, View | None]:
        """Return how far detected landmarks are from those of a second look, and it.

        The second look has the window of the first one's landmarks. Where there is a
        face both agree. The difference is a fraction of the eye distance, infinite and
        without a view if no window can be made of the landmarks.
        """
        box = box_from_landmarks(landmarks)
        if not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
            return np.inf, None
        view = self.look(image, box)
        return float(relative_distance(self.detect_in(view), landmarks)), view

    def step(
        self, previous: View, frame: np.ndarray, start: np.ndarray
    ) -> tuple[np.ndarray, float, View]:
        """Track to a frame and back.

        Args:
            previous: of the previous frame, around ``start`` or nearly so; the frame is
                seen through the same window.
            frame: image (H, W, 3).
            start: landmarks (68, 2) in pixels of the previous frame.

        Returns:
            Landmarks (68, 2) float32, the cycle error, and what was seen of the frame.
        """
        matrix = previous.matrix
        seen = self.cut(frame, matrix)
        start_in_crop = apply_matrix(matrix, start).astype(np.float32)
        found = self.track_in_crop(seen.crop, start_in_crop)
        returned = self.track_in_crop(previous.crop, found)
        # A similarity changes no ratio of distances: compare where the networks are.
        error = float(relative_distance(returned, start_in_crop))
        return _to_image(matrix, found), error, seen

    def carry(
        self,
        previous: View,
        seen: View,
        start: np.ndarray,
        search: optical_flow.Search,
    ) -> np.ndarray:
        """Return where optical flow carries landmarks, see ``flow.carry``.

        Args:
            previous: of the previous frame.
            seen: of the next frame, through the same window.
            start: landmarks (68, 2) in pixels of the previous frame.
            search: how far and how finely they are looked for.
        """
        start_in_crop = apply_matrix(previous.matrix, start)
        carried = optical_flow.carry(previous.grey, seen.grey, start_in_crop, search)
        return _to_image(previous.matrix, carried)

    def detect_in_crop(self, crop: np.ndarray) -> np.ndarray:
        """Return the detector's landmarks (68, 2) in pixels of a crop from ``cut``."""
        return self._detector(frames=crop)["landmarks"][0]

    def track_in_crop(self, crop: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return the tracker's landmarks (68, 2) in a crop; ``start`` is float32."""
        return self._tracker(frames=crop, start=start[None])["landmarks"][0]


def _to_image(matrix: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    points = apply_matrix(invert_matrix(matrix), landmarks.astype(np.float64))
    return points.astype(np.float32)
