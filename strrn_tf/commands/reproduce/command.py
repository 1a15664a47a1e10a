"""``strrn reproduce``: the paper's tables and Figure 4, on the data that are there."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from strrn_tf.commands.reproduce.rows import (
    FIGURE4,
    FIGURE4_SEQUENCE,
    TABLES,
    Row,
)
from strrn_tf.system.atomic import write_text
from strrn_tf.system.command_line import parse_options

if TYPE_CHECKING:
    from strrn_tf.commands.reproduce.stages import Stages
    from strrn_tf.commands.reproduce.tables import Outcome

PROG = "strrn reproduce"
HELP = """Train and score every row of the paper's tables, beside the paper's figures.

Rows that need the same model share it; what is done is not done again, so after Ctrl-C
or a kill the same command goes on. A row without the data that it needs is left out,
with the reason. Written are CSV, LaTeX and PNG; CSV has all metrics and protocols.

Examples:
  strrn reproduce table3 --quick
      every row on faces that the project draws, with tiny networks: whether all of it
      runs, not how good it is; "all" is all tables in about 20 minutes
  strrn reproduce table1 --stills ~/300w --clips ~/data
      300-W, and 300VW in ~/data/300vw; rows train from nothing: hours each on a CPU
  strrn reproduce table2 --stills ~/300w --clips ~/data --youtube-faces ~/YTF
      rows without YouTube-Celebrities only
  strrn animate ~/300w/helen/testset runs/animated
  strrn reproduce table3 --init strrn-mdm --clips runs/animated --stills ~/300w \\
      --unlabelled ~/videos --seeds 3 --train="--detector.round-steps 300"
      without 300VW: animated stills to score on. Every row goes on with a shipped
      model (one per backbone) and, in table 3, trains a new tracker
"""
# Networks of preset "tiny" agree less than the threshold asks for.
QUICK_TRAINING = (
    *("--preset", "tiny", "--threshold", "0.1", "--pairs-per-clip", "6"),
    *("--detector.steps", "300", "--detector.round-steps", "60"),
    *("--tracker.steps", "100", "--tracker.round-steps", "40"),
    *("--detector.batch-size", "8", "--tracker.batch-size", "8"),
)
QUICK_NOTE = "synthetic faces, tiny networks, few updates: shows that it runs, no more"
# Of a table that goes into a file, in characters.
FILE_WIDTH = 160
BOXES_IN_TITLES = {
    "gt": "",
    "mtcnn": ", boxes of MTCNN",
    "mtcnn-nearest": ", MTCNN's boxes nearest to the last face",
}


@dataclass(frozen=True)
class Options:
    """Which table, on what data, how long."""

    what: tyro.conf.Positional[
        Annotated[
            Literal["table1", "table2", "table3", "figure4", "all"],
            tyro.conf.arg(metavar="table1|table2|table3|figure4|all"),
        ]
    ]
    """What to reproduce."""
    quick: bool = False
    """Draw the data, use tiny networks and few updates."""
    stills: Path | None = None
    """Annotated stills in the 300-W layout."""
    clips: Path | None = None
    """Folder with 300vw/ in it: test sequences to score on, training sequences to learn
    from."""
    unlabelled: tuple[Path, ...] = ()
    """Folders of videos to learn from, instead of 300VW's training sequences."""
    youtube_celebrities: Path | None = None
    """Folder of YouTube-Celebrities, for Table 2."""
    youtube_faces: Path | None = None
    """Folder of YouTube-Faces, for Table 2."""
    init: tuple[str, ...] = ()
    """Models to go on with instead of training from nothing, one per backbone."""
    seeds: int = 1
    """Runs of every row (seeds 0, 1, ...), for mean and standard deviation."""
    rows: tuple[str, ...] = ()
    """Only these rows, by the names in the column "row" of the CSV file."""
    train: str = ""
    """Further options of strrn train, in quotes and after "=": --train="--rounds 2"."""
    boxes: Literal["gt", "mtcnn", "mtcnn-nearest"] = "gt"
    """Boxes for the detector. gt: those of the true landmarks. mtcnn: those of the
    largest face that MTCNN finds, as in the paper. mtcnn-nearest: those of MTCNN's face
    nearest to the last answer. detect needs one in every frame, the trackers one at the
    start. track-redetect needs one more at each re-detection."""
    max_frames: int | None = None
    """Score only this many frames of every sequence."""
    output: Path | None = None
    """Folder for models and tables; without it runs/reproduce, or runs/reproduce-quick.
    Rows of another table find their models there."""

    @property
    def folder(self) -> Path:
        """Folder for everything."""
        name = "reproduce-quick" if self.quick else "reproduce"
        return self.output or Path("runs") / name


def parse(argv: Sequence[str]) -> Options:
    """Return the options; a ``ValueError`` of one line if they are wrong."""
    return parse_options(Options, argv, prog=PROG, description=HELP)


def run(options: Options) -> None:
    """Make the tables and figures asked for.

    Raises:
        ValueError: a mistake in the options, or a row whose training failed.
    """
    check(options)
    from strrn_tf.commands.reproduce.data import given_data
    from strrn_tf.commands.reproduce.stages import Stages
    from strrn_tf.commands.reproduce.synthetic_data import synthetic_data

    data = (
        synthetic_data(options.folder / "drawn")
        if options.quick
        else given_data(options)
    )
    data.check()
    training = [*(QUICK_TRAINING if options.quick else ()), *shlex.split(options.train)]
    stages = Stages(options.folder, data, tuple(training), tuple(scoring(options)))
    names = [*TABLES, "figure4"] if options.what == "all" else [options.what]
    failures: list[str] = []
    for name in names:
        make = make_figure4 if name == "figure4" else make_table
        failures += make(name, options, stages)
    if failures:
        raise ValueError("; ".join(failures))


def scoring(options: Options) -> Iterator[str]:
    """Yield the arguments of strrn evaluate that all rows have."""
    if options.max_frames is not None:
        yield from ("--max-frames", str(options.max_frames))
    if options.boxes != "gt":
        yield from ("--boxes", options.boxes)


def titled(title: str, options: Options) -> str:
    """Return a title that says what a figure depends on."""
    boxes = BOXES_IN_TITLES[options.boxes]
    return f"{title}{boxes}{f' ({QUICK_NOTE})' if options.quick else ''}"


def named(name: str, options: Options) -> str:
    """Return a name for files; other boxes have other files."""
    return name if options.boxes == "gt" else f"{name}-{options.boxes}"


def check(options: Options) -> None:
    """Raise a ``ValueError`` of one line for options that cannot be meant."""
    given = (options.stills, options.clips, options.init, options.unlabelled)
    if options.quick and any(given):
        raise ValueError("--quick draws its own data: leave the data options out")
    if not options.quick and options.clips is None:
        raise ValueError(
            "give --clips DIR, with test sequences to score on in DIR/300vw, or --quick"
        )
    if options.seeds < 1:
        raise ValueError(f"--seeds must be at least 1. Received: {options.seeds}")
    tables = (
        TABLES if options.what == "all" else {options.what: TABLES.get(options.what)}
    )
    known = {row.key for table in tables.values() if table for row in table.rows}
    unknown = sorted(set(options.rows) - known)
    if unknown and options.what != "figure4":
        raise ValueError(
            f"--rows: there is no row '{unknown[0]}'. Rows: {', '.join(sorted(known))}"
        )


def make_table(name: str, options: Options, stages: "Stages") -> list[str]:
    """Make one table; return what failed."""
    from rich.console import Console

    from strrn_tf.commands.reproduce.by_protocol import protocol_table, screen_protocols
    from strrn_tf.commands.reproduce.tables import screen_table, write_table

    table = TABLES[name]
    chosen = list(chosen_rows(table.rows, options))
    outcomes, failures = [], []
    for number, row in enumerate(chosen, 1):
        print(f"{name}, row {number} of {len(chosen)}: {row.name}", file=sys.stderr)
        outcome, failure = make_row(row, options.seeds, stages)
        outcomes.append(outcome)
        failures += failure
    title = titled(table.title, options)
    files = named(name, options)
    paths = write_table(options.folder, files, table, outcomes, title)
    console = Console()
    if not console.is_terminal:
        console = Console(width=FILE_WIDTH)
    console.print(screen_table(table, outcomes, title))
    protocols = protocol_table(outcomes)
    if len(protocols):
        path = options.folder / f"{files}-protocols.csv"
        write_text(path, protocols.to_csv(index=False))
        paths.append(path)
        console.print(screen_protocols(protocols))
    for outcome in outcomes:
        if outcome.reason:
            console.print(f"{outcome.row.name}: {outcome.reason}", highlight=False)
    print("written:", *paths)
    return failures


def chosen_rows(rows: Sequence[Row], options: Options) -> Iterator[Row]:
    """Yield the rows that were asked for."""
    for row in rows:
        if not options.rows or row.key in options.rows:
            yield row


def make_row(row: Row, seeds: int, stages: "Stages") -> "tuple[Outcome, list[str]]":
    """Train and score a row with every seed; return it, and what failed."""
    from strrn_tf.commands.reproduce.data import LacksData
    from strrn_tf.commands.reproduce.stages import StageFailed
    from strrn_tf.commands.reproduce.tables import Outcome

    try:
        models = [stages.model(row.training, seed) for seed in range(seeds)]
        # A model that was not trained here has no seeds.
        results = [stages.results(model) for model in dict.fromkeys(models)]
    except LacksData as lack:
        return Outcome(row, reason=f"no data: {lack}"), []
    except StageFailed as failure:
        return Outcome(row, reason=f"failed: {failure}"), [f"{row.name}: {failure}"]
    return Outcome(row, results), []


def make_figure4(name: str, options: Options, stages: "Stages") -> list[str]:
    """Make Figure 4; return what failed."""
    import strrn_tf
    from data_pipeline.crops.face_boxes import find_face_box, find_upright_boxes
    from data_pipeline.datasets.ground_truth import open_sequences, read_frames
    from strrn_tf.commands.reproduce.data import LacksData
    from strrn_tf.commands.reproduce.figure4 import (
        Method,
        spread_over,
        summary,
        track_sequence,
        write_figure,
    )
    from strrn_tf.commands.reproduce.stages import StageFailed
    from strrn_tf.evaluation.scoring import LabelledFrame, true_box

    opened = open_sequences(stages.data.clips / "300vw", "3")
    one = next((o for o in opened if o.sequence.name == FIGURE4_SEQUENCE), opened[0])
    boxes = {
        "gt": true_box,
        "mtcnn": lambda frame: find_face_box(frame.image),
        "mtcnn-nearest": lambda frame: find_upright_boxes(frame.image),
    }
    count = min(one.reader.num_frames_hint or 1, options.max_frames or sys.maxsize)
    shots = {}
    for label, row in FIGURE4.items():
        print(f"{name}: {label}", file=sys.stderr)
        try:
            model = stages.model(row.training, 0)
        except LacksData as lack:
            print(f"figure4: no data: {lack}")
            return []
        except StageFailed as failure:
            return [f"{name}, {label}: {failure}"]
        tracker = strrn_tf.FaceTracker.from_pretrained(model)
        frames = (LabelledFrame(*f) for f in read_frames(one, options.max_frames))
        method = Method(label, tracker, row.protocol, boxes[options.boxes])
        shots[label] = track_sequence(
            method, frames, one.sequence.name, spread_over(count)
        )
    title = titled(f"Figure 4: sequence {one.sequence.name} of category 3", options)
    paths = write_figure(options.folder, named(name, options), shots, title)
    for label, tracked in shots.items():
        print(f"{label}: {summary(tracked)}")
    print("the paper prints no figures here; its curve of STRRN lies below that of SBR")
    print("written:", *paths)
    return []
