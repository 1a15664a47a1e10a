"""Track a drawn clip with a shipped model, then teach that model drawn clips.

Draws a few faces, tracks one clip, runs one short round of Algorithm 1 on other clips,
and compares the errors on clips of category 3 before and after. Every step is a command
that you can type yourself; it is shown before it runs. Run the demo again after an
interruption: it goes on where it stopped.

It shows how the parts work and measures nothing: the clips are few and the round is
short. docs/results.md has the measurements.
"""

import json
import math
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from strrn_tf.system.command_line import run_program

PROG = "python examples/demo.py"
ROOT = Path(__file__).resolve().parents[1]
HERE = Path("runs/demo")
DATA, RUN = HERE / "data", HERE / "taught"
SHIPPED = "strrn-mdm"
DRAWN = {
    # A tenth decides whether the result is better; fewer than 8 prove nothing.
    "num_stills": 80,
    "num_test_stills": 4,
    "num_training_clips": 6,
    "clips_per_category": 4,
    "frames_per_clip": 24,
    "categories": (3,),
}
DETECTOR_UPDATES, TRACKER_UPDATES = 120, 20
TRAINING = [
    *("--stills", DATA / "300w", "--unlabelled", DATA / "300vw"),
    *("--cache", HERE / "cache", "--pairs-per-clip", "12"),
    *("--detector.round-steps", str(DETECTOR_UPDATES), "--detector.batch-size", "8"),
    *("--tracker.round-steps", str(TRACKER_UPDATES), "--tracker.batch-size", "8"),
]
# Of category 3: a hand passes over the face. The number is that of a 300VW sequence.
CLIP = DATA / "300vw" / "410" / "vid.avi"

PROTOCOLS = {
    "detect": "the detector, in every frame",
    "detect-last": "the detector, where it saw the face last",
    "track": "the tracker alone, after the first frame",
    "track-redetect": "both, by the steps of strrn track",
    "live": "strrn track itself, with its face finder",
}
NOTE = """
A demonstration, not a measurement: {clips} clips of {frames} frames, one short round.
The annotated stills and the clips both have their part in the gain.
docs/results.md has the measurements."""
NEXT = """
[bold]Next[/bold]
  track your video     .venv/bin/strrn track talk.mp4
  teach it your videos .venv/bin/strrn train --init strrn-hgn --unlabelled my_videos/
  train from nothing   make demo-training (about 20 minutes)
  read on              docs/track.md
"""


@dataclass(frozen=True)
class Options:
    """The demo has no options."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def show(text: str) -> None:
    """Print a line as it is; a path may be longer than the terminal is wide."""
    Console().print(text, highlight=False, soft_wrap=True)


def run_python(*words: str | Path) -> None:
    """Show a command of Python and run it; a failure ends the demo with its code."""
    arguments = [str(word) for word in words]
    program = Path(sys.executable)
    if program.is_relative_to(ROOT):
        program = program.relative_to(ROOT)
    Console().print(
        f"\n$ {shlex.join([str(program), *arguments])}",
        style="bold",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    code = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, check=False
    ).returncode
    if code:
        sys.exit(code)


def draw(folder: Path, numbers: Mapping[str, int]) -> None:
    """Draw a data set, or the rest of it."""
    # In a process of its own, as the others: the drawing starts worker processes.
    arguments = ", ".join(f"{name}={value}" for name, value in numbers.items())
    program = f'draw_dataset("{folder.as_posix()}", {arguments})'
    run_python("-c", f"from data_pipeline.synthetic import draw_dataset; {program}")


def track(model: str | Path, name: str) -> None:
    """Track the clip and plot how sure the tracker was."""
    rows = HERE / f"{name}.csv"
    run_python(
        *("-m", "strrn_tf", "track", CLIP, "--model", model),
        *("--output", HERE / f"{name}.mp4", "--landmarks", rows),
    )
    run_python("examples/plot_reliability.py", rows, HERE / f"{name}.png")


def train(run: Path, *options: str | Path) -> None:
    """Train, or do the rest of a training that was interrupted."""
    started = (ROOT / run / "config.json").is_file()
    resume = ["--resume"] if started else []
    run_python("train.py", *options, "--output", run, *resume)


def evaluate(model: str | Path, data: Path, report: Path) -> None:
    """Score a model on the clips of category 3."""
    places = ["--data-root", data, "--model", model, "--output", report]
    run_python("evaluate.py", "--category", "3", *places)


def comparison(reports: Mapping[str, Path]) -> Table:
    """Return the errors of every protocol, one column per report, and the change."""
    title = "clips of category 3: mean error in % of the inter-pupil distance"
    headings = [Column(name, justify="right") for name in (*reports, "change")]
    table = Table("protocol", "the landmarks come from", *headings, title=title)
    columns = [
        json.loads((ROOT / path / "metrics.json").read_text())["results"]
        for path in reports.values()
    ]
    for rows in zip(*columns, strict=True):
        protocol = rows[0]["protocol"]
        errors = [row["nme_interpupil"] or math.nan for row in rows]
        change = f"{100 * (errors[-1] / errors[0] - 1):+.0f} %"
        shown = [f"{error:.2f}" for error in errors]
        table.add_row(protocol, PROTOCOLS[protocol], *shown, change)
    return table


def show_places(places: Mapping[str, Path]) -> None:
    """Print what there is to look at."""
    show("\n[bold]Look at[/bold]")
    for what, path in places.items():
        show(f"{what:>28}  {path}")


def run(_: Options) -> None:
    """Run all steps and show where their results are."""
    begin = time.monotonic()
    show(f"[bold]1. Track a clip with the shipped model {SHIPPED}[/bold]")
    show("It was trained on photographs and has never seen a drawn face.")
    draw(DATA, DRAWN)
    track(SHIPPED, "before")
    show("\n[bold]2. Teach it drawn faces: one short round of Algorithm 1[/bold]")
    show(
        f"{DRAWN['num_stills']} annotated stills, {DRAWN['num_training_clips']} clips "
        f"without annotations; {DETECTOR_UPDATES} updates of the detector, "
        f"{TRACKER_UPDATES} of the tracker."
    )
    train(RUN, "--init", SHIPPED, *TRAINING)
    show("\n[bold]3. Compare on clips of other people[/bold]")
    reports = {}
    for name, model in {"before": SHIPPED, "after": RUN}.items():
        reports[name] = HERE / f"category-3-{name}"
        evaluate(model, DATA, reports[name])
    track(RUN, "after")
    Console().print("\n", comparison(reports))
    show(
        NOTE.format(clips=DRAWN["clips_per_category"], frames=DRAWN["frames_per_clip"])
    )
    show_places(
        {
            "the clip, before and after": HERE / "before.mp4",
            "": HERE / "after.mp4",
            "landmarks of every frame": HERE / "after.csv",
            "reliability over time": HERE / "after.png",
            "what Algorithm 1 accepted": RUN / "rounds/01/accepted.png",
            "what it rejected": RUN / "rounds/01/rejected.png",
            "what has changed": RUN / "report.png",
            "the worst frames": reports["after"] / "worst.png",
            "the taught model": RUN / "export",
        }
    )
    show(NEXT)
    show(f"{(time.monotonic() - begin) / 60:.1f} minutes")


if __name__ == "__main__":
    sys.exit(main())
