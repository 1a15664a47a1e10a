"""Faces of a whole video, frame by frame: rows written, pictures drawn, sums kept."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from strrn_tf.drawing import draw_caption, draw_landmarks
from strrn_tf.landmark_rows import WriteRows
from strrn_tf.tracking.face import Face


class Frame(Protocol):
    """One frame: 0-based number, seconds from the first one, (H, W, 3) uint8 RGB."""

    index: int
    timestamp: float
    image: np.ndarray


class Tracker(Protocol):
    """What is needed of ``FaceTracker``."""

    def update(self, frame: np.ndarray, timestamp: float | None) -> list[Face]:
        """Take the next frame of a video and return its faces."""


F = TypeVar("F", bound=Frame)


@dataclass
class Summary:
    """What was seen so far.

    Attributes:
        frames: number of frames.
        frames_with_face: those of them in which at least one face is not lost.
        ids: of all faces.
    """

    frames: int = 0
    frames_with_face: int = 0
    ids: set[int] = field(default_factory=set)

    def add(self, faces: Sequence[Face]) -> None:
        """Count one more frame."""
        seen = [face.id for face in faces if face.state != "lost"]
        self.frames += 1
        self.frames_with_face += bool(seen)
        self.ids.update(seen)


def follow(
    frames: Iterable[F],
    tracker: Tracker,
    write: WriteRows | None,
    summary: Summary,
) -> Iterator[tuple[F, list[Face]]]:
    """Yield every frame with its faces, after writing their rows.

    Args:
        frames: of one video, in order.
        tracker: fresh, or reset.
        write: receives the faces of every frame; None: nobody does.
        summary: is brought up to date with every frame.

    Raises:
        ValueError: the frames differ in size.
    """
    size = None
    for frame in frames:
        height, width = frame.image.shape[:2]
        size = size or (width, height)
        if (width, height) != size:
            raise ValueError(
                f"frame {frame.index} has {width} x {height} pixels and those before "
                f"have {size[0]} x {size[1]}: give one video, or resize its frames"
            )
        faces = tracker.update(frame.image, frame.timestamp)
        if write is not None:
            write(frame.index, frame.timestamp, faces)
        summary.add(faces)
        yield frame, faces


def overlay(frame: Frame, faces: Sequence[Face]) -> np.ndarray:
    """Return the frame with all faces drawn and a line that says what is seen."""
    drawn, words = frame.image, [f"{frame.timestamp:.2f} s"]
    for face in faces:
        drawn = draw_landmarks(drawn, face.landmarks, face.reliability)
        words.append(f"face {face.id}: {face.state} {face.reliability:.2f}")
    return draw_caption(drawn, "   ".join(words if faces else [*words, "no face"]))
