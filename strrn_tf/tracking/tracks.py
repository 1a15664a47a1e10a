"""All tracks of one video, and the rules by which they start, go on and end."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from strrn_tf.geometry import box_from_landmarks, roll_angle
from strrn_tf.geometry.head_pose import Camera
from strrn_tf.tracking import track_checks
from strrn_tf.tracking.confidence.evidence import Evidence
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.face_detection import association
from strrn_tf.tracking.face_detection.checked_detector import CheckedDetector, Detection
from strrn_tf.tracking.face_detection.face_check import CheckFace
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.step import Step, TrackState, track_step
from strrn_tf.tracking.track import (
    EMPTY_FACE,
    TimedFrame,
    Track,
    find_displaced_track,
    lose_duplicates,
    mark_lost,
    mark_missed,
)


class Tracks:
    """All tracks of one video.

    Call ``track``, then ``detect`` where there are boxes, then ``settle``, once for
    every frame. After an exception the next frame may follow: every track is then in
    the last frame that it has completed.

    Args:
        networks: detector and tracker.
        reliability: probability that the landmarks of a face are good.
        face_check: classifies faces. None: everything is a face.
        config: all thresholds.
        judge: confidence of single landmarks, see ``Face.judge``.
    """

    def __init__(
        self,
        networks: FaceNetworks,
        reliability: Callable[[Face], float],
        face_check: CheckFace | None,
        config: TrackingConfig,
        judge: Callable[[Face], np.ndarray] | None = None,
    ) -> None:
        self._networks = networks
        self._reliability, self._judge = reliability, judge
        self._detector = CheckedDetector(networks, face_check, config)
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Forget all tracks. The next one has the id 0."""
        self.forget()
        self._next_id = 0

    def forget(self) -> None:
        """Forget all tracks. Their ids are not given again."""
        self._tracks: list[Track] = []

    @property
    def num_seen(self) -> int:
        """Number of tracks that are not lost."""
        return sum(not track.is_lost for track in self._tracks)

    @property
    def needs_search(self) -> bool:
        """Whether a face is lost or needs confirmation, or there is none."""
        return not self._tracks or any(
            track.is_lost or track_checks.needs_confirmation(track.face, self._config)
            for track in self._tracks
        )

    def track(self, frame: TimedFrame) -> None:
        """Track every face into a frame."""
        for track in self._tracks:
            if track.is_lost:
                mark_lost(track, frame, np.nan)
            else:
                self._track_one(track, frame)

    def _track_one(self, track: Track, frame: TimedFrame) -> None:
        before = track.face
        step = track_step(
            self._networks, track.state, frame.image, before.landmarks, self._config
        )
        error = step.cycle_error
        if step.tracked is None:
            # The detector returns landmarks for any picture, so it needs the face
            # check.
            if not self._detector.has_face_check:
                return mark_lost(track, frame, error)
            return self._detect_again(track, frame, before.box, error)
        if step.landmarks is None:
            box = box_from_landmarks(step.tracked)
            return self._detect_again(track, frame, box, error)
        if step.detected is None:
            facts = {"state": "tracked", "cycle_error": error}
            return self._update(track, frame, step.landmarks, step.state, **facts)
        return self._check_step(track, frame, step)

    def _check_step(self, track: Track, frame: TimedFrame, step: Step) -> None:
        """Accept the landmarks of a step if the face check sees a face there."""
        error = step.cycle_error
        config, crop = self._config, step.state.crop
        check = self._detector.check(crop, step.landmarks)
        if not track_checks.is_still_face(check, step.state.visibility, config):
            if check.score < config.min_face_score:
                return mark_lost(track, frame, error)
            return self._detect_again(track, frame, check.box, error)
        return self._update(
            track,
            frame,
            step.landmarks,
            step.state.after_check(step.landmarks, check, config),
            state="tracked",
            cycle_error=error,
            disagreement=float(step.state.evidence.disagreement.mean()),
            face_score=check.score,
            landmark_offset=check.landmark_offset,
        )

    def _detect_again(
        self, track: Track, frame: TimedFrame, box: np.ndarray, error: float
    ) -> None:
        """Detect a face again in a box (4,), or mark its track as lost."""
        config = self._config
        # The face is still known, so its roll is too.
        detection = self._detector.detect(
            frame.image,
            box,
            track.face.box,
            config.confident_face_score,
            float(roll_angle(track.face.landmarks)),
            track.state.visibility,
            is_known=True,
        )
        limit = config.max_disagreement
        if detection is None or not detection.inconsistency <= limit:
            return mark_lost(track, frame, error)
        return self._restart(track, frame, detection)

    def _restart(self, track: Track, frame: TimedFrame, detection: Detection) -> None:
        """Let a track go on from a detection; nothing of its former state remains."""
        evidence = Evidence(disagreement=detection.distances)
        state = TrackState(detection.crop, detection.landmarks, evidence=evidence)
        self._update(
            track,
            frame,
            detection.landmarks,
            state.after_check(detection.landmarks, detection.check, self._config),
            state="detected",
            cycle_error=np.nan,
            disagreement=detection.inconsistency,
            face_score=detection.check.score,
            landmark_offset=detection.check.landmark_offset,
        )

    def _update(
        self,
        track: Track,
        frame: TimedFrame,
        landmarks: np.ndarray,
        track_state: TrackState,
        **facts: float | str,
    ) -> None:
        """Complete a frame of a track; facts that are not given stay as they were."""
        face = replace(
            track.face,
            landmarks=landmarks,
            box=box_from_landmarks(landmarks),
            timestamp=frame.timestamp,
            camera=Camera.of_image(frame.image.shape, self._config.focal_length),
            evidence=track_state.evidence,
            judge=self._judge,
            **facts,
        )
        face = replace(face, reliability=self._reliability(face))
        track.face, track.state = face, track_state
        track.last_seen = frame.clock
        if "face_score" in facts:
            track.expected_box = face.box
            track.expected_roll = float(roll_angle(landmarks))

    def detect(
        self,
        frame: TimedFrame,
        boxes: Sequence[np.ndarray],
        limit: int | None = None,
        *,
        searched: bool = False,
    ) -> None:
        """Detect faces in the boxes that belong to no visible face.

        Lost faces are served before new ones.

        Args:
            frame: of the boxes.
            boxes: face boxes (4,) or (5,) with the roll behind, the most wanted first.
            limit: largest number of visible faces; None: any. At the limit no face
                starts. A lost face that is found again in its place, with a high score,
                displaces one that started after it.
            searched: whether the boxes are all that a search of the frame has found.
                The search then counts as a miss for faces that need confirmation and
                have no box. New faces that are not confident start only if all
                visible faces need confirmation.
        """
        config = self._config
        seen = [track for track in self._tracks if not track.is_lost]
        places = [box[:4] for box in boxes]
        pairs = association.associate([t.face.box for t in seen], places, config)
        if searched:
            mark_missed(seen, {i for i, _ in pairs}, frame, config)
        covered = {j for _, j in pairs}
        free = [box for j, box in enumerate(boxes) if j not in covered]
        waiting = []
        for track, box in self._assign(free, frame, limit):
            new = self._detect_one(track, frame, box, limit)
            if new is None:
                continue
            if searched and not track_checks.is_confident(new.face, config):
                waiting.append(new)
            else:
                self._add(new)
        if all(
            not t.is_lost and track_checks.needs_confirmation(t.face, config)
            for t in self._tracks
        ):
            vacant = None if limit is None else max(limit - self.num_seen, 0)
            for track in waiting[:vacant]:
                self._add(track)

    def _detect_one(
        self,
        lost: Track | None,
        frame: TimedFrame,
        box: np.ndarray,
        limit: int | None,
    ) -> Track | None:
        """Detect a lost or a new face in a box; return its track if it is new."""
        config = self._config
        is_full = self._is_full(limit)
        displaced = find_displaced_track(self._tracks, lost, limit) if is_full else None
        if is_full and displaced is None:
            return None
        score = config.confident_face_score if is_full else config.min_face_score
        # The finder sees the roll of a new face.
        roll = lost.expected_roll if lost else float(box[4:].sum())
        given = frame.image, box[:4], None, score, roll
        detection = self._detector.detect(*given, is_known=lost is not None)
        if detection is None:
            return None
        track = lost or Track(EMPTY_FACE, frame.clock, frame.clock)
        self._restart(track, frame, detection)
        if displaced is not None:
            mark_lost(displaced, frame, displaced.face.cycle_error)
        return track if lost is None else None

    def _assign(
        self, boxes: Sequence[np.ndarray], frame: TimedFrame, limit: int | None
    ) -> list[tuple[Track | None, np.ndarray]]:
        """Return every box with its lost track, or None for a new face.

        Lost tracks come first. At the limit their gates do not grow with time: a face
        further away is another face.
        """
        lost = [track for track in self._tracks if track.is_lost]
        pace = 0.0 if self._is_full(limit) else 1.0
        last = [(t.expected_box, pace * (frame.clock - t.last_seen)) for t in lost]
        places = [box[:4] for box in boxes]
        pairs = association.reassociate_lost(last, places, self._config)
        taken = {j for _, j in pairs}
        back = [(lost[i], boxes[j]) for i, j in pairs]
        return back + [(None, box) for j, box in enumerate(boxes) if j not in taken]

    def _add(self, track: Track) -> None:
        track.face = replace(track.face, id=self._next_id)
        self._tracks.append(track)
        self._next_id += 1

    def _is_full(self, limit: int | None) -> bool:
        return limit is not None and self.num_seen >= limit

    def settle(self, frame: TimedFrame) -> list[Face]:
        """Resolve duplicates, forget old tracks and return the faces by their ids."""
        lose_duplicates(self._tracks, frame, self._config)
        self._tracks = [
            track
            for track in self._tracks
            if not track.is_lost
            or frame.clock - track.last_seen <= self._config.patience
        ]
        return [track.face for track in self._tracks]
