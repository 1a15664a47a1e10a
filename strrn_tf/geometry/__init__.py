"""Boxes, similarities, crop windows and mean shapes. NumPy only.

Conventions, used in the whole project:

* Landmarks are xy in pixels, 0-based, and an integer is a pixel *centre*.
* A box is (x0, y0, x1, y1) in the same coordinates. A *face box* is the tight box of
  the 68 landmarks; boxes of other origin are converted to that meaning where they
  are read.
* A matrix is (2, 3) and maps image to crop: ``crop = matrix[:, :2] @ xy +
  matrix[:, 2]``. It is what ``cv2.warpAffine`` calls the forward map.
* The crop window is a square of ``CROP_MARGIN`` times the larger side of the face
  box, rescaled to ``CROP_SIZE`` pixels (paper, "rescaled each face frame in the size
  of [315 x 315]"; the margin is MDM's 0.3 on each side). A face is therefore 197 px
  large in a crop.
"""

import math
import reprlib

import numpy as np

from strrn_tf.landmarks import (
    COMPONENTS,
    NUM_LANDMARKS,
    OUTER_EYE_CORNERS,
    REGIONS,
)

CROP_SIZE = 315
CROP_MARGIN = 1.6

# No image is that large; the squares of larger coordinates outgrow float32.
LARGEST_COORDINATE = 1e6

# In profile the outer eye corners fall together, and a distance divided by theirs grows
# without limit. The ratio to the face size is 0.59 for the median face of 300-W and
# below 0.4 for one in a thousand, so the floor leaves all others untouched.
EYE_DISTANCE_FLOOR = 0.4

# (3, 32): times the landmarks of eyes and mouth they are the centres of the three.
_PARTS = REGIONS["left_eye"], REGIONS["right_eye"], COMPONENTS["mouth"]
_FIRST = min(map(min, _PARTS))
_CENTRES = np.array(
    [[(i in part) / len(part) for i in range(_FIRST, NUM_LANDMARKS)] for part in _PARTS]
)


def box_from_landmarks(landmarks: np.ndarray) -> np.ndarray:
    """Return the tight boxes (..., 4) of landmarks (..., L, 2)."""
    return np.concatenate(_extremes(landmarks), -1)


def _extremes(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest xy (..., 2) of landmarks (..., L, 2)."""
    # NumPy compares twice as fast along rows that are contiguous.
    rows = np.ascontiguousarray(np.swapaxes(landmarks, -1, -2))
    return rows.min(-1), rows.max(-1)


def box_sides(box: np.ndarray) -> np.ndarray:
    """Return (..., 2): width and height of boxes (..., 4)."""
    box = np.asarray(box)
    return box[..., 2:] - box[..., :2]


def face_size(box: np.ndarray) -> np.ndarray:
    """Return the larger side (...) of boxes (..., 4), in pixels."""
    return box_sides(box).max(-1)


def roll_angle(landmarks: np.ndarray) -> np.ndarray:
    """Return the roll (...) of faces (..., 68, 2) in radians, within pi.

    It is the angle that best turns an upright face so that one eye centre lies beside
    the other and the mouth below both (Procrustes on these two directions). In profile
    the eyes coincide, and the mouth decides. Positive is clockwise on the screen.
    """
    centres = _CENTRES @ np.asarray(landmarks, np.float64)[..., _FIRST:, :]
    return roll_of_parts(*(centres[..., part, :] for part in range(3)))


def roll_of_parts(
    left_eye: np.ndarray, right_eye: np.ndarray, mouth: np.ndarray
) -> np.ndarray:
    """Return the roll (...) of faces by the centres (..., 2) of eyes and mouth."""
    across, down = right_eye - left_eye, mouth - (left_eye + right_eye) / 2
    return np.arctan2(across[..., 1] - down[..., 0], across[..., 0] + down[..., 1])


def upright_box(landmarks: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the tight box (4,) of a face (68, 2) that is turned upright, and its roll.

    The box has the sides of the upright face, and its centre is where that of the
    turned face is in the image. With the roll it is the crop window of the face, see
    `crop_matrix`.
    """
    roll = float(roll_angle(landmarks))
    turn = similarity(1.0, -roll, np.zeros(2))
    box = box_from_landmarks(apply_matrix(turn, np.asarray(landmarks, np.float64)))
    centre = apply_matrix(invert_matrix(turn), (box[:2] + box[2:])[None] / 2)[0]
    half = box_sides(box) / 2
    return np.concatenate([centre - half, centre + half]), roll


def crop_matrix(
    box: np.ndarray,
    size: int = CROP_SIZE,
    margin: float = CROP_MARGIN,
    roll: float = 0.0,
) -> np.ndarray:
    """Return the similarity (2, 3) from the image to the square crop around a box.

    Args:
        box: face box (4,) in image pixels.
        size: side of the crop in pixels.
        margin: side of the window as a multiple of the larger side of the box.
        roll: of the face, in radians. The window turns with it around the centre of the
            box, so that the face stands upright in the crop.

    Raises:
        ValueError: the box is not four finite numbers or is empty.
    """
    box = check_box(box)
    scale = size / (margin * face_size(box))
    centre = (box[:2] + box[2:]) / 2
    matrix = similarity(scale, -roll, np.zeros(2))
    matrix[:, 2] = (size - 1) / 2 - matrix[:, :2] @ centre
    return matrix


def check_box(box: np.ndarray) -> np.ndarray:
    """Return the box as float64 (4,) or raise a ``ValueError`` that says why not."""
    box = as_numbers(box, "box")
    if box.shape != (4,):
        raise ValueError(f"`box` must be (x0, y0, x1, y1). Received: shape {box.shape}")
    if not np.isfinite(box).all() or (box_sides(box) <= 0).any():
        raise ValueError(
            "`box` must be finite with x0 < x1 and y0 < y1. "
            f"Received: {tuple(box.tolist())}"
        )
    return box


def as_numbers(value: object, name: str) -> np.ndarray:
    """Return numbers in an array or in nested lists as float64.

    Raises:
        ValueError: they are not real numbers, or lists differ in length.
    """
    try:
        return np.asarray(value).astype(np.float64, casting="same_kind")
    except (TypeError, ValueError):
        raise ValueError(
            f"`{name}` must be numbers: an array, or lists of one length. "
            f"Received: {type(value).__name__} {reprlib.repr(value)}"
        ) from None


def similarity(scale: float, angle: float, shift: np.ndarray) -> np.ndarray:
    """Return the matrix (2, 3) that scales, turns by ``angle`` radians, then shifts.

    A positive angle turns x towards y, which is clockwise on the screen.
    """
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    return np.array(
        [[cosine, -sine, shift[0]], [sine, cosine, shift[1]]], dtype=np.float64
    )


def apply_matrix(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map points (..., L, 2) by one matrix (2, 3) or by matrices (..., 2, 3)."""
    matrix = np.asarray(matrix)
    moved = np.asarray(points) @ np.swapaxes(matrix[..., :2], -1, -2)
    return moved + matrix[..., None, :, 2]


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return the matrix (2, 3) that maps by ``inner`` first and by ``outer`` second."""
    linear = outer[:, :2] @ inner[:, :2]
    return np.column_stack([linear, outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def invert_matrix(matrix: np.ndarray) -> np.ndarray:
    """Return the inverse maps (..., 2, 3) of matrices (..., 2, 3)."""
    matrix = np.asarray(matrix, np.float64)
    a, b, x = (matrix[..., 0, k] for k in range(3))
    c, d, y = (matrix[..., 1, k] for k in range(3))
    # Two thirds of the time of NumPy's solver, and every frame calls it several times.
    det = a * d - b * c
    inverse = np.empty(matrix.shape)
    inverse[..., 0, 0], inverse[..., 0, 1] = d / det, -b / det
    inverse[..., 1, 0], inverse[..., 1, 1] = -c / det, a / det
    inverse[..., 0, 2] = (b * y - d * x) / det
    inverse[..., 1, 2] = (c * x - a * y) / det
    return inverse


def fit_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the similarity (2, 3) that best maps points (L, 2) to others.

    The sum of the squared distances is least. At least two points must differ.
    """
    # As complex numbers, a scale and a turn are one factor.
    z, w = (np.asarray(p, np.float64) @ np.array([1, 1j]) for p in (source, target))
    z_mean, w_mean = z.mean(), w.mean()
    z = z - z_mean
    factor = np.vdot(z, w - w_mean) / np.vdot(z, z).real
    shift = w_mean - factor * z_mean
    return np.array(
        [
            [factor.real, -factor.imag, shift.real],
            [factor.imag, factor.real, shift.imag],
        ]
    )


def mean_shape(landmarks: np.ndarray, whole: np.ndarray | None = None) -> np.ndarray:
    """Return the mean shape (L, 2) in crop pixels of training shapes (N, L, 2).

    Every shape is first brought to the crop by its own face box, so the mean is where
    a detector that knows only the box should start (MDM's reference shape).

    Args:
        landmarks: (N, L, 2). NaN is not annotated, and left out of the mean of its
            point.
        whole: (N, L, 2) finite. It gives the boxes, and the mean of a point that nobody
            annotated. None: ``landmarks`` are finite.
    """
    whole = np.asarray(landmarks if whole is None else whole)
    matrices = np.stack([crop_matrix(box_from_landmarks(shape)) for shape in whole])
    known = np.isfinite(landmarks).all(-1)
    # Without one annotation of a point, all shapes say where it is.
    used = (known | ~known.any(0))[..., None]
    moved = np.where(used, apply_matrix(matrices, whole), 0)
    return (moved.sum(0) / used.sum(0)).astype(np.float32)


def eye_distance(landmarks: np.ndarray) -> np.ndarray:
    """Return the distances (...) of the outer eye corners of shapes (..., 68, 2).

    At least ``EYE_DISTANCE_FLOOR`` times the face size, because predictions may have
    both corners in one place. Metrics against ground
    truth use the published normalisers of ``metrics.py``, which have no floor.
    """
    landmarks = np.asarray(landmarks)
    left, right = OUTER_EYE_CORNERS
    distance = lengths(landmarks[..., right, :] - landmarks[..., left, :])
    low, high = _extremes(landmarks)
    return np.maximum(distance, EYE_DISTANCE_FLOOR * (high - low).max(-1))


def relative_distance(landmarks: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the mean distance (...) of the points over the reference's eye distance.

    Both are (..., 68, 2). With the start of a step as reference and the landmarks that
    came back as ``landmarks``, this is the cycle error that T limits.
    """
    return relative_distances(landmarks, reference).mean(-1)


def relative_distances(landmarks: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the distances (..., 68) of the points over the reference's eye distance.

    Both are (..., 68, 2).
    """
    distances = lengths(np.asarray(landmarks) - np.asarray(reference))
    return distances / eye_distance(reference)[..., None]


def lengths(vectors: np.ndarray) -> np.ndarray:
    """Return the lengths (...) of vectors (..., 2); three times as fast as a norm."""
    return np.hypot(vectors[..., 0], vectors[..., 1])


def moved_box(box: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return a box (4,) where a similarity (2, 3) moves it, parallel to the axes.

    Its centre moves and its sides are scaled. A turn does not change their direction.
    """
    centre = apply_matrix(matrix, (box[None, :2] + box[None, 2:]) / 2)[0]
    half = (box[2:] - box[:2]) / 2 * lengths(matrix[:, 0])
    return np.concatenate([centre - half, centre + half])


def overlap(box: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over union of two boxes (4,)."""
    common = intersection(box, other)
    union = box_sides(box).prod() + box_sides(other).prod() - common
    return float(common / union)


def intersection(box: np.ndarray, other: np.ndarray) -> float:
    """Return the area that two boxes (4,) have in common."""
    x0, y0, x1, y1 = map(float, box)
    left, top, right, bottom = map(float, other)
    width, height = min(x1, right) - max(x0, left), min(y1, bottom) - max(y0, top)
    return max(width, 0.0) * max(height, 0.0)
