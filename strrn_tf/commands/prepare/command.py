"""``strrn prepare``: turns a data set into shards for training."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from strrn_tf.system.command_line import parse_with_beam

PROG = "strrn prepare"
HELP = """Prepare a data set for training, and report its differences and problems.

The data set is compared with the published one, and faces are searched. Every source
becomes a shard, a TFRecord file of JPEG crops with their windows. Training then reads
the shards and not the original files. The command writes

  OUTPUT/shards/        one file per clip, or per 64 stills
  OUTPUT/index.csv      every sample, with its shard and its window in the original
  OUTPUT/report.json    differences, problems, and sources that were left out
  OUTPUT/report.png     the same as a picture, with faces
  OUTPUT/prepared.json  written last

Examples:
  strrn prepare 300w ~/300w
      into prepared/300w: 3148 stills of a complete copy
  strrn prepare youtube-celebrities ~/ytcelebrity --min-face 80
      only clips with faces of at least 80 pixels
  strrn prepare youtube-faces ~/YouTubeFaces --pairs 10 --output ~/prepared/faces
      with the boxes of the data set, without a search
  strrn prepare videos my_videos/
      any folder of videos and of folders of numbered images
  strrn prepare stills faces/ --mapping my_points.json
      annotated stills of your own, in any markup; see docs/data.md
  strrn prepare 300vw /300vw --output /out -- --runner DaskRunner \\
      --dask_client_address tcp://HOST:8786
      on a Dask cluster, with Apache Beam's options behind "--"; see docs/scale.md

Then: strrn train --data-root prepared, or name the folders by --stills and
--unlabelled. After Ctrl-C, a kill or new files, run the command again. It continues and
repeats no finished source. Other options prepare everything again.
"""
# Largest number of printed lines of each kind. report.json has all.
MOST_LINES = 20


@dataclass(frozen=True)
class Options:
    """The data set, the output, and the filter of sources."""

    dataset: tyro.conf.Positional[
        Literal[
            "300w", "300vw", "youtube-faces", "youtube-celebrities", "stills", "videos"
        ]
    ]
    """Name of the data set; "stills" or "videos" for your own."""
    folder: tyro.conf.Positional[Path]
    """Folder of the unpacked data set; with "stills" also a file of COCO keypoints."""
    output: Path | None = None
    """Folder to write to. The default is prepared/DATASET."""
    pairs: int = 20
    """Pairs of consecutive frames of a clip, spread over its length; 0 for all."""
    min_face: float = 50.0
    """Smallest face in pixels: the median over a clip of the larger side of the box
    around the 68 landmarks. Clips below it are left out, annotated ones never."""
    min_found: float = 0.5
    """Smallest fraction of searched frames with a face. Clips below it are left out."""
    frames: Literal[2, 3] = 2
    """Consecutive frames of a sample. SBR needs 3. Algorithm 1 uses the last two."""
    rule: Literal["largest", "central"] = "largest"
    """Choice among several faces."""
    quality: int = 95
    """Of the JPEG crops, 1 to 100."""
    mapping: Path | None = None
    """For stills in another markup: file with their points' landmarks, see
    docs/data.md. Without it, mapping.json beside the stills, if it is there."""
    missing_mark: str | None = None
    """Mark of points that nobody annotated, such as -999. Beside it, `0 0`, `-1 -1` and
    `nan nan` are marks."""
    seed: int = 0
    """Decides the position of each pair in its section of the clip."""
    workers: int = 0
    """Number of processes; 0 for one on every core."""
    beam: tyro.conf.Suppress[tuple[str, ...] | None] = None
    """Options of Apache Beam; None for no Beam."""

    def __post_init__(self) -> None:
        if self.pairs < 0 or self.seed < 0 or self.workers < 0:
            raise ValueError("--pairs, --seed and --workers must not be negative")
        is_named = self.mapping is not None or self.missing_mark is not None
        if is_named and self.dataset not in ("300w", "stills"):
            raise ValueError("--mapping and --missing-mark are for annotated stills")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"--quality must be 1 to 100. Received: {self.quality}")
        if not (0 <= self.min_face < np.inf and 0 <= self.min_found <= 1):
            raise ValueError(
                "--min-face must not be negative, and --min-found lies in 0 to 1. "
                f"Received: {self.min_face}, {self.min_found}"
            )


def parse(argv: Sequence[str]) -> Options:
    """Return the options. Those behind ``--`` belong to Apache Beam."""
    return parse_with_beam(Options, argv, prog=PROG, description=HELP)


def run(options: Options) -> None:
    """Prepare all sources that are not prepared yet, and write a report.

    Raises:
        ValueError: there is nothing of the data set, or OUTPUT holds other files.
        OSError: OUTPUT cannot be written.
    """
    from data_pipeline import preparation
    from data_pipeline.preparation.index import MANIFEST
    from data_pipeline.preparation.work import report_path
    from data_pipeline.tasks.processes import run_tasks
    from data_pipeline.tasks.task import Task
    from strrn_tf.system.atomic import remove_leftovers
    from strrn_tf.system.locking import filling

    listing = preparation.list_dataset(
        options.dataset, options.folder, options.mapping, options.missing_mark
    )
    _print_all("differs", [f"{f.where}: {f.what}" for f in listing.findings])
    if not listing.sources:
        raise ValueError(f"{options.folder}: nothing here is for training")
    output = options.output or Path("prepared") / options.dataset
    work = preparation_of(options)
    with filling(output):
        preparation.initialise_output(output, options.dataset)
        remove_leftovers(output)  # the lock keeps other processes out
        todo = preparation.missing(listing.sources, work, output)
        count = len(listing.sources)
        print(f"{count} sources, {count - len(todo)} of them prepared before")
        if todo:
            (output / MANIFEST).unlink(missing_ok=True)
            target = output.absolute()  # workers may have another working directory
            tasks = [
                Task(
                    partial(preparation.prepare_source, source, work, target),
                    report_path(source.name, target),
                )
                for source in todo
            ]
            run_tasks("Preparing", tasks, options.workers, options.beam)
            if options.beam is not None:
                # Other workers have done what a worker that died was writing.
                remove_leftovers(target)
        summary, reports = preparation.finish(
            output, options.dataset, listing.sources, work, listing.findings
        )
        if todo or not (output / "report.png").exists():
            _write_picture(output, summary, reports, work.min_face)
    _close(output, summary)


def preparation_of(options: Options) -> "preparation.Preparation":  # noqa: F821
    """Return the options that decide the content of the shards."""
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
    from strrn_tf.commands.prepare.report import choose_examples, write_picture

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
            for report, index in choose_examples(reports, kind, num_frames[kind])
            for sample in read_shard(
                output / "shards" / report["shards"][kind][0], {index}
            )
        ]
    is_filtered = not summary["samples"]["annotated"] and not examples[titles["stills"]]
    limit = min_face if is_filtered else None
    write_picture(output / "report.png", summary, examples, limit)


def _close(output: Path, summary: dict[str, Any]) -> None:
    """Print the result, the problems and the next command."""
    from strrn_tf.commands.prepare.report import headline

    sources = summary["by_source"].items()
    out = [(name, source["left_out"]) for name, source in sources if source["left_out"]]
    _print_all("left out", [f"{name}: {reason}" for name, reason in out])
    problems = [(name, p) for name, source in sources for p in source["problems"]]
    _print_all("problem", [p if name in p else f"{name}: {p}" for name, p in problems])
    print(f"{headline(summary)}\nlook at {output / 'report.png'}")
    if not any(summary["samples"].values()):
        raise ValueError(f"nothing could be prepared; see {output / 'report.json'}")
    option = "--stills" if summary["samples"]["stills"] else "--unlabelled"
    print(f"next: strrn train {option} {output}")


def _print_all(kind: str, lines: list[str]) -> None:
    for line in lines[:MOST_LINES]:
        print(f"{kind}: {line}", file=sys.stderr)
    if len(lines) > MOST_LINES:
        rest = len(lines) - MOST_LINES
        print(f"{kind}: and {rest} more, see report.json", file=sys.stderr)
