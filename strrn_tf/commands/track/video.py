"""Faces of a whole video, frame by frame: rows, overlay pictures and a summary."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import cv2
import numpy as np

from strrn_tf.commands.track.endings import Endings
from strrn_tf.commands.track.formats.frames import FacesOfFrame, Write
from strrn_tf.commands.track.restarts import RestartingTracker, Tracker
from strrn_tf.drawing import draw_axes, draw_caption, draw_landmarks, draw_name
from strrn_tf.tracking.face import Face


class Frame(Protocol):
    """One frame: 0-based number, seconds from the first one, (H, W, 3) uint8 RGB.

    There is no image where it cannot be decoded. A picture has the name of its file.
    """

    index: int
    timestamp: float
    image: np.ndarray | None
    name: str | None


F = TypeVar("F", bound=Frame)
# Landmarks of less confidence are drawn as rings.
HOLLOW_BELOW = 0.5


@dataclass
class Summary:
    """Counts of the frames so far.

    Attributes:
        frames: number of frames.
        frames_with_face: those of them in which at least one face is not lost.
        broken: those of them that cannot be decoded.
        ids: of all faces.
        restarts: how often tracking began again, at a frame of another size.
    """

    frames: int = 0
    frames_with_face: int = 0
    broken: int = 0
    ids: set[int] = field(default_factory=set)
    restarts: int = 0

    def add(self, faces: Sequence[Face] | None) -> None:
        """Count one more frame; None: it is broken."""
        seen = [face.id for face in faces or () if face.state != "lost"]
        self.frames += 1
        self.frames_with_face += bool(seen)
        self.broken += faces is None
        self.ids.update(seen)


def track_frames(
    frames: Iterable[F],
    tracker: Tracker,
    write: Write | None,
    summary: Summary,
    endings: Endings,
) -> Iterator[tuple[F, list[Face] | None]]:
    """Yield every frame with its faces, after writing their rows.

    The tracker skips a frame that cannot be decoded. Such a frame has None for faces.
    At a frame of another size it begins again.

    Args:
        frames: of one video, in order.
        tracker: fresh, or reset.
        write: receives the faces of every frame; None: not written.
        summary: is brought up to date with every frame.
        endings: gets what ends the writing of rows, and with it the frames.
    """
    tracker = RestartingTracker(tracker)
    for frame in frames:
        faces = size = None
        with endings.noting() as noted:
            if frame.image is not None:
                size = frame.image.shape[1], frame.image.shape[0]
                faces = tracker.update(frame.image, frame.timestamp)
                summary.restarts = tracker.restarts
        if noted:
            return
        with endings.noting(OSError) as noted:
            if write is not None:
                index, seconds = frame.index, frame.timestamp
                write(FacesOfFrame(index, seconds, faces, size, frame.name))
        if noted:
            return
        summary.add(faces)
        yield frame, faces


def overlays(
    tracked: Iterable[tuple[Frame, Sequence[Face] | None]], pose: bool = False
) -> Iterator[np.ndarray]:
    """Yield a picture (H, W, 3) uint8 RGB for every frame, with its faces drawn.

    In place of a broken frame the last good one is shown in grey, without faces. All
    pictures have the size of the first good frame: others are fitted into it.

    Args:
        tracked: frames and their faces.
        pose: whether the axes of the heads are drawn, and the angles written.
    """
    waiting: list[str] = []  # for the size of the first good frame
    last = None
    for frame, faces in tracked:
        clock = f"{frame.timestamp:.2f} s"
        if frame.image is None:
            caption = f"{clock}   this frame is broken"
            if last is None:
                waiting.append(caption)
            else:
                yield draw_caption(_grey(last), caption)
            continue
        shape = frame.image.shape if last is None else last.shape
        last = fitted(frame.image, shape)
        for caption in waiting:
            yield draw_caption(np.full_like(last, 128), caption)
        waiting.clear()
        yield _overlay(frame.image, faces, clock, pose, shape)


def fitted(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return an image, resized and with black bars beside it, in another shape.

    Args:
        image: (H, W, 3) uint8.
        shape: wanted. Its ratio of sides may be another.
    """
    if image.shape == shape:
        return image
    height, width = image.shape[:2]
    scale = min(shape[0] / height, shape[1] / width)
    # A long strip has at least one row.
    size = max(1, round(scale * width)), max(1, round(scale * height))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    result = np.zeros(shape, np.uint8)
    top, left = (shape[0] - size[1]) // 2, (shape[1] - size[0]) // 2
    small = cv2.resize(image, size, interpolation=method)
    result[top : top + size[1], left : left + size[0]] = small
    return result


def _overlay(
    image: np.ndarray,
    faces: Sequence[Face],
    clock: str,
    pose: bool,
    shape: tuple[int, ...],
) -> np.ndarray:
    """Return the image with all faces drawn and a line of text, fitted to a shape."""
    drawn, words, below = image, [clock], ""
    for face in faces:
        doubtful = face.landmark_confidence < HOLLOW_BELOW
        drawn = draw_landmarks(drawn, face.landmarks, face.reliability, hollow=doubtful)
        if len(faces) > 1:
            name = str(face.id)
            drawn = draw_name(drawn, name, face.landmarks, face.reliability)
        words.append(f"face {face.id}: {face.state} {face.reliability:.2f}")
        if pose and face.state != "lost":
            drawn = draw_axes(drawn, face.landmarks, face.head)
            below += f"\n{face.id}: {_measures(face)}"
    words += [] if faces else ["no face"]
    return draw_caption(fitted(drawn, shape), "   ".join(words) + below)


def _measures(face: Face) -> str:
    """Return pose and openings in words, in the characters that OpenCV has."""
    yaw, pitch, roll = face.pose
    left, right = face.eye_opening
    angles = f"yaw {yaw:+.0f} pitch {pitch:+.0f} roll {roll:+.0f}"
    return f"{angles} eyes {left:.2f} {right:.2f} mouth {face.mouth_opening:.2f}"


def _grey(image: np.ndarray) -> np.ndarray:
    return np.repeat(image.mean(-1, keepdims=True).astype(np.uint8), 3, -1)
