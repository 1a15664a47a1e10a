"""All tracks of a video: detected, tracked, lost, and back or forgotten."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from strrn_tf.geometry import box_from_landmarks, relative_distance
from strrn_tf.tracking import association, track_checks
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.face_detection.checked_detector import (
    CheckedDetector,
    CheckFace,
    Detection,
)
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.reliability import Reliability
from strrn_tf.tracking.step import Step, Trail, follow
from strrn_tf.tracking.track import NOBODY, Moment, Track, deny, find_rival, lose


class Tracks:
    """All tracks of one video. Call ``follow``, ``detect``, ``settle`` per frame."""

    def __init__(
        self,
        networks: FaceNetworks,
        reliability: Reliability,
        face_check: CheckFace | None,
        config: TrackingConfig,
    ) -> None:
        """Start without tracks.

        Args:
            networks: what detects and tracks.
            reliability: how far what they say is to be believed.
            face_check: tells faces from other things; None: everything is a face.
            config: all thresholds.
        """
        self._networks = networks
        self._reliability = reliability
        self._detector = CheckedDetector(networks, face_check, config)
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Forget all tracks; the next one has the id 0."""
        self._tracks: list[Track] = []
        self._next_id = 0

    @property
    def num_seen(self) -> int:
        """Tracks that are not lost."""
        return sum(not track.is_lost for track in self._tracks)

    @property
    def needs_search(self) -> bool:
        """Whether a face is lost, in doubt, or there is none."""
        return not self._tracks or any(
            track.is_lost or track_checks.is_doubtful(track.face, self._config)
            for track in self._tracks
        )

    def follow(self, now: Moment) -> None:
        """Track every face into the frame; one whose step is not believed is lost."""
        for track in self._tracks:
            if track.is_lost:
                lose(track, now, np.nan)
            else:
                self._step(track, now)

    def _step(self, track: Track, now: Moment) -> None:
        before = track.face
        step = follow(
            self._networks,
            track.trail,
            now.image,
            before.landmarks,
            self._config,
        )
        error = step.cycle_error
        if step.tracked is None:
            # The detector answers on any picture: without a face check, lost.
            if not self._detector.has_face_check:
                return lose(track, now, error)
            return self._find_anew(track, now, before.box, error)
        if step.landmarks is None:
            box = box_from_landmarks(step.tracked)
            return self._find_anew(track, now, box, error)
        if step.detected is None:
            return self._see(
                track,
                now,
                step.landmarks,
                step.trail,
                state="tracked",
                cycle_error=error,
            )
        return self._check(track, now, step)

    def _check(self, track: Track, now: Moment, step: Step) -> None:
        """Take what both networks see if there is a face, and it is there."""
        error = step.cycle_error
        sight = self._detector.check(step.trail.view, step.landmarks)
        if sight.score < self._config.min_face_score:
            return lose(track, now, error)
        if sight.offset > self._config.max_landmark_offset:
            return self._find_anew(track, now, sight.box, error)
        return self._see(
            track,
            now,
            step.landmarks,
            step.trail,
            state="tracked",
            cycle_error=error,
            disagreement=float(relative_distance(step.tracked, step.detected)),
            face_score=sight.score,
            offset=sight.offset,
        )

    def _find_anew(
        self, track: Track, now: Moment, box: np.ndarray, error: float
    ) -> None:
        """Ask the detector where a face is whose landmarks are not believed."""
        config = self._config
        found = self._detector.detect(
            now.image, box, track.face.box, config.confident_face_score
        )
        if found is None or not found.inconsistency <= config.max_disagreement:
            return lose(track, now, error)
        return self._detect(track, now, found)

    def _detect(self, track: Track, now: Moment, found: Detection) -> None:
        self._see(
            track,
            now,
            found.landmarks,
            Trail(found.crop, found.landmarks),
            state="detected",
            cycle_error=np.nan,
            disagreement=found.inconsistency,
            face_score=found.check.score,
            offset=found.check.offset,
        )

    def _see(
        self,
        track: Track,
        now: Moment,
        landmarks: np.ndarray,
        trail: Trail,
        **facts: float | str,
    ) -> None:
        """Say what is seen of a face; what is not among the facts is as before."""
        face = replace(
            track.face,
            landmarks=landmarks,
            box=box_from_landmarks(landmarks),
            timestamp=now.timestamp,
            **facts,
        )
        face = replace(face, reliability=self._reliability(face))
        track.face, track.trail = face, trail
        track.seen = now.clock
        if "face_score" in facts:
            track.place = face.box

    def detect(
        self,
        now: Moment,
        boxes: Sequence[np.ndarray],
        limit: int | None = None,
        *,
        searched: bool = False,
    ) -> None:
        """Give boxes that no tracked face covers to lost faces first, then to new ones.

        Args:
            now: the frame.
            boxes: face boxes of this frame, the most wanted first.
            limit: no new face is taken up where so many are seen. A lost one that is
                surely back where it was takes the place of one that began after it.
            searched: the boxes are all that a search has found: a doubtful face without
                one is lost when that has happened twice; new ones that are not reliable
                begin only where all others are doubtful.
        """
        seen = [track for track in self._tracks if not track.is_lost]
        config = self._config
        pairs = association.match([track.face.box for track in seen], boxes, config)
        if searched:
            deny(seen, {i for i, _ in pairs}, now, config)
        covered = {j for _, j in pairs}
        free = [box for j, box in enumerate(boxes) if j not in covered]
        unsure = []
        for track, box in self._assign(free, now, limit):
            is_full = self._is_full(limit)
            rival = find_rival(self._tracks, track, limit) if is_full else None
            if is_full and rival is None:
                continue
            score = config.confident_face_score if is_full else config.min_face_score
            found = self._detector.detect(now.image, box, None, score)
            if found is None:
                continue
            new = track or Track(NOBODY, now.clock, now.clock)
            self._detect(new, now, found)
            if rival is not None:
                lose(rival, now, rival.face.cycle_error)
            if (
                track is None
                and searched
                and not track_checks.is_sure(new.face, config)
            ):
                unsure.append(new)
            elif track is None:
                self._begin(new)
        if all(
            not t.is_lost and track_checks.is_doubtful(t.face, config)
            for t in self._tracks
        ):
            room = None if limit is None else max(limit - self.num_seen, 0)
            for track in unsure[:room]:
                self._begin(track)

    def _assign(
        self, boxes: Sequence[np.ndarray], now: Moment, limit: int | None
    ) -> list[tuple[Track | None, np.ndarray]]:
        """Return (lost track, None for a new one; its box), lost tracks first.

        Where others have taken all places, a lost face is only back where it was:
        further away there are strangers.
        """
        lost = [track for track in self._tracks if track.is_lost]
        pace = 0.0 if self._is_full(limit) else 1.0
        last = [(track.place, pace * (now.clock - track.seen)) for track in lost]
        pairs = association.match_again(last, boxes, self._config)
        taken = {j for _, j in pairs}
        back = [(lost[i], boxes[j]) for i, j in pairs]
        return back + [(None, box) for j, box in enumerate(boxes) if j not in taken]

    def _begin(self, track: Track) -> None:
        track.face = replace(track.face, id=self._next_id)
        self._tracks.append(track)
        self._next_id += 1

    def _is_full(self, limit: int | None) -> bool:
        return limit is not None and self.num_seen >= limit

    def settle(self, now: Moment) -> list[Face]:
        """Keep what the next frame needs; return the faces, in the order of their ids.

        Of two tracks that have met on one face the less reliable one is lost, or never
        was a face if it is young. Faces lost for too long are forgotten.
        """
        for track in sorted(self._tracks, key=lambda t: -t.face.reliability):
            seen = [other.face for other in self._tracks if not other.is_lost]
            if not track.is_lost and track_checks.has_better_double(
                track.face, seen, self._config
            ):
                lose(track, now, track.face.cycle_error)
                if now.clock - track.born < self._config.duplicate_age:
                    track.seen = -np.inf
        self._tracks = [
            track
            for track in self._tracks
            if not track.is_lost or now.clock - track.seen <= self._config.patience
        ]
        return [track.face for track in self._tracks]
