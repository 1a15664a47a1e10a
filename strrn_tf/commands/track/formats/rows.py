"""Tracked faces as rows of plain values, the content of CSV, JSON lines and lists.

One row per frame and face, in the order of frames. A frame without any face has one row
with the state "none" and one that cannot be decoded a row with the state "broken", so
every frame number of the video occurs.

========== ============================================================================
frame      0-based number of the frame in the source
time       seconds since the first frame
id         number of the face; nothing in a row without one
state      "detected", "tracked", "filled" (with ``--offline``), "lost" (a known face is
           not seen), "none", "broken"
reliability in [0, 1], see ``Face``
landmarks  68 points xy in pixels, 0-based, pixel centres at integers; nothing when the
           face is lost, and no numbers for a point that is not known. In CSV the
           columns x0, y0 to x67, y67
yaw to     pose of the head in degrees, opening of both eyes and of the mouth, see
mouth      ``Face``; only with ``Layout.pose``
c0 to c67  confidence of the landmarks, see ``Face``; only with ``Layout.confidence``
source     file name of the picture; only where the source is pictures
========== ============================================================================
"""

from typing import Any

import numpy as np

from strrn_tf.commands.track.formats.frames import FacesOfFrame, Layout, rounded
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.face import Face

FIELDS = ("frame", "time", "id", "state", "reliability")
CONFIDENCE_DECIMALS = 3
MEASURES = ("yaw", "pitch", "roll", "left_eye", "right_eye", "mouth")
CONFIDENCES = tuple(f"c{i}" for i in range(NUM_LANDMARKS))
# The field of pictures, the last one.
SOURCE = "source"


def rows_of(frame: FacesOfFrame, layout: Layout) -> list[dict[str, Any]]:
    """Return the rows of one frame as plain values, at least one."""
    head = {"frame": frame.index, "time": known(round(frame.seconds, 6))}
    state = "broken" if frame.faces is None else "none"
    nobody = {"id": None, "state": state, "reliability": 0.0, "landmarks": None}
    nobody |= dict.fromkeys(_extra_fields(layout))
    tail = {SOURCE: frame.name} if layout.named else {}
    found = [_plain(face, layout) for face in frame.faces or ()]
    return [head | values | tail for values in found or [nobody]]


def last_fields(layout: Layout) -> tuple[str, ...]:
    """Return the names of the fields behind the landmarks."""
    return _extra_fields(layout) + ((SOURCE,) if layout.named else ())


def _extra_fields(layout: Layout) -> tuple[str, ...]:
    confidences = CONFIDENCES if layout.confidence else ()
    return (MEASURES if layout.pose else ()) + confidences


def measures_of(face: Face) -> dict[str, float | None]:
    """Return pose and openings of a face, None where they are not known."""
    values = [*rounded(face.pose, 2), *rounded([*face.eye_opening, face.mouth_opening])]
    return dict(zip(MEASURES, map(known, values), strict=True))


def known(value: float) -> float | None:
    """Return a number, or None for one that is not finite."""
    return value if np.isfinite(value) else None


def _plain(face: Face, layout: Layout) -> dict[str, Any]:
    plain = {
        "id": int(face.id),
        "state": face.state,
        "reliability": known(round(float(face.reliability), 4)),
        "landmarks": _points(face.landmarks),
    }
    if layout.pose:
        plain |= measures_of(face)
    if layout.confidence:
        values = map(known, rounded(face.landmark_confidence, CONFIDENCE_DECIMALS))
        plain |= zip(CONFIDENCES, values, strict=True)
    return plain


def _points(landmarks: np.ndarray) -> list[list[float | None]] | None:
    if not np.isfinite(landmarks).any():
        return None
    return [[known(x), known(y)] for x, y in rounded(landmarks)]
