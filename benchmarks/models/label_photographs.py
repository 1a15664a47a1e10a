"""Label pictures of faces with the mean of two models, for the training of a third.

Every model is asked in three windows around the landmarks, turned upright. The label is
the mean of all answers, in which the steadier model counts more. A picture of which the
two models disagree by more than --limit is left out. The output has the layout of
300-W, so `strrn train --stills` reads it beside annotated stills. Labels that are there
already stay, so a stopped command goes on.

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
from strrn_tf.geometry import apply_matrix, crop_matrix, upright_box
from strrn_tf.methods.fused_labels import Detect, label_pictures, questions
from strrn_tf.system.command_line import run_program
from strrn_tf.system.file_names import plain
from strrn_tf.tracking.networks.crop import cut, to_network
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.networks.model_folder import load

PROG = "python -m benchmarks.models.label_photographs"
# The picture that is kept: its side in pixels, and its window in face sizes.
SIDE, MARGIN = 560, 2.8
# Three windows. The offset of mirrored answers cannot be measured on one picture.
QUESTIONS = [question for question in questions(5) if not question.mirrored]


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
    models = [detect_by(FaceNetworks(load(name))) for name in options.models]
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


def _label(detectors: list[Detect], path: Path, image: object, limit: float) -> str:
    # Written last, so the picture is there too.
    annotation = path.with_name(f"{path.name}.pts")
    if annotation.is_file():
        return "labelled"
    if isinstance(image, Path):
        try:
            image = read_image(image)
        except ValueError:
            return "unreadable"
    box = find_face_box(image, "central")
    if box is None:
        return "no face"
    labels = label_pictures(detectors, [image], [box], QUESTIONS)
    if not labels.disagreement[0] < limit:
        return "disputed"
    box, roll = upright_box(labels.landmarks[0])
    matrix = crop_matrix(box, SIDE, MARGIN, roll)
    write_image(annotation.with_suffix(".jpg"), cut(image, matrix, SIDE))
    write_pts(annotation, apply_matrix(matrix, labels.landmarks[0]))
    return "labelled"


def detect_by(networks: FaceNetworks) -> Detect:
    """Return the detector of a model as a function of crops (B, 315, 315, 3) uint8."""

    def detect(crops: np.ndarray) -> np.ndarray:
        return np.stack([networks.detect_in_crop(to_network(crop)) for crop in crops])

    return detect


if __name__ == "__main__":
    sys.exit(main())
