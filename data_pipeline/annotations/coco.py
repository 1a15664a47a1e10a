"""COCO keypoints: a JSON file with the annotations of many pictures.

``keypoints`` of an annotation are x, y, v of each point, in pixels from 0. v is 0 for a
point that nobody annotated, 1 for a hidden one and 2 for a visible one. COCO-WholeBody
has the 68 points of a face under another key, ``face_kpts``.
"""

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from data_pipeline.annotations.annotation import Annotation
from data_pipeline.annotations.mapping import Markup, to_ibug68
from data_pipeline.annotations.marks import (
    MISSING,
    Missing,
    RuleError,
    describe,
    read_point,
)

VISIBILITIES = (0, 1, 2)


class Face(NamedTuple):
    """An annotation: the file name of its picture, its points, the points' names."""

    image: str
    keypoints: Any
    names: tuple[str, ...]


def read_faces(path: Path, key: str = "keypoints") -> Mapping[str, Face]:
    """Return the annotations of a COCO file by their entries: their ids, as text.

    Annotations of categories without keypoints are left out.

    Args:
        path: of the file.
        key: of the points in an annotation.

    Raises:
        ValueError: the file cannot be read or is not of this form.
    """
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    return _faces(path, stamp, key)


def read_face(path: Path, entry: str, markup: Markup, mark: str | None) -> Annotation:
    """Return one annotation of a COCO file.

    Args:
        path: of the file.
        entry: of the annotation, see `read_faces`.
        markup: of the file. Points go by their number, from 0, or by their name.
        mark: of missing points, beside those that are always known.

    Raises:
        ValueError: the annotation breaks a rule. The message names both.
    """
    face = read_faces(path, markup.keypoints)[entry]
    values, where = face.keypoints, f"{path}, annotation {entry}"
    if not isinstance(values, list) or len(values) % 3:
        received = f"{len(values)} numbers" if isinstance(values, list) else "no list"
        _fail(where, f"`{markup.keypoints}` must be a list of x, y, v", received)
    count = len(values) // 3
    if markup.points not in (None, count):
        _fail(where, f"there must be {markup.points} points", f"{count}")
    numbers = {name: index for index, name in enumerate(face.names)}
    first = markup.first_pixel or 0
    points, missing = {}, []
    for name in markup.targets:
        index = int(name) if name.isdecimal() else numbers.get(name, count)
        if index >= count:
            _fail(where, f"there must be a point {name!r}", f"{count} points")
        *words, visibility = values[3 * index : 3 * index + 3]
        try:
            found = _point(words, visibility, mark)
        except RuleError as error:
            raise ValueError(f"{where}, point {name}: {error}") from None
        if math.isnan(found[0]):
            is_marked = visibility == 0
            shown = "v = 0" if is_marked else " ".join(map(json.dumps, words))
            missing.append(Missing(f"annotation {entry}, point {name}", shown))
        points[name] = found[0] - first, found[1] - first
    return to_ibug68(markup, points, describe(missing, len(points)))


def _point(words: list, visibility: Any, mark: str | None) -> tuple[float, float]:
    # WholeBody has the detector's confidence here, in 0 to 1: 0 is not annotated.
    is_number = isinstance(visibility, int | float) and not isinstance(visibility, bool)
    if not is_number or not 0 <= visibility <= max(VISIBILITIES):
        raise RuleError("v must be 0, 1 or 2", json.dumps(visibility))
    if visibility == 0:
        return MISSING
    return read_point([str(word) for word in words], mark)


@lru_cache(maxsize=4)
def _faces(path: Path, stamp: int, key: str) -> Mapping[str, Face]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: COCO keypoints must be JSON ({error})") from error
    try:
        images = {image["id"]: image["file_name"] for image in content["images"]}
        categories = {
            category["id"]: tuple(category.get("keypoints", ()))
            for category in content.get("categories", ())
        }
        faces = {}
        for annotation in content["annotations"]:
            if key not in annotation:
                continue
            names = categories.get(annotation.get("category_id"), ())
            entry, image_id = str(annotation["id"]), annotation["image_id"]
            if image_id not in images:
                rule = "`image_id` must be the id of an image"
                _fail(f"{path}, annotation {entry}", rule, json.dumps(image_id))
            image = images[image_id]
            if not isinstance(image, str) or not image:
                # Keypoints of a video have frames without a file.
                received = json.dumps(image)
                _fail(str(path), "every image must have a `file_name`", received)
            if entry in faces:
                rule = "annotations must have different ids"
                _fail(str(path), rule, f"two of {entry}")
            faces[entry] = Face(image, annotation[key], names)
    except (KeyError, TypeError, AttributeError) as error:
        is_absent = isinstance(error, KeyError)
        received = f"nothing for {error}" if is_absent else "another form"
        rule = "COCO keypoints must have `images` and `annotations` with ids"
        raise ValueError(f"{path}: {rule}. Received: {received}") from None
    if not faces:
        raise ValueError(f"{path}: no annotation has `{key}`")
    return faces


def _fail(where: str, rule: str, received: str) -> NoReturn:
    raise ValueError(f"{where}: {rule}. Received: {received}")
