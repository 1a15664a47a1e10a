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
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face


def is_degenerate(
    landmarks: np.ndarray,
    previous_box: np.ndarray | None,
    image_shape: Sequence[int],
    config: TrackingConfig,
) -> bool:
    """Say whether landmarks (68, 2) cannot be the face that was in the previous box.

    They are not finite, are a dot or a line, or are mostly outside the image; with a
    previous box also: they have changed their size by more than `max_size_change` in
    one frame or do not touch that box.
    """
    if not np.isfinite(landmarks).all():
        return True
    box = box_from_landmarks(landmarks)
    if face_size(box) < config.min_face_size or box_sides(box).min() <= 0:
        return True
    image_box = np.array([0, 0, image_shape[1] - 1, image_shape[0] - 1])
    least = config.min_inside_fraction * box_sides(box).prod()
    if intersection(box, image_box) < least:
        return True
    if previous_box is None:
        return False
    change = np.log(face_size(box) / face_size(previous_box))
    apart = intersection(box, previous_box) <= 0
    return bool(abs(change) > np.log(config.max_size_change) or apart)


def is_doubtful(face: Face, config: TrackingConfig) -> bool:
    """Say whether a face that is not lost has to be confirmed."""
    return face.reliability < config.confirmation_reliability


def is_sure(face: Face, config: TrackingConfig) -> bool:
    """Say whether a face that is new may begin beside others."""
    is_face = face.face_score >= config.confident_face_score
    return bool(is_face and face.reliability >= config.new_track_reliability)


def is_same(face: Face, other: Face, config: TrackingConfig) -> bool:
    """Say whether two faces, neither of them lost, are one."""
    distance = relative_distance(face.landmarks, other.landmarks)
    return bool(distance < config.same_face_distance)


def has_better_double(face: Face, seen: Sequence[Face], config: TrackingConfig) -> bool:
    """Say whether one of the faces that are seen is the same and more reliable.

    Of equally reliable ones the older one is the better.
    """

    def rank(other: Face) -> tuple[float, int]:
        return -other.reliability, other.id

    return any(
        rank(other) < rank(face) and is_same(other, face, config) for other in seen
    )
