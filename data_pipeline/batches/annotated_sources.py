"""Annotated stills and frames as sources of batches."""

from collections.abc import Sequence

import numpy as np

from data_pipeline.batches.sampling import Labelled
from data_pipeline.stores.store import CropStore


def annotated_sources(stores: Sequence[CropStore], weight: float) -> list[Labelled]:
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
    """
    parts = [part for store in stores for part in _by_completeness(store)]
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


def _by_completeness(store: CropStore) -> list[Labelled]:
    """Return the samples of a store with all points, and those with some missing."""
    frames, shapes = store.frames[:, 0], store.landmarks[:, 0]
    share = np.isfinite(shapes).all(-1).mean(-1)
    complete, partial = np.flatnonzero(share == 1), np.flatnonzero(share < 1)
    parts = []
    if len(complete):
        parts.append(Labelled(frames, shapes, float(len(complete)), complete))
    if len(partial):
        points = float(share[partial].sum())
        parts.append(Labelled(frames, shapes, points, partial, store.whole[:, 0]))
    return parts
