"""Fills a gap from both sides: landmarks are carried in by optical flow.

Every frame of a gap is compared with the frames on both sides directly, so no errors
add up. A path through the gap says where to look. Landmarks that are found from a side
and lead back to it vote, the nearer side with the larger weight. The others move with
them. Where hardly any is found, the whole face keeps to the path and to where the
tracker saw it.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    eye_distance,
    fit_similarity,
    invert_matrix,
    lengths,
)
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.offline.config import OfflineConfig
from strrn_tf.tracking.offline.sighting import Sighting, View

# Windows of flow are larger than the live tracker's, for the way is longer.
_WINDOW, _LEVELS = 31, 3
_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.03)


def fill_gap(
    sightings: Sequence[Sighting],
    start: int,
    stop: int,
    config: OfflineConfig,
    tracking: TrackingConfig,
) -> list[Face]:
    """Return the faces of the frames between two that are in plain sight.

    Args:
        sightings: of one face, one for every frame.
        start: number of the last sighting before the gap.
        stop: of the first one behind it.
        config: thresholds of filling.
        tracking: ``noise_level``.
    """
    before, behind = sightings[start], sightings[stop]
    span = behind.seconds - before.seconds
    speeds = [_speed(sightings, start, -1, config), _speed(sightings, stop, 1, config)]
    faces = []
    for now in sightings[start + 1 : stop]:
        share = (now.seconds - before.seconds) / span
        path = _path(before, behind, speeds, share, config)
        found = [
            _carried(side, now.view, path, config, tracking)
            for side in (before, behind)
        ]
        landmarks = _voted(path, found, share, now, config)
        faces.append(_filled(now.face, landmarks, before.face, behind.face))
    return faces


def _speed(
    sightings: Sequence[Sighting], anchor: int, direction: int, config: OfflineConfig
) -> np.ndarray:
    """Return the pixels per second (68, 2) of a face beside a gap.

    It is the motion of the whole face: that of single landmarks has more noise.

    Args:
        sightings: of one face.
        anchor: number of the sighting beside the gap.
        direction: away from the gap, -1 or 1.
        config: ``velocity_seconds``.
    """
    here = sightings[anchor]
    other = None
    number = anchor + direction
    while 0 <= number < len(sightings):
        candidate = sightings[number]
        away = abs(candidate.seconds - here.seconds)
        if candidate.is_lost or (other and away > config.velocity_seconds + 1e-3):
            break
        other = candidate
        number += direction
    if other is None:
        return np.zeros_like(here.face.landmarks)
    there = other.face.landmarks
    moved = apply_matrix(fit_similarity(there, here.face.landmarks), there)
    return (moved - there) / (here.seconds - other.seconds)


def _path(
    before: Sighting,
    behind: Sighting,
    speeds: Sequence[np.ndarray],
    share: float,
    config: OfflineConfig,
) -> np.ndarray:
    """Return landmarks (68, 2) on a smooth path between both sides of a gap.

    It is Hermite's cubic in short gaps, nearly a straight line in long ones.
    """
    start, stop = before.face.landmarks, behind.face.landmarks
    span = behind.seconds - before.seconds
    line = start + share * (stop - start)
    bend = (
        share * (1 - share) ** 2 * (span * speeds[0] - (stop - start))
        - share**2 * (1 - share) * (span * speeds[1] - (stop - start))
    )
    return line + bend * min(1.0, config.longest_coasting / span) ** 2


def _carried(
    side: Sighting,
    view: View,
    path: np.ndarray,
    config: OfflineConfig,
    tracking: TrackingConfig,
) -> np.ndarray:
    """Return the landmarks (68, 2) of a side in a view, NaN where they are not found.

    Args:
        side: sighting beside the gap.
        view: of a frame in the gap.
        path: (68, 2), where the landmarks are expected in the frame.
        config: limits of what is found.
        tracking: ``noise_level``.
    """
    template, here = side.view.around(side.face.landmarks), view.around(path)
    start = _points(template, side.face.landmarks)
    guess = _points(here, path)
    moved = _flow(template.gray, here.gray, start, guess)
    back = _flow(here.gray, template.gray, moved, start)
    found = apply_matrix(invert_matrix(here.matrix), moved)
    returned = lengths(back - start) / eye_distance(start)
    alike = np.einsum(
        "ij,ij->i",
        template.look(side.face.landmarks, tracking),
        here.look(np.nan_to_num(found), tracking),
    )
    good = (returned <= config.max_return_error) & (alike >= config.min_resemblance)
    return np.where(good[:, None], found, np.nan)


def _points(view: View, landmarks: np.ndarray) -> np.ndarray:
    return apply_matrix(view.matrix, landmarks).astype(np.float32)


def _flow(
    before: np.ndarray, now: np.ndarray, start: np.ndarray, guess: np.ndarray
) -> np.ndarray:
    """Return points (68, 2) of one picture in another one, near a guess; NaN: none."""
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        now,
        np.ascontiguousarray(np.nan_to_num(start)[:, None]),
        np.ascontiguousarray(np.nan_to_num(guess)[:, None]).copy(),
        winSize=(_WINDOW, _WINDOW),
        maxLevel=_LEVELS - 1,
        criteria=_CRITERIA,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    known = (found == 1) & np.isfinite(start).all(-1, keepdims=True)
    return np.where(known, moved[:, 0], np.float32(np.nan))


def _voted(
    path: np.ndarray,
    found: Sequence[np.ndarray],
    share: float,
    now: Sighting,
    config: OfflineConfig,
) -> np.ndarray:
    """Return the landmarks (68, 2) on which both sides and the tracker settle.

    Args:
        path: (68, 2) where the landmarks are expected.
        found: landmarks (68, 2) carried from both sides, NaN where there are none.
        share: of the way from the side before to the one behind.
        now: what the tracker saw in the frame.
        config: limits and weights.
    """
    votes = np.stack(found)
    weights = np.array([1 - share, share])[:, None] * np.isfinite(votes).all(-1)
    total = weights.sum(0)
    mean = (weights[..., None] * np.nan_to_num(votes)).sum(0)
    mean = mean / np.maximum(total, 1e-9)[:, None]
    used, scale = total > 0, eye_distance(path)
    least = config.min_carried * len(path)
    for _ in range(2):
        if used.sum() < least:
            break
        motion = fit_similarity(path[used], mean[used])
        moved = apply_matrix(motion, path)
        used = used & (lengths(mean - moved) <= config.max_stray * scale)
    if used.sum() >= least:
        return np.where(used[:, None], mean, moved)
    if now.is_lost:
        return path
    seen = apply_matrix(fit_similarity(path, now.face.landmarks), path)
    return path + config.network_weight * (seen - path)


def _filled(face: Face, landmarks: np.ndarray, before: Face, behind: Face) -> Face:
    """Return the face of a frame, filled in from both sides.

    It is believed as much as the less reliable side.
    """
    landmarks = landmarks.astype(np.float32)
    sure = np.minimum(before.landmark_confidence, behind.landmark_confidence)
    return replace(
        face,
        landmarks=landmarks,
        box=box_from_landmarks(landmarks),
        state="filled",
        reliability=min(before.reliability, behind.reliability),
        cycle_error=np.nan,
        disagreement=np.nan,
        face_score=min(before.face_score, behind.face_score),
        landmark_offset=max(before.landmark_offset, behind.landmark_offset),
        camera=before.camera,
        judge=lambda _: sure,
    )
