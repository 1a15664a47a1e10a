"""Two frames from one still: synthetic motion, and errors like those of a detector.

The paper leaves open how STRRN is initialised. Here it learns from labelled stills. A
small random similarity and facial motion make the second frame. Starting shapes get
errors like those of a detector. NumPy only.
"""

from dataclasses import dataclass, field

import numpy as np

from data_pipeline.augmentation.facial_motion import MotionStrength
from strrn_tf.geometry import similarity
from strrn_tf.landmarks import NUM_LANDMARKS, OUTER_EYE_CORNERS, REGIONS


@dataclass(frozen=True)
class Motion:
    """Sizes of the motion between two frames, and of the detector's errors.

    Translation, rotation and scale follow Student's t with three degrees of freedom:
    most steps are small and some are large. They have the standard deviations given
    here before they are cut at four of them.

    Attributes:
        translation: standard deviation of x and of y, as a fraction of the face size.
        rotation: standard deviation in degrees.
        scale: standard deviation of the logarithm of the scale.
        no_motion_probability: that the face does not move between the frames.
        moving_occluder_probability: that occluders move between the frames; otherwise
            they stand still in the crop.
        new_blur_probability: that the second frame has a blur of its own.
        error: median of the mean point error of the detector, as a fraction of the
            distance between the outer eye corners.
        error_spread: standard deviation of the logarithm of that error.
        largest_error: upper bound of that error, in the same unit.
        facial_motion: of the two frames. Similarities alone never show a head that
            turns.
    """

    translation: float = 0.02
    rotation: float = 2.0
    scale: float = 0.015
    no_motion_probability: float = 0.1
    moving_occluder_probability: float = 0.5
    new_blur_probability: float = 0.3
    error: float = 0.025
    error_spread: float = 0.6
    largest_error: float = 0.15
    facial_motion: MotionStrength = field(default_factory=MotionStrength)


def sample_motion(
    rng: np.random.Generator, motion: Motion, centre: np.ndarray, face_size: float
) -> np.ndarray:
    """Sample the matrix (2, 3) that moves the first frame's crop to the second's.

    Args:
        rng: the only source of randomness.
        motion: sizes.
        centre: xy in crop pixels, the fixed point of rotation and scale.
        face_size: unit of the translation, in crop pixels.
    """
    # A t variable with three degrees of freedom has the variance 3.
    steps = np.clip(rng.standard_t(3, 4) / np.sqrt(3), -4, 4)
    if rng.random() < motion.no_motion_probability:
        steps = np.zeros(4)
    angle = np.deg2rad(motion.rotation) * steps[0]
    matrix = similarity(np.exp(motion.scale * steps[1]), angle, np.zeros(2))
    shift = motion.translation * face_size * steps[2:]
    matrix[:, 2] = centre + shift - matrix[:, :2] @ centre
    return matrix


def add_detector_noise(
    rng: np.random.Generator, motion: Motion, landmarks: np.ndarray
) -> np.ndarray:
    """Return landmarks (68, 2) float32 with errors like those of a detector.

    The error is a weighted sum of three parts with random weights: a similarity of
    the whole face, a linear deformation of every region, and noise of every point. It
    is scaled so that its mean length is exactly the sampled size.
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


# (9, 68): the mean over the points of each region, as a matrix.
_REGION_MEAN = np.zeros((len(REGIONS), NUM_LANDMARKS))
for _row, _points in zip(_REGION_MEAN, REGIONS.values(), strict=True):
    _row[list(_points)] = 1 / len(_points)
_REGION_OF = _REGION_MEAN.argmax(0)


def _similarity_error(rng: np.random.Generator, shape: np.ndarray) -> np.ndarray:
    """Return a random shift, rotation and scale as offsets (68, 2) of a unit shape."""
    x, y, turn, growth = rng.standard_normal(4)
    return np.array([x, y]) + shape @ np.array([[growth, turn], [-turn, growth]])


def _region_error(rng: np.random.Generator, shape: np.ndarray) -> np.ndarray:
    """Return random shifts and linear deformations of every region, (68, 2)."""
    count = len(REGIONS)
    shifts, linear = rng.standard_normal((count, 2)), rng.standard_normal((count, 2, 2))
    local = shape - (_REGION_MEAN @ shape)[_REGION_OF]
    return shifts[_REGION_OF] + np.einsum("ld,lde->le", local, linear[_REGION_OF])


def _point_error(rng: np.random.Generator) -> np.ndarray:
    """Return independent noise of the points, (68, 2)."""
    return rng.standard_normal((NUM_LANDMARKS, 2))
