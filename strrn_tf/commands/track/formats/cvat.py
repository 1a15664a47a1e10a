"""CVAT's XML 1.1: tracks of points for videos, images with points for pictures.

CVAT counts from the corner of the first pixel, so a pixel centre has .5. The points are
those of iBUG in their order. A lost face ends its track there (``outside``); it may go
on later.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from strrn_tf.commands.track.formats.frames import (
    FacesOfFrame,
    Layout,
    Write,
    rounded,
)
from strrn_tf.commands.track.formats.rows import MEASURES, measures_of
from strrn_tf.commands.track.formats.spool import Spool, spooling
from strrn_tf.tracking.face import Face

LABEL = "face"
# What XML cannot hold, not even escaped: file names can.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@contextmanager
def cvat(file: TextIO, layout: Layout) -> Iterator[Write]:
    """Yield a writer of XML, which is whole when this is left.

    CVAT wants a track in one piece, and tracks of several faces take turns. So all
    waits on the disk until the end.
    """
    with spooling(Path(file.name).parent) as spool:
        body = _Images(spool, layout) if layout.named else _Tracks(spool, layout)
        try:
            yield body.write
        finally:
            file.write(_head(layout, body.count, body.size))
            for key in spool:
                file.writelines(body.element(key))
            file.write("</annotations>\n")


class _Body:
    """The elements of a document; knows how many frames there are and their size."""

    def __init__(self, spool: Spool, layout: Layout) -> None:
        self.spool, self.layout = spool, layout
        self.count = 0
        self.size: tuple[int, int] | None = None

    def write(self, frame: FacesOfFrame) -> None:
        """Take the next frame."""
        self.count = frame.index + 1
        self.size = self.size or frame.size
        self.add(frame)

    def add(self, frame: FacesOfFrame) -> None:
        """Spool the elements of a frame."""
        raise NotImplementedError

    def element(self, key: object) -> Iterator[str]:
        """Yield the text of what is spooled by a key."""
        raise NotImplementedError


class _Images(_Body):
    """One element for every picture."""

    def add(self, frame: FacesOfFrame) -> None:
        if frame.size is None:
            return
        width, height = frame.size
        name = quoteattr(_clean(frame.picture))
        place = f'id="{frame.index}" name={name} width="{width}" height="{height}"'
        shapes = [
            _shape(face.landmarks, 'source="auto"', _attributes(face, self.layout))
            for face in _whole(frame)
        ]
        text = "".join(shapes)
        self.spool.add("images", f"  <image {place}>\n{text}  </image>\n")

    def element(self, key: object) -> Iterator[str]:
        yield from self.spool.read(key)


class _Tracks(_Body):
    """One element for every face."""

    def __init__(self, spool: Spool, layout: Layout) -> None:
        super().__init__(spool, layout)
        self._visible: dict[int, np.ndarray] = {}

    def add(self, frame: FacesOfFrame) -> None:
        if frame.faces is None:
            # Nothing is known of this frame, so the tracks go on.
            return
        seen = {int(face.id): face for face in _whole(frame)}
        for number in [n for n in self._visible if n not in seen]:
            self._spool_shape(number, frame.index, self._visible.pop(number), None)
        for number, face in seen.items():
            self._visible[number] = face.landmarks
            self._spool_shape(number, frame.index, face.landmarks, face)

    def _spool_shape(
        self, number: int, index: int, landmarks: np.ndarray, face: Face | None
    ) -> None:
        """Spool the shape of a track; without a face, the one that ends it."""
        place = f'frame="{index}" keyframe="1" outside="{int(face is None)}"'
        attributes = {} if face is None else _attributes(face, self.layout)
        self.spool.add(number, _shape(landmarks, place, attributes))

    def element(self, key: object) -> Iterator[str]:
        yield f'  <track id="{key}" label="{LABEL}" source="auto">\n'
        yield from self.spool.read(key)
        yield "  </track>\n"


def _whole(frame: FacesOfFrame) -> list[Face]:
    """Return the faces of which all points are known: CVAT has no missing ones."""
    return [face for face in frame.seen if np.isfinite(face.landmarks).all()]


def _shape(landmarks: np.ndarray, place: str, attributes: dict[str, object]) -> str:
    points = rounded(np.asarray(landmarks, np.float64) + 0.5)
    pairs = ";".join(f"{x},{y}" for x, y in points)
    inner = "".join(
        f'      <attribute name="{name}">{value}</attribute>\n'
        for name, value in attributes.items()
        if value is not None
    )
    return (
        f'    <points label="{LABEL}" {place} occluded="0" z_order="0" '
        f'points="{pairs}">\n{inner}    </points>\n'
    )


def _attributes(face: Face, layout: Layout) -> dict[str, object]:
    plain: dict[str, object] = {"id": int(face.id)} if layout.named else {}
    if np.isfinite(face.reliability):
        plain["reliability"] = round(float(face.reliability), 4)
    return plain | (measures_of(face) if layout.pose else {})


def _head(layout: Layout, count: int, size: tuple[int, int] | None) -> str:
    """Return the beginning of a document: the frames, the label, its attributes."""
    names = ["id"] if layout.named else []
    names += ["reliability", *(MEASURES if layout.pose else ())]
    attributes = "".join(
        f"<attribute><name>{name}</name><mutable>True</mutable>"
        "<input_type>text</input_type><default_value></default_value>"
        "<values></values></attribute>\n"
        for name in names
    )
    width, height = size or (0, 0)
    shown = f"<width>{width}</width><height>{height}</height>"
    original = "" if layout.named else f"<original_size>{shown}</original_size>\n"
    mode = "annotation" if layout.named else "interpolation"
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        "<annotations>\n<version>1.1</version>\n<meta><task>\n"
        f"<size>{count}</size><mode>{mode}</mode>\n"
        f"<labels><label><name>{escape(LABEL)}</name><type>points</type>\n"
        f"<attributes>\n{attributes}</attributes>\n</label></labels>\n"
        f"{original}</task></meta>\n"
    )


def _clean(name: str) -> str:
    return _FORBIDDEN.sub("?", name)
