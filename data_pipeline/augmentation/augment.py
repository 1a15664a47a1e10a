"""Augmentation of stored crops: one matrix for the picture and for its landmarks.

A stored crop (S, S, 3) is wider than the network's crop (315, 315, 3). Without
augmentation the network's crop is its central part. Rotation, scale, shift and mirror
are one matrix (2, 3) from stored pixels to crop pixels. A matrix with a negative
determinant mirrors, and landmarks that it moves change their order too. NumPy and
OpenCV.
"""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from data_pipeline.augmentation.facial_motion import (
    FacialMotion,
    MotionStrength,
    animate_landmarks,
    sample_facial_motions,
)
from data_pipeline.augmentation.photometric import (
    PhotometricParams,
    PhotometricStrength,
    apply_photometric,
    sample_photometric,
)
from data_pipeline.augmentation.warp import Warp, find
from strrn_tf.config import AlgorithmConfig
from strrn_tf.geometry import (
    CROP_MARGIN,
    CROP_SIZE,
    apply_matrix,
    compose,
    similarity,
)
from strrn_tf.landmarks import MIRROR

FACE_SIZE = CROP_SIZE / CROP_MARGIN
# Factor on rotation and on the probabilities of facial motion and photometric changes
# when the augmentation is annealed.
ANNEALED_FRACTION = 0.6
_MIRROR_ORDER = np.array(MIRROR)
_MIRROR_MATRIX = np.array([[-1.0, 0.0, CROP_SIZE - 1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class Augmentation:
    """Strengths of the augmentation.

    Rotation, scale and shift are normal. Each strength is *two* standard deviations,
    and samples are cut at 4/3 of the strength.

    Attributes:
        rotation: about the centre of the crop, in degrees. Stored faces stand upright.
            A tracked face is turned upright too, and the first detection finds others
            in windows that are turned by quarters.
        scale: logarithm of the scale; 0.15 is about 15 %.
        shift: of x and of y, as a fraction of the face size (197 pixels in a crop).
        mirror: probability.
        photometric: changes of pixels that leave landmarks where they are.
        facial_motion: added to single stills. Photographs show few heads that are
            turned up, down or far aside, and few closed eyes. Pairs of frames use the
            facial motion of their ``Motion`` instead.
    """

    rotation: float = 24.0
    scale: float = AlgorithmConfig.box_scale
    shift: float = AlgorithmConfig.box_shift
    mirror: float = 0.5
    photometric: PhotometricStrength = field(default_factory=PhotometricStrength)
    facial_motion: MotionStrength = field(
        default_factory=lambda: MotionStrength(
            probability=0.4, first=(0.25, 0.18, 0.1, 0.3, 0.2, 0.3, 0.1, 0.3)
        )
    )

    @classmethod
    def none(cls) -> "Augmentation":
        """Return the strengths that give the central crop, byte for byte."""
        return cls(
            0.0,
            0.0,
            0.0,
            0.0,
            PhotometricStrength.none(),
            MotionStrength(probability=0.0),
        )

    def annealed(self) -> "Augmentation":
        """Return weaker strengths without mirroring, for the end of a training.

        Mirroring treats the two sides of a face as equal, but annotations differ
        between them (``benchmarks/accuracy/mirror.py``). Box errors stay as large as
        before. On video a box comes from the detector's own landmarks, so errors that
        depend on the box would add up.
        """
        fraction = ANNEALED_FRACTION
        return replace(
            self,
            rotation=fraction * self.rotation,
            mirror=0.0,
            photometric=self.photometric.rarer(fraction),
            facial_motion=replace(
                self.facial_motion,
                probability=fraction * self.facial_motion.probability,
            ),
        )


def sample_matrix(
    rng: np.random.Generator, augmentation: Augmentation, stored_side: int
) -> np.ndarray:
    """Sample the matrix (2, 3) from stored pixels to crop pixels."""
    angle, scale, x, y = np.clip(rng.standard_normal(4) / 2, -4 / 3, 4 / 3)
    scale = np.exp(augmentation.scale * scale)
    angle = np.deg2rad(augmentation.rotation * angle)
    turn = similarity(scale, angle, np.zeros(2))
    shift = augmentation.shift * FACE_SIZE * np.array([x, y])
    stored_centre = np.full(2, (stored_side - 1) / 2)
    turn[:, 2] = (CROP_SIZE - 1) / 2 + shift - turn[:, :2] @ stored_centre
    return compose(_MIRROR_MATRIX, turn) if rng.random() < augmentation.mirror else turn


def move_landmarks(matrix: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Move landmarks (..., 68, 2) from stored pixels to crop pixels, float32.

    A mirroring matrix also exchanges left and right landmarks.
    """
    moved = apply_matrix(matrix, landmarks).astype(np.float32)
    return moved[..., _MIRROR_ORDER, :] if is_mirror(matrix) else moved


def is_mirror(matrix: np.ndarray) -> bool:
    """Return whether a matrix (2, 3) exchanges left and right."""
    return matrix[0, 0] * matrix[1, 1] < matrix[0, 1] * matrix[1, 0]


def reorder(values: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return values (68,) of landmarks in their order after a matrix moved them."""
    return values[_MIRROR_ORDER] if is_mirror(matrix) else values


def render(
    frame: np.ndarray,
    matrix: np.ndarray,
    params: PhotometricParams,
    rng: np.random.Generator,
    maps: np.ndarray | None = None,
) -> np.ndarray:
    """Return the crop (315, 315, 3) uint8 of a stored frame.

    The crop is sampled at the resolution of ``params``, changed there, and enlarged
    last. Resizing by s maps x to (x + 0.5) s - 0.5 in both directions, so landmarks do
    not depend on the resolution.

    Args:
        frame: stored frame (S, S, 3) uint8.
        matrix: (2, 3) from stored pixels to crop pixels.
        params: photometric changes.
        rng: source of the noise.
        maps: (315, 315, 2) float32, the stored position of every crop pixel. They
            replace ``matrix``.
    """
    shrink = params.side / CROP_SIZE
    if shrink < 1:
        # Bilinear sampling alone would alias.
        window = 2 * int(0.5 / shrink) + 1
        frame = cv2.blur(frame, (window, window), borderType=cv2.BORDER_REPLICATE)
        matrix = compose(similarity(shrink, 0.0, [0.5 * shrink - 0.5] * 2), matrix)
    size = params.side, params.side
    outside = {
        "borderMode": cv2.BORDER_REPLICATE
        if params.border is None
        else cv2.BORDER_CONSTANT,
        "borderValue": params.border or 0,
    }
    if maps is None:
        crop = cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_LINEAR, **outside)
    else:
        maps = cv2.resize(maps, size) if shrink < 1 else maps
        crop = cv2.remap(frame, maps, None, cv2.INTER_LINEAR, **outside)
    return apply_photometric(crop, params, rng)


def animate_crop(
    landmarks: np.ndarray, facial_motion: FacialMotion | None, matrix: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the maps of a crop with facial motion, and the landmarks in that crop.

    Args:
        landmarks: (68, 2) in stored pixels.
        facial_motion: change of the face; None for no change.
        matrix: (2, 3) from stored pixels to crop pixels, without facial motion.

    Returns:
        Maps (315, 315, 2) for :func:`render`, or None without facial motion; and
        landmarks (68, 2) float32 in crop pixels.
    """
    if facial_motion is None:
        return None, move_landmarks(matrix, landmarks)
    wanted = animate_landmarks(landmarks, facial_motion)
    maps = Warp(landmarks, wanted).maps(matrix)
    found = find(maps, landmarks, apply_matrix(matrix, wanted)).astype(np.float32)
    return maps, found[_MIRROR_ORDER] if is_mirror(matrix) else found


def forget(
    moved: np.ndarray, known: np.ndarray | None, matrix: np.ndarray
) -> np.ndarray:
    """Return moved landmarks (68, 2) with NaN where nobody annotated the point.

    Args:
        moved: landmarks in crop pixels.
        known: mask (68,) of the still's points; None: all.
        matrix: that moved them. A mirror exchanges left and right.
    """
    if known is None or known.all():
        return moved
    return np.where(reorder(known, matrix)[:, None], moved, np.float32(np.nan))


def augment(
    frame: np.ndarray,
    landmarks: np.ndarray,
    augmentation: Augmentation,
    rng: np.random.Generator,
    known: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return a crop (315, 315, 3) uint8 of a still, and its landmarks (68, 2) float32.

    Args:
        frame: stored crop (S, S, 3) uint8.
        landmarks: (68, 2) in stored pixels, all finite: facial motion needs them all.
        augmentation: strengths.
        rng: the only source of randomness.
        known: mask (68,) of annotated points; the others become NaN. None: all.
    """
    matrix = sample_matrix(rng, augmentation, frame.shape[1])
    return augment_by(matrix, frame, landmarks, augmentation, rng, known)


def augment_by(
    matrix: np.ndarray,
    frame: np.ndarray,
    landmarks: np.ndarray,
    augmentation: Augmentation,
    rng: np.random.Generator,
    known: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `augment` does, by a matrix that was sampled before."""
    params = sample_photometric(rng, augmentation.photometric)
    facial_motion, _ = sample_facial_motions(rng, augmentation.facial_motion)
    maps, moved = animate_crop(landmarks, facial_motion, matrix)
    return render(frame, matrix, params, rng, maps), forget(moved, known, matrix)
