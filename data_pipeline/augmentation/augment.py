"""Augmentation of stored crops: one matrix for the picture and for its landmarks.

A stored crop (S, S, 3) is wider than the network's crop (315, 315, 3), which is its
central part when nothing is augmented. All of rotation, scale, shift and mirror is one
matrix (2, 3) from stored pixels to crop pixels; a matrix with a negative determinant is
a mirror, and landmarks that pass it change their order too. NumPy and OpenCV.
"""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from data_pipeline.augmentation.animation import (
    Liveliness,
    Performance,
    draw_performances,
    perform,
)
from data_pipeline.augmentation.photometric import (
    Look,
    Photometric,
    apply_look,
    draw_look,
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
# Of rotation, facial motion and photometric probabilities, when it is annealed.
ANNEALED_FRACTION = 0.6
_MIRROR_ORDER = np.array(MIRROR)
_MIRROR_MATRIX = np.array([[-1.0, 0.0, CROP_SIZE - 1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class Augmentation:
    """Strengths of the augmentation.

    Rotation, scale and shift are normal; the figure is *two* standard deviations, and
    4/3 of it is never passed.

    Attributes:
        rotation: degrees about the centre of the crop.
        scale: logarithm of the scale, about 0.15 for 15 %.
        shift: x and y, fraction of the face size (197 pixels in a crop).
        mirror: probability.
        photometric: everything that leaves landmarks where they are.
        liveliness: what the face of a single still is made to do (`animation`):
            photographs show few heads that are turned up, down or far aside, and few
            closed eyes. Pairs have the liveliness of their ``Motion``.
    """

    rotation: float = 30.0
    scale: float = AlgorithmConfig.box_scale
    shift: float = AlgorithmConfig.box_shift
    mirror: float = 0.5
    photometric: Photometric = field(default_factory=Photometric)
    liveliness: Liveliness = field(
        default_factory=lambda: Liveliness(
            probability=0.4, first=(0.25, 0.18, 0.1, 0.3, 0.2, 0.3, 0.1, 0.3)
        )
    )

    @classmethod
    def none(cls) -> "Augmentation":
        """Return the strengths that give the central crop, byte for byte."""
        return cls(0.0, 0.0, 0.0, 0.0, Photometric.none(), Liveliness(probability=0.0))

    def annealed(self) -> "Augmentation":
        """Return weaker strengths without mirroring, for the end of a training.

        Mirroring treats both sides of a face alike, but annotators may not
        (``benchmarks/accuracy/mirror.py``). Scale and shift of the boxes stay: on a
        video the boxes depend on the detector's own errors, so that it must not rely on
        their position.
        """
        share = ANNEALED_FRACTION
        return replace(
            self,
            rotation=share * self.rotation,
            mirror=0.0,
            photometric=self.photometric.rarer(share),
            liveliness=replace(
                self.liveliness, probability=share * self.liveliness.probability
            ),
        )


def draw_matrix(
    rng: np.random.Generator, augmentation: Augmentation, stored_side: int
) -> np.ndarray:
    """Draw the matrix (2, 3) from stored pixels to crop pixels."""
    angle, scale, x, y = np.clip(rng.standard_normal(4) / 2, -4 / 3, 4 / 3)
    scale = np.exp(augmentation.scale * scale)
    angle = np.deg2rad(augmentation.rotation * angle)
    turn = similarity(scale, angle, np.zeros(2))
    shift = augmentation.shift * FACE_SIZE * np.array([x, y])
    stored_centre = np.full(2, (stored_side - 1) / 2)
    turn[:, 2] = (CROP_SIZE - 1) / 2 + shift - turn[:, :2] @ stored_centre
    return compose(_MIRROR_MATRIX, turn) if rng.random() < augmentation.mirror else turn


def move_landmarks(matrix: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Return landmarks (..., 68, 2) float32 in crop pixels of stored landmarks.

    A mirroring matrix also exchanges left and right landmarks.
    """
    moved = apply_matrix(matrix, landmarks).astype(np.float32)
    return moved[..., _MIRROR_ORDER, :] if is_mirror(matrix) else moved


def is_mirror(matrix: np.ndarray) -> bool:
    """Say whether a matrix (2, 3) exchanges left and right."""
    return matrix[0, 0] * matrix[1, 1] < matrix[0, 1] * matrix[1, 0]


def render(
    frame: np.ndarray,
    matrix: np.ndarray,
    look: Look,
    rng: np.random.Generator,
    maps: np.ndarray | None = None,
) -> np.ndarray:
    """Return the crop (315, 315, 3) uint8 of a stored frame (S, S, 3) uint8.

    With ``maps`` (315, 315, 2) float32, which say for every pixel of the crop where in
    the stored frame it comes from, the matrix is not looked at.

    The crop is sampled at the resolution of the look and enlarged after the look was
    applied. Resizing by s maps x to (x + 0.5) s - 0.5 in both directions, so landmarks
    do not depend on the resolution.
    """
    shrink = look.side / CROP_SIZE
    if shrink < 1:
        # Bilinear sampling alone would alias.
        window = 2 * int(0.5 / shrink) + 1
        frame = cv2.blur(frame, (window, window), borderType=cv2.BORDER_REPLICATE)
        matrix = compose(similarity(shrink, 0.0, [0.5 * shrink - 0.5] * 2), matrix)
    size = look.side, look.side
    outside = {
        "borderMode": cv2.BORDER_REPLICATE
        if look.border is None
        else cv2.BORDER_CONSTANT,
        "borderValue": look.border or 0,
    }
    if maps is None:
        crop = cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_LINEAR, **outside)
    else:
        maps = cv2.resize(maps, size) if shrink < 1 else maps
        crop = cv2.remap(frame, maps, None, cv2.INTER_LINEAR, **outside)
    return apply_look(crop, look, rng)


def act(
    landmarks: np.ndarray, performance: Performance | None, matrix: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the maps of a crop in which the face performs, and its landmarks there.

    Args:
        landmarks: (68, 2) in stored pixels.
        performance: what the face does; None: what it does in the stored frame.
        matrix: (2, 3) from the stored frame, were it not for that, to the crop.

    Returns:
        Maps (315, 315, 2) for :func:`render`, None if the matrix says it all, and
        landmarks (68, 2) float32.
    """
    if performance is None:
        return None, move_landmarks(matrix, landmarks)
    wanted = perform(landmarks, performance)
    maps = Warp(landmarks, wanted).maps(matrix)
    found = find(maps, landmarks, apply_matrix(matrix, wanted)).astype(np.float32)
    return maps, found[_MIRROR_ORDER] if is_mirror(matrix) else found


def augment(
    frame: np.ndarray,
    landmarks: np.ndarray,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return a crop (315, 315, 3) uint8 of a still and landmarks (68, 2) float32 in it.

    Args:
        frame: stored crop (S, S, 3) uint8.
        landmarks: (68, 2) in stored pixels.
        augmentation: strengths.
        rng: the only source of chance.
    """
    matrix = draw_matrix(rng, augmentation, frame.shape[1])
    look = draw_look(rng, augmentation.photometric)
    performance, _ = draw_performances(rng, augmentation.liveliness)
    maps, moved = act(landmarks, performance, matrix)
    return render(frame, matrix, look, rng, maps), moved
