"""Evaluate a model by the 300VW protocol, or on stills in the 300-W layout.

Writes metrics.json, frames.csv (one row per frame), ced.png (cumulative error
distribution) and worst.png (the frames that failed most) and prints a table.

Examples:
  strrn evaluate --category 3
      what was trained last, on the faces this project draws itself
  strrn evaluate --category all --data-root ~/300VW --boxes mtcnn
      300VW, faces found by MTCNN as in the paper
  strrn evaluate --dataset 300w --data-root ~/300w --model strrn-hgn
      the detector of a shipped model on the 300-W test images
  strrn evaluate --protocol track --max-frames 200 --output /tmp/quick
      a quick look at the tracker alone
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeVar

from rich.console import Console
from rich.progress import Progress, TaskID

import strrn_tf
from data_pipeline.annotations.mapping import FILE_NAME
from data_pipeline.crops.cached_face_finder import ALL_FACES, CachedFaceFinder
from data_pipeline.datasets.ground_truth import (
    OpenSequence,
    open_sequences,
    read_frames,
    read_stills,
)
from data_pipeline.datasets.labelled_stills import list_labelled
from data_pipeline.preparation.check_300vw import check_test_sets
from strrn_tf.evaluation.protocols import CYCLE_LIMIT, PROTOCOLS, LandmarkTracker
from strrn_tf.evaluation.report_folder import report_folder
from strrn_tf.evaluation.scoring import (
    FrameResult,
    LabelledFrame,
    LabelledStill,
    Observer,
    evaluate_sequence,
    evaluate_stills,
    summarise_results,
    true_box,
)
from strrn_tf.system.command_line import exit_code, parse_options
from strrn_tf.tracking.networks import model_folder

PROG = "strrn evaluate"
T = TypeVar("T")

RUNS = Path("runs")
BOXES = RUNS / "cache" / "face_boxes"
SHIPPED_MODEL = "strrn-hgn"
MARKUP = "mapping", "missing_mark"
NAMES = {"300vw": "300VW", "300w": "300-W"}
GENERATED = {"drawn": "Synthetic faces", "animated": "Animated stills"}


@dataclass(frozen=True)
class Options:
    """What is evaluated, on what, and how."""

    category: Literal["1", "2", "3", "all"] = "all"
    """300VW category: 1 well lit, 2 unconstrained light, 3 occlusion and large pose."""
    data_root: Path | None = None
    """Folder that holds 300vw/ and/or 300w/, or one of these itself. Without it, the
    synthetic data set in runs/drawn, which is drawn if it is missing."""
    model: str | None = None
    """Exported folder, run folder, or name of a shipped model. Without it, the newest
    runs/*/export, else strrn-hgn."""
    output: Path | None = None
    """Folder for the report. Without it, one under runs/evaluation."""
    protocol: Literal[
        "detect", "detect-last", "track", "track-redetect", "live", "all"
    ] = "all"
    """detect: detector on every frame. detect-last: the same in the box of its last
    landmarks. track: detector on the first frame, then the tracker. track-redetect:
    the steps of strrn track. The detector corrects the tracker every few frames, and
    optical flow gives the motion between frames. It has no smoothing and no face
    check, and detects again in a box of the current frame. live: strrn track itself,
    without boxes; prints its error with lost frames too."""
    boxes: Literal["gt", "mtcnn", "mtcnn-nearest"] = "gt"
    """Boxes for the detector, at the start and whenever it detects again. gt: those of
    the true landmarks of that frame. mtcnn: those of the largest face that MTCNN finds
    in it (of stills: the one in the middle). mtcnn-nearest: of the face nearest to the
    last answer, if one is near, so that a neighbour is not taken."""
    dataset: Literal["300vw", "300w"] = "300vw"
    """300vw: sequences. 300w: stills (test sets), detector only."""
    mapping: Path | None = None
    """For stills in another markup: file with their points' landmarks, see
    docs/data.md. Without it, mapping.json beside the stills, if it is there."""
    missing_mark: str | None = None
    """Mark of points that nobody annotated, such as -999. Beside it, `0 0`, `-1 -1` and
    `nan nan` are marks."""
    max_frames: int | None = None
    """Only this many frames of every sequence, from its start (or this many stills)."""
    cycle_limit: float = CYCLE_LIMIT
    """track-redetect detects again above this cycle error (fraction of the eye
    distance). strrn track has 0.05."""


# Gives the tracker of a model's name.
Load = Callable[[str], LandmarkTracker]


def main(argv: Sequence[str] | None = None, load: Load | None = None) -> int:
    """Run the command line; return the exit code (0 done, 2 mistake, 130 stopped)."""
    return exit_code(PROG, lambda: run(parse(argv), load))


def parse(argv: Sequence[str] | None) -> Options:
    """Return the options; a ``ValueError`` of one line if they are wrong."""
    options = parse_options(Options, argv, prog=PROG, description=__doc__)
    frames, limit = options.max_frames, options.cycle_limit
    if frames is not None and frames < 1:
        raise ValueError(f"--max-frames must be at least 1. Received: {frames}")
    if not limit > 0:
        raise ValueError(f"--cycle-limit must be positive. Received: {limit}")
    if options.dataset == "300w" and options.protocol not in ("detect", "all"):
        raise ValueError(
            "--dataset 300w has no video to track. Use --protocol detect, or "
            "--dataset 300vw"
        )
    if options.dataset != "300w" and (options.mapping or options.missing_mark):
        raise ValueError(
            "--mapping and --missing-mark are for stills: add --dataset 300w"
        )
    if options.dataset == "300w" and options.boxes == "mtcnn-nearest":
        raise ValueError("--boxes mtcnn-nearest is for video. Stills have mtcnn and gt")
    if options.dataset == "300w" and options.category != "all":
        raise ValueError(
            "--category is of 300VW's clips: --dataset 300w has none, leave it out"
        )
    return options


def run(options: Options, load: Load | None = None) -> None:
    """Evaluate, write the report, print the table.

    Args:
        options: what is evaluated.
        load: gives the tracker of a model's name; by default a ``FaceTracker``.
    """
    # Not at the top: --help must not wait for matplotlib. Before the work: a missing
    # package must fail at once.
    from strrn_tf.evaluation.report import WorstFrames, show_metrics, write_report

    model = options.model or newest_model()
    tracker = (load or strrn_tf.FaceTracker.from_pretrained)(model)
    root = find_data(options)
    settings = asdict(options) | {"model": model, "data_root": str(root)}
    output = options.output or report_folder(RUNS / "evaluation", settings)
    output.mkdir(parents=True, exist_ok=True)
    console, worst = Console(stderr=True), WorstFrames()
    evaluate = evaluate_300w if options.dataset == "300w" else evaluate_300vw
    results, notes = evaluate(options, root, tracker, worst, Progress(console=console))
    if not results:
        raise ValueError(f"{root}: no frame has ground truth, so nothing was scored")
    name = model_folder.name_of(model)
    title = f"{name_of_data(options, root)}, {name}, boxes: {options.boxes}"
    given = {k: v for k, v in settings.items() if v or k not in MARKUP}
    header = {k: str(v) if k == "mapping" else v for k, v in given.items()} | {
        "output": str(output),
        "version": strrn_tf.__version__,
        "notes": notes,
    }
    write_report(output, title, header, results, worst)
    show_metrics(summarise_results(results), title)
    for note in notes:
        console.print(f"note: {note}", highlight=False)
    print(f"metrics.json, frames.csv, ced.png and worst.png are in {output}")


def name_of_data(options: Options, root: Path) -> str:
    """Return the name of the data: generated ones have the layout of real ones."""
    for kind, words in GENERATED.items():
        if any((root / up / f"{kind}.json").is_file() for up in (".", "..")):
            return words
    if options.mapping or root.is_file() or (root / FILE_NAME).is_file():
        return "Annotated stills"
    return NAMES[options.dataset]


def evaluate_300vw(
    options: Options,
    root: Path,
    tracker: LandmarkTracker,
    observe: Observer,
    progress: Progress,
) -> tuple[list[FrameResult], list[str]]:
    """Return the results on all sequences, and what the user should know about them."""
    opened = open_sequences(root, options.category)
    categories = {int(one.category): None for one in opened}
    notes = [f"{f.where}: {f.what}" for f in check_test_sets(root, categories)]
    results = []
    longest = options.max_frames or sys.maxsize
    total = sum(min(one.reader.num_frames_hint or 0, longest) for one in opened)
    task = progress.add_task("frames", total=total)
    with progress:
        for one in opened:
            frames = (LabelledFrame(*f) for f in read_frames(one, options.max_frames))
            frames = watched(frames, progress, task)
            results += evaluate_one(options, one, frames, tracker, observe)
            if one.reader.truncated:
                notes.append(f"{one.reader.path}: ends before its announced end")
    return results, notes


def evaluate_one(
    options: Options,
    one: OpenSequence,
    frames: Iterable[LabelledFrame],
    tracker: LandmarkTracker,
    observe: Observer,
) -> list[FrameResult]:
    """Return the results on one sequence."""
    rule = ALL_FACES if options.boxes == "mtcnn-nearest" else "largest"
    with CachedFaceFinder(BOXES, one.reader.path, rule) as mtcnn:
        found = lambda frame: mtcnn(f"{frame.index:06d}", frame.image)  # noqa: E731
        return evaluate_sequence(
            tracker,
            frames,
            group=one.category,
            sequence=one.sequence.name,
            protocols=PROTOCOLS if options.protocol == "all" else (options.protocol,),
            find_box=true_box if options.boxes == "gt" else found,
            cycle_limit=options.cycle_limit,
            observe=observe,
        )


def evaluate_300w(
    options: Options,
    root: Path,
    tracker: LandmarkTracker,
    observe: Observer,
    progress: Progress,
) -> tuple[list[FrameResult], list[str]]:
    """Return the results on the test stills, and which images were left out."""
    stills = list_labelled(
        root, "test", mapping=options.mapping, mark=options.missing_mark
    )
    problems = list(stills.problems)
    chosen = stills[: options.max_frames]
    task = progress.add_task("stills", total=len(chosen))
    labelled = (
        LabelledStill(name, image, true.landmarks, subset, true.whole, true.means)
        for name, image, subset, true in read_stills(chosen, problems)
    )
    with progress, CachedFaceFinder(BOXES, root, rule="central") as mtcnn:
        found = lambda still: mtcnn(still.name, still.image)  # noqa: E731
        results = evaluate_stills(
            tracker.align,
            watched(labelled, progress, task),
            find_box=true_box if options.boxes == "gt" else found,
            observe=observe,
        )
    partial = sum(result.whole is not None for result in results)
    notes = [f"{name}: left out, {reason}" for name, reason in problems]
    if partial:
        notes.append(
            f"{partial} of {len(results)} stills lack points: errors are those of the "
            "annotated points, in eye distances of a head that is fitted to them"
        )
    return results, notes


def watched(items: Iterable[T], progress: Progress, task: TaskID) -> Iterator[T]:
    """Yield the items and advance the bar after each."""
    for item in items:
        yield item
        progress.advance(task)


def newest_model() -> str:
    """Return the newest exported folder under ``runs``, else the shipped model."""
    exports = RUNS.glob("*/export/model.json")
    newest = max(exports, key=lambda path: path.stat().st_mtime, default=None)
    return SHIPPED_MODEL if newest is None else str(newest.parent)


def find_data(options: Options) -> Path:
    """Return the folder of the data set asked for."""
    root = options.data_root
    if root is None:
        root = RUNS / "drawn"
        if not (root / "drawn.json").is_file():
            from data_pipeline.synthetic.dataset import draw_dataset

            draw_dataset(root)
    inner = root / options.dataset
    return inner if inner.is_dir() else root


if __name__ == "__main__":
    sys.exit(main())
