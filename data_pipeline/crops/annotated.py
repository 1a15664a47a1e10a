"""Annotated frames of videos as stills, for the semi-supervised STRRN."""

import zlib
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from data_pipeline.annotations.annotation import Annotation
from data_pipeline.annotations.reading import check_inside
from data_pipeline.annotations.whole_head import whole_shape
from data_pipeline.crops.samples import Samples
from data_pipeline.crops.window import cut_samples
from data_pipeline.datasets.three_hundred_vw import Sequence300VW, read_annotation
from data_pipeline.media.frame_reader import VideoFrame
from data_pipeline.media.video import open_video
from strrn_tf.geometry import upright_box
from strrn_tf.system.file_names import frame_name

T = TypeVar("T")


def annotated_frames(sequence: Sequence300VW) -> list[int]:
    """Return the 0-based numbers of the frames with an annotation, rising.

    Frames in the data set's own list of bad annotations are left out.
    """
    if sequence.annotations is None:
        return []
    files = (p for p in sequence.annotations.iterdir() if p.suffix == ".pts")
    names = (p.stem for p in files if p.is_file())
    numbers = {int(name) - 1 for name in names if name.isascii() and name.isdigit()}
    return sorted(n for n in numbers - sequence.dropped if n >= 0)


def choose_annotated(
    name: str, frames: list[int], fraction: float, seed: int
) -> list[int]:
    """Return a fraction of the annotated frames of one sequence, rising.

    The choice depends only on the seed and the last part of the sequence's name. A
    larger fraction contains every smaller one.

    Args:
        name: of the sequence, such as ``001`` or ``300vw/001``.
        frames: all its annotated frames.
        fraction: in 0 to 1. The count is rounded.
        seed: not negative.
    """
    rng = np.random.default_rng((seed, zlib.crc32(name.rpartition("/")[2].encode())))
    order = rng.permutation(len(frames))[: round(fraction * len(frames))]
    return [frames[i] for i in np.sort(order)]


def pack_annotated(
    sequence: Sequence300VW, wanted: list[int], pack: Callable[[Samples], T]
) -> tuple[list[T], list[str]]:
    """Cut annotated frames by the boxes of their landmarks.

    The window turns with the face. That of a shape with missing points is the window of
    the fitted head.

    Args:
        sequence: in the 300VW layout.
        wanted: numbers of frames, 0-based.
        pack: function of a sample (T = 1), called as soon as the sample is cut.

    Returns:
        The results of ``pack``, and the problems of the other frames.

    Raises:
        ValueError: the video cannot be read.
    """
    packed, problems = [], []
    missing = set(wanted)
    reader = open_video(sequence.video_path, from_zero=True)
    for frame in reader.frames(missing):
        missing.discard(frame.index)
        try:
            sample = _cut_frame(sequence, frame)
        except ValueError as error:
            problems.append(str(error))
            continue
        packed.append(pack(sample))
    if missing:
        problems.append(
            f"{sequence.video_path}: {len(missing)} annotated frames are not in the "
            f"video or cannot be decoded, first {min(missing) + 1:06d}.pts"
        )
    return packed, problems


def _cut_frame(sequence: Sequence300VW, frame: VideoFrame) -> Samples:
    """Return the sample (n = 1, T = 1) of an annotated frame.

    Raises:
        ValueError: its annotation cannot be used; the message names it.
    """
    landmarks = read_annotation(sequence, frame.index)
    annotation = Annotation(landmarks)
    where = f"{sequence.name}, {frame.index + 1:06d}.pts"
    check_inside(annotation, frame.image.shape[1::-1], where)
    name = frame_name(sequence.name, frame.index)
    try:
        whole = whole_shape(annotation)
        box, roll = upright_box(whole)
        shapes = landmarks[None], box, whole[None]
        return cut_samples(name, [frame.image], *shapes, roll=roll)
    except ValueError as error:  # the landmarks are one point, or a line
        raise ValueError(f"{where}: {error}") from error
