"""Frames and stills together with their ground truth, for evaluation.

Whole images, in order of time, decoded once; crops for training are in ``store.py``.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipeline import face_boxes
from data_pipeline.fingerprints import fingerprint
from data_pipeline.images import read_image
from data_pipeline.three_hundred_vw import (
    Sequence300VW,
    list_sequences,
    read_annotation,
)
from data_pipeline.three_hundred_w import Still, read_landmarks
from data_pipeline.video import FrameReader, open_video

CATEGORIES = ("1", "2", "3")
# Raised when the same image would give another box than before.
BOXES_VERSION = 1


class OpenSequence(NamedTuple):
    """A sequence whose video was opened, and the category it belongs to."""

    category: str
    sequence: Sequence300VW
    reader: FrameReader


def open_sequences(root: Path, category: str) -> list[OpenSequence]:
    """Open the annotated sequences of a 300VW category, or of "all" three.

    Every video is opened before any is evaluated, so that a broken one is known now
    and not after an hour.

    Raises:
        ValueError: nothing is there, a video cannot be read or has no annotation.
    """
    opened = []
    for name in CATEGORIES if category == "all" else (category,):
        for sequence in list_sequences(root, int(name)):
            if sequence.annotations is None:
                raise ValueError(
                    f"{sequence.video_path.parent}: has no folder annot/ with the true "
                    "landmarks; add it, or leave the sequence out of the folder"
                )
            reader = open_video(sequence.video_path)
            opened.append(OpenSequence(name, sequence, reader))
    return opened


def read_frames(
    opened: OpenSequence, max_frames: int | None = None
) -> Iterator[tuple[int, np.ndarray, np.ndarray | None]]:
    """Yield (0-based number, image, landmarks (68, 2) or None) of a sequence."""
    for frame in islice(opened.reader, max_frames):
        true = read_annotation(opened.sequence, frame.index)
        yield frame.index, frame.image, true if np.isfinite(true).all() else None


def read_stills(
    stills: Iterable[Still],
) -> Iterator[tuple[str, np.ndarray, np.ndarray, str]]:
    """Yield (name, image, landmarks (68, 2), subset), e.g. subset "helen/testset"."""
    for still in stills:
        subset = still.name.rpartition("/")[0] or still.image_path.parent.name
        image = read_image(still.image_path)
        yield still.name, image, read_landmarks(still), subset


class CachedFaceFinder:
    """MTCNN's face of each image of one video or folder, searched once and kept.

    Args:
        cache: folder of the caches.
        source: video file or folder; a changed one is searched anew, and so is a
            changed image anywhere in it that is named by its path there.
        rule: which of several faces, see ``face_boxes.choose_face``.
    """

    def __init__(self, cache: Path, source: Path, rule: str = "largest") -> None:
        place = str(source.resolve())
        key = fingerprint([(source,)], place=place, rule=rule, version=BOXES_VERSION)
        self._boxes = face_boxes.BoxCache(cache / f"{key}.json")
        self._source, self._rule = source, rule

    def __call__(self, name: str, image: np.ndarray) -> np.ndarray | None:
        """Return the box (4,) of the face in the named image, None without a face."""
        path = self._source / name
        entry = f"{name} {fingerprint([(path,)])}" if path.is_file() else name
        return self._boxes.find(
            entry, image, lambda image: face_boxes.find_face_box(image, self._rule)
        )

    def __enter__(self) -> "CachedFaceFinder":
        return self

    def __exit__(self, *stopped: object) -> None:
        self._boxes.save()
