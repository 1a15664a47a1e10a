"""The One-Euro filter on landmarks (Casiez, Roussel and Vogel 2012).

It is a low-pass filter whose cut-off frequency rises with the speed. At rest it removes
jitter; in motion it hardly lags. Lengths are fractions of the eye distance and times
are seconds, so one setting serves all face sizes and frame rates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from strrn_tf.geometry import box_from_landmarks, eye_distance
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face


@dataclass
class _State:
    """Landmarks before and after the filter, pixels per second, seconds."""

    raw: np.ndarray
    smoothed: np.ndarray
    velocity: np.ndarray
    time: float


class Smoother:
    """Smooths the faces of one video, each by its id.

    Args:
        config: the fields ``smoothing_...`` and ``frame_interval``.
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
            faces: of the frame. Lost ones are forgotten.
            timestamp: of the frame in seconds. Without one, or where it stands still,
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
        change = (now - before.raw) / gap - before.velocity
        factor = _smoothing_factor(config.smoothing_speed_cutoff, gap)
        velocity = before.velocity + factor * change
        speed = np.linalg.norm(velocity, axis=-1, keepdims=True) / eye_distance(now)
        cutoff = config.smoothing_min_cutoff + config.smoothing_beta * speed
        factor = _smoothing_factor(cutoff, gap)
        smoothed = before.smoothed + factor * (now - before.smoothed)
        self._states[face.id] = _State(now, smoothed, velocity, self._clock)
        landmarks = smoothed.astype(np.float32)
        return replace(face, landmarks=landmarks, box=box_from_landmarks(landmarks))


def _smoothing_factor(cutoff: np.ndarray | float, gap: float) -> np.ndarray | float:
    """Return the weight of the new value in a low-pass filter (the paper's alpha).

    Args:
        cutoff: cut-off frequency in hertz.
        gap: seconds since the value before.
    """
    return 1 / (1 + 1 / (2 * np.pi * cutoff * gap))
