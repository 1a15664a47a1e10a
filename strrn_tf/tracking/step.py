"""Following one face into the next frame: tracker, detector and optical flow.

The paper's cooperation and competition at run time. The tracker says where the face
went and whether it comes back from there; every few frames the detector looks at the
same place and draws the landmarks towards what it sees; optical flow, which is steadier
than both, carries them from frame to frame.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from strrn_tf.geometry import box_from_landmarks, relative_distance
from strrn_tf.tracking import fusion, track_checks
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.networks.face_networks import FaceNetworks, View
from strrn_tf.tracking.optical_flow import Search


@dataclass(frozen=True, eq=False)
class Trail:
    """What is kept of a followed face from frame to frame, besides its landmarks.

    A step changes nothing of it and returns a new one: a step or a frame that ends in
    an exception leaves every face as it was.

    Attributes:
        view: crop of the last frame; None: not cut yet, or lost.
        cut_around: landmarks (68, 2), image pixels, in the middle of its window.
        steps: frames since the detector has looked.
        correction: (68, 2) image pixels, what the detector adds to the tracker's
            answers, see ``agreement.correction``.
    """

    view: View | None = None
    cut_around: np.ndarray | None = None
    steps: int = 0
    correction: np.ndarray | float = 0.0

    def look(
        self, networks: FaceNetworks, frame: np.ndarray, landmarks: np.ndarray
    ) -> "Trail":
        """Return the same, with a view of a frame around landmarks (68, 2)."""
        view = networks.look(frame, box_from_landmarks(landmarks))
        return replace(self, view=view, cut_around=landmarks)


class Step(NamedTuple):
    """One face in the next frame.

    Attributes:
        cycle_error: of the tracker, a fraction of the eye distance.
        tracked: (68, 2) of the tracker; None: not believed.
        detected: (68, 2) of the detector in the same place; None: it did not look.
        landmarks: (68, 2) float32, what is to be said; None where the tracker is not
            believed or the detector is elsewhere.
        trail: what the next step needs; None where there are no landmarks.
    """

    cycle_error: float
    tracked: np.ndarray | None = None
    detected: np.ndarray | None = None
    landmarks: np.ndarray | None = None
    trail: Trail | None = None


def follow(
    networks: FaceNetworks,
    trail: Trail,
    frame: np.ndarray,
    start: np.ndarray,
    config: TrackingConfig,
) -> Step:
    """Follow a face into the next frame.

    Args:
        networks: detector and tracker.
        trail: of the face, with its view.
        frame: image (H, W, 3).
        start: landmarks (68, 2) in pixels of the frame before.
        config: thresholds; a step beyond ``max_cycle_error`` is not believed.
    """
    tracked, error, seen = networks.step(trail.view, frame, start)
    before = box_from_landmarks(start)
    parted = track_checks.is_degenerate(tracked, before, frame.shape, config)
    if not error <= config.max_cycle_error or parted:
        return Step(error)
    # The window stays until the face has left its middle: a moving one adds noise.
    stays = relative_distance(tracked, trail.cut_around) <= config.crop_slack
    carried = networks.carry(trail.view, seen, start, Search.of_config(config))
    motion = float(relative_distance(tracked, start))
    trail = replace(trail, view=seen if stays else None, steps=trail.steps + 1)
    detected = None
    if fusion.needs_a_look(trail.steps, error, tracked, carried, motion, config):
        if trail.view is None:
            trail = trail.look(networks, frame, tracked)
        detected = networks.detect_in(trail.view)
        correction = fusion.correction(tracked, detected, config)
        if correction is None:
            return Step(error, tracked, detected)
        trail = replace(trail, steps=0, correction=correction)
    landmarks = fusion.steady(tracked, carried, motion, config) + trail.correction
    if detected is not None:
        elsewhere = fusion.overruled(tracked, detected, config)
        landmarks = np.where(elsewhere, detected, landmarks)
    if trail.view is None:
        trail = trail.look(networks, frame, landmarks)
    return Step(error, tracked, detected, landmarks, trail)
