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
from strrn_tf.tracking.face import Face

# Seconds between frames that come without a timestamp.
FRAME_INTERVAL = 1 / 25
# After a longer gap a face begins anew.
LONGEST_GAP = 0.5


@dataclass(frozen=True)
class OneEuro:
    """Settings of the filter.

    Attributes:
        rest: cut-off frequency at rest in Hz; lower is steadier.
        slope: Hz by which it rises for every eye distance per second; higher lags less.
        speed: cut-off frequency of the speed itself in Hz.
    """

    rest: float = 1.5
    slope: float = 30.0
    speed: float = 2.0


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
        settings: of the filter.
    """

    def __init__(self, settings: OneEuro | None = None) -> None:
        self._settings = settings or OneEuro()
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
                frames are 1/25 s apart.
        """
        self._clock += FRAME_INTERVAL
        if timestamp is not None:
            self._clock = timestamp
        before, self._states = self._states, {}
        return [self._smooth(face, before.get(face.id)) for face in faces]

    def _smooth(self, face: Face, before: _State | None) -> Face:
        if face.state == "lost":
            return face
        now = np.asarray(face.landmarks, np.float64)
        gap = -1.0 if before is None else self._clock - before.time
        # Some cameras' time stands still.
        gap = gap or FRAME_INTERVAL
        if not 0 < gap <= LONGEST_GAP:
            self._states[face.id] = _State(now, now, np.zeros_like(now), self._clock)
            return face
        settings = self._settings
        step = (now - before.given) / gap - before.velocity
        velocity = before.velocity + _share(settings.speed, gap) * step
        pace = np.linalg.norm(velocity, axis=-1, keepdims=True) / eye_distance(now)
        share = _share(settings.rest + settings.slope * pace, gap)
        shown = before.shown + share * (now - before.shown)
        self._states[face.id] = _State(now, shown, velocity, self._clock)
        landmarks = shown.astype(np.float32)
        return replace(face, landmarks=landmarks, box=box_from_landmarks(landmarks))


def _share(cutoff: np.ndarray | float, gap: float) -> np.ndarray | float:
    """Return how much of the new value a low-pass filter takes."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * gap))
