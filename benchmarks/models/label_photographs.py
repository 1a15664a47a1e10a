"""Label pictures of faces with the mean of two models, for the training of a third.

Every model is asked in three boxes around the landmarks, turned upright. The mean of
all answers is the label. A picture of which the two models disagree by more than
--limit is left out. The output has the layout of 300-W, so `strrn train --stills` reads
it beside annotated stills.

Example:
  python -m benchmarks.models.label_photographs ~/faces ~/clip.mp4 --output runs/people
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from rich.progress import track

from data_pipeline.crops.face_boxes import find_face_box
from data_pipeline.media.image_folder import list_images
from data_pipeline.media.images import read_image, write_image
from data_pipeline.media.pts import write_pts
from data_pipeline.media.suffixes import is_image
from data_pipeline.media.video import open_video
from strrn_tf.geometry import (
    box_from_landmarks,
    box_sides,
    crop_matrix,
    relative_distance,
    upright_box,
)
from strrn_tf.system.command_line import run_program
from strrn_tf.system.file_names import plain
from strrn_tf.tracking.networks.crop import cut
from strrn_tf.tracking.tracker import FaceTracker

PROG = "python -m benchmarks.models.label_photographs"
# The picture that is kept: its side in pixels, and its window in face sizes.
SIDE, MARGIN = 560, 2.8
# Shift of the boxes in which a model is asked, as fractions of the face.
BOXES = ((0.0, 0.0, 1.0), (0.05, 0.03, 1.06), (-0.05, -0.03, 0.94))


@dataclass(frozen=True)
class Options:
    """What to label."""

    sources: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of pictures, and videos."""
    output: Path
    """Folder to write."""
    models: tuple[str, str] = ("strrn-hgn", "strrn-mdm")
    """The two models that label."""
    limit: float = 0.08
    """Largest distance of the two answers, as a fraction of the eye distance."""
    frames_per_clip: int = 16
    """Frames taken from a video, evenly spaced."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Label all pictures and count them."""
    models = [FaceTracker.from_pretrained(name) for name in options.models]
    counts = dict.fromkeys(("labelled", "no face", "disputed", "unreadable"), 0)
    for source in options.sources:
        folder = options.output / plain(source.stem) / "trainset"
        for name, image in track(list(_pictures(source, options)), str(source)):
            counts[_label(models, folder / name, image, options.limit)] += 1
    print(", ".join(f"{count} {what}" for what, count in counts.items()))


def _pictures(source: Path, options: Options) -> Iterator[tuple[str, object]]:
    """Yield names, and images or the paths of images."""
    if source.is_dir():
        folders = sorted({p.parent for p in source.rglob("*") if is_image(p)})
        for path in (p for folder in folders for p in list_images(folder)[0]):
            yield plain(f"{path.parent.name}-{path.stem}"), path
        return
    video = open_video(source)
    count = video.num_frames_hint or sum(1 for _ in video)
    wanted = np.linspace(0, count - 1, options.frames_per_clip).round().astype(int)
    for frame in video.frames(wanted.tolist()):
        yield f"{frame.index:06d}", frame.image


def _label(models: list[FaceTracker], path: Path, image: object, limit: float) -> str:
    if isinstance(image, Path):
        try:
            image = read_image(image)
        except ValueError:
            return "unreadable"
    box = find_face_box(image, "central")
    if box is None:
        return "no face"
    first = [model.align(image, box) for model in models]
    box, roll = upright_box(np.mean(first, 0))
    window = cut(image, crop_matrix(box, SIDE, MARGIN, roll), SIDE)
    answers = np.stack([_answer(model, window) for model in models])
    if not relative_distance(*answers) < limit:
        return "disputed"
    write_image(path.with_suffix(".jpg"), window)
    write_pts(path.with_suffix(".pts"), answers.mean(0))
    return "labelled"


def _answer(model: FaceTracker, window: np.ndarray) -> np.ndarray:
    """Return the mean (68, 2) of a model's answers in several boxes."""
    half = SIDE / MARGIN / 2
    centre = np.full(2, (SIDE - 1) / 2)
    box = np.concatenate([centre - half, centre + half])
    start = model.align(window, box)
    box = box_from_landmarks(model.align(window, box_from_landmarks(start)))
    answers = []
    for x, y, size in BOXES:
        centre = (box[:2] + box[2:]) / 2 + np.array([x, y]) * box_sides(box).max()
        half = size * box_sides(box) / 2
        answers.append(
            model.align(window, np.concatenate([centre - half, centre + half]))
        )
    return np.mean(answers, 0)


if __name__ == "__main__":
    sys.exit(main())
