"""Annotated stills and frames as sources of batches."""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from data_pipeline.batches.sampling import Labelled
from data_pipeline.stores.store import CropStore


def annotated_sources(
    stores: Sequence[CropStore], weight: float, held_out: Sequence[np.ndarray] = ()
) -> list[Labelled]:
    """Return sources of the samples of some stores, by their numbers of points.

    Samples with missing points are a source of their own. Its weight is the number of
    their annotated points, in units of a whole shape. A loss is a mean over the points
    of a sample, so that every annotated point counts alike.

    Beside complete samples their part of the batches is at most the part of the points
    that they have: of thousands of samples with three points, 3/68. More would displace
    the samples that teach all points.

    Args:
        stores: of annotated samples (T = 1).
        weight: of all sources together; 0 gives none.
        held_out: indices of samples to leave out, of the first stores.
    """
    parts = [
        part
        for store, index in zip_longest(stores, held_out, fillvalue=())
        for part in _by_completeness(store, index)
    ]
    if weight == 0 or not parts:
        return []
    shares = np.array([part.weight for part in parts])
    shares /= shares.sum()
    complete = np.array([part.whole is None for part in parts])
    if complete.any():
        known = [
            np.isfinite(part.landmarks[part.index]).all(-1).mean() for part in parts
        ]
        shares = np.where(complete, shares, np.minimum(shares, known))
        rest = 1 - shares[~complete].sum()
        shares[complete] *= rest / shares[complete].sum()
    return [
        part._replace(weight=weight * float(share))
        for part, share in zip(parts, shares, strict=True)
    ]


def _by_completeness(store: CropStore, held_out: np.ndarray) -> list[Labelled]:
    """Return the samples of a store with all points, and those with some missing."""
    frames, shapes = store.frames[:, 0], store.landmarks[:, 0]
    share = np.isfinite(shapes).all(-1).mean(-1)
    used = ~np.isin(np.arange(len(store)), held_out)
    complete = np.flatnonzero(used & (share == 1))
    partial = np.flatnonzero(used & (share < 1))
    parts = []
    if len(complete):
        parts.append(Labelled(frames, shapes, float(len(complete)), complete))
    if len(partial):
        points = float(share[partial].sum())
        parts.append(Labelled(frames, shapes, points, partial, store.whole[:, 0]))
    return parts
