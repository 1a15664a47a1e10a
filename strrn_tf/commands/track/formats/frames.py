"""What the writers of all formats are given: frames with their faces, and a layout."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.face import Face

# A thousandth of a pixel; more digits only make the files larger.
DECIMALS = 3
# Names of the points where a format wants names: those of MMPose for COCO-WholeBody.
POINT_NAMES = tuple(f"face-{i}" for i in range(NUM_LANDMARKS))


class FacesOfFrame(NamedTuple):
    """One frame and its faces.

    Attributes:
        index: 0-based number of the frame in the source.
        seconds: since the first frame.
        faces: what ``FaceTracker.update`` has returned; None for a frame that cannot be
            decoded.
        size: (width, height) in pixels, None for a frame that cannot be decoded.
        name: file name of the picture, None in a video.
    """

    index: int
    seconds: float
    faces: Sequence[Face] | None
    size: tuple[int, int] | None = None
    name: str | None = None

    @property
    def seen(self) -> list[Face]:
        """The faces that are not lost and have landmarks."""
        return [
            face
            for face in self.faces or ()
            if face.state != "lost" and np.isfinite(face.landmarks).any()
        ]

    @property
    def picture(self) -> str:
        """Name of the picture; a frame of a video has the one that CVAT gives it."""
        return self.name or f"frame_{self.index:06d}.png"


@dataclass(frozen=True)
class Layout:
    """What is written of every frame.

    Attributes:
        named: whether the frames are pictures, whose names are written.
        max_faces: largest number of faces in a frame.
        pose: whether rows have the head's pose and the openings of eyes and mouth.
        confidence: whether rows have the confidence of every landmark.
        tracked: whether the landmarks are a tracker's; else they are annotations.
    """

    named: bool = False
    max_faces: int = 1
    pose: bool = False
    tracked: bool = True
    confidence: bool = False


Write = Callable[[FacesOfFrame], None]


def rounded(values: np.ndarray, decimals: int = DECIMALS) -> list:
    """Return numbers as nested lists.

    Through float64: rounded float32 would be printed with all its digits.
    """
    return (np.round(np.asarray(values, np.float64), decimals) + 0.0).tolist()
