"""Errors on several draws of animated clips: many faces, where one draw has few.

A data set of `strrn animate` has 14 faces of each category. One face that a model loses
moves such a mean by several percent. This benchmark animates five data sets, each by a
seed of its own. A still may be in several of them; its motion differs in each.

Example:
  python -m benchmarks.accuracy.many_faces strrn-mdm --stills DIR/helen/testset
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.animation.dataset import animate_dataset
from data_pipeline.datasets.ground_truth import open_sequences, read_frames
from data_pipeline.datasets.three_hundred_w import list_stills
from strrn_tf import FaceTracker
from strrn_tf.evaluation.protocols import PROTOCOLS
from strrn_tf.evaluation.scoring import (
    FrameResult,
    LabelledFrame,
    evaluate_sequence,
    summarise_results,
)
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.accuracy.many_faces"


@dataclass(frozen=True)
class Options:
    """What to measure."""

    models: tyro.conf.Positional[
        Annotated[tuple[str, ...], tyro.conf.arg(metavar="MODEL [MODEL ...]")]
    ]
    """Names of shipped models, run folders or exported folders."""
    stills: Path
    """Folder of annotated stills in the 300-W layout."""
    draws: int = 5
    """Data sets, of 42 clips each."""
    frames: int = 25
    """Frames of every clip."""
    cache: Path = Path("runs/many-faces")
    """Folder for the clips, which are kept."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Print one row per model and protocol."""
    if not options.models:
        raise ValueError("no model is named")
    stills = list(list_stills(options.stills, "test"))
    roots = [
        animate_dataset(
            options.cache / f"seed-{seed}",
            stills,
            frames_per_clip=options.frames,
            seed=seed,
        )
        for seed in range(options.draws)
    ]
    table = Table("model", "protocol", *(f"category {c}" for c in (1, 2, 3)))
    for model in options.models:
        rows = summarise_results(follow_all(model, roots))
        cells = {(row["protocol"], str(row["category"])): cell(row) for row in rows}
        for protocol in PROTOCOLS:
            table.add_row(model, protocol, *(cells[protocol, c] for c in "123"))
    console = Console()
    console.print(table)
    console.print("nme_interpupil in %; error jitter; share of frames above 8 % in %")


def follow_all(model: str, roots: list[Path]) -> list[FrameResult]:
    """Return the results of all protocols on the clips of all draws."""
    tracker = FaceTracker.from_pretrained(model)
    results = []
    for root in roots:
        for one in track(
            open_sequences(root / "300vw", "all"), f"{model}, {root.name}"
        ):
            results += evaluate_sequence(
                tracker,
                (LabelledFrame(*frame) for frame in read_frames(one, None)),
                group=one.category,
                sequence=f"{root.name}/{one.sequence.name}",
            )
    return results


def cell(row: dict) -> str:
    """Return error, error jitter and failures of a category."""
    failures = 100 * row["failure_008"]
    return f"{row['nme_interpupil']:.2f}; {row['jitter']:.2f}; {failures:.1f}"


if __name__ == "__main__":
    sys.exit(main())
