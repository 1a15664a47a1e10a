"""68-point face tracking for video.

Commands:
  strrn track SOURCES      follow the faces of videos; write landmarks and overlays
  strrn annotate VIDEOS    turn videos into annotated stills, where they can be trusted
  strrn prepare SET DIR    make a data set ready for training, and check it
  strrn benchmark          measure speed, memory and steadiness on this machine
  strrn train              train detector and tracker by Algorithm 1
  strrn evaluate           score a model on 300VW, 300-W or synthetic faces
  strrn animate STILLS OUT turn annotated stills into clips with exact landmarks
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
      all ablations on synthetic faces

`strrn COMMAND --help` lists the options of a command. train.py and evaluate.py in the
project's folder are strrn train and strrn evaluate.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

import strrn_tf
from strrn_tf.system.command_line import exit_code

PROG = "strrn"
# Each module has `parse`, from arguments to options, and `run`. It is imported when its
# command is called: --help and mistakes must not wait for what others need.
COMMANDS = {
    "track": "track.command",
    "annotate": "annotate.command",
    "prepare": "prepare.command",
    "train": "train",
    "evaluate": "evaluate",
    "animate": "animate",
    "export": "export",
    "benchmark": "benchmark.command",
    "reproduce": "reproduce.command",
}


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
        module = import_module(f"strrn_tf.commands.{COMMANDS[argv[0]]}")
        module.run(module.parse(argv[1:]))
    else:
        raise ValueError(
            f"there is no command '{argv[0]}'. Commands: {', '.join(COMMANDS)}; "
            f"{PROG} --help has examples"
        )
