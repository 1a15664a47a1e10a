"""What is kept of one face in one frame until the frames around it are known.

A *view* is a small grey picture of the face and its surroundings. Whole frames are not
kept, so memory does not grow with the size of the picture.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from strrn_tf.geometry import (
    CROP_SIZE,
    apply_matrix,
    box_from_landmarks,
    compose,
    crop_matrix,
    invert_matrix,
    upright_box,
)
from strrn_tf.tracking.confidence.visibility import surroundings
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.networks.crop import cut
from strrn_tf.tracking.offline.config import OfflineConfig

# Side of a view in pixels. The eyes are about 64 pixels apart.
SIZE = 320


class View(NamedTuple):
    """A grey picture of a face.

    Attributes:
        gray: (S, S) uint8.
        matrix: (2, 3) from pixels of the frame.
    """

    gray: np.ndarray
    matrix: np.ndarray

    @classmethod
    def of_frame(
        cls, image: np.ndarray, box: np.ndarray, config: OfflineConfig
    ) -> "View":
        """Return the view around a face box (4,) of a frame (H, W, 3) uint8 RGB."""
        matrix = crop_matrix(box, SIZE, config.view_size)
        gray = cv2.cvtColor(cut(image, matrix, SIZE), cv2.COLOR_RGB2GRAY)
        return cls(gray, matrix)

    def around(self, landmarks: np.ndarray) -> "View":
        """Return the face of landmarks (68, 2) upright, as large as in a crop."""
        box, roll = upright_box(landmarks)
        matrix = crop_matrix(box, roll=roll)
        change = compose(matrix, invert_matrix(self.matrix))
        gray = cv2.warpAffine(
            self.gray, change, (CROP_SIZE, CROP_SIZE), borderMode=cv2.BORDER_REPLICATE
        )
        return View(gray, matrix)

    def evened(self, config: OfflineConfig) -> "View":
        """Return the view with the contrast of a well lit one, so that flow finds it.

        Noise would grow with the contrast, so it is taken away before.
        """
        calm = cv2.GaussianBlur(self.gray.astype(np.float32), (0, 0), 1.0)
        mean, contrast = calm.mean(), max(float(calm.std()), config.faint_detail)
        even = 128 + config.even_contrast / contrast * (calm - mean)
        return self._replace(gray=np.clip(np.rint(even), 0, 255).astype(np.uint8))

    @property
    def detail(self) -> float:
        """Contrast in grey levels of structures of some pixels, in the middle.

        Blur, darkness and few pixels take it away. Noise has finer structures.
        """
        margin = len(self.gray) // 5
        middle = self.gray[margin:-margin, margin:-margin]
        half = cv2.pyrDown(middle).astype(np.float32)
        return float((half - cv2.GaussianBlur(half, (0, 0), 2.5)).std())

    def pattern(self, landmarks: np.ndarray, config: TrackingConfig) -> np.ndarray:
        """Return the surroundings (68, 25) of landmarks (68, 2) of the frame.

        Views that are compared have to be ``around`` the face. See ``surroundings``.
        """
        places = apply_matrix(self.matrix, landmarks)
        return surroundings(self.gray, places, config.noise_level)


@dataclass(eq=False)
class Sighting:
    """One face in one frame.

    Attributes:
        face: as the tracker saw it, without smoothing; later as it was filled in.
        seconds: on a clock that rises with every frame.
        view: of the frame.
        pattern: (68, 25), see ``View.pattern``. None: the face is lost.
        detail: contrast of fine structures of the face, in grey levels.
        is_settled: whether it was filled in.
    """

    face: Face
    seconds: float
    view: View
    pattern: np.ndarray | None = None
    detail: float = 0.0
    is_settled: bool = False

    @classmethod
    def of_frame(
        cls,
        face: Face,
        seconds: float,
        image: np.ndarray,
        config: OfflineConfig,
        tracking: TrackingConfig,
    ) -> "Sighting":
        """Return what is kept of a face in a frame.

        Args:
            face: as the tracker saw it.
            seconds: on a clock that rises with every frame.
            image: (H, W, 3) uint8 RGB.
            config: ``view_size``.
            tracking: ``noise_level``.
        """
        is_lost = face.state == "lost" or not np.isfinite(face.landmarks).all()
        box = face.box if is_lost else box_from_landmarks(face.landmarks)
        if not (box[2:] > box[:2]).all():
            box = np.array([0, 0, image.shape[1], image.shape[0]])
        view = View.of_frame(image, box, config)
        if is_lost:
            return cls(face, seconds, view)
        upright = view.around(face.landmarks)
        pattern = upright.pattern(face.landmarks, tracking)
        return cls(face, seconds, view, pattern, upright.detail)

    @property
    def is_lost(self) -> bool:
        return self.pattern is None


def likeness(one: Sighting, other: Sighting, config: OfflineConfig) -> float:
    """Return how alike a face looks in two frames: 1 the same, -1 lost in one.

    It is the mean correlation of the surroundings of the landmarks, less what the
    frames differ in detail.

    Args:
        one: face in a frame.
        other: the same face in another one.
        config: ``detail_weight`` and ``faint_detail``.
    """
    if one.pattern is None or other.pattern is None:
        return -1.0
    alike = np.einsum("ij,ij->", one.pattern, other.pattern) / len(one.pattern)
    faint = config.faint_detail
    change = np.log((one.detail + faint) / (other.detail + faint))
    return max(-1.0, float(alike - config.detail_weight * abs(change)))
