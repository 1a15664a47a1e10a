"""Faces of a whole video, frame by frame: rows, overlay pictures and a summary."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from strrn_tf.commands.track.endings import Endings
from strrn_tf.commands.track.formats.frames import FacesOfFrame, Write
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


class Tracker(Protocol):
    """The part of ``FaceTracker`` that this file needs."""

    def update(self, frame: np.ndarray, timestamp: float | None) -> list[Face]:
        """Take the next frame of a video and return its faces."""


F = TypeVar("F", bound=Frame)


@dataclass
class Summary:
    """Counts of the frames so far.

    Attributes:
        frames: number of frames.
        frames_with_face: those of them in which at least one face is not lost.
        broken: those of them that cannot be decoded.
        ids: of all faces.
    """

    frames: int = 0
    frames_with_face: int = 0
    broken: int = 0
    ids: set[int] = field(default_factory=set)

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

    Args:
        frames: of one video, in order.
        tracker: fresh, or reset.
        write: receives the faces of every frame; None: not written.
        summary: is brought up to date with every frame.
        endings: gets what ends the writing of rows, and with it the frames.

    Raises:
        ValueError: the frames differ in size.
    """
    size = None
    for frame in frames:
        faces = shown = None
        with endings.noting() as noted:
            if frame.image is not None:
                shown = size = _check_size(frame, size)
                faces = tracker.update(frame.image, frame.timestamp)
        if noted:
            return
        with endings.noting(OSError) as noted:
            if write is not None:
                index, seconds = frame.index, frame.timestamp
                write(FacesOfFrame(index, seconds, faces, shown, frame.name))
        if noted:
            return
        summary.add(faces)
        yield frame, faces


def overlays(
    tracked: Iterable[tuple[Frame, Sequence[Face] | None]], pose: bool = False
) -> Iterator[np.ndarray]:
    """Yield a picture (H, W, 3) uint8 RGB for every frame, with its faces drawn.

    In place of a broken frame the last good one is shown in grey, without faces.

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
        last = frame.image
        for caption in waiting:
            yield draw_caption(np.full_like(last, 128), caption)
        waiting.clear()
        yield _overlay(last, faces, clock, pose)


def _overlay(
    image: np.ndarray, faces: Sequence[Face], clock: str, pose: bool
) -> np.ndarray:
    """Return the image with all faces drawn and a line of text."""
    drawn, words = image, [clock]
    for face in faces:
        drawn = draw_landmarks(drawn, face.landmarks, face.reliability)
        if len(faces) > 1:
            name = str(face.id)
            drawn = draw_name(drawn, name, face.landmarks, face.reliability)
        words.append(f"face {face.id}: {face.state} {face.reliability:.2f}")
        if pose and face.state != "lost":
            drawn = draw_axes(drawn, face.landmarks, face.head)
            words.append(_measures(face))
    return draw_caption(drawn, "   ".join(words if faces else [*words, "no face"]))


def _measures(face: Face) -> str:
    """Return pose and openings in words, in the characters that OpenCV has."""
    yaw, pitch, roll = face.pose
    left, right = face.eye_opening
    angles = f"yaw {yaw:+.0f} pitch {pitch:+.0f} roll {roll:+.0f}"
    return f"{angles}  eyes {left:.2f} {right:.2f}  mouth {face.mouth_opening:.2f}"


def _grey(image: np.ndarray) -> np.ndarray:
    return np.repeat(image.mean(-1, keepdims=True).astype(np.uint8), 3, -1)


def _check_size(frame: Frame, size: tuple[int, int] | None) -> tuple[int, int]:
    """Return (width, height) of a frame, which has to be that of those before."""
    height, width = frame.image.shape[:2]
    if size not in (None, (width, height)):
        raise ValueError(
            f"frame {frame.index} has {width} x {height} pixels and those before "
            f"have {size[0]} x {size[1]}: give one video, or resize its frames"
        )
    return width, height
