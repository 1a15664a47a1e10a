"""Errors on several draws of animated clips: many faces, where one draw has few.

    python benchmarks/accuracy/many_faces.py MODEL... --stills DIR/300w/helen/testset

A draw of `python -m data_pipeline.animation` has 14 faces of each category, so that one
that a model loses moves its mean by several percent. Here are five draws; a still may
be in several of them, and acts anew in each.
"""

import argparse
from pathlib import Path

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


def main() -> None:
    """Print one row per model and protocol."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", help="names or exported folders")
    parser.add_argument("--stills", type=Path, required=True, help="300-W layout")
    parser.add_argument("--draws", type=int, default=5, help="of 42 clips each")
    parser.add_argument("--frames", type=int, default=25, help="of every clip")
    parser.add_argument("--cache", type=Path, default=Path("runs/many-faces"),
                        help="folder for the clips, which are kept")  # fmt: skip
    options = parser.parse_args()
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
        told = {(row["protocol"], str(row["category"])): cell(row) for row in rows}
        for protocol in PROTOCOLS:
            table.add_row(model, protocol, *(told[protocol, c] for c in "123"))
    console = Console()
    console.print(table)
    console.print("nme_interpupil in %; jitter; share of frames above 8 % in %")


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
    """Return error, jitter and failures of a category."""
    failures = 100 * row["failure_008"]
    return f"{row['nme_interpupil']:.2f}; {row['jitter']:.2f}; {failures:.1f}"


if __name__ == "__main__":
    main()
