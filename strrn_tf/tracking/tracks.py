"""The life of a track: detected, tracked, lost, and back or forgotten.

Of the frame before, a track keeps only its landmarks and the crop around them: that is
all the next step looks at, so no whole frame is held and callers may reuse theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from strrn_tf.geometry import box_from_landmarks, relative_distance
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking import health
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.face_networks import FaceNetworks


@dataclass
class _Track:
    id: int
    box: np.ndarray
    lost_for: int = 0
    # None while the face is lost.
    landmarks: np.ndarray | None = None
    matrix: np.ndarray | None = None
    crop: np.ndarray | None = None


class Tracks:
    """All tracks of one video. Call ``follow``, ``detect``, ``remember`` per frame."""

    def __init__(
        self, networks: FaceNetworks, max_cycle_error: float, patience: int
    ) -> None:
        """Start without tracks.

        Args:
            networks: what detects and tracks.
            max_cycle_error: a step with a larger one is not believed.
            patience: frames after which a lost track is forgotten.
        """
        self._networks = networks
        self._max_cycle_error = max_cycle_error
        self._patience = patience
        self.reset()

    def reset(self) -> None:
        """Forget all tracks; the next one has the id 0."""
        self._tracks: list[_Track] = []
        self._next_id = 0

    def follow(self, frame: np.ndarray, time: float | None) -> list[Face]:
        """Track every face into the frame; one whose step is not believed is lost."""
        return [self._follow(track, frame, time) for track in self._tracks]

    def _follow(self, track: _Track, frame: np.ndarray, time: float | None) -> Face:
        error = np.nan
        if track.crop is not None:
            landmarks, error = self._networks.step(
                track.crop, frame, track.landmarks, track.matrix
            )
            parted = health.is_degenerate(landmarks, track.box, frame.shape)
            if error <= self._max_cycle_error and not parted:
                face = _face(track.id, landmarks, "tracked", error, error, time)
                return self._criticise(face, frame)
        nowhere = np.full((NUM_LANDMARKS, 2), np.nan, np.float32)
        return Face(track.id, nowhere, track.box, 0.0, error, "lost", time)

    def _criticise(self, face: Face, frame: np.ndarray) -> Face:
        """Return the face where both see it, the detector's where they have parted."""
        detected = self._networks.detect(frame, face.box)
        if health.is_degenerate(detected, face.box, frame.shape):
            return face
        mixed = health.agree(face.landmarks, detected)
        if mixed is not None:
            return replace(face, landmarks=mixed, box=box_from_landmarks(mixed))
        distance = float(relative_distance(face.landmarks, detected))
        return _face(face.id, detected, "detected", distance, np.nan, face.timestamp)

    def detect(
        self,
        frame: np.ndarray,
        faces: Sequence[Face],
        boxes: Sequence[np.ndarray],
        time: float | None,
        limit: int | None = None,
    ) -> list[Face]:
        """Give boxes that no tracked face covers to lost faces first, then to new ones.

        Args:
            frame: image.
            faces: the faces of this frame so far, from ``follow``.
            boxes: face boxes of this frame, the most wanted first.
            time: timestamp of the frame.
            limit: no face is detected that would make more than so many, and lost ones
                beyond it are dropped.

        Returns:
            All faces of the frame, in the order of their ids.
        """
        seen = {face.id: face for face in faces if face.state != "lost"}
        lost = {face.id: face for face in faces if face.state == "lost"}
        for face_id, box in self._assign(boxes, seen, lost):
            if limit is not None and len(seen) >= limit:
                break
            landmarks, error = self._networks.detect_twice(frame, box)
            if not health.is_degenerate(landmarks, None, frame.shape):
                new = self._next_id if face_id is None else face_id
                self._next_id = max(self._next_id, new + 1)
                seen[new] = _face(new, landmarks, "detected", error, np.nan, time)
        missing = [face for key, face in lost.items() if key not in seen]
        if limit is not None:
            missing = missing[: limit - len(seen)]
        return sorted([*seen.values(), *missing], key=lambda face: face.id)

    @staticmethod
    def _assign(
        boxes: Sequence[np.ndarray], seen: dict[int, Face], lost: dict[int, Face]
    ) -> list[tuple[int | None, np.ndarray]]:
        """Return (id of a lost face or None for a new one, box), lost faces first."""
        covered = {j for _, j in health.match([f.box for f in seen.values()], boxes)}
        free = [box for j, box in enumerate(boxes) if j not in covered]
        ids = list(lost)
        pairs = health.match([face.box for face in lost.values()], free)
        back = [(ids[i], free[j]) for i, j in pairs]
        taken = {j for _, j in pairs}
        return back + [(None, box) for j, box in enumerate(free) if j not in taken]

    def remember(self, frame: np.ndarray, faces: Sequence[Face]) -> list[Face]:
        """Keep what the next frame needs; return the faces that are still followed.

        Left out are faces lost for too long, and later ones of two tracks that have met
        on one face.
        """
        lost_for = {track.id: track.lost_for for track in self._tracks}
        kept: list[Face] = []
        self._tracks = []
        for face in faces:
            track = _Track(face.id, face.box)
            if face.state == "lost":
                track.lost_for = lost_for.get(face.id, 0) + 1
                if track.lost_for > self._patience:
                    continue
            elif any(_met(face, other) for other in kept):
                continue
            else:
                track.landmarks = face.landmarks
                track.matrix = self._networks.window(face.box)
                track.crop = self._networks.cut(frame, track.matrix)
            kept.append(face)
            self._tracks.append(track)
        return kept


def _met(face: Face, other: Face) -> bool:
    return other.state != "lost" and health.is_same(face.box, other.box)


def _face(
    face_id: int,
    landmarks: np.ndarray,
    state: str,
    check: float,
    cycle_error: float,
    time: float | None,
) -> Face:
    box, reliability = box_from_landmarks(landmarks), health.reliability(check)
    return Face(face_id, landmarks, box, reliability, cycle_error, state, time)
