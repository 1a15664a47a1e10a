"""Pairs of frames by the source they come from, in the shares that a user wants."""

from collections.abc import Sequence

import numpy as np


class SourceShares:
    """Shares of the sources of clips in what is learnt from them.

    Args:
        shares: one for every source; none: a source counts by its pairs.
        source: number (N,) of the source of each pair; needed for shares.

    Raises:
        ValueError: there are shares, and not one for every source.
    """

    def __init__(self, shares: Sequence[float], source: np.ndarray | None) -> None:
        if not shares:
            self._sources: list[tuple[np.ndarray, float]] = []
            return
        count = 0 if source is None else int(source.max()) + 1
        if len(shares) != count:
            raise ValueError(
                f"`source_shares` are {len(shares)} numbers for {count} sources of "
                "clips: give one for each"
            )
        self._sources = [(np.flatnonzero(source == k), s) for k, s in enumerate(shares)]

    def parts(self, index: np.ndarray) -> list[tuple[np.ndarray, float]]:
        """Return the parts of an index (n,) and their shares, which add up to one."""
        if not len(index):
            return []
        if not self._sources:
            return [(index, 1.0)]
        parts = [(np.intersect1d(index, pairs), s) for pairs, s in self._sources]
        total = sum(share for part, share in parts if len(part))
        return [(part, share / total) for part, share in parts if len(part)]
