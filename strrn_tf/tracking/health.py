"""Whether a track is still on its face, and which box belongs to which face.

Pure functions of landmarks and boxes, so that every limit can be tested without a
network.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from strrn_tf.geometry import (
    LARGEST_COORDINATE,
    as_numbers,
    box_from_landmarks,
    box_sides,
    face_size,
    relative_distance,
)
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.face import Face

# Two boxes with less intersection over union belong to different faces.
MIN_OVERLAP = 0.3

# Two tracks whose landmarks are nearer to each other than this fraction of the eye
# distance follow one face. Boxes would not do: those of two faces that cross overlap.
MIN_DISTANCE = 0.25

# Seconds that make a track a face: one that meets another before is its double.
YOUNG = 0.5

# A lost face can be back this far from where it was, in face sizes: at once, and more
# for every second. Its size changes by less than `MAX_SIZE_CHANGE`.
JUMP, SPEED = 0.5, 1.0

# What is less probably a face, see ``face_check``, is lost at once. In real clips 999
# of 1000 faces have more than 0.7, profiles and blurred ones included; grey, skin, a
# blurred or a textured wall before the face nearly always less than 0.1.
# Where nothing else speaks for it, as after a step that is not believed, it has to be
# as probable as it must be to MTCNN itself.
MIN_FACE_SCORE = 0.25
SURE_FACE_SCORE = 0.8

# Eyes, nose and mouth that the face check sees further than this fraction of the eye
# distance from the landmarks: they are beside the face. 99 of 100 faces in real clips
# are below 0.2, and those above it were such.
MAX_OFFSET = 0.25

# A face less reliable than this is doubtful. It is lost when so many searches in a row
# do not find it.
DOUBT = 0.2
MAX_DENIALS = 2
# A new face has to be as reliable as this, and surely a face, where another one is seen
# that is not in doubt, or was just lost: most finds beside one are no faces.
NEWCOMER = 0.5

# Limits of a healthy step. Beyond them landmarks and face have parted.
MIN_FACE_SIZE = 12.0
MAX_SIZE_CHANGE = 1.6
MIN_INSIDE = 0.25


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


def is_doubtful(face: Face) -> bool:
    """Say whether a face that is not lost has to be confirmed."""
    return face.reliability < DOUBT


def is_sure(face: Face) -> bool:
    """Say whether a face that is new may begin beside others."""
    is_face = face.face_score >= SURE_FACE_SCORE
    return bool(is_face and face.reliability >= NEWCOMER)


def is_same(face: Face, other: Face) -> bool:
    """Say whether two faces, neither of them lost, are one."""
    return bool(relative_distance(face.landmarks, other.landmarks) < MIN_DISTANCE)


def has_better_double(face: Face, seen: Sequence[Face]) -> bool:
    """Say whether one of the faces that are seen is the same and more reliable.

    Of equally reliable ones the older one is the better.
    """

    def rank(other: Face) -> tuple[float, int]:
        return -other.reliability, other.id

    return any(rank(other) < rank(face) and is_same(other, face) for other in seen)


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
    costs = {
        (i, j): -overlap(box, other)
        for i, box in enumerate(boxes)
        for j, other in enumerate(others)
    }
    return _pair({key: cost for key, cost in costs.items() if cost <= -MIN_OVERLAP})


def match_again(
    lost: Sequence[tuple[np.ndarray, float]], boxes: Sequence[np.ndarray]
) -> list[tuple[int, int]]:
    """Pair lost faces with boxes in which they may be back, the nearest first.

    Args:
        lost: last box (4,) of every lost face, and for how many seconds it is lost.
        boxes: (4,) each.

    Returns:
        Pairs (index of lost face, index of box).
    """
    costs = {}
    for i, (last, seconds) in enumerate(lost):
        for j, box in enumerate(boxes):
            size = face_size(last)
            distance = np.linalg.norm((box - last).reshape(2, 2).mean(0)) / size
            grown = abs(np.log(face_size(box) / size))
            if distance <= JUMP + SPEED * seconds and grown <= np.log(MAX_SIZE_CHANGE):
                costs[i, j] = float(distance)
    return _pair(costs)


def _pair(costs: Mapping[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Return the pairs of least cost, greedily, each index at most once."""
    pairs: list[tuple[int, int]] = []
    for i, j in sorted(costs, key=lambda pair: (costs[pair], pair)):
        if not any(i == a or j == b for a, b in pairs):
            pairs.append((i, j))
    return pairs


def check_landmarks(landmarks: np.ndarray, name: str) -> np.ndarray:
    """Return landmarks as float64 (68, 2) or raise a ``ValueError``."""
    landmarks = as_numbers(landmarks, name)
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
    if np.abs(landmarks).max() > LARGEST_COORDINATE:
        raise ValueError(
            f"`{name}` must have no coordinate beyond {LARGEST_COORDINATE:.0e}. "
            f"Received: {np.abs(landmarks).max():.3g}"
        )
    if (box_sides(box_from_landmarks(landmarks)) <= 0).any():
        raise ValueError(
            f"`{name}` must span an area. Received: all points on one line or one point"
        )
    return landmarks


def _intersection(box: np.ndarray, other: np.ndarray) -> float:
    start, stop = np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])
    return float(np.maximum(stop - start, 0).prod())
