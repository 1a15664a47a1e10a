"""DeepLabCut's CSV, which Lightning Pose reads too: header rows and a row per frame.

The header rows are scorer, bodyparts and coords; where several faces are followed, the
form for several animals has individuals as its second row. Coordinates are pixels from
0, pixel centres at integers. They are empty where a face is not seen; its likelihood is
0 then. The reliability of a face is the likelihood of all its points. The first column
is the frame's number, or the picture's name.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from strrn_tf.commands.track.formats.frames import (
    POINT_NAMES,
    FacesOfFrame,
    Layout,
    Write,
    rounded,
)
from strrn_tf.commands.track.formats.rows import known
from strrn_tf.tracking.face import Face

SCORER = "strrn"


@contextmanager
def deeplabcut(file: TextIO, layout: Layout) -> Iterator[Write]:
    """Yield a writer of CSV; annotations, which are no predictions, have no likelihood.

    The columns are known before the faces are, so with several faces a column belongs
    to no id: a face takes the first that is free, and keeps it while it is known.
    """
    writer = csv.writer(file, lineterminator="\n")
    coords = ["x", "y", "likelihood"] if layout.tracked else ["x", "y"]
    animals = [f"face{i}" for i in range(layout.max_faces)]
    names = [(a, p, c) for a in animals for p in POINT_NAMES for c in coords]
    writer.writerow(["scorer", *[SCORER] * len(names)])
    if layout.max_faces > 1:
        writer.writerow(["individuals", *(name[0] for name in names)])
    writer.writerow(["bodyparts", *(name[1] for name in names)])
    writer.writerow(["coords", *(name[2] for name in names)])
    places = Places(layout.max_faces)

    def write(frame: FacesOfFrame) -> None:
        row: list[Any] = [frame.name if layout.named else frame.index]
        for face in places.of(frame.faces or ()):
            row += _values(face, layout.tracked)
        writer.writerow(row)

    yield write


class Places:
    """Gives every face that is seen one of a fixed number of places, and keeps it."""

    def __init__(self, count: int) -> None:
        self._owners: list[int | None] = [None] * count

    def of(self, faces: Sequence[Face]) -> list[Face | None]:
        """Return the face in every place, None where none is seen.

        The place of a lost face is given away only when no other is free.
        """
        known = {face.id for face in faces}
        seen = {face.id: face for face in faces if face.state != "lost"}
        owners = [owner if owner in known else None for owner in self._owners]
        for number in seen:
            if number in owners:
                continue
            free = [i for i, owner in enumerate(owners) if owner is None]
            free += [i for i, owner in enumerate(owners) if owner not in seen]
            if free:
                owners[free[0]] = number
        self._owners = owners
        return [seen.get(owner) for owner in owners]


def _values(face: Face | None, tracked: bool) -> list[Any]:
    """Return the columns of one face."""
    if face is None:
        points = [("", "")] * len(POINT_NAMES)
    else:
        points = [[known(x), known(y)] for x, y in rounded(face.landmarks)]
    likelihood = 0.0 if face is None else known(round(float(face.reliability), 4))
    tail = [likelihood] if tracked else []
    return [value for point in points for value in (*point, *tail)]
