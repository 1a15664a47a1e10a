"""Draw docs/images/tracking.jpg: one clip per category, time from left to right.

With a model its landmarks are shown as `strrn track` finds them, coloured by their
reliability; without one, the exact landmarks that the faces were drawn with.

Example:
  python examples/readme_picture.py --model saved_models/strrn-mdm
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import strrn_tf
from data_pipeline.media.images import write_image
from data_pipeline.synthetic import draw_clip
from strrn_tf.drawing import draw_landmarks
from strrn_tf.system.command_line import run_program

PROG = "python examples/readme_picture.py"
TARGET = Path(__file__).resolve().parents[1] / "docs" / "images" / "tracking.jpg"
JPEG_QUALITY = 82
GAP = 4


@dataclass(frozen=True)
class Options:
    """What is drawn."""

    model: str | None = None
    """Name or folder of a model; without it, the true landmarks."""
    seeds: tuple[int, int, int] = (4, 12, 5)
    """Seeds of the clips of the categories 1, 2 and 3."""
    frames: int = 40
    """Frames of every clip."""
    columns: int = 4
    """Frames of a clip that are shown."""
    output: Path = TARGET
    """The picture."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def strip(options: Options, category: int, seed: int) -> np.ndarray:
    """Return frames of one clip side by side, landmarks drawn in."""
    shown = np.linspace(2, options.frames - 1, options.columns).astype(int)
    tracker = None
    if options.model is not None:
        tracker = strrn_tf.FaceTracker.from_pretrained(options.model)
    tiles = []
    clip = draw_clip(np.random.default_rng(seed), category, options.frames)
    for index, (image, truth) in enumerate(clip):
        faces = [] if tracker is None else tracker.update(image, index / 25)
        if index not in shown:
            continue
        tile = image if tracker else draw_landmarks(image, truth)
        for face in faces:
            tile = draw_landmarks(tile, face.landmarks, face.reliability)
        white = np.full((tile.shape[0], GAP, 3), 255, np.uint8)
        tiles += [tile, white]
    return np.hstack(tiles[:-1])


def run(options: Options) -> None:
    """Draw the three clips and write the picture."""
    strips = [strip(options, *pair) for pair in enumerate(options.seeds, 1)]
    white = np.full((GAP, strips[0].shape[1], 3), 255, np.uint8)
    rows = [part for one in strips for part in (one, white)][:-1]
    write_image(options.output, np.vstack(rows), JPEG_QUALITY)


if __name__ == "__main__":
    sys.exit(main())
