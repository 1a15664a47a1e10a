"""Following one face into the next frame: tracker, detector and optical flow.

The paper's cooperation and competition at run time. The tracker says where the face
went and whether it comes back from there; every few frames the detector looks at the
same place, and where the two agree its share is added; optical flow, which is steadier
than both, carries the landmarks in between.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from strrn_tf.geometry import box_from_landmarks, relative_distance
from strrn_tf.tracking import health
from strrn_tf.tracking.face_networks import FaceNetworks, View


@dataclass
class Trail:
    """What is kept of a followed face from frame to frame, besides its landmarks.

    Attributes:
        view: crop of the last frame; None: not cut yet, or lost.
        centre: landmarks (68, 2), image pixels, around which its window lies.
        steps: frames since the detector has looked.
        correction: (68, 2) image pixels, what the detector adds to the tracker's
            answers, see ``health.correction``.
    """

    view: View | None = None
    centre: np.ndarray | None = None
    steps: int = 0
    correction: np.ndarray | float = 0.0

    def look(
        self, networks: FaceNetworks, frame: np.ndarray, landmarks: np.ndarray
    ) -> View:
        """Cut, keep and return the view of a frame (H, W, 3) around landmarks."""
        self.view = networks.look(frame, box_from_landmarks(landmarks))
        self.centre = landmarks
        return self.view


class Step(NamedTuple):
    """One face in the next frame.

    Attributes:
        cycle_error: of the tracker, a fraction of the eye distance.
        tracked: (68, 2) of the tracker; None: not believed.
        detected: (68, 2) of the detector in the same place; None: it did not look.
        landmarks: (68, 2) float32, what is to be said; None where the tracker is not
            believed or the detector is elsewhere.
    """

    cycle_error: float
    tracked: np.ndarray | None = None
    detected: np.ndarray | None = None
    landmarks: np.ndarray | None = None


def follow(
    networks: FaceNetworks,
    trail: Trail,
    frame: np.ndarray,
    start: np.ndarray,
    max_cycle_error: float,
) -> Step:
    """Follow a face into the next frame.

    Args:
        networks: detector and tracker.
        trail: of the face, with its view; is brought up to date. Its view is None
            afterwards where it has to be cut anew around the landmarks.
        frame: image (H, W, 3).
        start: landmarks (68, 2) in pixels of the frame before.
        max_cycle_error: a step with a larger one is not believed.
    """
    view, trail.view = trail.view, None
    tracked, error, seen = networks.step(view, frame, start)
    before = box_from_landmarks(start)
    parted = health.is_degenerate(tracked, before, frame.shape)
    if not error <= max_cycle_error or parted:
        return Step(error)
    # A window that moves adds noise, and is cut anew.
    if relative_distance(tracked, trail.centre) <= health.WINDOW_SLACK:
        trail.view = seen
    carried = networks.carry(view, seen, start)
    trail.steps += 1
    detected = None
    if health.needs_a_look(trail.steps, error, start, tracked, carried):
        trail.steps = 0
        detected = networks.detect_in(
            trail.view or trail.look(networks, frame, tracked)
        )
        correction = health.correction(tracked, detected)
        if correction is None:
            return Step(error, tracked, detected)
        trail.correction = correction
    landmarks = health.steady(tracked + trail.correction, carried)
    return Step(error, tracked, detected, landmarks)
