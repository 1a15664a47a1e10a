"""Gather the stills that the shipped models learn, and keep some pictures out.

Three folders in the layout of 300-W are written:

* infants-kept-out: every third picture of DIR/infants by name. No shipped model has
  learnt them, so they are a test.
* human: the folders of DIR/300w, and the other pictures of babies.
* all: the same and labelled photographs; only with --labelled.

Pictures of babies are copied, other folders are links. `docs/data.md` says what DIR is.

Example:
  python -m benchmarks.models.gather_stills DIR --output runs/data
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from benchmarks.learning.domain_shift import divide_pictures
from strrn_tf.system.atomic import replacing_folder
from strrn_tf.system.command_line import run_program

if TYPE_CHECKING:
    from data_pipeline.datasets.three_hundred_w import Still

PROG = "python -m benchmarks.models.gather_stills"
KEPT_OUT = "infants-kept-out"


@dataclass(frozen=True)
class Options:
    """Where the stills are, and where they are gathered."""

    data: tyro.conf.Positional[Path]
    """Folder with 300w/ and infants/."""
    output: Path = Path("runs/data")
    """Folder to write."""
    labelled: Path | None = None
    """Folder that `label_photographs` wrote."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Write the folders and count the pictures of babies.

    Raises:
        ValueError: the data are not there, or --output holds something else.
    """
    learnt, kept_out, _ = divide_pictures(options.data / "infants")
    human = options.output / "human"
    copy_stills(options.output / KEPT_OUT, kept_out)
    copy_stills(human / "infants" / "trainset", learnt)
    link_folders(human, options.data / "300w")
    if options.labelled:
        for source in (human, options.labelled):
            link_folders(options.output / "all", source)
    print(f"pictures of babies: {len(learnt)} learnt, {len(kept_out)} kept out")


def copy_stills(folder: Path, stills: Sequence["Still"]) -> None:
    """Write a folder of images with their annotations; a former one is replaced."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with replacing_folder(folder) as part:
        for still in stills:
            for path in (still.image_path, still.landmarks_path):
                # With its time: it says whether crops are still those of the file.
                shutil.copy2(path, part / path.name)


def link_folders(place: Path, source: Path) -> None:
    """Link every folder of ``source`` into ``place``.

    Raises:
        ValueError: ``source`` has no folders, or ``place`` has another of that name.
    """
    folders = sorted(p for p in source.glob("*") if p.is_dir() and p.name[0] != ".")
    if not folders:
        raise ValueError(f"{source}: there must be folders of stills")
    place.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        link = place / folder.name
        if not link.exists():
            link.unlink(missing_ok=True)  # it led to a folder that is gone
            link.symlink_to(folder.resolve(), target_is_directory=True)
        if link.resolve() != folder.resolve():
            raise ValueError(f"{link} is another folder: choose another --output")


if __name__ == "__main__":
    sys.exit(main())
