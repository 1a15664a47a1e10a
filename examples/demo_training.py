"""Train from nothing on drawn faces: the longer brother of demo.py.

Draws a small data set, trains a detector and the STRRN tracker by Algorithm 1, scores
both on held-out difficult clips (category 3) before and after the algorithm, and writes
an overlay video. Every step is a command that you can type yourself; it is shown before
it runs. Run again after an interruption, it goes on where it stopped.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from demo import (
    Options,
    comparison,
    draw,
    evaluate,
    run_python,
    show,
    show_places,
    train,
)
from rich.console import Console

from strrn_tf.system.command_line import run_program

PROG = "python examples/demo_training.py"

HERE = Path("runs/demo-training")
DATA, RUN = HERE / "data", HERE / "mdm"
DRAWN = {
    "num_stills": 200,
    "num_test_stills": 20,
    "num_training_clips": 8,
    "clips_per_category": 3,
    "frames_per_clip": 40,
}
TRAINING = [
    *("--detector.steps", "900", "--detector.round-steps", "600"),
    *("--tracker.steps", "400", "--tracker.round-steps", "200"),
    *("--rounds", "1", "--pairs-per-clip", "24"),
]
# The first drawn clip of category 3; its number is that of a 300VW sequence.
CLIP = DATA / "300vw" / "410" / "vid.avi"
MODELS = {"before Algorithm 1": RUN / "rounds/00/export", "after": RUN / "export"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(_: Options) -> None:
    """Run all steps and show where their results are."""
    begin = time.monotonic()
    draw(DATA, DRAWN)
    places = ["--data-root", DATA, "--cache", HERE / "cache"]
    train(RUN, "--backbone", "mdm", *places, *TRAINING)
    reports = {}
    for name, model in MODELS.items():
        reports[name] = HERE / f"category-3-{name.split()[0]}"
        evaluate(model, DATA, reports[name])
    video, rows = HERE / "overlay.mp4", HERE / "landmarks.csv"
    run_python(
        *("-m", "strrn_tf", "track", CLIP, "--model", RUN),
        *("--output", video, "--landmarks", rows),
    )
    Console().print("\n", comparison(reports))
    show_places(
        {
            "overlay video": video,
            "landmarks of every frame": rows,
            "cumulative error curve": reports["after"] / "ced.png",
            "what Algorithm 1 accepted": RUN / "rounds/01/accepted.png",
            "what has changed": RUN / "report.png",
            "the models": MODELS["after"],
        }
    )
    show(f"{(time.monotonic() - begin) / 60:.1f} minutes")


if __name__ == "__main__":
    sys.exit(main())
