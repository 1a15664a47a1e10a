"""``strrn prepare``: a data set as it is distributed in, shards for training out."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from strrn_tf.commands.command_line import parse_options, split_beam

PROG = "strrn prepare"
HELP = """Make a data set ready for training, and say what is missing of it.

The data set is compared with what was published, faces are found, and every source
becomes a shard: a TFRecord file of JPEG crops with their windows. Training reads the
shards and never the originals again. Written are

  OUTPUT/shards/        one file per clip, or per 64 stills
  OUTPUT/index.csv      every sample: its shard, and its window in the original
  OUTPUT/report.json    what differs, what is broken, what was left out and why
  OUTPUT/report.png     the same to look at, with faces
  OUTPUT/prepared.json  written last

  strrn prepare 300w ~/300w
      into prepared/300w: 3148 stills, if all are there
  strrn prepare youtube-celebrities ~/ytcelebrity --min-face 80
      only clips whose faces have 80 pixels
  strrn prepare youtube-faces ~/YouTubeFaces --pairs 10 --output ~/prepared/faces
      the boxes that come with it are used, no face is searched
  strrn prepare videos my_videos/
      any folder of videos and of folders of numbered images
  strrn prepare 300vw /300vw --output /out -- --runner FlinkRunner --flink_master HOST
      as an Apache Beam pipeline, with Beam's own options behind "--"; see docs/scale.md

Then: strrn train --data-root prepared, or name the folders by --stills and
--unlabelled. Run again after Ctrl-C, a kill, or when files were added: what is done is
not done again. With other options everything is prepared anew.
"""
# Lines of each kind that are printed; report.json has all.
MOST_LINES = 20


@dataclass(frozen=True)
class Options:
    """Which data set, where it goes, and what is kept of it."""

    dataset: tyro.conf.Positional[
        Literal["300w", "300vw", "youtube-faces", "youtube-celebrities", "videos"]
    ]
    """Its name; "videos" for a folder of your own."""
    folder: tyro.conf.Positional[Path]
    """Where it was unpacked to."""
    output: Path | None = None
    """Folder to write to; without it prepared/DATASET."""
    pairs: int = 20
    """Pairs of consecutive frames of a clip, spread over its length; 0: all."""
    min_face: float = 50.0
    """Clips are left out whose faces are smaller: pixels, the median over the clip, of
    the larger side of the box around the 68 landmarks. Annotated ones never are."""
    min_found: float = 0.5
    """Clips are left out that show a face in a smaller share of the searched frames."""
    frames: Literal[2, 3] = 2
    """Consecutive frames of a sample. SBR needs 3; Algorithm 1 takes the last two."""
    rule: Literal["largest", "central"] = "largest"
    """Which of several faces."""
    quality: int = 95
    """Of the JPEG crops, 1 to 100."""
    seed: int = 0
    """Where in its share of the clip each pair lies."""
    workers: int = 0
    """Sources prepared at the same time; 0: as many as there are cores."""
    beam: tyro.conf.Suppress[tuple[str, ...] | None] = None
    """Options of Apache Beam; None: without Beam."""

    def __post_init__(self) -> None:
        if self.pairs < 0 or self.seed < 0 or self.workers < 0:
            raise ValueError("--pairs, --seed and --workers must not be negative")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"--quality must be 1 to 100. Received: {self.quality}")
        if not (0 <= self.min_face < np.inf and 0 <= self.min_found <= 1):
            raise ValueError(
                "--min-face must not be negative, and --min-found lies in 0 to 1. "
                f"Received: {self.min_face}, {self.min_found}"
            )


def parse(argv: Sequence[str]) -> Options:
    """Return the options; those behind ``--`` are Apache Beam's."""
    own, beam = split_beam(argv)
    options = parse_options(Options, own, prog=PROG, description=HELP)
    return replace(options, beam=beam)


def run(options: Options) -> None:
    """Prepare what is not prepared yet, in processes or on Beam, and write a report.

    Raises:
        ValueError: nothing of the data set is there, or OUTPUT holds something else.
        OSError: OUTPUT cannot be written.
    """
    from data_pipeline import preparation
    from data_pipeline.preparation.index import MANIFEST
    from data_pipeline.preparation.work import report_path
    from data_pipeline.tasks.processes import run_tasks
    from data_pipeline.tasks.task import Task
    from strrn_tf.system.atomic import remove_leftovers
    from strrn_tf.system.locking import filling

    listing = preparation.list_dataset(options.dataset, options.folder)
    _say_all("differs", [f"{f.where}: {f.what}" for f in listing.findings])
    if not listing.sources:
        raise ValueError(f"{options.folder}: nothing here is for training")
    output = options.output or Path("prepared") / options.dataset
    work = preparation_of(options)
    with filling(output):
        preparation.initialise_output(output, options.dataset)
        remove_leftovers(output)  # nobody else is in here now
        todo = preparation.missing(listing.sources, work, output)
        count = len(listing.sources)
        print(f"{count} sources, {count - len(todo)} of them prepared before")
        if todo:
            (output / MANIFEST).unlink(missing_ok=True)
            there = output.absolute()  # workers may have another working directory
            tasks = [
                Task(
                    partial(preparation.prepare_source, source, work, there),
                    report_path(source.name, there),
                )
                for source in todo
            ]
            run_tasks("Preparing", tasks, options.workers, options.beam)
        summary, reports = preparation.finish(
            output, options.dataset, listing.sources, work, listing.findings
        )
        if todo or not (output / "report.png").exists():
            _write_picture(output, summary, reports, work.min_face)
    _close(output, summary)


def preparation_of(options: Options) -> "preparation.Preparation":  # noqa: F821
    """Return what decides the content of the shards."""
    from data_pipeline.preparation import Preparation

    return Preparation(
        pairs_per_clip=options.pairs or sys.maxsize,
        seed=options.seed,
        rule=options.rule,
        min_face=options.min_face,
        min_found=options.min_found,
        quality=options.quality,
        frames=options.frames,
    )


def _write_picture(
    output: Path, summary: dict[str, Any], reports: list[dict], min_face: float
) -> None:
    from data_pipeline.preparation.shards import read_shard
    from strrn_tf.commands.prepare.report import examples_wanted, write_picture

    titles = {
        "stills": "some stills",
        "pairs": "some pairs of consecutive frames; the square is the face",
        "annotated": "some annotated frames",
        "left_out": "from clips that were left out",
    }
    num_frames = dict.fromkeys(("stills", "annotated"), 1)
    num_frames |= dict.fromkeys(("pairs", "left_out"), summary["options"]["frames"])
    examples = {}
    for kind, title in titles.items():
        examples[title] = [
            (sample.names[0], sample.frames[0], sample.landmarks[0])
            for report, place in examples_wanted(reports, kind, num_frames[kind])
            for sample in read_shard(
                output / "shards" / report["shards"][kind][0], {place}
            )
        ]
    is_filtered = not summary["samples"]["annotated"] and not examples[titles["stills"]]
    limit = min_face if is_filtered else None
    write_picture(output / "report.png", summary, examples, limit)


def _close(output: Path, summary: dict[str, Any]) -> None:
    """Say what was done, what is wrong, and what comes next."""
    from strrn_tf.commands.prepare.report import headline

    sources = summary["by_source"].items()
    out = [(name, source["left_out"]) for name, source in sources if source["left_out"]]
    _say_all("left out", [f"{name}: {reason}" for name, reason in out])
    problems = [(name, p) for name, source in sources for p in source["problems"]]
    _say_all("problem", [p if name in p else f"{name}: {p}" for name, p in problems])
    print(f"{headline(summary)}\nlook at {output / 'report.png'}")
    if not any(summary["samples"].values()):
        raise ValueError(f"nothing could be prepared; see {output / 'report.json'}")
    option = "--stills" if summary["samples"]["stills"] else "--unlabelled"
    print(f"next: strrn train {option} {output}")


def _say_all(kind: str, lines: list[str]) -> None:
    for line in lines[:MOST_LINES]:
        print(f"{kind}: {line}", file=sys.stderr)
    if len(lines) > MOST_LINES:
        rest = len(lines) - MOST_LINES
        print(f"{kind}: and {rest} more, see report.json", file=sys.stderr)
