"""Frames and stills with their ground truth, for evaluation.

Images are whole, in order of time, and decoded once. Training uses the crops of
``stores.store``.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipeline.annotations.annotation import Annotation, Mean
from data_pipeline.annotations.reading import check_inside, place_of, read_annotation
from data_pipeline.annotations.whole_head import whole_shape
from data_pipeline.datasets import three_hundred_vw
from data_pipeline.datasets.three_hundred_vw import Sequence300VW, list_sequences
from data_pipeline.datasets.three_hundred_w import Problem, Still
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


class TrueShape(NamedTuple):
    """Ground truth of one image.

    Attributes:
        landmarks: (68, 2) in pixels; NaN is not annotated.
        whole: (68, 2) with the fitted head where points are missing; None: none is.
        means: places that are means of landmarks.
    """

    landmarks: np.ndarray
    whole: np.ndarray | None = None
    means: tuple[Mean, ...] = ()


def read_frames(
    opened: OpenSequence, max_frames: int | None = None
) -> Iterator[tuple[int, np.ndarray, np.ndarray | None, np.ndarray | None]]:
    """Yield (0-based number, image, landmarks or None, whole or None) of a sequence.

    Landmarks are (68, 2), with NaN where points are missing. Then ``whole`` has them.
    """
    for frame in islice(opened.reader, max_frames):
        true = three_hundred_vw.read_annotation(opened.sequence, frame.index)
        annotation = Annotation(true)
        if not annotation.known.any():
            yield frame.index, frame.image, None, None
        else:
            yield frame.index, frame.image, true, _whole(annotation)


def read_stills(
    stills: Iterable[Still], problems: list[Problem]
) -> Iterator[tuple[str, np.ndarray, str, TrueShape]]:
    """Yield (name, image, subset, ground truth), e.g. subset "helen/testset".

    Args:
        stills: to read.
        problems: gets those whose shape lies outside the picture.

    Raises:
        ValueError: an image or an annotation cannot be read.
    """
    for still in stills:
        subset = still.name.rpartition("/")[0] or still.image_path.parent.name
        image, path = read_image(still.image_path), still.landmarks_path
        annotation = read_annotation(path, still.labels)
        where = place_of(path, still.labels)
        try:
            check_inside(annotation, image.shape[1::-1], where)
        except ValueError as error:
            problems.append(Problem(still.name, str(error)))
            continue
        whole = _whole(annotation)
        true = TrueShape(annotation.landmarks, whole, annotation.means)
        yield still.name, image, subset, true


def _whole(annotation: Annotation) -> np.ndarray | None:
    return None if annotation.is_whole else whole_shape(annotation)
