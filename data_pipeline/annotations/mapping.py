"""Mapping files: which landmarks of iBUG-68 the points of another markup are.

A mapping is a small JSON file::

    {"points": 29, "to_ibug68": {"0": 17, "1": 26, "12": [37, 38]}}

``to_ibug68`` has a landmark, from 0, for a point: a number of a `.pts` file or of COCO
keypoints, from 0, the name of a keypoint, or the name of two columns. A list is a point
that is the mean of these landmarks. Points that it does not name are not used.
docs/data.md explains the other keys.
"""

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_pipeline.annotations.annotation import Annotation, Mean
from strrn_tf.landmarks import NUM_LANDMARKS

# Of a folder of stills, unless an option names another file.
FILE_NAME = "mapping.json"


class Markup(NamedTuple):
    """How a data set marks landmarks.

    Attributes:
        targets: landmarks of every point that is used; several: the point is their
            mean. Points that have numbers are named by them: "0".
        points: number of points of a face; None: any.
        first_pixel: coordinate of the centre of the first pixel, 0 or 1; None: that of
            the file format.
        missing_mark: mark of missing points, beside those that are always known.
        table: name of a CSV file with a row for each picture, or None.
        image: column of the table with the pictures' names.
        suffix: of the pictures, if their names in the table have none.
        columns: names of the columns of x and y; ``{}`` is the name of the point.
        coco: name of a file of COCO keypoints, or None.
        images: folder of the pictures of the table or COCO file, from the file's own.
        keypoints: key of the points of a COCO annotation.
    """

    targets: Mapping[str, tuple[int, ...]]
    points: int | None = None
    first_pixel: int | None = None
    missing_mark: str | None = None
    table: str | None = None
    image: str = "image"
    suffix: str = ""
    columns: tuple[str, str] = ("{}_x", "{}_y")
    coco: str | None = None
    images: str = "."
    keypoints: str = "keypoints"


# iBUG's own points.
IBUG_68 = Markup({str(i): (i,) for i in range(NUM_LANDMARKS)}, points=NUM_LANDMARKS)


def read_mapping(path: str | Path) -> Markup:
    """Return the markup that a mapping file describes.

    Raises:
        ValueError: the file cannot be read or breaks a rule. The message names both.
    """
    path = Path(path)
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    return _read(path, stamp)


@lru_cache(maxsize=16)
def _read(path: Path, stamp: int) -> Markup:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: a mapping must be JSON ({error})") from error
    try:
        return _markup(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _markup(content: Any) -> Markup:
    if not isinstance(content, dict) or not isinstance(content.get("to_ibug68"), dict):
        raise ValueError('a mapping must be an object with "to_ibug68", an object')
    options = dict(content)
    targets = {name: _targets(name, v) for name, v in options.pop("to_ibug68").items()}
    known = set(Markup._fields) - {"targets"}
    for name, value in options.items():
        if name not in known:
            raise ValueError(
                f"`{name}` is not a key of a mapping. Known: {', '.join(sorted(known))}"
            )
        _check_option(name, value)
    if "columns" in options:
        options["columns"] = tuple(options["columns"])
    if "missing_mark" in options:
        options["missing_mark"] = str(options["missing_mark"])
    single = [points[0] for points in targets.values() if len(points) == 1]
    twice = next((point for point in single if single.count(point) > 1), None)
    if twice is not None:
        raise ValueError(f"two points must not both be landmark {twice}")
    if not targets:
        raise ValueError("`to_ibug68` must name one point or more")
    return Markup(targets, **options)


def _targets(name: str, value: Any) -> tuple[int, ...]:
    points = value if isinstance(value, list) else [value]
    is_right = all(type(p) is int and 0 <= p < NUM_LANDMARKS for p in points)
    if not points or not is_right or len(set(points)) != len(points):
        raise ValueError(
            f"point {name!r} must be a landmark in 0 to {NUM_LANDMARKS - 1}, or a list "
            f"of different ones. Received: {json.dumps(value)}"
        )
    return tuple(points)


def _check_option(name: str, value: Any) -> None:
    rules = {
        "points": ("a positive whole number", type(value) is int and value > 0),
        "first_pixel": ("0 or 1", type(value) is int and value in (0, 1)),
        "missing_mark": ("a number or a word", type(value) in (int, float, str)),
        "columns": (
            "two names that hold {}",
            isinstance(value, list)
            and len(value) == 2
            and all(isinstance(v, str) and "{}" in v for v in value),
        ),
    }
    what, is_right = rules.get(name, ("a text", isinstance(value, str)))
    if not is_right:
        raise ValueError(f"`{name}` must be {what}. Received: {json.dumps(value)}")


def to_ibug68(
    markup: Markup, points: Mapping[str, tuple[float, float]], remark: str = ""
) -> Annotation:
    """Return the annotation that named points give.

    Args:
        markup: says which landmarks the points are.
        points: x and y in pixels from 0 by the name of the point, NaN where missing.
        remark: about missing points.
    """
    landmarks = np.full((NUM_LANDMARKS, 2), np.nan, np.float32)
    means = []
    for name, targets in markup.targets.items():
        place = points[name]
        if len(targets) == 1:
            landmarks[targets[0]] = place
        elif not math.isnan(place[0]):
            means.append(Mean(targets, (float(place[0]), float(place[1]))))
    return Annotation(landmarks, tuple(means), remark)
