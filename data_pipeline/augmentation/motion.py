"""Two frames from one still: synthetic motion and the errors of an imagined detector.

The paper does not say how STRRN is initialised. Here it learns from labelled stills
that are moved by a small random similarity and act (`animation`), and from starting
shapes that are wrong as a detector's are. NumPy only.
"""

from dataclasses import dataclass, field

import numpy as np

from data_pipeline.augmentation.animation import Liveliness
from strrn_tf.geometry import similarity
from strrn_tf.landmarks import NUM_LANDMARKS, OUTER_EYE_CORNERS, REGIONS


@dataclass(frozen=True)
class Motion:
    """Sizes of the motion between two frames and of the detector's errors.

    Translation, rotation and scale follow Student's t with three degrees of freedom,
    scaled to the standard deviations given here and cut at four of them: most steps
    are small, some are large.

    Attributes:
        translation: standard deviation of x and of y, fraction of the face size.
        rotation: standard deviation in degrees.
        scale: standard deviation of the logarithm of the scale.
        still_probability: of no motion at all.
        moving_occluder_probability: that blocks move on their own between the frames
            instead of standing still in the crop.
        new_blur_probability: that the blur of the second frame is drawn anew.
        error: median of the detector's mean point error, fraction of the distance of
            the outer eye corners.
        error_spread: standard deviation of the logarithm of that error.
        largest_error: no error is larger, same unit.
        liveliness: what the face does in the two frames; similarities alone do not
            show a tracker heads that turn.
    """

    translation: float = 0.02
    rotation: float = 2.0
    scale: float = 0.015
    still_probability: float = 0.1
    moving_occluder_probability: float = 0.5
    new_blur_probability: float = 0.3
    error: float = 0.025
    error_spread: float = 0.6
    largest_error: float = 0.15
    liveliness: Liveliness = field(default_factory=Liveliness)


def draw_motion(
    rng: np.random.Generator, motion: Motion, centre: np.ndarray, face_size: float
) -> np.ndarray:
    """Draw the matrix (2, 3) that moves the first frame's crop to the second's.

    Args:
        rng: the only source of chance.
        motion: sizes.
        centre: xy in crop pixels about which the face turns and grows.
        face_size: in crop pixels, the unit of the translation.
    """
    # A t variable with three degrees of freedom has the variance 3.
    steps = np.clip(rng.standard_t(3, 4) / np.sqrt(3), -4, 4)
    if rng.random() < motion.still_probability:
        steps = np.zeros(4)
    angle = np.deg2rad(motion.rotation) * steps[0]
    matrix = similarity(np.exp(motion.scale * steps[1]), angle, np.zeros(2))
    shift = motion.translation * face_size * steps[2:]
    matrix[:, 2] = centre + shift - matrix[:, :2] @ centre
    return matrix


def detector_like(
    rng: np.random.Generator, motion: Motion, landmarks: np.ndarray
) -> np.ndarray:
    """Return landmarks (68, 2) float32 that are wrong as a detector's are.

    The error is a sum, in random proportions, of a similarity of the whole face, of a
    linear deformation of every facial region and of independent noise of the points. It
    is scaled so that its mean length is exactly the drawn size.
    """
    landmarks = np.asarray(landmarks, np.float64)
    left, right = landmarks[list(OUTER_EYE_CORNERS)]
    error = motion.error * np.exp(motion.error_spread * rng.standard_normal())
    size = min(error, motion.largest_error) * np.linalg.norm(right - left)
    shape = landmarks - landmarks.mean(0)
    shape /= np.sqrt((shape**2).sum(1).mean())
    parts = np.stack(
        [_similarity_error(rng, shape), _region_error(rng, shape), _point_error(rng)]
    )
    parts /= np.linalg.norm(parts, axis=-1).mean(-1)[:, None, None]
    noise = (rng.random((3, 1, 1)) * parts).sum(0)
    noise *= size / np.linalg.norm(noise, axis=-1).mean()
    return (landmarks + noise).astype(np.float32)


# (9, 68): 1 / (number of points) where the point belongs to the region.
_REGION_MEAN = np.zeros((len(REGIONS), NUM_LANDMARKS))
for _row, _points in zip(_REGION_MEAN, REGIONS.values(), strict=True):
    _row[list(_points)] = 1 / len(_points)
_REGION_OF = _REGION_MEAN.argmax(0)


def _similarity_error(rng: np.random.Generator, shape: np.ndarray) -> np.ndarray:
    """Return (68, 2): shift, turn and growth of the face (centred, unit size)."""
    x, y, turn, growth = rng.standard_normal(4)
    return np.array([x, y]) + shape @ np.array([[growth, turn], [-turn, growth]])


def _region_error(rng: np.random.Generator, shape: np.ndarray) -> np.ndarray:
    """Return (68, 2): every region is shifted and linearly deformed on its own."""
    count = len(REGIONS)
    shifts, linear = rng.standard_normal((count, 2)), rng.standard_normal((count, 2, 2))
    local = shape - (_REGION_MEAN @ shape)[_REGION_OF]
    return shifts[_REGION_OF] + np.einsum("ld,lde->le", local, linear[_REGION_OF])


def _point_error(rng: np.random.Generator) -> np.ndarray:
    """Return (68, 2): independent noise of the points."""
    return rng.standard_normal((NUM_LANDMARKS, 2))
