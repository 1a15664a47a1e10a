"""Pairs of frames by source, in the proportions of ``--source-shares``."""

from collections.abc import Sequence

import numpy as np


class SourceShares:
    """The proportions in which sources of clips are learnt.

    Args:
        shares: one for every source. Without any, every pair has the same weight.
        source: number (N,) of the source of each pair. Shares need it.

    Raises:
        ValueError: the number of shares is not the number of sources.
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
        """Split an index (n,) of pairs by source.

        Returns:
            The part of each source and its fraction. The fractions sum to one.
        """
        if not len(index):
            return []
        if not self._sources:
            return [(index, 1.0)]
        parts = [(np.intersect1d(index, pairs), s) for pairs, s in self._sources]
        total = sum(share for part, share in parts if len(part))
        return [(part, share / total) for part, share in parts if len(part)]
