"""JSON lines: an object for every frame and face."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from strrn_tf.commands.track.formats.frames import FacesOfFrame, Layout, Write
from strrn_tf.commands.track.formats.rows import rows_of


@contextmanager
def json_lines(file: TextIO, layout: Layout) -> Iterator[Write]:
    """Yield a writer of one JSON object per row."""

    def write(frame: FacesOfFrame) -> None:
        for row in rows_of(frame, layout):
            file.write(json.dumps(row, allow_nan=False) + "\n")

    yield write
