"""Fills a gap from both sides: landmarks are carried in by optical flow.

Every frame of a gap is compared with the frames on both sides directly, so no errors
add up. A path through the gap says where. Landmarks that are found from a side
and lead back to it vote, the nearer side with the larger weight. The others move with
them. Where hardly any is found, the whole face keeps to the path.
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


class _Gap:
    """A gap while it is being filled.

    Args:
        sightings: of one face, one for every frame.
        start: number of the last sighting before the gap.
        stop: of the first one behind it.
        config: thresholds of filling.
        tracking: ``noise_level``.
    """

    def __init__(
        self,
        sightings: Sequence[Sighting],
        start: int,
        stop: int,
        config: OfflineConfig,
        tracking: TrackingConfig,
    ) -> None:
        self._config, self._tracking = config, tracking
        self._times = [sighting.seconds for sighting in sightings]
        self._views = [sighting.view for sighting in sightings]
        self._sides = sightings[start], sightings[stop]
        self._start, self._stop = start, stop
        # Landmarks (68, 2) by the number of the frame, where they are known.
        self._known = {
            number: sighting.face.landmarks
            for number, sighting in enumerate(sightings)
            if not start < number < stop and not sighting.is_lost
        }

    def filled(self) -> list[np.ndarray]:
        """Return the landmarks (68, 2) of every frame of the gap.

        Frames are entered from both sides, as far as flow carries landmarks: what was
        found in one says where to search in the next.
        """
        left, right = self._start, self._stop
        while left + 1 < right and self._enter(left + 1):
            left += 1
        while left + 1 < right and self._enter(right - 1):
            right -= 1
        for number in range(left + 1, right):
            self._enter(number)
        inside = range(self._start + 1, self._stop)
        return [self._known.get(number, self._path(number)) for number in inside]

    def _enter(self, number: int) -> bool:
        """Carry landmarks into a frame; return whether enough of them were found."""
        path, view = self._path(number), self._views[number]
        found = [
            _carried(side, view, path, self._config, self._tracking)
            for side in self._sides
        ]
        span = self._times[self._stop] - self._times[self._start]
        share = (self._times[number] - self._times[self._start]) / span
        landmarks = _voted(path, found, share, self._config)
        if landmarks is None:
            return False
        self._known[number] = landmarks
        return True

    def _path(self, number: int) -> np.ndarray:
        """Return landmarks (68, 2) on a smooth path between the nearest known frames.

        It is Hermite's cubic where they are near, almost a straight line where not.
        """
        before = max(n for n in self._known if n < number)
        behind = min(n for n in self._known if n > number)
        start, stop = self._known[before], self._known[behind]
        span = self._times[behind] - self._times[before]
        share = (self._times[number] - self._times[before]) / span
        way = stop - start
        bend = share * (1 - share) ** 2 * (span * self._speed(before, -1) - way)
        bend -= share**2 * (1 - share) * (span * self._speed(behind, 1) - way)
        straight = min(1.0, self._config.longest_coasting / span) ** 2
        return start + share * way + straight * bend

    def _speed(self, number: int, direction: int) -> np.ndarray:
        """Return the pixels per second (68, 2) of the face in a known frame.

        It is the motion of the whole face: that of single landmarks has more noise.

        Args:
            number: of the frame.
            direction: 1: from the known frames behind it, -1: from those before it.
        """
        here, other = self._known[number], None
        last = self._config.velocity_seconds + self._config.time_tolerance
        for n in range(number + direction, number + 99 * direction, direction):
            if n not in self._known or (
                other is not None and (abs(self._times[n] - self._times[number]) > last)
            ):
                break
            other = n
        if other is None:
            return np.zeros_like(here)
        there = self._known[other]
        moved = apply_matrix(fit_similarity(there, here), there)
        return (moved - there) / (self._times[number] - self._times[other])


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
    shapes = _Gap(sightings, start, stop, config, tracking).filled()
    before, behind = sightings[start].face, sightings[stop].face
    return [
        _filled(sighting.face, shape, before, behind)
        for sighting, shape in zip(sightings[start + 1 : stop], shapes, strict=True)
    ]


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
        config: contrast, optical flow and limits of what is found.
        tracking: ``noise_level``.
    """
    template = side.view.around(side.face.landmarks).evened(config)
    here = view.around(path).evened(config)
    start = _points(template, side.face.landmarks)
    guess = _points(here, path)
    moved = _flow(template.gray, here.gray, start, guess, config)
    back = _flow(here.gray, template.gray, moved, start, config)
    found = apply_matrix(invert_matrix(here.matrix), moved)
    returned = lengths(back - start) / eye_distance(start)
    alike = np.einsum(
        "ij,ij->i",
        template.pattern(side.face.landmarks, tracking),
        here.pattern(np.nan_to_num(found), tracking),
    )
    good = (returned <= config.max_return_error) & (alike >= config.min_resemblance)
    return np.where(good[:, None], found, np.nan)


def _points(view: View, landmarks: np.ndarray) -> np.ndarray:
    return apply_matrix(view.matrix, landmarks).astype(np.float32)


def _flow(
    before: np.ndarray,
    now: np.ndarray,
    start: np.ndarray,
    guess: np.ndarray,
    config: OfflineConfig,
) -> np.ndarray:
    """Return points (68, 2) of one picture in another one, near a guess; NaN: none."""
    criteria = cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        now,
        np.ascontiguousarray(np.nan_to_num(start)[:, None]),
        np.ascontiguousarray(np.nan_to_num(guess)[:, None]).copy(),
        winSize=(config.flow_window, config.flow_window),
        maxLevel=config.flow_levels - 1,
        criteria=(criteria, config.flow_iterations, config.flow_precision),
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    known = (found == 1) & np.isfinite(start).all(-1, keepdims=True)
    return np.where(known, moved[:, 0], np.float32(np.nan))


def _voted(
    path: np.ndarray, found: Sequence[np.ndarray], share: float, config: OfflineConfig
) -> np.ndarray | None:
    """Return the landmarks (68, 2) on which both sides settle; None: too few are found.

    Args:
        path: (68, 2) where the landmarks are expected.
        found: landmarks (68, 2) carried from both sides, NaN where there are none.
        share: of the way from the side before to the one behind.
        config: limits of what counts.
    """
    votes = np.stack(found)
    weights = np.array([1 - share, share])[:, None] * np.isfinite(votes).all(-1)
    total = weights.sum(0)
    mean = (weights[..., None] * np.nan_to_num(votes)).sum(0)
    mean = mean / np.maximum(total, 1e-9)[:, None]
    used, least = total > 0, config.min_carried * len(path)
    limit = config.max_stray * eye_distance(path)
    for _ in range(2):
        if used.sum() < least:
            return None
        moved = apply_matrix(fit_similarity(path[used], mean[used]), path)
        used = used & (lengths(mean - moved) <= limit)
    if used.sum() < least:
        return None
    return np.where(used[:, None], mean, moved)


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
