"""Sequences in the 300VW layout: published split, frame counts and error frames.

::

    root/
      114/vid.avi          (also vid.mp4, ..., or a folder of images, 114/frames/)
      114/annot/000001.pts  frame n of the video, counted from 1 in decoding order
      extra/114.mat        variable `error`: numbers (from 1) of badly annotated frames
      extra.zip            the same as it is distributed; read without unpacking

Only sequences that are present are listed, so a part of the data set is enough.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipeline.datasets.error_frames import read_error_frames
from data_pipeline.media.pts import read_pts
from data_pipeline.media.suffixes import is_image, is_video
from strrn_tf.landmarks import NUM_LANDMARKS


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _counts(text: str) -> dict[str, int]:
    pairs = (item.split(":") for item in text.split())
    return {name: int(count) for name, count in pairs}


# The published split. Test categories have the exact number of frames of each video,
# with error frames, so that an incomplete copy is noticed.
TRAINING_IDS: tuple[str, ...] = _words(
    """
    001 002 003 004 007 009 010 011 013 015 016 017 018 019 020 022 025 027 028 029
    031 033 034 035 037 039 041 043 044 046 047 048 049 053 057 059 112 113 115 119
    120 123 138 143 144 160 204 205 223 225
    """
)
FRAME_COUNTS: dict[int, dict[str, int]] = {
    1: _counts(
        """
        114:2997 124:2997 125:2997 126:1334 150:2811 158:2997 401:1783 402:1849
        505:1365 506:1797 507:2467 508:3184 509:1918 510:2581 511:2324 514:1455
        515:1735 518:2218 519:1725 520:649 521:867 522:2317 524:2743 525:2430
        537:2189 538:2163 540:980 541:1111 546:1993 547:1346 548:1524
        """
    ),
    2: _counts(
        """
        203:1435 208:1795 211:1435 212:896 213:1795 214:1499 218:1199 224:1795
        403:1341 404:1039 405:2747 406:2747 407:1888 408:2597 409:2500 412:1925
        550:1561 551:1054 553:1624
        """
    ),
    3: _counts(
        """
        410:1315 411:1454 516:1290 517:2426 526:2798 528:2279 529:3015 530:2437
        531:1895 533:1521 557:1754 558:2095 559:2041 562:1367
        """
    ),
}
# Frames of all training sequences, and error frames of each test category.
NUM_TRAINING_FRAMES = 95_192
NUM_DROPPED: dict[int, int] = {1: 711, 2: 67, 3: 1349}
SPLITS = ("train", 1, 2, 3)


class Sequence300VW(NamedTuple):
    """One sequence.

    Attributes:
        name: published id.
        video_path: video file, or folder of images.
        annotations: folder of `.pts` files; None without one.
        dropped: 0-based numbers of badly annotated frames.
        num_frames: published number of frames; None where none is published.
    """

    name: str
    video_path: Path
    annotations: Path | None
    dropped: frozenset[int]
    num_frames: int | None


def sequence_ids(split: str | int) -> tuple[str, ...]:
    """Return the published ids of "train" or of category 1, 2 or 3."""
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {SPLITS}. Received: {split!r}")
    return TRAINING_IDS if split == "train" else tuple(FRAME_COUNTS[split])


def list_sequences(root: str | Path, split: str | int) -> list[Sequence300VW]:
    """Return the sequences of a split that are present, in the published order.

    Raises:
        ValueError: none is present, or a list of error frames cannot be read.
    """
    ids = sequence_ids(split)
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root}: there is no such folder. Expected: 300VW's layout")
    sequences = [find_sequence(root, name) for name in ids]
    found = [sequence for sequence in sequences if sequence is not None]
    if not found:
        raise ValueError(
            f"{root}: no sequence of split {split!r} is here. Expected: folders such "
            f"as {ids[0]}/ with vid.avi and annot/000001.pts"
        )
    return found


def is_300vw(root: str | Path) -> bool:
    """Return whether a folder holds a sequence of 300VW: a published id with its video.

    The video must be called ``vid`` or have a folder ``annot`` beside it.
    """
    root = Path(root)
    folders = [root / name for split in SPLITS for name in sequence_ids(split)]
    found = ((folder, _find_video(folder)) for folder in folders)
    return any(
        video is not None and (video.stem == "vid" or (folder / "annot").is_dir())
        for folder, video in found
    )


def is_test_video(path: Path) -> bool:
    """Return whether a video, or folder of images, belongs to a test sequence."""
    folder = path.parent
    is_test = any(folder.name in counts for counts in FRAME_COUNTS.values())
    return is_test and is_300vw(folder.parent)


def find_sequence(root: str | Path, name: str) -> Sequence300VW | None:
    """Return the sequence of a published id, or None without its video.

    Raises:
        ValueError: its list of error frames cannot be read.
    """
    root = Path(root)
    video = _find_video(root / name)
    if video is None:
        return None
    counts = {k: v for category in FRAME_COUNTS.values() for k, v in category.items()}
    annotations = root / name / "annot"
    return Sequence300VW(
        name,
        video,
        annotations if annotations.is_dir() else None,
        read_error_frames(root, name),
        counts.get(name),
    )


def read_annotation(sequence: Sequence300VW, index: int) -> np.ndarray:
    """Return the landmarks (68, 2) of frame ``index`` (0-based), float32 pixels.

    Landmarks are NaN where the sequence or this frame has no annotation.

    Raises:
        ValueError: the annotation is malformed.
    """
    if sequence.annotations is None or index in sequence.dropped:
        return np.full((NUM_LANDMARKS, 2), np.nan, np.float32)
    path = sequence.annotations / f"{index + 1:06d}.pts"
    if not path.is_file():
        return np.full((NUM_LANDMARKS, 2), np.nan, np.float32)
    return read_pts(path)


def _find_video(folder: Path) -> Path | None:
    if not folder.is_dir():
        return None
    files = sorted(
        path for path in folder.iterdir() if is_video(path) and path.is_file()
    )
    if files:
        return files[0]
    frames = folder / "frames"
    has_frames = frames.is_dir() and any(is_image(p) for p in frames.iterdir())
    return frames if has_frames else None
