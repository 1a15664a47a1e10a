"""How good fused labels are, and whether their trust says where they are wrong.

Two models label annotated stills that neither has learnt, in the windows of the face
finder. The rows are one plain answer of each, several answers of each, with mirrored
answers as they come and put right, and both together. The last line is the rank
correlation of a landmark's error with its spread: what the weights of a training use.

Example:
  python -m benchmarks.learning.label_quality --stills DIR/testset
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.learning.sets.spoiled import chosen_stills
from benchmarks.models.label_photographs import detect_by
from data_pipeline.crops.face_boxes import find_face_boxes
from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.stores.store import build_still_store
from strrn_tf.evaluation.metrics import nme_interpupil
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE, apply_matrix, crop_matrix
from strrn_tf.methods.fused_labels import ask, first_windows, fuse, put_right, questions
from strrn_tf.methods.verdict import compare, format_change
from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.networks.model_folder import load

PROG = "python -m benchmarks.learning.label_quality"


@dataclass(frozen=True)
class Options:
    """What to measure."""

    stills: Path
    """Folder of annotated test stills."""
    models: tuple[str, str] = ("strrn-hgn", "strrn-mdm")
    """The two models."""
    questions: int = 4
    """How often each is asked, every second time in a mirrored picture."""
    limit: int = 0
    """Number of stills, evenly spread; 0: all."""
    output: Path = Path("runs/label-quality")
    """Folder of the crops."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Print the table."""
    stills = list_stills(options.stills, "test")
    chosen = chosen_stills(stills, options.limit or len(stills))
    store = build_still_store(options.output / "crops", chosen, find_face_boxes)
    pictures = [frame[0] for frame in store.frames]
    middle, half = (pictures[0].shape[0] - 1) / 2, CROP_SIZE / CROP_MARGIN / 2
    box = np.array([middle - half] * 2 + [middle + half] * 2)
    detectors = [detect_by(FaceNetworks(load(name))) for name in options.models]
    asked = questions(options.questions)
    windows = first_windows(detectors, pictures, [box] * len(pictures))
    answers = np.stack([ask(d, pictures, windows, asked) for d in detectors])
    matrices = np.stack([crop_matrix(box, roll=roll) for box, roll in windows])
    truth = apply_matrix(matrices, store.landmarks[:, 0])
    right = put_right(answers, np.array([q.mirrored for q in asked]))
    label, spread = fuse(right)
    shapes = {}
    for name, plain, corrected in zip(options.models, answers, right, strict=True):
        shapes[f"{name}: one answer"] = plain[0]
        shapes[f"{name}: {len(asked)} answers as they come"] = plain.mean(0)
        shapes[f"{name}: {len(asked)} answers, put right"] = corrected.mean(0)
    shapes["both: one answer of each"] = answers[:, 0].mean(0)
    shapes["both: all answers, fused"] = label
    table = Table("label", "error, inter-pupil %", "worst tenth", "against one answer")
    first = nme_interpupil(shapes[f"{options.models[0]}: one answer"], truth)
    for name, shape in shapes.items():
        error = nme_interpupil(shape, truth)
        worst = np.sort(error)[-max(len(error) // 10, 1) :].mean()
        found = compare(first, error, np.arange(len(error)))
        cells = f"{error.mean():.2f}", f"{worst:.2f}", format_change(found)
        table.add_row(name, *cells)
    Console().print(table)
    distance = np.linalg.norm(label - truth, axis=-1)
    print(f"{len(truth)} stills; rank correlation {rank(distance, spread):.2f}")


def rank(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean over landmarks of the rank correlation over stills (N, 68)."""
    ranks = [values.argsort(0).argsort(0).astype(float) for values in (one, other)]
    columns = zip(*(r.T for r in ranks), strict=True)
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in columns]))


if __name__ == "__main__":
    sys.exit(main())
