"""One track and what becomes of it.

Of the frame before, a track keeps only its landmarks and the crop around them: that is
all the next step looks at, so no whole frame is held and callers may reuse theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking import track_checks
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.step import Trail

NOWHERE = np.full((NUM_LANDMARKS, 2), np.nan, np.float32)
# What a track is before it begins.
NOBODY = Face(-1, NOWHERE, np.zeros(4, np.float32), 0.0, np.nan, "lost")


@dataclass(frozen=True)
class Moment:
    """A frame and when it is.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        clock: seconds; only differences count.
        timestamp: what the caller said, passed on to the faces.
    """

    image: np.ndarray
    clock: float
    timestamp: float | None


@dataclass
class Track:
    """One face through time.

    Attributes:
        face: what was last said of it, before smoothing.
        born: clock of its first frame.
        seen: clock of the last frame in which it was not lost.
        place: (4,) box where the face was last checked, where a lost one is expected.
        trail: what the next step needs.
        denials: searches in a row that found no face where this one is doubtful.
    """

    face: Face
    born: float
    seen: float
    place: np.ndarray = field(default_factory=lambda: NOBODY.box)
    trail: Trail = field(default_factory=Trail)
    denials: int = 0

    @property
    def is_lost(self) -> bool:
        return self.face.state == "lost"


def lose(track: Track, now: Moment, error: float) -> None:
    """Let a track be lost in a frame, with the cycle error that is to be told."""
    track.face = replace(
        track.face,
        landmarks=NOWHERE,
        reliability=0.0,
        cycle_error=error,
        disagreement=np.nan,
        face_score=np.nan,
        offset=np.nan,
        state="lost",
        timestamp=now.timestamp,
    )
    track.trail = Trail()


def deny(
    seen: Sequence[Track], confirmed: set[int], now: Moment, config: TrackingConfig
) -> None:
    """Lose the doubtful faces that `max_misses` searches in a row have not found."""
    for i, track in enumerate(seen):
        doubted = track_checks.is_doubtful(track.face, config) and i not in confirmed
        track.denials = track.denials + 1 if doubted else 0
        if track.denials >= config.max_misses:
            track.denials = 0
            lose(track, now, track.face.cycle_error)


def find_rival(tracks: Sequence[Track], lost: Track | None, limit: int) -> Track | None:
    """Return the youngest face seen if it began after a lost one that wants its place.

    There is none where more are seen than the limit: their boxes were given.
    """
    seen = [track for track in tracks if not track.is_lost]
    if lost is None or len(seen) > limit or seen[-1].face.id < lost.face.id:
        return None
    return seen[-1]
