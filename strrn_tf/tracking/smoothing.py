"""The One-Euro filter on landmarks (Casiez, Roussel and Vogel 2012).

It is a low-pass filter whose cut-off frequency rises with the speed. At rest it removes
jitter; in motion it hardly lags. Lengths are fractions of the eye distance and times
are seconds, so one setting serves all face sizes and frame rates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from strrn_tf.geometry import box_from_landmarks, eye_distance, lengths
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
        config: the fields ``smoothing_...``.
    """

    def __init__(self, config: TrackingConfig | None = None) -> None:
        self._config = config or TrackingConfig()
        self.reset()

    def reset(self) -> None:
        """Forget all faces."""
        self._states: dict[int, _State] = {}

    def __call__(self, faces: Sequence[Face], seconds: float) -> list[Face]:
        """Return the faces of a frame with smoothed landmarks and their boxes.

        Args:
            faces: of the frame. Lost ones are forgotten.
            seconds: of the frame, on a clock that rises with every frame.
        """
        pairs = [self._smooth(face, seconds) for face in faces]
        # At the end: after an exception the states are those of the frame before.
        self._states = {face.id: state for face, state in pairs if state is not None}
        return [face for face, _ in pairs]

    def _smooth(self, face: Face, seconds: float) -> tuple[Face, _State | None]:
        """Return a smoothed face, and what the next frame needs of it."""
        if face.state == "lost":
            return face, None
        config = self._config
        before = self._states.get(face.id)
        now = np.asarray(face.landmarks, np.float64)
        gap = -1.0 if before is None else seconds - before.time
        if not 0 < gap <= config.smoothing_max_gap:
            return face, _State(now, now, np.zeros_like(now), seconds)
        change = (now - before.raw) / gap - before.velocity
        factor = _smoothing_factor(config.smoothing_speed_cutoff, gap)
        velocity = before.velocity + factor * change
        speed = lengths(velocity)[:, None] / eye_distance(now)
        cutoff = config.smoothing_min_cutoff + config.smoothing_beta * speed
        factor = _smoothing_factor(cutoff, gap)
        smoothed = before.smoothed + factor * (now - before.smoothed)
        landmarks = smoothed.astype(np.float32)
        shown = replace(face, landmarks=landmarks, box=box_from_landmarks(landmarks))
        return shown, _State(now, smoothed, velocity, seconds)


def _smoothing_factor(cutoff: np.ndarray | float, gap: float) -> np.ndarray | float:
    """Return the weight of the new value in a low-pass filter (the paper's alpha).

    Args:
        cutoff: cut-off frequency in hertz.
        gap: seconds since the value before.
    """
    return 1 / (1 + 1 / (2 * np.pi * cutoff * gap))
