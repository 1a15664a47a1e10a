"""Crop windows of faces that are annotated in part, against those of all 68 points.

Points of annotated stills are removed at random, down to five. Another row keeps five
places: the centres of the eyes, which are means of six points, the tip of the nose and
the corners of the mouth. The window of what is left is compared with the true one by
intersection over union. The eye distance that the fitted head gives is compared with
the true one. No model is involved.

Example:
  python -m benchmarks.accuracy.partial_windows --stills DIR/300w/helen/testset
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.annotations.annotation import Annotation, Mean
from data_pipeline.annotations.whole_head import whole_shape
from data_pipeline.datasets.three_hundred_w import list_stills, read_landmarks
from strrn_tf.evaluation.metrics import interpupil
from strrn_tf.geometry import CROP_MARGIN, box_from_landmarks, face_size, overlap
from strrn_tf.landmarks import NUM_LANDMARKS, REGIONS
from strrn_tf.system.atomic import write_text
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.accuracy.partial_windows"
REMOVED = (0.1, 0.25, 0.5, 0.75)
FEWEST = (10, 5, 4, 3)
FIVE_POINTS = 30, 48, 54


@dataclass(frozen=True)
class Options:
    """What to measure."""

    stills: Path
    """Folder of stills with all 68 points, in the 300-W layout."""
    count: int | None = None
    """Only so many stills."""
    seed: int = 0
    """Decides which points are removed."""
    json: Path | None = None
    """File to write the table to."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Print the table, and write it where that is wanted."""
    stills = list_stills(options.stills, "test")[: options.count]
    found: dict[str, list[tuple[float, float]]] = {}
    for number, still in enumerate(track(stills, "stills", transient=True)):
        truth = read_landmarks(still)
        rng = np.random.default_rng((options.seed, number))
        for name, annotation in reduced(truth, rng):
            found.setdefault(name, []).append(compare(annotation, truth))
    table = []
    for name, values in found.items():
        overlaps, sizes = np.transpose(values)
        table.append(
            {
                "annotated": name,
                "stills": len(values),
                "IoU": overlaps.mean().item(),
                "5th percentile": np.percentile(overlaps, 5).item(),
                "least": overlaps.min().item(),
                "eye distance, % off": 100 * np.abs(sizes - 1).mean().item(),
            }
        )
    if options.json:
        write_text(options.json, json.dumps(table, indent=1) + "\n")
    shown = Table(*table[0])
    for row in table:
        cells = (f"{v:.3f}" if isinstance(v, float) else f"{v}" for v in row.values())
        shown.add_row(*cells)
    Console().print(shown)


def reduced(
    truth: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[str, Annotation]]:
    """Yield what is left of a shape (68, 2), and its name."""
    order = rng.permutation(NUM_LANDMARKS)
    counts = [NUM_LANDMARKS - round(part * NUM_LANDMARKS) for part in REMOVED]
    for count in (*counts, *FEWEST):
        yield f"{count} points", keep(truth, order[:count])
    eyes = [REGIONS["left_eye"], REGIONS["right_eye"]]
    centres = [Mean(eye, tuple(truth[list(eye)].mean(0).tolist())) for eye in eyes]
    five = keep(truth, np.array(FIVE_POINTS))
    yield "eye centres, nose, mouth corners", five._replace(means=tuple(centres))


def keep(truth: np.ndarray, points: np.ndarray) -> Annotation:
    """Return the annotation of some points of a shape (68, 2)."""
    landmarks = np.full_like(truth, np.nan)
    landmarks[points] = truth[points]
    return Annotation(landmarks)


def compare(annotation: Annotation, truth: np.ndarray) -> tuple[float, float]:
    """Return the overlap of the windows and the ratio of the eye distances."""
    fitted = whole_shape(annotation)
    ratio = float(interpupil(fitted) / interpupil(truth))
    return overlap(window(fitted), window(truth)), ratio


def window(shape: np.ndarray) -> np.ndarray:
    """Return the square (4,) that the crop of a shape (68, 2) shows."""
    box = box_from_landmarks(shape)
    middle, half = (box[:2] + box[2:]) / 2, CROP_MARGIN * face_size(box) / 2
    return np.concatenate([middle - half, middle + half])


if __name__ == "__main__":
    sys.exit(main())
