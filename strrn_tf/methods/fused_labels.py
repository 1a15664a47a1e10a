"""Labels for pictures of faces from several detectors, each asked several times.

One detector's errors are constant: asking it again removes its scatter only. Two
backbones err in different places, so their mean is better than each, and their distance
shows where both are uncertain. NumPy and OpenCV.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.progress import track

from strrn_tf.geometry import (
    CROP_SIZE,
    apply_matrix,
    box_sides,
    compose,
    crop_matrix,
    eye_distance,
    face_size,
    invert_matrix,
    relative_distance,
    upright_box,
)
from strrn_tf.landmarks import MIRROR
from strrn_tf.system.atomic import replacing
from strrn_tf.tracking.networks.crop import cut

# Crops (B, 315, 315, 3) uint8 -> landmarks (B, 68, 2) in pixels of the crops.
Detect = Callable[[np.ndarray], np.ndarray]

BATCH = 32
_MIRROR = np.array([[-1.0, 0.0, CROP_SIZE - 1.0], [0.0, 1.0, 0.0]])


class Question(NamedTuple):
    """The window in which a detector is asked, relative to that of the face.

    Attributes:
        x: shift as a fraction of the face size.
        y: the same.
        size: factor on the window.
        roll: turn in degrees.
        mirrored: whether the crop is mirrored.
    """

    x: float
    y: float
    size: float
    roll: float
    mirrored: bool


# Shifts, sizes and turns of the windows, in the order in which they are asked. They are
# smaller than those that detectors learn from.
_WINDOWS = (
    (0.0, 0.0, 1.0, 0.0),
    (0.0, 0.0, 1.0, 0.0),
    (0.05, 0.03, 1.06, 4.0),
    (-0.05, -0.03, 0.94, -4.0),
    (-0.05, 0.03, 0.97, 4.0),
    (0.05, -0.03, 1.03, -4.0),
)


def questions(count: int) -> list[Question]:
    """Return questions of which every second one is mirrored."""
    windows = (_WINDOWS[i % len(_WINDOWS)] for i in range(count))
    return [Question(*w, mirrored=i % 2 == 1) for i, w in enumerate(windows)]


@dataclass(frozen=True)
class FusedLabels:
    """Labels of N pictures.

    Attributes:
        landmarks: (N, 68, 2) float32 in pixels of the pictures.
        trust: (N, 68) weight in a loss, 0 to 1, of every landmark.
        disagreement: (N,) mean distance of the detectors over the eye distance.
    """

    landmarks: np.ndarray
    trust: np.ndarray
    disagreement: np.ndarray

    def save(self, path: Path) -> None:
        """Write an ``.npz`` file, atomically. `load` reads it."""
        with replacing(path) as new:
            np.savez(new, **{f.name: getattr(self, f.name) for f in fields(self)})

    def followed_by(self, others: "FusedLabels") -> "FusedLabels":
        """Return these labels and then those of other pictures."""
        pairs = {
            f.name: (getattr(self, f.name), getattr(others, f.name))
            for f in fields(self)
        }
        return FusedLabels(**{name: np.concatenate(p) for name, p in pairs.items()})

    @classmethod
    def load(cls, path: Path) -> "FusedLabels":
        """Read a file that ``save`` has written."""
        with np.load(path) as arrays:
            return cls(**arrays)


class SomePictures(Sequence):
    """The pictures of a sequence with some numbers, read one at a time."""

    def __init__(self, pictures: Sequence[np.ndarray], rows: range) -> None:
        self._pictures, self._rows = pictures, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> np.ndarray:
        return self._pictures[self._rows[index]]


def label_pictures(
    detectors: Sequence[Detect],
    pictures: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray],
    asked: Sequence[Question],
    title: str = "",
) -> FusedLabels:
    """Label pictures with one face each.

    Args:
        detectors: at least one.
        pictures: N pictures (H, W, 3) uint8, read one at a time.
        boxes: N face boxes (4,), upright, in pixels of the pictures.
        asked: questions, see `questions`.
        title: of a progress bar for each detector; "": none.
    """
    windows = first_windows(detectors, pictures, boxes)
    answers = np.stack([ask(d, pictures, windows, asked, title) for d in detectors])
    answers = put_right(answers, np.array([q.mirrored for q in asked]))
    landmarks, spread = fuse(answers)
    means = answers.mean(1)
    if len(means) > 1:
        disagreement = relative_distance(means[0], means[-1])
    else:
        disagreement = spread.mean(-1) / eye_distance(landmarks)
    inverse = invert_matrix(
        np.stack([crop_matrix(box, roll=roll) for box, roll in windows])
    )
    return FusedLabels(
        apply_matrix(inverse, landmarks).astype(np.float32),
        trust(spread).astype(np.float32),
        disagreement.astype(np.float32),
    )


def first_windows(
    detectors: Sequence[Detect],
    pictures: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray],
) -> list[tuple[np.ndarray, float]]:
    """Return the upright box and the roll of every face, by a first answer of each.

    Where the answers have left the given box, or are much smaller or larger than it,
    there may be no face, and the window is the given box.
    """
    rough = [(np.asarray(box, np.float64), 0.0) for box in boxes]
    plain = questions(1)
    found = np.mean([ask(d, pictures, rough, plain)[0] for d in detectors], 0)
    inverse = [invert_matrix(crop_matrix(box)) for box, _ in rough]
    shapes = apply_matrix(np.stack(inverse), found)
    found = [upright_box(shape) for shape in shapes]
    return [
        window if _is_near(window[0], given[0]) else given
        for window, given in zip(found, rough, strict=True)
    ]


def _is_near(box: np.ndarray, given: np.ndarray) -> bool:
    """Return whether a box (4,) has roughly the place and the size of another one."""
    size = face_size(given)
    away = np.abs((box[:2] + box[2:] - given[:2] - given[2:]) / 2).max()
    return bool(away < size / 2 and size / 2 < face_size(box) < 2 * size)


def ask(
    detect: Detect,
    pictures: Sequence[np.ndarray],
    windows: Sequence[tuple[np.ndarray, float]],
    asked: Sequence[Question],
    title: str = "",
) -> np.ndarray:
    """Return the answers (K, N, 68, 2) of a detector in pixels of the upright crop.

    Args:
        detect: the detector.
        pictures: N pictures.
        windows: upright box and roll of every face.
        asked: K questions.
        title: of a progress bar; "": none.
    """
    answers = np.empty((len(asked), len(pictures), len(MIRROR), 2), np.float32)
    numbers = range(len(pictures))
    parts = [numbers[i : i + BATCH] for i in numbers[::BATCH]]
    for rows in track(parts, title) if title else parts:
        shown = [pictures[i] for i in rows]
        for k, question in enumerate(asked):
            matrices = [question_matrix(*windows[i], question) for i in rows]
            crops = [cut(p, m) for p, m in zip(shown, matrices, strict=True)]
            found = detect(np.stack(crops))
            if question.mirrored:
                found = found[:, list(MIRROR)]
            upright = [crop_matrix(windows[i][0], roll=windows[i][1]) for i in rows]
            back = [
                compose(u, invert_matrix(m))
                for u, m in zip(upright, matrices, strict=True)
            ]
            answers[k, rows] = apply_matrix(np.stack(back), found)
    return answers


def question_matrix(box: np.ndarray, roll: float, question: Question) -> np.ndarray:
    """Return the matrix (2, 3) from a picture to the crop of a question."""
    shift = np.array([question.x, question.y]) * face_size(box)
    centre = (box[:2] + box[2:]) / 2 + shift
    half = question.size * box_sides(box) / 2
    box = np.concatenate([centre - half, centre + half])
    matrix = crop_matrix(box, roll=roll + np.deg2rad(question.roll))
    return compose(_MIRROR, matrix) if question.mirrored else matrix


def put_right(answers: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Return answers without the mean offset of those in mirrored pictures.

    Annotators lean to one side, and detectors learn it. In a mirrored picture they lean
    to the other side, by the same amount in all faces: the median over the faces is
    subtracted, for every landmark.

    Args:
        answers: (M, K, N, 68, 2) in pixels of upright crops.
        mirrored: (K,) bool. All True or all False leaves the answers as they are.
    """
    if mirrored.all() or not mirrored.any():
        return answers
    plain, other = answers[:, ~mirrored].mean(1), answers[:, mirrored].mean(1)
    offset = np.median(other - plain, axis=1)  # (M, 68, 2)
    right = answers.copy()
    right[:, mirrored] -= offset[:, None, None]
    return right


def fuse(answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels (N, 68, 2) of answers, and the spread (N, 68) of the answers.

    A detector counts by the inverse variance of its own answers, landmark by landmark.
    The median variance of a landmark over all faces is added, because a few answers
    that happen to agree are no proof: usual detectors count nearly alike. One that has
    lost the face answers differently in every window, and hardly counts.

    Args:
        answers: (M, K, N, 68, 2) of M detectors that were each asked K times.
    """
    means = answers.mean(1)
    variance = ((answers - means[:, None]) ** 2).sum(-1).mean(1)  # (M, N, 68)
    usual = np.median(variance, (0, 1))
    weight = 1 / (variance + usual + np.finfo(np.float32).tiny)
    weight /= weight.sum(0)
    label = (weight[..., None] * means).sum(0)
    between = ((means - label) ** 2).sum(-1)
    spread = np.sqrt((weight * (between + variance)).sum(0))
    return label, spread


def trust(spread: np.ndarray) -> np.ndarray:
    """Return the weight (N, 68) of every landmark in a loss, from its spread (N, 68).

    A landmark with the usual spread of its kind has the weight 1. Points of the jaw
    spread more than corners of eyes, which says nothing about this picture.
    """
    usual = np.median(spread, 0) ** 2 + np.finfo(np.float32).tiny
    return np.minimum(2 * usual / (usual + spread**2), 1.0)


def sampling(disagreement: np.ndarray, group: np.ndarray, cap: float) -> np.ndarray:
    """Return the probability (N,) with which every picture is to be sampled.

    Every clip or folder has the same share. Inside it, pictures count by the
    disagreement of the detectors relative to the usual one, between 1 / cap and cap.

    Args:
        disagreement: (N,).
        group: (N,) number of the clip or folder.
        cap: at least 1.
    """
    usual = np.median(disagreement) + np.finfo(np.float32).tiny
    hard = np.clip(disagreement / usual, 1 / cap, cap)
    total = np.bincount(group, hard)
    return hard / total[group] / np.count_nonzero(total)
