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

    Args:
        stores: of annotated samples (T = 1).
        weight: of all sources together; 0 gives none.
    """
    parts = [part for store in stores for part in _by_completeness(store)]
    total = sum(part.weight for part in parts)
    if weight == 0:
        return []
    return [part._replace(weight=weight * part.weight / total) for part in parts]


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
