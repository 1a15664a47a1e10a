"""Adapters of the compared trackers: image and time in, one observation out."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from strrn_tf.commands.benchmark.stopwatch import Stopwatch
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.networks.stages import no_timer
from strrn_tf.tracking.tracker import FaceTracker

# Points that both trackers have (landmark of ours: vertex of Face Mesh): eye corners,
# tip and foot of the nose, mouth corners, middle of the upper and lower lip.
COMMON = {
    **{36: 33, 39: 133, 42: 362, 45: 263},
    **{30: 4, 33: 2},
    **{48: 61, 54: 291, 51: 0, 57: 17},
}


class Observation(NamedTuple):
    """A tracker's face in one frame.

    Attributes:
        landmarks: (68, 2) float, NaN where the tracker has none.
        id: number of the face. None where there is none or faces have no numbers.
    """

    landmarks: np.ndarray
    id: int | None


NO_OBSERVATION = Observation(np.full((NUM_LANDMARKS, 2), np.nan), None)
# Image (H, W, 3) uint8 RGB and seconds -> observation.
TrackerAdapter = Callable[[np.ndarray, float], Observation]


def open_strrn(model: str, watch: Stopwatch | None = None) -> TrackerAdapter:
    """Open our tracker as users have it, smoothing included.

    Args:
        model: name or folder.
        watch: times the stages of every call.
    """
    timer = no_timer if watch is None else watch.time
    tracker = FaceTracker.from_pretrained(model, stage_timer=timer)

    def update(image: np.ndarray, time: float) -> Observation:
        for face in tracker.update(image, time):
            if face.state != "lost":
                return Observation(face.landmarks, face.id)
        return NO_OBSERVATION

    return update


def open_face_mesh(
    watch: Stopwatch | None = None, mesh: Any | None = None
) -> TrackerAdapter:
    """Open MediaPipe Face Mesh in its video mode, with its default options.

    All landmarks but those of ``COMMON`` are NaN.

    Args:
        watch: not used; Face Mesh has no stages that can be timed.
        mesh: object with MediaPipe's ``process``, in place of a new ``FaceMesh``.

    Raises:
        ImportError: MediaPipe is not installed, or is a release without Face Mesh.
    """
    if mesh is None:
        from mediapipe.python.solutions.face_mesh import FaceMesh

        mesh = FaceMesh(static_image_mode=False, max_num_faces=1)

    def update(image: np.ndarray, time: float) -> Observation:
        found = mesh.process(image).multi_face_landmarks
        if not found:
            return NO_OBSERVATION
        landmarks = NO_OBSERVATION.landmarks.copy()
        height, width = image.shape[:2]
        for ours, theirs in COMMON.items():
            point = found[0].landmark[theirs]
            landmarks[ours] = point.x * width - 0.5, point.y * height - 0.5
        return Observation(landmarks, None)

    return update
