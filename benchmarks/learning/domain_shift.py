"""What unlabelled pictures of a kind are worth to a model that never saw that kind.

Two backbones learn from annotated stills of one kind. Pictures of another kind, such as
babies or infrared pictures of adults, are unlabelled. Every third folder of them (or
every third picture, where they lie in one folder) is kept out, and is the test. With
--test all of them are learnt, and other stills are the test. The arms have the same
number of updates:

* control: the annotated stills alone;
* own, fused: the other pictures beside them, with labels of one or of both backbones;
* exact: with the annotations of those pictures. It is the ceiling.

The last line is the share of the gap between control and ceiling that fused labels
close. No shipped weights take part. Boxes of the test are those of the true landmarks.

Every finished cell is a file in --output, and a training that was stopped goes on.

Example:
  python -m benchmarks.learning.domain_shift --stills DIR/300w --pictures DIR/infants
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.learning.comparison import print_table
from benchmarks.learning.experiment import Experiment
from benchmarks.learning.trainings import Material, Trainings
from strrn_tf.system.command_line import run_program

# Before TensorFlow is loaded: its start-up messages say nothing to a user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if TYPE_CHECKING:
    from data_pipeline.datasets.three_hundred_w import Still

PROG = "python -m benchmarks.learning.domain_shift"
# Every third folder of pictures is the test.
EVERY = 3


@dataclass(frozen=True, kw_only=True)
class Options(Trainings):
    """Data, size of the trainings, and where results are kept."""

    stills: Path
    """Annotated stills in the 300-W layout; the training split is used."""
    pictures: Path
    """Pictures of the other kind, with annotations for the test and the ceiling."""
    mapping: Path | None = None
    """Mapping file of their annotations, if these are not iBUG's 68 points."""
    test: Path | None = None
    """Annotated stills in the 300-W layout that are the test."""
    count: int = 0
    """Annotated stills, drawn by the seed; 0: all."""
    output: Path = Path("runs/domain-shift")
    """Folder of crops, checkpoints and results."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Train what is missing, and print the table."""
    seeds = options.seeds
    experiments = [Experiment(options, divide(options, seed), seed) for seed in seeds]
    print_table(options, experiments)


def divide(options: Options, seed: int) -> Material:
    """Return the annotated stills, the pictures to learn, and those kept out."""
    from data_pipeline.datasets.labelled_stills import list_labelled
    from data_pipeline.datasets.three_hundred_w import list_stills

    found = list_stills(options.stills, "train")
    order = np.random.default_rng(seed).permutation(len(found))
    annotated = [found[i] for i in sorted(order[: options.count or len(found)])]
    if not options.test:
        return Material(annotated, *divide_pictures(options.pictures, options.mapping))
    pictures = list_labelled(options.pictures, "test", mapping=options.mapping)
    test = list_stills(options.test, "test")
    return Material(annotated, list(pictures), test, [still.name for still in test])


def divide_pictures(
    folder: Path, mapping: Path | None = None
) -> tuple[list["Still"], list["Still"], list[str]]:
    """Return the stills to learn, those that are kept out, and the latter's owners.

    Every third folder of pictures is kept out, or every third picture where they lie in
    one folder. The order is that of their names.
    """
    from data_pipeline.datasets.labelled_stills import list_labelled

    pictures = list(list_labelled(folder, "test", mapping=mapping))
    owners = [owner(still.image_path, folder) for still in pictures]
    kept_out = set(sorted(set(owners))[EVERY - 1 :: EVERY])
    pairs = list(zip(pictures, owners, strict=True))
    return (
        [still for still, name in pairs if name not in kept_out],
        [still for still, name in pairs if name in kept_out],
        [name for name in owners if name in kept_out],
    )


def owner(path: Path, root: Path) -> str:
    """Return the folder below ``root`` that a picture is in, or else the picture."""
    return path.resolve().relative_to(root.resolve()).parts[0]


if __name__ == "__main__":
    sys.exit(main())
