"""What a file says about the landmarks of one face: points, and means of points."""

from typing import NamedTuple

import numpy as np

from strrn_tf.landmarks import NUM_LANDMARKS


class Mean(NamedTuple):
    """A place that is the mean of several landmarks, such as the centre of an eye.

    Attributes:
        points: numbers of the landmarks, two or more.
        place: x and y in pixels of the image, from 0.
    """

    points: tuple[int, ...]
    place: tuple[float, float]


class Annotation(NamedTuple):
    """The annotation of one face.

    Attributes:
        landmarks: (68, 2) float32 in pixels of the image, from 0. NaN is not annotated.
        means: places that are means of landmarks.
        remark: what is missing, and where; "" if nothing is.
    """

    landmarks: np.ndarray
    means: tuple[Mean, ...] = ()
    remark: str = ""

    @property
    def known(self) -> np.ndarray:
        """Mask (68,) of the annotated points."""
        return np.isfinite(self.landmarks).all(-1)

    @property
    def is_whole(self) -> bool:
        """Whether all 68 points are annotated."""
        return bool(self.known.all())

    @property
    def places(self) -> np.ndarray:
        """All annotated places (R, 2) float64: points, then means."""
        points = self.landmarks[self.known].astype(np.float64)
        return np.concatenate(
            [points, np.reshape([m.place for m in self.means], (-1, 2))]
        )

    @property
    def weights(self) -> np.ndarray:
        """Weights (R, 68) of the landmarks in the places; every row sums to 1."""
        rows = [np.eye(NUM_LANDMARKS)[self.known]]
        for mean in self.means:
            row = np.zeros((1, NUM_LANDMARKS))
            row[0, list(mean.points)] = 1 / len(mean.points)
            rows.append(row)
        return np.concatenate(rows)
