"""The two networks of a model folder, from image pixels to image pixels.

Here, and only here, an image becomes a network's input and a network's output becomes
landmarks of the image. ``examples/minimal_litert.py`` is the same in one page.
"""

import numpy as np

from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    crop_matrix,
    invert_matrix,
    relative_distance,
)
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.crop import cut, to_network
from strrn_tf.tracking.litert import LiteRTModel
from strrn_tf.tracking.model_folder import ModelFolder


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

    def cut(self, image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Return a crop as the networks take it: (1, S, S, 3) float32 in [0, 1]."""
        return to_network(cut(image, matrix, self._size))

    def detect(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Return the landmarks (68, 2) float32 of the face in a box of an image."""
        matrix = self.window(box)
        return _to_image(matrix, self.detect_in_crop(self.cut(image, matrix)))

    def detect_twice(
        self, image: np.ndarray, box: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Return ``detect`` and how far it is from a second look.

        The second look has the window of the landmarks found in the first. Where there
        is a face both agree. The difference is a fraction of the eye distance, infinite
        if the first look gave no shape to make a window of.
        """
        landmarks = self.detect(image, box)
        second_box = box_from_landmarks(landmarks)
        if (
            not np.isfinite(second_box).all()
            or (second_box[2:] <= second_box[:2]).any()
        ):
            return landmarks, np.inf
        second = self.detect(image, second_box)
        return landmarks, float(relative_distance(second, landmarks))

    def step(
        self,
        previous_crop: np.ndarray,
        frame: np.ndarray,
        start: np.ndarray,
        matrix: np.ndarray,
    ) -> tuple[np.ndarray, float]:
        """Track to a frame and back; return landmarks (68, 2) and the cycle error.

        Args:
            previous_crop: ``cut`` of the previous frame by ``matrix``.
            frame: image (H, W, 3).
            start: landmarks (68, 2) in pixels of the previous frame.
            matrix: window of both frames, made from ``start``.
        """
        crop = self.cut(frame, matrix)
        start_in_crop = apply_matrix(matrix, start).astype(np.float32)
        found = self.track_in_crop(crop, start_in_crop)
        returned = self.track_in_crop(previous_crop, found)
        # A similarity changes no ratio of distances: compare where the networks are.
        error = float(relative_distance(returned, start_in_crop))
        return _to_image(matrix, found), error

    def detect_in_crop(self, crop: np.ndarray) -> np.ndarray:
        """Return the detector's landmarks (68, 2) in pixels of a crop from ``cut``."""
        return self._detector(frames=crop)["landmarks"][0]

    def track_in_crop(self, crop: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return the tracker's landmarks (68, 2) in a crop; ``start`` is float32."""
        return self._tracker(frames=crop, start=start[None])["landmarks"][0]


def _to_image(matrix: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    points = apply_matrix(invert_matrix(matrix), landmarks.astype(np.float64))
    return points.astype(np.float32)
