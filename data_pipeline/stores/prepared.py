"""Prepared data sets (`strrn prepare`) as sources of crop stores.

The original files are not opened and need not exist any more.
"""

import json
from pathlib import Path
from typing import Literal, NamedTuple

from data_pipeline.crops.pairs import spread
from data_pipeline.crops.samples import Samples, merge
from data_pipeline.preparation.index import MANIFEST, NOTE
from data_pipeline.preparation.shards import read_shard
from data_pipeline.preparation.work import FORMAT

Kind = Literal["stills", "pairs", "annotated"]


class PreparedPart(NamedTuple):
    """One shard of a prepared data set.

    Attributes:
        name: of the source.
        shard: file of the samples.
        samples: names of the samples, in order.
        prefix: put before these names when several folders are read together.
    """

    name: str
    shard: Path
    samples: tuple[str, ...]
    prefix: str = ""


def is_prepared(folder: str | Path) -> bool:
    """Return whether a folder was written by `strrn prepare`, finished or not."""
    return (Path(folder) / NOTE).is_file()


def list_prepared(folder: str | Path, kind: Kind) -> list[PreparedPart]:
    """Return the shards of a kind, in the order of their sources.

    Raises:
        ValueError: the folder is unfinished, damaged, or of another version.
    """
    folder = Path(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        names = manifest["sources"] if manifest["format"] == FORMAT else None
        reports = [
            json.loads((folder / "sources" / name).read_text(encoding="utf-8"))
            for name in names or ()
        ]
        parts = [
            PreparedPart(
                report["name"],
                folder / "shards" / report["shards"][kind][0],
                tuple(row[0] for row in report["samples"][kind]),
            )
            for report in reports
            if report["samples"].get(kind)
        ]
    except FileNotFoundError as error:
        raise ValueError(
            f"{folder} is not completely prepared ({Path(error.filename).name} is "
            "missing). Run `strrn prepare` again"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder}: its index is damaged ({error}). Prepare it again"
        ) from error
    if names is None:
        raise ValueError(f"{folder} was prepared by another version. Prepare it again")
    return parts


def read_part(part: PreparedPart, indices: list[int] | None = None) -> Samples:
    """Return the samples of a shard.

    Args:
        part: shard to read.
        indices: 0-based numbers of the wanted samples; None for all.

    Raises:
        ValueError: the shard is missing or damaged.
    """
    samples = merge(list(read_shard(part.shard, indices)))
    wanted = range(len(part.samples)) if indices is None else indices
    if samples.names != [part.samples[index] for index in wanted]:
        raise ValueError(f"{part.shard}: is not the shard that was prepared")
    return samples._replace(names=[part.prefix + name for name in samples.names])


def choose_samples(part: PreparedPart, count: int, seed: int) -> list[int]:
    """Return the numbers of at most ``count`` samples, spread evenly over the shard."""
    return spread(range(len(part.samples)), count, part.name, seed)
