"""The trackers that are compared, behind one call: image and time in, one face out."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from strrn_tf.commands.benchmark.stopwatch import Stopwatch
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.tracker import FaceTracker

# Where a stage of the tracker's work is done: every call of it is one of the stage.
STAGES = ("find", "crop", "detect", "track", "check", "flow", "smooth")

# The points that both trackers have, as landmarks of ours: vertices of Face Mesh. Eye
# corners, tip and foot of the nose, mouth corners, middle of the upper and lower lip.
COMMON = {
    **{36: 33, 39: 133, 42: 362, 45: 263},
    **{30: 4, 33: 2},
    **{48: 61, 54: 291, 51: 0, 57: 17},
}


class Seen(NamedTuple):
    """What a tracker says about the face in one frame.

    Attributes:
        landmarks: (68, 2) float, NaN where the tracker says nothing.
        id: number of the face, None where there is none or faces have no numbers.
    """

    landmarks: np.ndarray
    id: int | None


NOBODY = Seen(np.full((NUM_LANDMARKS, 2), np.nan), None)
Follower = Callable[[np.ndarray, float], Seen]


def follow_with_strrn(model: str, watch: Stopwatch | None = None) -> Follower:
    """Return our tracker as users have it, smoothing included.

    Args:
        model: name or folder.
        watch: times the stages of every call.
    """
    tracker = FaceTracker.from_pretrained(model)
    if watch is not None:
        time_stages(tracker, watch)

    def follow(image: np.ndarray, time: float) -> Seen:
        for face in tracker.update(image, time):
            if face.state != "lost":
                return Seen(face.landmarks, face.id)
        return NOBODY

    return follow


def time_stages(tracker: FaceTracker, watch: Stopwatch) -> None:
    """Let a tracker's stages be timed, and ``step``: crop, track and check."""
    networks = tracker.networks
    networks.cut = watch.timed("crop", networks.cut)
    networks.detect_in_crop = watch.timed("detect", networks.detect_in_crop)
    networks.carry = watch.timed("flow", networks.carry)
    tracker._finder = watch.timed("find", tracker._finder)
    if tracker._smoother:
        tracker._smoother = watch.timed("smooth", tracker._smoother)
    # A step asks the tracking network twice: for the way there and for the way back.
    there = watch.timed("track", networks.track_in_crop)
    back = watch.timed("check", networks.track_in_crop)
    step = watch.timed("step", networks.step)

    def begin_step(*arguments: object) -> tuple[np.ndarray, float]:
        ways = iter((there, back))
        networks.track_in_crop = lambda *inputs: next(ways)(*inputs)
        return step(*arguments)

    networks.step = begin_step


def follow_with_face_mesh(watch: Stopwatch | None = None) -> Follower:
    """Return MediaPipe Face Mesh in its video mode, with its default options.

    Its points other than ``COMMON`` are left NaN.

    Raises:
        ImportError: MediaPipe is not there, or is a release without Face Mesh.
    """
    from mediapipe.python.solutions.face_mesh import FaceMesh

    mesh = FaceMesh(static_image_mode=False, max_num_faces=1)

    def follow(image: np.ndarray, time: float) -> Seen:
        found = mesh.process(image).multi_face_landmarks
        if not found:
            return NOBODY
        landmarks = NOBODY.landmarks.copy()
        height, width = image.shape[:2]
        for ours, theirs in COMMON.items():
            point = found[0].landmark[theirs]
            landmarks[ours] = point.x * width - 0.5, point.y * height - 0.5
        return Seen(landmarks, None)

    return follow
