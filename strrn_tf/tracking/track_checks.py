"""Whether a track is still on its face.

Pure functions of landmarks and boxes, so that every limit can be tested without a
network.
"""

from collections.abc import Sequence

import numpy as np

from strrn_tf.geometry import (
    box_from_landmarks,
    box_sides,
    face_size,
    intersection,
    relative_distance,
)
from strrn_tf.tracking.face import Face

# Two tracks whose landmarks are nearer to each other than this fraction of the eye
# distance follow one face. Boxes would not do: those of two faces that cross overlap.
MIN_DISTANCE = 0.25

# Seconds that make a track a face: one that meets another before is its double.
YOUNG = 0.5


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
    if intersection(box, image_box) < MIN_INSIDE * box_sides(box).prod():
        return True
    if previous_box is None:
        return False
    change = np.log(face_size(box) / face_size(previous_box))
    apart = intersection(box, previous_box) <= 0
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
