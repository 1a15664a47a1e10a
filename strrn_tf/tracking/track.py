"""One track, its life from the first frame of a face to the last, and its clock.

A track keeps the landmarks of the last frame and a crop around them. It holds no whole
frame, so callers may reuse their buffers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking import track_checks
from strrn_tf.tracking.confidence.evidence import NOTHING
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.step import TrackState

NO_LANDMARKS = np.full((NUM_LANDMARKS, 2), np.nan, np.float32)
# The face of a track before its first frame.
EMPTY_FACE = Face(-1, NO_LANDMARKS, np.zeros(4, np.float32), 0.0, np.nan, "lost")


@dataclass(frozen=True, eq=False)
class TimedFrame:
    """One frame and its time.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        clock: seconds. Only differences matter.
        timestamp: argument of the caller, passed on to the faces.
    """

    image: np.ndarray
    clock: float
    timestamp: float | None


@dataclass(frozen=True)
class FrameClock:
    """Seconds that rise with every frame, whatever timestamps the caller gives.

    Where timestamps rise, they are the clock. Where there is none, or where they stand
    still or fall, the clock goes on at the nominal rate.

    Attributes:
        seconds: clock of the last frame. Only differences matter.
        shift: clock minus timestamp.
        timestamp: the last that was given; None before the first.
        has_begun: whether there was a frame.
        is_restart: whether the last timestamp fell so far that it begins another video.
    """

    seconds: float = 0.0
    shift: float = 0.0
    timestamp: float | None = None
    has_begun: bool = False
    is_restart: bool = False

    def after(self, timestamp: float | None, config: TrackingConfig) -> "FrameClock":
        """Return the clock at the next frame.

        Args:
            timestamp: finite seconds, or None.
            config: the nominal rate, and when steps are too short or too long.
        """
        nominal = self.seconds + config.frame_interval
        if timestamp is None:
            return replace(self, seconds=nominal, has_begun=True, is_restart=False)
        is_fine = math.ulp(timestamp) < config.shortest_step
        if not self.has_begun and is_fine:
            return FrameClock(timestamp, 0.0, timestamp, True)
        rise = 0.0 if self.timestamp is None else timestamp - self.timestamp
        if rise < config.shortest_step:
            seconds = nominal
        elif rise > config.longest_step:
            seconds = self.seconds + config.longest_step
        else:
            seconds = timestamp + self.shift
            if seconds > self.seconds:
                return FrameClock(seconds, self.shift, timestamp, True)
            seconds = self.seconds + rise
        is_restart = rise < 0 and rise <= -config.restart_step
        return FrameClock(seconds, seconds - timestamp, timestamp, True, is_restart)


@dataclass(eq=False)
class Track:
    """One face through time.

    Attributes:
        face: in the last frame, before smoothing.
        first_seen: clock of its first frame.
        last_seen: clock of the last frame in which it was not lost.
        expected_box: (4,) box at the last check. A lost face is expected there.
        expected_roll: in radians, at the last check. A lost face returns with it.
        state: for the next step.
        miss_count: searches in a row that did not find a face that needs confirmation.
    """

    face: Face
    first_seen: float
    last_seen: float
    expected_box: np.ndarray = field(default_factory=lambda: EMPTY_FACE.box)
    expected_roll: float = 0.0
    state: TrackState = field(default_factory=TrackState)
    miss_count: int = 0

    @property
    def is_lost(self) -> bool:
        return self.face.state == "lost"


def mark_lost(track: Track, frame: TimedFrame, cycle_error: float) -> None:
    """Report a track as lost in a frame, with the cycle error of its step."""
    track.face = replace(
        track.face,
        landmarks=NO_LANDMARKS,
        reliability=0.0,
        cycle_error=cycle_error,
        disagreement=np.nan,
        face_score=np.nan,
        landmark_offset=np.nan,
        evidence=NOTHING,
        state="lost",
        timestamp=frame.timestamp,
    )
    track.state = TrackState()


def mark_missed(
    seen: Sequence[Track], found: set[int], frame: TimedFrame, config: TrackingConfig
) -> None:
    """Count a search, and lose the tracks that too many searches have missed.

    Args:
        seen: all tracks that are not lost.
        found: indices of those that the search has found.
        frame: of the search.
        config: ``confirmation_reliability`` and ``max_misses``.
    """
    for i, track in enumerate(seen):
        needs_confirmation = track_checks.needs_confirmation(track.face, config)
        is_missed = needs_confirmation and i not in found
        track.miss_count = track.miss_count + 1 if is_missed else 0
        if track.miss_count >= config.max_misses:
            track.miss_count = 0
            mark_lost(track, frame, track.face.cycle_error)


def lose_duplicates(
    tracks: Sequence[Track], frame: TimedFrame, config: TrackingConfig
) -> None:
    """Of two tracks on one face, lose the less reliable one.

    A young one is to be forgotten at once: it never was a face.
    """
    for track in sorted(tracks, key=lambda t: -t.face.reliability):
        seen = [other.face for other in tracks if not other.is_lost]
        if not track.is_lost and track_checks.has_better_duplicate(
            track.face, seen, config
        ):
            mark_lost(track, frame, track.face.cycle_error)
            if frame.clock - track.first_seen < config.duplicate_age:
                track.last_seen = -np.inf


def find_displaced_track(
    tracks: Sequence[Track], returning: Track | None, limit: int
) -> Track | None:
    """Return the track that a returning face displaces, None if it may not return.

    The youngest visible face is displaced if it is younger than the returning one.

    Args:
        tracks: all tracks, in the order of their ids.
        returning: lost track whose face is found again. None: it is a new face.
        limit: number of faces to follow. More are visible only if their boxes were
            given by the caller; then no face is displaced.
    """
    seen = [track for track in tracks if not track.is_lost]
    if returning is None or len(seen) > limit or seen[-1].face.id < returning.face.id:
        return None
    return seen[-1]
