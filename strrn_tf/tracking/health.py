"""Whether a track is still on its face, and which box belongs to which face.

Pure functions of landmarks and boxes, so that every limit can be tested without a
network.
"""

from collections.abc import Sequence

import numpy as np

from strrn_tf.geometry import (
    box_from_landmarks,
    box_sides,
    face_size,
    relative_distance,
)
from strrn_tf.landmarks import NUM_LANDMARKS

# The cycle error at which reliability is one half: the threshold T = 0.02 below which
# the paper takes a track for a pseudo-label ("Experiments", implementation details).
HALF_RELIABILITY = 0.02

# Two boxes with less intersection over union belong to different faces.
MIN_OVERLAP = 0.3

# Two tracks whose boxes overlap by more follow one face.
MAX_OVERLAP = 0.6

# The detector looks at the place of every tracked face: a slow drift is invisible to
# the cycle check, since every step goes back well. Where it sees landmarks further away
# than this fraction of the eye distance, it is believed instead. Else the two are mixed
# with this share of its own: the tracker is steady and drifts, the detector is neither.
MAX_DISAGREEMENT = 0.10
DETECTOR_SHARE = 0.3

# Limits of a healthy step. Beyond them landmarks and face have parted.
MIN_FACE_SIZE = 12.0
MAX_SIZE_CHANGE = 1.6
MIN_INSIDE = 0.25


def agree(tracked: np.ndarray, detected: np.ndarray) -> np.ndarray | None:
    """Return the landmarks (68, 2) that both networks support, None if they differ.

    The paper's cooperation and competition, at run time.

    Args:
        tracked: (68, 2) of the tracker.
        detected: (68, 2) of the detector in the same frame.
    """
    if not relative_distance(tracked, detected) <= MAX_DISAGREEMENT:
        return None
    mixed = tracked + DETECTOR_SHARE * (np.asarray(detected) - tracked)
    return mixed.astype(np.float32)


def reliability(error: float) -> float:
    """Return 2^(-error / 0.02): 1 for no error, 0.5 at the paper's threshold.

    A monotone map of the error onto [0, 1], not yet a probability. An error that is not
    finite gives 0.
    """
    return float(2.0 ** (-error / HALF_RELIABILITY)) if np.isfinite(error) else 0.0


def is_degenerate(
    landmarks: np.ndarray,
    previous_box: np.ndarray | None,
    image_shape: Sequence[int],
) -> bool:
    """Say whether landmarks (68, 2) cannot be the face that was in the previous box.

    They are not finite, are a dot or a line, or are mostly outside the image; with a
    previous box also: they have changed their size by more than 1.6 times in one frame
    or do not touch that box.
    """
    if not np.isfinite(landmarks).all():
        return True
    box = box_from_landmarks(landmarks)
    if face_size(box) < MIN_FACE_SIZE or box_sides(box).min() <= 0:
        return True
    image_box = np.array([0, 0, image_shape[1] - 1, image_shape[0] - 1])
    if _intersection(box, image_box) < MIN_INSIDE * box_sides(box).prod():
        return True
    if previous_box is None:
        return False
    change = np.log(face_size(box) / face_size(previous_box))
    apart = _intersection(box, previous_box) <= 0
    return bool(abs(change) > np.log(MAX_SIZE_CHANGE) or apart)


def is_same(box: np.ndarray, other: np.ndarray) -> bool:
    """Say whether two tracks with these boxes have met on one face."""
    return overlap(box, other) > MAX_OVERLAP


def overlap(box: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over union of two boxes (4,)."""
    intersection = _intersection(box, other)
    union = box_sides(box).prod() + box_sides(other).prod() - intersection
    return float(intersection / union)


def match(
    boxes: Sequence[np.ndarray], others: Sequence[np.ndarray]
) -> list[tuple[int, int]]:
    """Pair boxes with others, best overlap first, each at most once.

    Returns:
        Pairs (index of box, index of other) that overlap by at least ``MIN_OVERLAP``.
    """
    ranked = sorted(
        (
            (overlap(box, other), i, j)
            for i, box in enumerate(boxes)
            for j, other in enumerate(others)
        ),
        key=lambda entry: (-entry[0], entry[1:]),
    )
    pairs: list[tuple[int, int]] = []
    for value, i, j in ranked:
        taken = any(i == a or j == b for a, b in pairs)
        if value >= MIN_OVERLAP and not taken:
            pairs.append((i, j))
    return pairs


def check_landmarks(landmarks: np.ndarray, name: str) -> np.ndarray:
    """Return landmarks as float64 (68, 2) or raise a ``ValueError``."""
    landmarks = np.asarray(landmarks, np.float64)
    if landmarks.shape != (NUM_LANDMARKS, 2):
        raise ValueError(
            f"`{name}` must be landmarks ({NUM_LANDMARKS}, 2), xy in pixels. "
            f"Received: shape {landmarks.shape}"
        )
    if not np.isfinite(landmarks).all():
        raise ValueError(
            f"`{name}` must be finite. Received: "
            f"{int((~np.isfinite(landmarks)).sum())} numbers that are not"
        )
    if (box_sides(box_from_landmarks(landmarks)) <= 0).any():
        raise ValueError(
            f"`{name}` must span an area. Received: all points on one line or one point"
        )
    return landmarks


def _intersection(box: np.ndarray, other: np.ndarray) -> float:
    start, stop = np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])
    return float(np.maximum(stop - start, 0).prod())
