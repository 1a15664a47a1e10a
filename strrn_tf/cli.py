"""68-point face tracking for video.

Commands:
  strrn track SOURCES      follow the faces of videos; write landmarks and overlays
  strrn annotate VIDEOS    turn videos into annotated stills, where they can be trusted
  strrn prepare SET DIR    make a data set ready for training, and check it
  strrn benchmark          measure speed, memory and steadiness on this machine
  strrn export RUN         write a trained model again, in another precision
  strrn reproduce TABLE    train and score the rows of the paper's tables

Examples:
  strrn track talk.mp4
      writes talk-landmarks.csv and talk-overlay.mp4 into the working directory
  strrn track frames/ --fps 30 --landmarks out.jsonl
      a folder of numbered images; landmarks only, as JSON lines
  strrn track 0 --landmarks me.csv
      the first camera, until Ctrl-C
  strrn track a.mp4 b.mp4 --output out --landmarks out --model runs/mine --max-faces 3
      several videos, with a model you trained, up to three faces in each
  strrn annotate my_videos/ --output my_annotations
      crops of faces with .pts files, ready for training, and a report
  strrn prepare 300vw ~/300VW_Dataset_2015_12_14
      what is missing of it, and shards that training reads instead of the videos
  strrn benchmark --video talk.mp4 --json figures.json
      milliseconds by stage, frames per second, jitter; with MediaPipe if installed
  strrn export runs/mine --precision int8
      a quarter of the size, for an app
  strrn reproduce table3 --quick
      all ablations on drawn faces

`strrn COMMAND --help` lists the options of a command. Training and evaluation are
train.py and evaluate.py in the project's folder.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import strrn_tf
from strrn_tf.command_line import exit_code, parse_options, split_beam

PROG = "strrn"


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
    """``strrn track``, see ``track_command``."""
    from strrn_tf import track_command as command

    prog = f"{PROG} track"
    command.track(
        parse_options(command.Options, argv, prog=prog, description=command.HELP), PROG
    )


def annotate(argv: Sequence[str]) -> None:
    """``strrn annotate``, see ``annotate_command``."""
    from strrn_tf import annotate_command as command

    prog = f"{PROG} annotate"
    own, beam = split_beam(argv)
    options = parse_options(command.Options, own, prog=prog, description=command.HELP)
    command.annotate(replace(options, beam=beam))


def prepare(argv: Sequence[str]) -> None:
    """``strrn prepare``, see ``prepare_command``."""
    from strrn_tf import prepare_command as command

    prog = f"{PROG} prepare"
    own, beam = split_beam(argv)
    options = parse_options(command.Options, own, prog=prog, description=command.HELP)
    command.prepare(replace(options, beam=beam))


def benchmark(argv: Sequence[str]) -> None:
    """``strrn benchmark``, see ``benchmark_command``."""
    from strrn_tf import benchmark_command as command

    prog = f"{PROG} benchmark"
    command.benchmark(
        parse_options(command.Options, argv, prog=prog, description=command.HELP)
    )


def export(argv: Sequence[str]) -> None:
    """``strrn export``, see ``export_command``."""
    from strrn_tf import export_command as command

    prog = f"{PROG} export"
    command.export(
        parse_options(command.Options, argv, prog=prog, description=command.HELP)
    )


def reproduce(argv: Sequence[str]) -> None:
    """``strrn reproduce``, see ``reproduce_command``."""
    from strrn_tf import reproduce_command as command

    prog = f"{PROG} reproduce"
    command.reproduce(
        parse_options(command.Options, argv, prog=prog, description=command.HELP)
    )


COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "track": track,
    "annotate": annotate,
    "prepare": prepare,
    "benchmark": benchmark,
    "export": export,
    "reproduce": reproduce,
}
