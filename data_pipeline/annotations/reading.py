"""Reads the annotation of one face from a file of any form that is known."""

from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from data_pipeline.annotations.annotation import Annotation
from data_pipeline.annotations.coco import read_face
from data_pipeline.annotations.mapping import IBUG_68, read_mapping, to_ibug68
from data_pipeline.annotations.marks import describe
from data_pipeline.annotations.table import read_row
from data_pipeline.media.pts import read_points
from strrn_tf.landmarks import NUM_LANDMARKS

# A shape with fewer of its points in the picture belongs to another picture, or to
# another size of it. Shapes of published stills have at least 94 % inside.
FEWEST_INSIDE = 0.75
# How far outside a point may lie, as a fraction of the larger side of the picture. A
# point beyond it is no landmark.
FARTHEST = 0.5
# Published points lie up to a pixel outside.
TOLERANCE = 1.0
# Of 2342 published stills none has more than two points in one place.
FEWEST_ALIKE = 3


class Labels(NamedTuple):
    """How the annotation of a still is read.

    Attributes:
        entry: of the still in a table or a COCO file; "" in a file of its own.
        mapping: mapping file; None for iBUG-68.
        mark: of missing points, beside those that are always known.
        remark: about missing points; "" where none is missing.
    """

    entry: str = ""
    mapping: Path | None = None
    mark: str | None = None
    remark: str = ""


def read_annotation(path: Path, labels: Labels | None = None) -> Annotation:
    """Return the annotation of one face.

    Args:
        path: a `.pts` file, a table (`.csv`) or COCO keypoints (`.json`).
        labels: how it is read; None for a `.pts` file of 68 points.

    Raises:
        ValueError: the annotation breaks a rule. The message names file, place, rule
            and what was found.
    """
    labels = labels or Labels()
    markup = read_mapping(labels.mapping) if labels.mapping else IBUG_68
    mark = labels.mark if labels.mark is not None else markup.missing_mark
    if path.suffix.lower() == ".json":
        return read_face(path, labels.entry, markup, mark)
    if path.suffix.lower() != ".pts":
        return read_row(path, labels.entry, markup, mark)
    points, missing = read_points(path, markup.points or NUM_LANDMARKS, mark)
    if markup.first_pixel == 0:
        points += 1
    remark = describe(missing, len(points))
    if markup is IBUG_68:
        return Annotation(points, (), remark)
    named = {str(index): tuple(point) for index, point in enumerate(points.tolist())}
    absent = next((name for name in markup.targets if name not in named), None)
    if absent is not None:
        raise ValueError(
            f"{labels.mapping}: points of .pts files go by number, 0 to "
            f"{len(points) - 1}. Received: {absent!r}"
        )
    return to_ibug68(markup, named, remark)


def place_of(path: Path, labels: Labels | None) -> str:
    """Return where an annotation is, for messages: a file, and a line or id in it."""
    if labels is None or not labels.entry:
        return str(path)
    kind = "annotation" if path.suffix.lower() == ".json" else "line"
    return f"{path}, {kind} {labels.entry}"


def check_inside(
    annotation: Annotation, size: tuple[int, int], path: str | Path
) -> None:
    """Raise a ``ValueError`` if a shape lies outside its picture or has other marks.

    Three points in one place that lies outside the other points are taken for a mark of
    missing points that was not named.

    Args:
        annotation: of the face.
        size: width and height of the picture in pixels.
        path: of the annotation, or its place, for the message.
    """
    places, picture = annotation.places, f"a picture of {size[0]} x {size[1]}"
    beyond = np.maximum(-places, places - (np.array(size) - 1)).max(-1, initial=0)
    far = places[beyond > FARTHEST * max(size)]
    if len(far) and np.ptp(far, axis=0).max() == 0:
        _fail_for_mark(path, "points must lie in or near their picture", far, picture)
    alike = _alike_apart(places)
    if len(alike):
        _fail_for_mark(path, "three points must not lie in one place", alike, picture)
    inside = int((beyond <= TOLERANCE).sum())
    if len(far) or inside < FEWEST_INSIDE * len(places):
        raise ValueError(
            f"{path}: three quarters of the points must lie in their picture, and the "
            f"others near it. Received: {inside} of {len(places)} in {picture}"
        )


def _alike_apart(places: np.ndarray) -> np.ndarray:
    """Return the places (N, 2) that are one place outside the others; (0, 2): none."""
    found, counts = np.unique(places, axis=0, return_counts=True)
    alike = (places == found[counts.argmax()]).all(-1)
    others = places[~alike]
    if alike.sum() < FEWEST_ALIKE or not len(others):
        return places[:0]
    place = places[alike][0]
    is_apart = ((place < others.min(0)) | (place > others.max(0))).any()
    return places[alike] if is_apart else places[:0]


def _fail_for_mark(
    path: str | Path, rule: str, places: np.ndarray, picture: str
) -> NoReturn:
    x, y = places[0]
    raise ValueError(
        f"{path}: {rule}; --missing-mark names a mark of missing points. Received: "
        f"{len(places)} at ({x:.0f}, {y:.0f}) from 0, {picture}"
    )
