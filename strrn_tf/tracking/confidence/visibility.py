"""Which landmarks are in plain sight: do their surroundings look as they did before?

Networks have an answer for any picture, and agree on faces that are not there. What was
seen before is evidence of its own. Where most of a face is in sight, most surroundings
look the same again. Where something covers it, hardly any do. NumPy and OpenCV.
"""

from typing import NamedTuple

import cv2
import numpy as np

from strrn_tf.geometry import apply_matrix
from strrn_tf.tracking.confidence.evidence import UNKNOWN
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.networks.face_networks import Crop

# Samples for a side of the surroundings. A sample is four pixels of the crop, where the
# eyes are about 95 pixels apart.
SIDE, STRIDE = 5, 4

_DY, _DX = (part.ravel() - SIDE // 2 for part in np.mgrid[:SIDE, :SIDE])


class Visibility(NamedTuple):
    """What a track remembers of the surroundings of its landmarks.

    Attributes:
        template: (68, 25), see ``surroundings``, when the face check was last sure of
            the face. NaN where there was no contrast. None: it never was.
        resemblance: (68,) of the last check to the template: 1 the same, 0 unrelated.
            NaN where nothing is known.
    """

    template: np.ndarray | None = None
    resemblance: np.ndarray = UNKNOWN

    def compared(
        self, crop: Crop, landmarks: np.ndarray, config: TrackingConfig
    ) -> "Visibility":
        """Return the same template, compared with a crop.

        Args:
            crop: of the image.
            landmarks: (68, 2) in pixels of the image.
            config: ``noise_level``.
        """
        if self.template is None:
            return self
        places = apply_matrix(crop.matrix, landmarks)
        seen = surroundings(crop.gray, places, config.noise_level)
        return self._replace(resemblance=np.einsum("ij,ij->i", seen, self.template))

    def renewed(
        self, crop: Crop, landmarks: np.ndarray, config: TrackingConfig
    ) -> "Visibility":
        """Return the same resemblance, and the template of another crop."""
        places = apply_matrix(crop.matrix, landmarks)
        seen = surroundings(crop.gray, places, config.noise_level)
        # Below half of the length there is more noise than contrast.
        is_plain = 2 * np.einsum("ij,ij->i", seen, seen) < 1
        seen[is_plain] = np.nan
        return self._replace(template=seen)

    def visible(self, config: TrackingConfig) -> np.ndarray:
        """Return which landmarks (68,) look as before. Unknown ones do not."""
        return self.resemblance > config.min_resemblance

    def visible_fraction(self, config: TrackingConfig) -> float | None:
        """Return the fraction of the landmarks that look as before, if it is known.

        Those without contrast do not count. None: nothing is known of most landmarks.
        """
        known = np.count_nonzero(self.resemblance == self.resemblance)
        if 2 * known < len(self.resemblance):
            return None
        return float(np.count_nonzero(self.visible(config)) / known)

    def hidden(self, config: TrackingConfig) -> np.ndarray | None:
        """Return which landmarks (68,) are hidden. None: the face is in plain sight.

        Also None where too little is in sight to say where the rest is.
        """
        fraction = self.visible_fraction(config)
        low, high = config.min_visible_fraction, config.plain_visible_fraction
        if fraction is None or not low <= fraction <= high:
            return None
        return ~self.visible(config)


UNSEEN = Visibility()


def surroundings(
    gray: np.ndarray, landmarks: np.ndarray, noise_level: float
) -> np.ndarray:
    """Return what is seen around landmarks, without brightness and contrast.

    Args:
        gray: (S, S) uint8, a crop.
        landmarks: (L, 2) in its pixels.
        noise_level: in grey levels.

    Returns:
        (L, 25) float32. Rows have the length 1, and less with little contrast.
    """
    small = cv2.pyrDown(cv2.pyrDown(gray))
    margin, last = SIDE // 2, small.shape[0] - 1
    cells = np.clip(landmarks / STRIDE, margin, last - margin).astype(np.intp)
    seen = small[cells[:, 1:] + _DY, cells[:, :1] + _DX].astype(np.float32)
    seen -= seen.mean(1, keepdims=True)
    length = np.sqrt(
        np.einsum("ij,ij->i", seen, seen) + np.float32(SIDE * noise_level) ** 2
    )
    return seen / length[:, None]
