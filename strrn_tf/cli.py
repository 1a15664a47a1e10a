"""68-point face tracking for video.

Commands:
  strrn track SOURCE       follow the faces of a video; write landmarks and an overlay
  strrn annotate VIDEOS    turn videos into annotated stills, where they can be trusted
  strrn benchmark          measure speed, memory and steadiness on this machine

Examples:
  strrn track talk.mp4
      writes talk-landmarks.csv and talk-overlay.mp4 into the working directory
  strrn track frames/ --fps 30 --landmarks out.jsonl
      a folder of numbered images; landmarks only, as JSON lines
  strrn track talk.mp4 --model runs/mdm/export --max-faces 3
      with a model you trained, up to three faces
  strrn annotate my_videos/ --output my_annotations
      crops of faces with .pts files, ready for training, and a report
  strrn benchmark --video talk.mp4 --json figures.json
      milliseconds by stage, frames per second, jitter; with MediaPipe if installed

`strrn COMMAND --help` lists the options of a command. Training and evaluation are
train.py and evaluate.py in the project's folder.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import tyro

import strrn_tf
from strrn_tf.command_line import exit_code, parse_options

if TYPE_CHECKING:
    from threading import Event

    from data_pipeline.video import FrameReader, VideoFrame
    from strrn_tf.following import Summary
    from strrn_tf.tracking.tracker import FaceTracker

PROG = "strrn"
# Spelt so because tyro loads typeguard, which takes 0.1 s, to look at `Path | None`.
OptionalPath = Optional[Path]  # noqa: UP045
OptionalFloat = Optional[float]  # noqa: UP045
TRACK_HELP = """Follow the faces of a video with 68 landmarks each.

Landmarks are written as one row per frame and face: frame number (from 0), seconds,
id and state of the face, its reliability in [0, 1] and 68 points in pixels, integers
being pixel centres. A frame without a face has a row with the state "none".
With neither --output nor --landmarks, both files are written into the working
directory. Ctrl-C stops early and leaves files that are complete up to there.
"""


@dataclass(frozen=True)
class TrackOptions:
    """Which video, which model, and what is written."""

    source: tyro.conf.Positional[Path]
    """Video file, or folder of numbered images."""
    model: str = "strrn-mdm"
    """Name of a shipped model, exported folder, or run folder."""
    output: OptionalPath = None
    """Video to write with the landmarks drawn in (.mp4)."""
    landmarks: OptionalPath = None
    """File to write the landmarks to (.jsonl or .csv)."""
    max_faces: int = 1
    """Number of faces to follow, the largest first."""
    smooth: bool = True
    """Take the jitter out (One-Euro filter)."""
    fps: OptionalFloat = None
    """Frames per second of a folder of images; 25 if not given."""
    threads: int = 1
    """Threads of every network."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code (0 done, 2 mistake, 130 stopped)."""
    return exit_code(PROG, lambda: dispatch(sys.argv[1:] if argv is None else argv))


def dispatch(argv: Sequence[str]) -> None:
    """Run the command that the first argument names.

    Raises:
        ValueError: there is no such command.
    """
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(f"usage: {PROG} COMMAND ...\n\n{__doc__}".rstrip())
    elif argv[0] == "--version":
        print(f"{PROG} {strrn_tf.__version__}")
    elif argv[0] in COMMANDS:
        COMMANDS[argv[0]](argv[1:])
    else:
        raise ValueError(
            f"there is no command '{argv[0]}'. Commands: {', '.join(COMMANDS)}; "
            f"{PROG} --help has examples"
        )


def track(argv: Sequence[str]) -> None:
    """``strrn track``: read, follow, write, report."""
    options = with_outputs(
        parse_options(TrackOptions, argv, prog=f"{PROG} track", description=TRACK_HELP)
    )
    # Loaded here: --help must not wait for OpenCV and LiteRT.
    from data_pipeline.video import open_video

    reader = open_video(options.source, options.fps)
    tracker = strrn_tf.FaceTracker.from_pretrained(
        options.model,
        max_faces=options.max_faces,
        num_threads=options.threads,
        smooth=options.smooth,
    )
    stopped, summary = write_outputs(options, reader, tracker)
    if reader.truncated:
        print(f"note: {options.source} ends before its announced end", file=sys.stderr)
    if stopped:
        raise KeyboardInterrupt
    if not summary.frames_with_face:
        raise ValueError(
            f"{options.source}: no face was found in {summary.frames} frames. Faces "
            "must be upright and fill at least a tenth of the picture's shorter side"
        )


def annotate(argv: Sequence[str]) -> None:
    """``strrn annotate``, see ``annotate_command``."""
    from strrn_tf import annotate_command as command

    prog = f"{PROG} annotate"
    command.annotate(
        parse_options(command.Options, argv, prog=prog, description=command.HELP)
    )


def benchmark(argv: Sequence[str]) -> None:
    """``strrn benchmark``, see ``benchmark_command``."""
    from strrn_tf import benchmark_command as command

    prog = f"{PROG} benchmark"
    command.benchmark(
        parse_options(command.Options, argv, prog=prog, description=command.HELP)
    )


COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "track": track,
    "annotate": annotate,
    "benchmark": benchmark,
}


def with_outputs(options: TrackOptions) -> TrackOptions:
    """Return the options with names of files to write, checked before hours of work.

    Raises:
        ValueError: a file has a suffix that cannot be written, or is the source.
    """
    from strrn_tf.landmark_rows import check_format

    if options.output is None and options.landmarks is None:
        stem = options.source.resolve().stem
        options = replace(
            options,
            output=Path(f"{stem}-overlay.mp4"),
            landmarks=Path(f"{stem}-landmarks.csv"),
        )
    if options.landmarks:
        check_format(options.landmarks)
    if options.output and options.output.suffix.lower() != ".mp4":
        raise ValueError(
            f"{options.output}: the overlay is written as .mp4. "
            f"Received: '{options.output.suffix}'"
        )
    for path in filter(None, (options.output, options.landmarks)):
        if path.resolve() == options.source.resolve():
            raise ValueError(f"{path} is the source; name another file to write")
    return options


def write_outputs(
    options: TrackOptions, reader: "FrameReader", tracker: "FaceTracker"
) -> "tuple[bool, Summary]":
    """Follow the faces and write what is asked for; a file is complete or not there.

    Returns:
        Whether Ctrl-C ended it early, and what was seen.
    """
    from data_pipeline.video import write_video
    from strrn_tf.atomic import replacing
    from strrn_tf.following import Summary, follow, overlay
    from strrn_tf.interruption import stop_signal
    from strrn_tf.landmark_rows import open_rows

    summary = Summary()
    with ExitStack() as stack:
        stop = stack.enter_context(stop_signal())
        write = None
        if options.landmarks:
            new = stack.enter_context(replacing(options.landmarks))
            file = stack.enter_context(new.open("w", encoding="utf-8"))
            write = open_rows(options.landmarks, file)
        followed = follow(watched(reader, stop), tracker, write, summary)
        if options.output:
            pictures = (overlay(frame, faces) for frame, faces in followed)
            write_video(options.output, pictures, reader.fps)
        else:
            for _ in followed:
                pass
    for path in filter(None, (options.landmarks, options.output)):
        print(f"{path}: {summary.frames} frames, {len(summary.ids)} face(s)")
    return stop.is_set(), summary


def watched(reader: "FrameReader", stop: "Event") -> "Iterator[VideoFrame]":
    """Yield the frames with a progress bar; after ``stop`` is set, no more."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    speed = TextColumn("{task.fields[speed]}")
    columns = BarColumn(), MofNCompleteColumn(), TextColumn("frames"), speed, TimeLeft()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=reader.num_frames_hint, speed="")
        for frame in reader:
            yield frame
            rate = progress.tasks[task].speed
            shown = "" if rate is None else f"{rate:.1f} frames/s"
            progress.update(task, advance=1, speed=shown)
            if stop.is_set():
                return
