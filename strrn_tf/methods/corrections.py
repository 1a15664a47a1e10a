"""A few corrected frames of a clip say how the labels of its other frames are to move.

A model's errors on one person depend on the person, and change with the expression and
the pose. So the label of another frame moves by the mean of the corrections, weighted
by how much the shapes resemble each other. Time has no direction here: frames before
and after a corrected one, and pictures that are no video, are alike. NumPy.
"""

from typing import NamedTuple

import numpy as np

from strrn_tf.geometry import (
    CROP_MARGIN,
    CROP_SIZE,
    apply_matrix,
    crop_matrix,
    invert_matrix,
    upright_box,
)


class Moved(NamedTuple):
    """Labels that corrections have moved.

    Attributes:
        labels: (n, 68, 2) in pixels of the pictures.
        before: mean error of the labels of the corrected frames, over the face size.
        after: the same when each is moved by the other corrections. NaN for one frame.
    """

    labels: np.ndarray
    before: float
    after: float


def move_labels(labels: np.ndarray, corrected: np.ndarray, truth: np.ndarray) -> Moved:
    """Move the labels of pictures of one person as its corrected frames say.

    Each shape is compared and moved in its own upright window, in units of the face
    size. Where moving each corrected frame by the others would not lower the error,
    nothing moves.

    Args:
        labels: (n, 68, 2) of the pictures, each in its own pixels.
        corrected: (k, 68, 2) labels of the corrected frames, made in the same way.
        truth: (k, 68, 2) their landmarks. NaN is not annotated: a landmark moves by the
            frames in which it is, and stays where there are none.
    """
    matrices = [upright_matrices(shapes) for shapes in (labels, corrected)]
    shapes, known = map(apply_matrix, matrices, (labels, corrected))
    offsets = apply_matrix(matrices[1], truth) - known
    before = np.nanmean(np.linalg.norm(offsets, axis=-1))
    after = np.nan
    if len(known) > 1:
        rest = [np.arange(len(known)) != i for i in range(len(known))]
        guessed = [
            mean_offset(known[i][None], known[mask], offsets[mask])[0]
            for i, mask in enumerate(rest)
        ]
        after = np.nanmean(np.linalg.norm(offsets - guessed, axis=-1))
    if not after >= before:
        shapes = shapes + mean_offset(shapes, known, offsets)
    moved = apply_matrix(invert_matrix(matrices[0]), shapes).astype(np.float32)
    size = CROP_SIZE / CROP_MARGIN
    return Moved(moved, float(before / size), float(after / size))


def mean_offset(
    shapes: np.ndarray, known: np.ndarray, offsets: np.ndarray
) -> np.ndarray:
    """Return the offsets (n, 68, 2) of shapes, from those of shapes that are known.

    The weights fall as a Gaussian of the distance of the shapes. Its squared width is
    the median squared distance, so that nearest frames count most and none alone
    (Nadaraya and Watson, 1964).

    Args:
        shapes: (n, 68, 2) in upright windows.
        known: (k, 68, 2) in upright windows.
        offsets: (k, 68, 2); NaN is unknown.
    """
    apart = ((shapes[:, None] - known) ** 2).sum((-1, -2))
    apart /= np.median(apart) + np.finfo(np.float32).tiny
    # The nearest frame has the weight 1, however far away it is.
    weight = np.exp(apart.min(1, keepdims=True) - apart)
    there = np.isfinite(offsets).all(-1)
    given = np.where(there[..., None], offsets, 0)
    total = np.einsum("nk,kl->nl", weight, there)[..., None]
    moved = np.einsum("nk,klc->nlc", weight, given)
    return moved / np.where(total > 0, total, 1)


def upright_matrices(shapes: np.ndarray) -> np.ndarray:
    """Return the matrices (n, 2, 3) from pictures to the upright windows of faces."""
    boxes = map(upright_box, shapes)
    return np.stack([crop_matrix(box, roll=roll) for box, roll in boxes])
