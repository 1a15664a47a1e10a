"""Samples as they are cut from a source and stored."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Samples(NamedTuple):
    """n samples.

    Attributes:
        names: of the sources.
        frames: crops (n, T, S, S, 3) uint8.
        landmarks: (n, T, 68, 2) in pixels of the crops. NaN is not annotated.
        matrix: (n, 2, 3) from the image to the crop.
        whole: (n, T, 68, 2) the same with the fitted head where points are missing, see
            `annotations.whole_head`. NaN in frames without annotation. None: no frame
            is annotated in part.
    """

    names: list[str]
    frames: np.ndarray
    landmarks: np.ndarray
    matrix: np.ndarray
    whole: np.ndarray | None = None


def merge(samples: Sequence[Samples]) -> Samples:
    """Return several samples as one batch."""
    names = [name for sample in samples for name in sample.names]
    columns = list(zip(*(sample[1:4] for sample in samples), strict=True))
    whole = None
    if any(sample.whole is not None for sample in samples):
        shapes = (s.landmarks if s.whole is None else s.whole for s in samples)
        whole = np.concatenate(list(shapes))
    return Samples(names, *map(np.concatenate, columns), whole)
