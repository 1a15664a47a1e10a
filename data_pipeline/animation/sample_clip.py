"""A clip for trials without data: an animated synthetic face."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from data_pipeline.animation.clip import animate_still
from data_pipeline.media.video import write_video
from data_pipeline.synthetic.pictures import draw_face
from data_pipeline.synthetic.scene.motion import FRAMES_PER_SECOND

# The size of most webcams. Mirroring extends the square of the face to this width.
SIZE = (480, 640)
SEED = 3


def write_sample_clip(path: Path, frames: int) -> Path:
    """Write a video of 640 x 480 pixels at 25 frames per second.

    Every call gives the same frames.

    Args:
        path: video to write (.mp4).
        frames: number of frames. One takes about 0.1 s.

    Returns:
        The path.
    """
    write_video(path, sample_frames(frames), FRAMES_PER_SECOND)
    return path


def sample_frames(frames: int) -> Iterator[np.ndarray]:
    """Yield the frames (480, 640, 3) uint8 RGB of the clip."""
    rng = np.random.default_rng(SEED)
    height, width = SIZE
    still, landmarks = draw_face(rng, 1, SIZE)
    side = (width - height) // 2
    for image, _ in animate_still(rng, still, landmarks, 1, frames):
        square = cv2.resize(image, (height, height), interpolation=cv2.INTER_LINEAR)
        yield cv2.copyMakeBorder(square, 0, 0, side, side, cv2.BORDER_REFLECT_101)
