"""What is said of a face on which tracker, detector and optical flow have their say.

Pure functions of landmarks, so that every rule can be tested without a network.
"""

import numpy as np

from strrn_tf.geometry import eye_distance, relative_distance
from strrn_tf.tracking.config import TrackingConfig


def needs_a_look(
    steps: int,
    cycle_error: float,
    tracked: np.ndarray,
    carried: np.ndarray,
    motion: float,
    config: TrackingConfig,
) -> bool:
    """Say whether the detector looks at a tracked face.

    Args:
        steps: frames since it has looked, this one included.
        cycle_error: of the step into this frame.
        tracked: (68, 2) of the tracker in this frame.
        carried: (68, 2) of optical flow, NaN: not found again.
        motion: how far the face has gone in this frame, a fraction of the eye distance.
        config: thresholds of the check.
    """
    is_moving = motion > config.motion_threshold
    due = steps >= (
        config.detection_interval_moving
        if is_moving
        else config.detection_interval_resting
    )
    # A dark or blurred face has landmarks that are not found, which says nothing.
    away = np.mean(_gap(tracked, carried) > _reach(motion, config))
    return bool(
        due
        or cycle_error > config.cycle_recheck_threshold
        or away > config.flow_outlier_fraction
    )


def correction(
    tracked: np.ndarray, detected: np.ndarray, config: TrackingConfig
) -> np.ndarray | None:
    """Return how the detector moves tracked landmarks, None if they are too far apart.

    The paper's cooperation and competition, at run time.

    Args:
        tracked: (68, 2) of the tracker.
        detected: (68, 2) of the detector in the same frame.
        config: ``max_disagreement`` and ``detector_weight``.

    Returns:
        Offsets (68, 2) float32, to be added in this frame and up to the next look:
        given at once, what is dealt out so would be jitter. Zero for a landmark that is
        overruled.
    """
    if not relative_distance(tracked, detected) <= config.max_disagreement:
        return None
    offsets = config.detector_weight * (np.asarray(detected) - tracked)
    elsewhere = overruled(tracked, detected, config)
    return np.where(elsewhere, 0, offsets).astype(np.float32)


def overruled(
    tracked: np.ndarray, detected: np.ndarray, config: TrackingConfig
) -> np.ndarray:
    """Say which landmarks (68, 1) are where the detector sees them, all the way.

    One that a hand has taken with it would come back too slowly.

    Args:
        tracked: (68, 2) of the tracker.
        detected: (68, 2) of the detector in the same frame.
        config: ``max_disagreement``.
    """
    return _gap(tracked, detected)[:, None] > config.max_disagreement


def steady(
    tracked: np.ndarray, carried: np.ndarray, motion: float, config: TrackingConfig
) -> np.ndarray:
    """Return landmarks (68, 2) float32 that go with the flow, towards the tracker's.

    Args:
        tracked: (68, 2) of the tracker.
        carried: (68, 2) of optical flow in the same frame; NaN: not found again.
        motion: how far the face has gone in it, a fraction of the eye distance.
        config: ``tracker_weight`` and the gate of the flow.
    """
    steadied = carried + config.tracker_weight * (tracked - carried)
    agrees = _gap(tracked, carried) <= _reach(motion, config)
    return np.where(agrees[:, None], steadied, tracked).astype(np.float32)


def _reach(motion: float, config: TrackingConfig) -> float:
    """Return how far from the tracker flow is believed, in eye distances."""
    return config.flow_gate + config.flow_gate_per_motion * motion


def _gap(shape: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the distances (68,) of two shapes as fractions of the eye distance."""
    return np.linalg.norm(shape - other, axis=-1) / eye_distance(shape)
