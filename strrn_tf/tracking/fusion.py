"""Fusion of tracker, detector and optical flow into the landmarks of one frame.

The functions are pure, so every rule can be tested without a network. Distances are
fractions of the eye distance.
"""

import numpy as np

from strrn_tf.geometry import (
    apply_matrix,
    fit_similarity,
    relative_distance,
    relative_distances,
)
from strrn_tf.tracking.config import TrackingConfig


def needs_detector(
    frames_since_correction: int,
    cycle_error: float,
    flow_distances: np.ndarray,
    motion: float,
    config: TrackingConfig,
) -> bool:
    """Return whether the detector runs on a tracked face in this frame.

    It does after a number of frames that depends on the motion, after a large cycle
    error, and where optical flow disagrees with the tracker on many landmarks.

    Args:
        frames_since_correction: frames since the last correction, this one included.
        cycle_error: of the step into this frame.
        flow_distances: (68,) between tracker and optical flow. NaN: not found again.
        motion: mean distance that the face has moved in this frame.
        config: intervals and thresholds.
    """
    is_moving = motion > config.motion_threshold
    interval = (
        config.detection_interval_moving
        if is_moving
        else config.detection_interval_resting
    )
    # NaN compares as false: in a dark or blurred image flow finds nothing, which is no
    # evidence against the tracker.
    outliers = np.mean(flow_distances > _flow_gate(motion, config))
    return bool(
        frames_since_correction >= interval
        or cycle_error > config.cycle_recheck_threshold
        or outliers > config.flow_outlier_fraction
    )


def detector_correction(
    tracked: np.ndarray,
    detected: np.ndarray,
    config: TrackingConfig,
    hidden: np.ndarray | None = None,
) -> np.ndarray | None:
    """Return the offsets by which the detector moves tracked landmarks.

    This is the paper's cooperation and competition, at run time. The offsets are added
    in this frame and in each one until the detector runs again.

    Args:
        tracked: (68, 2), the tracker's landmarks.
        detected: (68, 2), the detector's landmarks in the same frame.
        config: ``max_disagreement`` and ``detector_weight``.
        hidden: (68,) bool, see ``Visibility.hidden``.

    Returns:
        Offsets (68, 2) float32 in pixels, zero where ``replaced_by_detector``. None if
        the two shapes are too far apart in the mean, and the face is in plain sight.
    """
    is_far = not relative_distance(tracked, detected) <= config.max_disagreement
    if is_far and hidden is None:
        return None
    offsets = config.detector_weight * (np.asarray(detected) - tracked)
    replaced = replaced_by_detector(tracked, detected, config, hidden)
    return np.where(replaced, 0, offsets).astype(np.float32)


def replaced_by_detector(
    tracked: np.ndarray,
    detected: np.ndarray,
    config: TrackingConfig,
    hidden: np.ndarray | None = None,
) -> np.ndarray:
    """Return which landmarks (68, 1) take the detector's position at once.

    A hand that slides over a face takes single landmarks along. The weighted correction
    would bring them back too slowly. Landmarks in sight of a face that is hidden in
    part stay where they are.

    Args:
        tracked: (68, 2), the tracker's landmarks.
        detected: (68, 2), the detector's landmarks in the same frame.
        config: ``max_disagreement``.
        hidden: (68,) bool, see ``Visibility.hidden``.
    """
    is_far = relative_distances(detected, tracked) > config.max_disagreement
    return (is_far if hidden is None else is_far & hidden)[:, None]


def fuse(
    tracked: np.ndarray,
    flow: np.ndarray,
    flow_distances: np.ndarray,
    motion: float,
    config: TrackingConfig,
) -> np.ndarray:
    """Return landmarks (68, 2) float32 between optical flow and tracker.

    A landmark outside the gate of the flow, or not found by it, is the tracker's.

    Args:
        tracked: (68, 2), the tracker's landmarks.
        flow: (68, 2), optical flow's landmarks in the same frame. NaN: not found again.
        flow_distances: (68,) between the two.
        motion: mean distance that the face has moved in this frame.
        config: ``tracker_weight`` and the gate of the flow.
    """
    fused = flow + config.tracker_weight * (tracked - flow)
    inside = flow_distances <= _flow_gate(motion, config)
    return np.where(inside[:, None], fused, tracked).astype(np.float32)


def fuse_around(
    hidden: np.ndarray,
    start: np.ndarray,
    tracked: np.ndarray,
    flow: np.ndarray,
    flow_distances: np.ndarray,
    motion: float,
    config: TrackingConfig,
) -> np.ndarray:
    """Return landmarks (68, 2) float32 of a face that is hidden in part.

    Landmarks in sight are fused as by ``fuse``. For the others the similarity that
    moves those in sight takes the place of optical flow, which may follow what is
    before the face.

    Args:
        hidden: (68,) bool, see ``Visibility.hidden``.
        start: (68, 2), the landmarks in the frame before.
        tracked: (68, 2), the tracker's landmarks.
        flow: (68, 2), optical flow's landmarks. NaN: not found again.
        flow_distances: (68,) between the two.
        motion: mean distance that the face has moved in this frame.
        config: ``tracker_weight`` and the gate of the flow.
    """
    trusted = ~hidden & (flow_distances <= _flow_gate(motion, config))
    if np.count_nonzero(trusted) < config.min_visible_fraction * len(trusted):
        return fuse(tracked, flow, flow_distances, motion, config)
    moved = apply_matrix(fit_similarity(start[trusted], flow[trusted]), start)
    motions = np.where(trusted[:, None], flow, moved)
    fused = motions + config.tracker_weight * (tracked - motions)
    return fused.astype(np.float32)


def _flow_gate(motion: float, config: TrackingConfig) -> float:
    """Return the largest distance between tracker and flow at which flow is used."""
    return config.flow_gate + config.flow_gate_per_motion * motion
