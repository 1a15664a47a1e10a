"""One face from a frame to the next: tracker, detector and optical flow.

This is the paper's cooperation and competition at run time. The tracker finds the
landmarks, and backward tracking measures its cycle error. Every few frames the detector
corrects it in the same place. Optical flow has less noise than both and gives the
motion from frame to frame.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from strrn_tf.geometry import (
    box_from_landmarks,
    relative_distance,
    relative_distances,
)
from strrn_tf.tracking import fusion, track_checks
from strrn_tf.tracking.confidence.evidence import NOTHING, Evidence
from strrn_tf.tracking.confidence.visibility import UNSEEN, Visibility
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face_detection.face_check import FaceCheckResult
from strrn_tf.tracking.networks.face_networks import Crop, FaceNetworks


@dataclass(frozen=True, eq=False)
class TrackState:
    """What a track keeps from frame to frame besides its landmarks.

    A step returns a new state and changes nothing. A frame that ends in an exception
    therefore leaves every track as it was.

    Attributes:
        crop: of the last frame. None: not cut yet, or lost.
        cut_around: landmarks (68, 2) in image pixels, in the middle of the crop window.
        frames_since_correction: frames since the detector last ran on the face.
        detector_correction: (68, 2) in image pixels, added to the landmarks of every
            frame, see ``fusion.detector_correction``.
        visibility: what is known of the surroundings of the landmarks.
        evidence: of the last frame, for and against single landmarks.
    """

    crop: Crop | None = None
    cut_around: np.ndarray | None = None
    frames_since_correction: int = 0
    detector_correction: np.ndarray | float = 0.0
    visibility: Visibility = UNSEEN
    evidence: Evidence = NOTHING

    def cut_crop(
        self, networks: FaceNetworks, image: np.ndarray, landmarks: np.ndarray
    ) -> "TrackState":
        """Return the same state with a new crop around landmarks (68, 2)."""
        crop = networks.crop_around(image, landmarks)
        return replace(self, crop=crop, cut_around=landmarks)

    def after_check(
        self, landmarks: np.ndarray, check: FaceCheckResult, config: TrackingConfig
    ) -> "TrackState":
        """Return the same state; its template is new if the face check is sure.

        Args:
            landmarks: (68, 2) in image pixels, those that were checked.
            check: result of the face check in the crop.
            config: what is sure.
        """
        if not track_checks.passes_check(check, config):
            return self
        return replace(
            self, visibility=self.visibility.renewed(self.crop, landmarks, config)
        )


class Step(NamedTuple):
    """Result of one step.

    Attributes:
        cycle_error: of the tracker, a fraction of the eye distance.
        tracked: (68, 2), the tracker's landmarks. None: the step is rejected.
        detected: (68, 2), the detector's landmarks. None: it did not run.
        landmarks: (68, 2) float32, the fused landmarks. None: the step is rejected, or
            the detector disagrees.
        state: for the next step. None where there are no landmarks.
    """

    cycle_error: float
    tracked: np.ndarray | None = None
    detected: np.ndarray | None = None
    landmarks: np.ndarray | None = None
    state: TrackState | None = None


def track_step(
    networks: FaceNetworks,
    state: TrackState,
    image: np.ndarray,
    start: np.ndarray,
    config: TrackingConfig,
) -> Step:
    """Track a face into the next frame.

    Args:
        networks: detector and tracker.
        state: of the track, with a crop of the frame before.
        image: the next frame (H, W, 3).
        start: landmarks (68, 2) in pixels of the frame before.
        config: thresholds. A step beyond ``max_cycle_error`` is rejected.
    """
    tracked, errors, crop = networks.step(state.crop, image, start)
    error = float(errors.mean())
    previous_box = box_from_landmarks(start)
    is_degenerate = track_checks.is_degenerate(
        tracked, previous_box, image.shape, config
    )
    if not error <= config.max_cycle_error or is_degenerate:
        return Step(error)
    flow = networks.flow_landmarks(state.crop, crop, start, config)
    apart = relative_distances(flow, tracked)
    motion = float(relative_distance(tracked, start))
    # The window stays until the face has left its middle: a moving one adds noise.
    stays = relative_distance(tracked, state.cut_around) <= config.crop_slack
    frames = state.frames_since_correction + 1
    evidence = state.evidence._replace(cycle=errors, flow=apart)
    state = replace(
        state,
        crop=crop if stays else None,
        frames_since_correction=frames,
        evidence=evidence,
    )
    detected = None
    if fusion.needs_detector(frames, error, apart, motion, config):
        detected, state = _check(networks, state, image, tracked, config)
        if state is None:
            return Step(error, tracked, detected)
    hidden = state.visibility.hidden(config)
    if hidden is None:
        landmarks = fusion.fuse(tracked, flow, apart, motion, config)
    else:
        landmarks = fusion.fuse_around(
            hidden, start, tracked, flow, apart, motion, config
        )
    landmarks += state.detector_correction
    if detected is not None:
        replaced = fusion.replaced_by_detector(tracked, detected, config, hidden)
        landmarks = np.where(replaced, detected, landmarks)
    if state.crop is None:
        state = state.cut_crop(networks, image, landmarks)
    return Step(error, tracked, detected, landmarks, state)


def _check(
    networks: FaceNetworks,
    state: TrackState,
    image: np.ndarray,
    tracked: np.ndarray,
    config: TrackingConfig,
) -> tuple[np.ndarray, TrackState | None]:
    """Run the detector on a tracked face, and compare it with the template.

    Returns:
        The detector's landmarks (68, 2), and the state with its correction. None where
        the detector disagrees.
    """
    if state.crop is None:
        state = state.cut_crop(networks, image, tracked)
    crop = state.crop
    detected = networks.detect_in(crop)
    visibility = state.visibility.compared(crop, tracked, config)
    correction = fusion.detector_correction(
        tracked, detected, config, visibility.hidden(config)
    )
    if correction is None:
        return detected, None
    evidence = state.evidence._replace(
        disagreement=relative_distances(detected, tracked),
        resemblance=visibility.resemblance,
    )
    return detected, replace(
        state,
        frames_since_correction=0,
        detector_correction=correction,
        visibility=visibility,
        evidence=evidence,
    )
