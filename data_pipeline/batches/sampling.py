"""The order of samples in an endless stream. NumPy only.

Every choice is a pure function of (seed, position). A stream that starts in the middle
is therefore the rest of the stream that starts at 0, and an interrupted run resumes
exactly.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from strrn_tf.geometry import CROP_SIZE
from strrn_tf.landmarks import NUM_LANDMARKS

# The fraction of a source in a mixture is rounded to 1 / PERIOD.
PERIOD = 1000
# Last words of the seeds: each purpose has random numbers of its own.
_ORDER, _SAMPLE = 1, 2


class Labelled(NamedTuple):
    """Labelled stills.

    Attributes:
        frames: (M, S, S, 3) uint8, an array or a memory map. Single frames are read.
        landmarks: (M, 68, 2) in stored pixels. NaN is not annotated.
        weight: of the source in a mixture, relative to the weights of the others.
        index: samples to use; None for all.
        whole: (M, 68, 2) the same with all points, see `Samples`. None: none is NaN.
        trust: (M, 68) weight of every landmark in the loss. None: all are 1.
    """

    frames: np.ndarray
    landmarks: np.ndarray
    weight: float = 1.0
    index: np.ndarray | None = None
    whole: np.ndarray | None = None
    trust: np.ndarray | None = None


class Schedule:
    """Maps a position of a stream to a source and to one of its samples.

    Sources alternate as evenly as their weights allow. Every epoch of a source has a
    new order, and every sample occurs once in it.

    Args:
        sizes: number of samples of each source.
        weights: relative weights of the sources.
        seed: not negative.

    Raises:
        ValueError: an empty source, or a weight that is not positive.
    """

    def __init__(
        self, sizes: Sequence[int], weights: Sequence[float], seed: int
    ) -> None:
        if not sizes or min(sizes) < 1:
            raise ValueError(
                "`sources` must be one source or more, each with one sample or more. "
                f"Received: sizes {list(sizes)}"
            )
        if not np.isfinite(weights).all() or min(weights) <= 0:
            raise ValueError(
                f"`weight` must be a positive number. Received: {list(weights)}"
            )
        self.sizes, self.seed = list(sizes), _check_seed(seed)
        counts = np.maximum(np.round(PERIOD * np.divide(weights, sum(weights))), 1)
        sources = np.repeat(np.arange(len(sizes)), counts.astype(int))
        # Turn k of n comes at (k + 1/2) / n of the period, so turns are evenly spread.
        turns = np.concatenate([(np.arange(n) + 0.5) / n for n in counts.astype(int)])
        self._sources = sources[np.argsort(turns, kind="stable")]
        seen = self._sources[:, None] == np.arange(len(sizes))
        self._before = np.cumsum(seen, 0) - seen
        self._counts = counts.astype(int)

    def __call__(self, position: int) -> tuple[int, int]:
        """Return the number of the source and of the sample in it."""
        period, phase = divmod(position, len(self._sources))
        source = int(self._sources[phase])
        turn = period * int(self._counts[source]) + int(self._before[phase, source])
        epoch, index = divmod(turn, self.sizes[source])
        order = _order(self.seed, source, epoch, self.sizes[source])
        return source, int(order[index])


@lru_cache(maxsize=32)
def _order(seed: int, source: int, epoch: int, size: int) -> np.ndarray:
    """Return the order (size,) of one source in one epoch."""
    rng = np.random.default_rng((seed, source, epoch, _ORDER))
    return rng.permutation(size)


def sample_generator(seed: int, position: int) -> np.random.Generator:
    """Return the generator of all random numbers of one position."""
    return np.random.default_rng((seed, position, _SAMPLE))


def _check_seed(seed: int) -> int:
    if seed < 0:
        raise ValueError(f"`seed` must not be negative. Received: {seed}")
    return int(seed)


def check_index(index: np.ndarray | None, count: int) -> np.ndarray:
    """Return the samples to use as (n,) integers, or raise a ``ValueError``."""
    if index is None:
        return np.arange(count)
    index = np.asarray(index)
    if index.ndim != 1 or not np.issubdtype(index.dtype, np.integer):
        raise ValueError(
            "`index` must be a list of integers (a mask: np.flatnonzero(mask)). "
            f"Received: shape {index.shape}, {index.dtype}"
        )
    if index.size and not (index.min() >= 0 and index.max() < count):
        raise ValueError(
            f"`index` must lie in 0 to {count - 1}. "
            f"Received: {index.min()} to {index.max()}"
        )
    return index


def check_frames(frames: np.ndarray, shape: str) -> None:
    """Raise a ``ValueError`` unless frames are (…, S, S, 3) uint8 with S large enough.

    Args:
        frames: array to check.
        shape: expected shape for the message, such as "(N, S, S, 3)".
    """
    *_, height, width, channels = (0, 0, 0, *frames.shape)
    wrong = frames.ndim != shape.count(",") + 1 or channels != 3 or height != width
    if wrong or height < CROP_SIZE or frames.dtype != np.uint8:
        raise ValueError(
            f"`frames` must be {shape} uint8 with S at least {CROP_SIZE}. "
            f"Received: {frames.shape} {frames.dtype}"
        )


def check_landmarks(
    name: str,
    landmarks: np.ndarray,
    count: int,
    index: np.ndarray,
    partial: bool = False,
) -> np.ndarray:
    """Return landmarks (N, 68, 2) float32, or raise a ``ValueError``.

    Only the samples in ``index`` must be finite; one point of each, if ``partial``.
    """
    landmarks = np.asarray(landmarks, np.float32)
    if landmarks.shape != (count, NUM_LANDMARKS, 2):
        raise ValueError(
            f"`{name}` must be ({count}, {NUM_LANDMARKS}, 2), as many as frames. "
            f"Received: {landmarks.shape}"
        )
    finite = np.isfinite(landmarks[index]).all(2)
    finite = finite.any(1) if partial else finite.all(1)
    if not finite.all():
        raise ValueError(
            f"`{name}` must be finite; leave samples without landmarks out of `index`. "
            f"Received: {(~finite).sum()} with NaN, first sample {index[~finite][0]}"
        )
    return landmarks
