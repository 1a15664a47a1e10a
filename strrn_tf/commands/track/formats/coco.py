"""COCO keypoints: one JSON object of images, annotations and the category of faces.

Coordinates are pixels from 0, pixel centres at integers. The visibility of a point is
2, or 1 outside the picture, or 0 (and the point 0, 0) where it is not known. The image
id is the number of the frame. A frame that cannot be decoded is no image.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from strrn_tf.commands.track.formats.frames import (
    POINT_NAMES,
    FacesOfFrame,
    Layout,
    Write,
    rounded,
)
from strrn_tf.commands.track.formats.rows import known, measures_of
from strrn_tf.commands.track.formats.spool import spooling
from strrn_tf.geometry import box_from_landmarks
from strrn_tf.landmarks import CONTOURS
from strrn_tf.tracking.face import Face

_UNKNOWN, _HIDDEN, _VISIBLE = 0, 1, 2


def category() -> dict[str, Any]:
    """Return the category of faces; the skeleton counts points from 1."""
    lines = [(*points, points[0]) if closed else points for points, closed in CONTOURS]
    skeleton = [[a + 1, b + 1] for line in lines for a, b in pairwise(line)]
    return {
        "id": 1,
        "name": "face",
        "supercategory": "person",
        "keypoints": list(POINT_NAMES),
        "skeleton": skeleton,
    }


@contextmanager
def coco(file: TextIO, layout: Layout) -> Iterator[Write]:
    """Yield a writer of JSON, which is whole when this is left.

    Annotations go into the file at once. Images wait on the disk until the end.
    """
    info = {"description": "68 landmarks of faces (iBUG) by strrn", "version": "1.0"}
    head = json.dumps({"info": info, "licenses": [], "categories": [category()]})
    count = 0
    with spooling(Path(file.name).parent) as images:
        file.write(f'{head[:-1]}, "annotations": [')

        def write(frame: FacesOfFrame) -> None:
            nonlocal count
            if frame.size is None:
                return
            separator = ",\n" if len(images) else "\n"
            images.add("images", separator + json.dumps(_image(frame)))
            for face in frame.seen:
                separator = ",\n" if count else "\n"
                count += 1
                plain = {"id": count, **_annotation(frame, face, layout)}
                file.write(separator + json.dumps(plain, allow_nan=False))

        try:
            yield write
        finally:
            file.write('\n], "images": [')
            file.writelines(images.read("images"))
            file.write("\n]}\n")


def _image(frame: FacesOfFrame) -> dict[str, Any]:
    width, height = frame.size
    return {
        "id": frame.index,
        "file_name": frame.picture,
        "width": width,
        "height": height,
        "frame": frame.index,
        "time": known(round(frame.seconds, 6)),
    }


def _annotation(frame: FacesOfFrame, face: Face, layout: Layout) -> dict[str, Any]:
    is_known = np.isfinite(face.landmarks).all(-1)
    points = np.where(is_known[:, None], face.landmarks, 0)
    inside = ((points >= -0.5) & (points <= np.array(frame.size) - 0.5)).all(-1)
    flags = np.where(is_known, np.where(inside, _VISIBLE, _HIDDEN), _UNKNOWN)
    box = box_from_landmarks(face.landmarks[is_known].astype(np.float64))
    sides = box[2:] - box[:2]
    keypoints = [
        value
        for point, flag in zip(rounded(points), flags.tolist(), strict=True)
        for value in (*point, flag)
    ]
    plain = {
        "image_id": frame.index,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": rounded([*box[:2], *sides]),
        "area": round(float(sides.prod()), 3),
        "num_keypoints": int(is_known.sum()),
        "keypoints": keypoints,
    }
    if np.isfinite(face.reliability):
        plain["score"] = round(float(face.reliability), 4)
    plain |= {"track_id": int(face.id), "state": face.state}
    return plain | (measures_of(face) if layout.pose else {})
