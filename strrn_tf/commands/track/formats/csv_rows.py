"""CSV: a header, and a row for every frame and face."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from strrn_tf.commands.track.formats.frames import FacesOfFrame, Layout, Write
from strrn_tf.commands.track.formats.rows import FIELDS, last_fields, rows_of
from strrn_tf.landmarks import NUM_LANDMARKS


@contextmanager
def csv_rows(file: TextIO, layout: Layout) -> Iterator[Write]:
    """Yield a writer of CSV; missing values are empty."""
    writer = csv.writer(file, lineterminator="\n")
    columns = [f"{axis}{i}" for i in range(NUM_LANDMARKS) for axis in "xy"]
    tail = last_fields(layout)
    writer.writerow([*FIELDS, *columns, *tail])

    def write(frame: FacesOfFrame) -> None:
        for row in rows_of(frame, layout):
            points = row["landmarks"] or [("", "")] * NUM_LANDMARKS
            values = [value for point in points for value in point]
            ends = [row[field] for field in tail]
            writer.writerow([*(row[field] for field in FIELDS), *values, *ends])

    yield write
