"""Checks of whether a track is still on its face.

The functions are pure, so every limit can be tested without a network.
"""

import math
from collections.abc import Sequence

import numpy as np

from strrn_tf.geometry import (
    box_from_landmarks,
    box_sides,
    face_size,
    intersection,
    relative_distance,
)
from strrn_tf.tracking.confidence.visibility import Visibility
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.face_detection.face_check import FaceCheckResult


def is_degenerate(
    landmarks: np.ndarray,
    previous_box: np.ndarray | None,
    image_shape: Sequence[int],
    config: TrackingConfig,
) -> bool:
    """Return whether landmarks cannot be those of the face in the previous box.

    That is so if they are not finite, are a dot or a line, or are mostly outside the
    image. With a previous box it is so too if their size has changed by more than
    ``max_size_change`` in one frame, or if they do not touch that box.

    Args:
        landmarks: (68, 2) in pixels of the image.
        previous_box: (4,) of the frame before, or None.
        image_shape: height, width and more.
        config: limits of size and position.
    """
    if not np.isfinite(landmarks).all():
        return True
    box = box_from_landmarks(landmarks)
    width, height = box_sides(box).tolist()
    size = max(width, height)
    if size < config.min_face_size or min(width, height) <= 0:
        return True
    image_box = (0, 0, image_shape[1] - 1, image_shape[0] - 1)
    least = config.min_inside_fraction * width * height
    if intersection(box, image_box) < least:
        return True
    if previous_box is None:
        return False
    size_change = math.log(size / face_size(previous_box))
    is_apart = intersection(box, previous_box) <= 0
    return abs(size_change) > math.log(config.max_size_change) or is_apart


def is_still_face(
    check: FaceCheckResult, visibility: Visibility, config: TrackingConfig
) -> bool:
    """Return whether a tracked face is still one.

    The face check was trained on whole faces. Where it is not sure, the landmarks that
    look as before decide. Few of them are enough where it is in doubt.

    Args:
        check: result of the face check.
        visibility: compared with the same frame.
        config: limits of the face check, and fractions of the landmarks in sight.
    """
    if passes_check(check, config):
        return True
    fraction = visibility.visible_fraction(config)
    in_place = check.landmark_offset <= config.max_landmark_offset
    possible = in_place and check.score >= config.min_face_score
    if fraction is None:
        return possible
    if possible:
        return fraction >= config.doubtful_visible_fraction
    return is_known_again(visibility, config)


def passes_check(check: FaceCheckResult, config: TrackingConfig) -> bool:
    """Return whether the face check is sure that the landmarks are on a face."""
    in_place = check.landmark_offset <= config.max_landmark_offset
    return bool(in_place and check.score >= config.confident_face_score)


def is_known_again(visibility: Visibility, config: TrackingConfig) -> bool:
    """Return whether most of a face looks as it did before."""
    fraction = visibility.visible_fraction(config)
    return fraction is not None and fraction >= config.min_visible_fraction


def needs_confirmation(face: Face, config: TrackingConfig) -> bool:
    """Return whether a visible face is too unreliable to keep unconfirmed.

    A search does not find what is hidden in part, nor what the face check doubts, but
    it is known again. Its template is of a frame in which the face check was sure.
    """
    if face.reliability >= config.confirmation_reliability:
        return False
    visibility = Visibility(None, face.evidence.resemblance)
    if face.face_score < config.confident_face_score:
        return not is_known_again(visibility, config)
    return visibility.hidden(config) is None


def is_confident(face: Face, config: TrackingConfig) -> bool:
    """Return whether a new face may start a track beside others."""
    is_face = face.face_score >= config.new_track_face_score
    return bool(is_face and face.reliability >= config.new_track_reliability)


def is_same_face(face: Face, other: Face, config: TrackingConfig) -> bool:
    """Return whether two faces, neither of them lost, are the same one."""
    distance = relative_distance(face.landmarks, other.landmarks)
    return bool(distance < config.same_face_distance)


def has_better_duplicate(
    face: Face, seen: Sequence[Face], config: TrackingConfig
) -> bool:
    """Return whether one of the visible faces is the same one and more reliable.

    Of two equally reliable ones the older track is the better one.
    """

    def rank(other: Face) -> tuple[float, int]:
        return -other.reliability, other.id

    return any(
        rank(other) < rank(face) and is_same_face(other, face, config) for other in seen
    )
