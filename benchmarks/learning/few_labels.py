"""What unlabelled pictures are worth to a detector that has few annotated stills.

Two backbones learn from --count stills of the training split, drawn by a seed. Every
arm then continues one of them, with the same number of updates and the same stills:

* control: the stills alone;
* own: other pictures, with the answers of that detector;
* fused: the same pictures, with the fused labels of both backbones;
* exact: the same pictures, with their annotations. It shows what labels can be worth.

The other stills of the training split, or some of them, are the unlabelled pictures.
Their windows come from the face finder; those of "exact" too. No shipped weights take
part. Test errors are those of the boxes of the true landmarks.

Every finished cell is a file in --output, and a training that was stopped goes on.

Example:
  python -m benchmarks.learning.few_labels --stills DIR/300w --test DIR/testset
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.learning.comparison import print_table
from benchmarks.learning.experiment import Experiment
from benchmarks.learning.trainings import Material, Trainings
from strrn_tf.system.command_line import run_program

# Before TensorFlow is loaded: its start-up messages say nothing to a user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
PROG = "python -m benchmarks.learning.few_labels"


@dataclass(frozen=True, kw_only=True)
class Options(Trainings):
    """Data, size of the trainings, and where results are kept."""

    stills: Path
    """Folder in the 300-W layout; its training split is used."""
    test: Path
    """Folder of annotated test stills."""
    count: int = 157
    """Annotated stills: a twentieth of 300-W."""
    unlabelled: int = 1855
    """Unlabelled pictures, at most."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Train what is missing, and print the table."""
    seeds = options.seeds
    experiments = [Experiment(options, draw(options, seed), seed) for seed in seeds]
    print_table(options, experiments)


def draw(options: Options, seed: int) -> Material:
    """Return the annotated stills of a seed, the other ones, and the test."""
    from data_pipeline.datasets.three_hundred_w import list_stills

    found = list_stills(options.stills, "train")
    order = np.random.default_rng(seed).permutation(len(found))
    few = [found[i] for i in sorted(order[: options.count])]
    rest = order[options.count :][: options.unlabelled]
    test = list_stills(options.test, "test")
    owners = [still.name for still in test]
    return Material(few, [found[i] for i in sorted(rest)], test, owners)


if __name__ == "__main__":
    sys.exit(main())
