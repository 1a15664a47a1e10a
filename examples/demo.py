"""The whole method on faces that the project draws, in 6 to 12 minutes.

Draws a small data set, trains a detector and the STRRN tracker by Algorithm 1, scores
both on held-out difficult clips (category 3) before and after the algorithm, and writes
an overlay video. Every step is a command that you can type yourself; it is shown before
it runs. Run again after an interruption, it goes on where it stopped.
"""

import json
import math
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from strrn_tf.system.command_line import run_program

PROG = "python examples/demo.py"
ROOT = Path(__file__).resolve().parents[1]
HERE = Path("runs/demo")
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


@dataclass(frozen=True)
class Options:
    """The demo has no options."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def command(*words: str | Path) -> None:
    """Show a command and run it; a failure ends the demo with its exit code."""
    shown = " ".join(map(str, words))
    Console().print(f"\n[bold]$ {shown}[/bold]", highlight=False, soft_wrap=True)
    program = [sys.executable, *map(str, words[1:])]
    code = subprocess.run(program, cwd=ROOT, check=False).returncode
    if code:
        sys.exit(code)


def draw() -> None:
    """Draw the data set unless it is there."""
    # In a process of its own, as the others: the drawing starts worker processes.
    arguments = ", ".join(f"{name}={value}" for name, value in DRAWN.items())
    program = f"draw_dataset('{DATA.as_posix()}', {arguments})"
    command(
        "python", "-c", f"from data_pipeline.synthetic import draw_dataset; {program}"
    )


def train() -> None:
    """Run Algorithm 1, or the rest of it."""
    started = (ROOT / RUN / "config.json").is_file()
    places = ["--data-root", DATA, "--output", RUN, "--cache", HERE / "cache"]
    resume = ["--resume"] if started else []
    command("python", "train.py", "--backbone", "mdm", *places, *TRAINING, *resume)


def evaluate(model: Path, report: Path) -> None:
    """Score a model on the clips of category 3."""
    places = ["--data-root", DATA, "--model", model, "--output", report]
    command("python", "evaluate.py", "--category", "3", *places)


def comparison(reports: dict[str, Path]) -> Table:
    """Return errors per protocol, one column per model."""
    table = Table("category 3, NME in % of the inter-pupil distance", *reports)
    columns = [
        json.loads((ROOT / path / "metrics.json").read_text())["results"]
        for path in reports.values()
    ]
    for rows in zip(*columns, strict=True):
        errors = [f"{row['nme_interpupil'] or math.nan:.2f}" for row in rows]
        table.add_row(rows[0]["protocol"], *errors)
    return table


def run(_: Options) -> None:
    """Run everything and print where it is."""
    begin = time.monotonic()
    draw()
    train()
    reports = {}
    for name, model in MODELS.items():
        reports[name] = HERE / f"category-3-{name.split()[0]}"
        evaluate(model, reports[name])
    video = HERE / "overlay.mp4"
    rows = HERE / "landmarks.csv"
    command(
        *("python", "-m", "strrn_tf", "track", CLIP, "--model", RUN),
        *("--output", video, "--landmarks", rows),
    )
    console = Console()
    console.print("\n", comparison(reports))
    places = {
        "overlay video": video,
        "landmarks of every frame": rows,
        "CED plot": reports["after"] / "ced.png",
        "what Algorithm 1 accepted": RUN / "rounds/01/accepted.png",
        "what that has changed": RUN / "report.png",
        "the models": MODELS["after"],
    }
    for what, path in places.items():
        console.print(f"{what:>26}  {path}", highlight=False, soft_wrap=True)
    console.print(f"{(time.monotonic() - begin) / 60:.1f} minutes")


if __name__ == "__main__":
    sys.exit(main())
