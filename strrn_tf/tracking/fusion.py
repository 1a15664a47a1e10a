"""What is said of a face on which tracker, detector and optical flow have their say.

Pure functions of landmarks, so that every rule can be tested without a network.
"""

import numpy as np

from strrn_tf.geometry import eye_distance, relative_distance

# The detector looks at the place of a tracked face every so many frames; of one that
# moves by more than this fraction of the eye distance more often than of one that
# rests. A slow drift is invisible to the cycle check, since every step goes back well.
# It looks at once where the way back ends further from the start than one step in fifty
# does in real clips, or where optical flow carries more of the landmarks elsewhere than
# this share.
MOVING = 0.0075
CHECK_MOVING, CHECK_RESTING = 2, 4
UNEASY = 0.025
CARRIED_AWAY = 0.5
# Where it sees the landmarks further away than this fraction of the eye distance in the
# mean, the face is detected anew; where it sees one of them so far, that one is where
# it says. Else this share of the distance to it is made up in every frame until it
# looks again. Four such shares, at rest, must not come to more than the whole.
MAX_DISAGREEMENT = 0.10
DETECTOR_SHARE = 0.2

# Optical flow carries the landmarks from frame to frame, and of the way from there to
# where the tracker is this share is gone: flow is steady and drifts, the tracker is
# neither. What is carried further off than this fraction of the eye distance, and this
# share of the way that the face has gone, where the tracker is less exact, has gone
# with something else, and the tracker is believed.
TRACKER_SHARE = 0.4
CARRIED_OFF, OF_MOTION = 0.05, 0.2


def needs_a_look(
    steps: int,
    cycle_error: float,
    tracked: np.ndarray,
    carried: np.ndarray,
    motion: float,
) -> bool:
    """Say whether the detector looks at a tracked face.

    Args:
        steps: frames since it has looked, this one included.
        cycle_error: of the step into this frame.
        tracked: (68, 2) of the tracker in this frame.
        carried: (68, 2) of optical flow, NaN: not found again.
        motion: how far the face has gone in this frame, a fraction of the eye distance.
    """
    due = steps >= (CHECK_MOVING if motion > MOVING else CHECK_RESTING)
    # A dark or blurred face has landmarks that are not found, which says nothing.
    away = np.mean(_gap(tracked, carried) > _reach(motion))
    return bool(due or cycle_error > UNEASY or away > CARRIED_AWAY)


def correction(tracked: np.ndarray, detected: np.ndarray) -> np.ndarray | None:
    """Return how the detector moves tracked landmarks, None if they are too far apart.

    The paper's cooperation and competition, at run time.

    Args:
        tracked: (68, 2) of the tracker.
        detected: (68, 2) of the detector in the same frame.

    Returns:
        Offsets (68, 2) float32, to be added in this frame and up to the next look:
        given at once, what is dealt out so would be jitter. Zero for a landmark that is
        overruled.
    """
    if not relative_distance(tracked, detected) <= MAX_DISAGREEMENT:
        return None
    offsets = DETECTOR_SHARE * (np.asarray(detected) - tracked)
    return np.where(overruled(tracked, detected), 0, offsets).astype(np.float32)


def overruled(tracked: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Say which landmarks (68, 1) are where the detector sees them, all the way.

    One that a hand has taken with it would come back too slowly.

    Args:
        tracked: (68, 2) of the tracker.
        detected: (68, 2) of the detector in the same frame.
    """
    return _gap(tracked, detected)[:, None] > MAX_DISAGREEMENT


def steady(tracked: np.ndarray, carried: np.ndarray, motion: float) -> np.ndarray:
    """Return landmarks (68, 2) float32 that go with the flow, towards the tracker's.

    Args:
        tracked: (68, 2) of the tracker.
        carried: (68, 2) of optical flow in the same frame; NaN: not found again.
        motion: how far the face has gone in it, a fraction of the eye distance.
    """
    steadied = carried + TRACKER_SHARE * (tracked - carried)
    agrees = _gap(tracked, carried) <= _reach(motion)
    return np.where(agrees[:, None], steadied, tracked).astype(np.float32)


def _reach(motion: float) -> float:
    """Return how far from the tracker flow is believed, in eye distances."""
    return CARRIED_OFF + OF_MOTION * motion


def _gap(shape: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the distances (68,) of two shapes as fractions of the eye distance."""
    return np.linalg.norm(shape - other, axis=-1) / eye_distance(shape)
