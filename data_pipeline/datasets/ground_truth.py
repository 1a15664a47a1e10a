"""Frames and stills with their ground truth, for evaluation.

Images are whole, in order of time, and decoded once. Training uses the crops of
``stores.store``.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipeline.datasets.three_hundred_vw import (
    Sequence300VW,
    list_sequences,
    read_annotation,
)
from data_pipeline.datasets.three_hundred_w import Still, read_landmarks
from data_pipeline.media.frame_reader import FrameReader
from data_pipeline.media.images import read_image
from data_pipeline.media.video import open_video

CATEGORIES = ("1", "2", "3")


class OpenSequence(NamedTuple):
    """A sequence with its category and an open reader of its video."""

    category: str
    sequence: Sequence300VW
    reader: FrameReader


def open_sequences(root: Path, category: str) -> list[OpenSequence]:
    """Open the annotated sequences of a 300VW category, or of "all" three.

    All videos are opened before the first is evaluated, so a broken one fails at once
    and not after an hour.

    Raises:
        ValueError: there is no sequence, or a video is unreadable or unannotated.
    """
    opened = []
    for name in CATEGORIES if category == "all" else (category,):
        for sequence in list_sequences(root, int(name)):
            if sequence.annotations is None:
                raise ValueError(
                    f"{sequence.video_path.parent}: has no folder annot/ with the true "
                    "landmarks; add it, or leave the sequence out of the folder"
                )
            reader = open_video(sequence.video_path, from_zero=True)
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
