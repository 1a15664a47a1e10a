"""Animate annotated stills: clips with exact landmarks, in the 300VW layout.

The faces turn their heads, talk and blink under the conditions of the three categories
of 300VW. 1 is well lit. 2 has changing light and larger motion. 3 has objects before
the face, darkness, blur and low resolution.

Examples:
  strrn animate ~/data/300w/helen/testset runs/animated
      42 test clips, 14 of each category
  strrn evaluate --category all --data-root runs/animated --model strrn-hgn
      a shipped model on these clips
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from data_pipeline.datasets.three_hundred_w import files_beside_stills, list_stills
from data_pipeline.media.suffixes import report_passed_over
from strrn_tf.system.command_line import parse_options

PROG = "strrn animate"


@dataclass(frozen=True)
class Options:
    """The stills, and the numbers of clips and frames."""

    stills: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="STILLS")]]
    """Folder in the 300-W layout, or of images with .pts files."""
    output: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="OUT")]]
    """Folder to fill, for --data-root of `strrn evaluate`."""
    split: Literal["train", "test"] = "test"
    """Split of a 300-W folder."""
    clips_per_category: int = 14
    """Test clips of each category, at most 14."""
    training_clips: int = 0
    """Clips with ids of the training split, at most 50."""
    frames: int = 60
    """Frames of every clip, at 25 per second."""
    seed: int = 0
    """Decides every picture."""


def parse(argv: Sequence[str]) -> Options:
    """Return the options, or raise a ``ValueError`` of one line."""
    return parse_options(Options, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Animate the stills and print the folder."""
    # Imported late, so that --help needs none of these packages.
    from data_pipeline.animation.dataset import animate_dataset
    from data_pipeline.stores.inputs import report_left_out

    stills = list_stills(options.stills, options.split)
    problems = [(problem.name, problem.reason) for problem in stills.problems]
    report_left_out("stills", problems, len(stills))
    report_passed_over(files_beside_stills(options.stills), options.stills)
    root = animate_dataset(
        options.output,
        stills,
        clips_per_category=options.clips_per_category,
        num_training_clips=options.training_clips,
        frames_per_clip=options.frames,
        seed=options.seed,
    )
    print(f"the clips are in {root / '300vw'}; next: strrn evaluate --category all "
          f"--data-root {root}")  # fmt: skip
