"""How two models differ on the same frames, with a paired bootstrap over sequences.

Each folder is the output of `strrn evaluate` on the same data. The table has the mean
errors, and the change from the first to the second in percent with its 95 % interval,
for every category and protocol. A frame counts where neither has lost the face. A still
is a sequence of its own.

Example:
  python -m benchmarks.learning.compare_evaluations runs/before runs/after
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
import tyro
from rich.console import Console
from rich.table import Table

from strrn_tf.methods.verdict import compare, format_change
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.learning.compare_evaluations"
FRAME = ["category", "protocol", "sequence", "frame"]
ERROR = "nme_interpupil"


@dataclass(frozen=True)
class Options:
    """What to compare."""

    folders: tyro.conf.Positional[
        Annotated[tuple[Path, Path], tyro.conf.arg(metavar="BEFORE AFTER")]
    ]
    """Two folders that `strrn evaluate` wrote."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Print a row for every category and protocol.

    Raises:
        ValueError: a folder holds no frames, or both have none in common.
    """
    frames = common_frames(*map(read_errors, options.folders))
    if not len(frames):
        raise ValueError("the two evaluations have no frame in common")
    shown = Table("category", "protocol", "frames", "before", "after", "change")
    for (category, protocol), some in frames.groupby(FRAME[:2]):
        before, after = some["before"], some["after"]
        group = some["sequence"].to_numpy()
        change = format_change(compare(before.to_numpy(), after.to_numpy(), group))
        means = f"{before.mean():.2f}", f"{after.mean():.2f}"
        shown.add_row(str(category), protocol, str(len(some)), *means, change)
    Console().print(shown)


def read_errors(folder: Path) -> pd.Series:
    """Return the error in percent of every frame of an evaluation.

    Raises:
        ValueError: the folder has no `frames.csv`.
    """
    path = folder / "frames.csv"
    if not path.is_file():
        raise ValueError(f"{folder}: no frames.csv; give folders of `strrn evaluate`")
    return pd.read_csv(path, index_col=FRAME)[ERROR]


def common_frames(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    """Return both errors of the frames that have them in both."""
    found = pd.concat({"before": before, "after": after}, axis=1, join="inner")
    return found.dropna().reset_index()


if __name__ == "__main__":
    sys.exit(main())
