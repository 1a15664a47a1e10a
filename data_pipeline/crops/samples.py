"""Samples as they are cut from a source and stored."""

from typing import NamedTuple

import numpy as np


class Samples(NamedTuple):
    """n samples: names, crops (n, T, S, S, 3), landmarks (n, T, 68, 2), matrix."""

    names: list[str]
    frames: np.ndarray
    landmarks: np.ndarray
    matrix: np.ndarray
