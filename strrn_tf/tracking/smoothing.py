"""The One-Euro filter on landmarks: steady where a face rests, quick where it moves.

Casiez, Roussel and Vogel 2012. A low-pass filter whose cut-off frequency rises with the
speed: at rest it takes the jitter out, in motion it hardly lags. Lengths are fractions
of the eye distance, times seconds, so the same settings do for every size of face and
every frame rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from strrn_tf.geometry import box_from_landmarks, eye_distance
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face


@dataclass
class _State:
    """Landmarks as they came and as they were shown, pixels per second, seconds."""

    given: np.ndarray
    shown: np.ndarray
    velocity: np.ndarray
    time: float


class Smoother:
    """Smooths the faces of one video, each by its id.

    Args:
        config: the settings ``smoothing_...`` and ``frame_interval``.
    """

    def __init__(self, config: TrackingConfig | None = None) -> None:
        self._config = config or TrackingConfig()
        self.reset()

    def reset(self) -> None:
        """Forget all faces."""
        self._states: dict[int, _State] = {}
        self._clock = 0.0

    def __call__(self, faces: Sequence[Face], timestamp: float | None) -> list[Face]:
        """Return the faces of a frame with smoothed landmarks and their boxes.

        Args:
            faces: of the frame; lost ones are forgotten.
            timestamp: of the frame in seconds; without one, or where it stands still,
                frames are ``frame_interval`` apart.
        """
        self._clock += self._config.frame_interval
        if timestamp is not None:
            self._clock = timestamp
        before, self._states = self._states, {}
        return [self._smooth(face, before.get(face.id)) for face in faces]

    def _smooth(self, face: Face, before: _State | None) -> Face:
        if face.state == "lost":
            return face
        config = self._config
        now = np.asarray(face.landmarks, np.float64)
        gap = -1.0 if before is None else self._clock - before.time
        # Some cameras' time stands still.
        gap = gap or config.frame_interval
        if not 0 < gap <= config.smoothing_max_gap:
            self._states[face.id] = _State(now, now, np.zeros_like(now), self._clock)
            return face
        step = (now - before.given) / gap - before.velocity
        velocity = before.velocity + _share(config.smoothing_speed_cutoff, gap) * step
        pace = np.linalg.norm(velocity, axis=-1, keepdims=True) / eye_distance(now)
        cutoff = config.smoothing_min_cutoff + config.smoothing_beta * pace
        share = _share(cutoff, gap)
        shown = before.shown + share * (now - before.shown)
        self._states[face.id] = _State(now, shown, velocity, self._clock)
        landmarks = shown.astype(np.float32)
        return replace(face, landmarks=landmarks, box=box_from_landmarks(landmarks))


def _share(cutoff: np.ndarray | float, gap: float) -> np.ndarray | float:
    """Return how much of the new value a low-pass filter takes."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * gap))
