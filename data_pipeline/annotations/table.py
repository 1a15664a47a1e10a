"""Tables of annotations: a CSV file with a row for each picture."""

import csv
import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from data_pipeline.annotations.annotation import Annotation
from data_pipeline.annotations.mapping import Markup, to_ibug68
from data_pipeline.annotations.marks import MISSING, Missing, RuleError, describe
from data_pipeline.annotations.marks import read_point as point


class Row(NamedTuple):
    """A row: the name of its picture, its line in the file, its cells by column."""

    image: str
    line: int
    cells: dict[str, str]


def read_rows(path: Path, markup: Markup) -> dict[str, Row]:
    """Return the rows of a table by their entries: the lines, as text.

    Raises:
        ValueError: the file cannot be read, or a column is missing.
    """
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    columns = (markup.image, *_columns(markup))
    return _rows(path, stamp, columns)


def read_row(path: Path, entry: str, markup: Markup, mark: str | None) -> Annotation:
    """Return the annotation of one row of a table.

    Args:
        path: of the table.
        entry: of the row, see `read_rows`.
        markup: of the table.
        mark: of missing points, beside those that are always known.

    Raises:
        ValueError: a cell is not a number. The message names file and line.
    """
    row = read_rows(path, markup)[entry]
    first = markup.first_pixel or 0
    points, missing = {}, []
    for name in markup.targets:
        words = [row.cells[column.format(name)] for column in markup.columns]
        where = f"line {row.line}, `{name}`"
        try:
            # An empty cell marks a missing point too.
            found = point(words, mark) if any(words) else MISSING
        except RuleError as error:
            raise ValueError(f"{path}, {where}: {error}") from None
        if math.isnan(found[0]):
            missing.append(Missing(where, " ".join(words).strip() or "empty"))
        points[name] = found[0] - first, found[1] - first
    return to_ibug68(markup, points, describe(missing, len(points)))


def _columns(markup: Markup) -> Iterator[str]:
    for name in markup.targets:
        yield from (column.format(name) for column in markup.columns)


@lru_cache(maxsize=4)
def _rows(path: Path, stamp: int, columns: tuple[str, ...]) -> dict[str, Row]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            sample = file.read(4096)
            file.seek(0)
            delimiter = max(",;\t", key=sample.partition("\n")[0].count)
            reader = csv.DictReader(file, delimiter=delimiter, skipinitialspace=True)
            absent = [c for c in columns if c not in (reader.fieldnames or ())]
            if absent:
                raise ValueError(
                    f"{path}, line 1: there must be a column `{absent[0]}`. Received: "
                    f"{', '.join(reader.fieldnames or ())}"
                )
            return {
                str(reader.line_num): Row(
                    row[columns[0]].strip(),
                    reader.line_num,
                    {c: (row[c] or "").strip() for c in columns[1:]},
                )
                for row in reader
                if row[columns[0]]
            }
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: a table must be CSV text ({error})") from None
