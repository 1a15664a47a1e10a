"""Measures of stated probabilities: expected calibration error, and area under ROC."""

import numpy as np

BINS = 10


def calibration_error(predicted: np.ndarray, good: np.ndarray) -> float:
    """Return the expected calibration error: |predicted - true| averaged over bins."""
    bins = np.minimum((predicted * BINS).astype(int), BINS - 1)
    gaps = [
        (bins == b).mean() * abs(predicted[bins == b].mean() - good[bins == b].mean())
        for b in np.unique(bins)
    ]
    return float(sum(gaps))


def area_under_curve(score: np.ndarray, positive: np.ndarray) -> float:
    """Return the probability that a positive has a larger score than a negative.

    Equal scores count half (Mann and Whitney). Both kinds must occur.
    """
    values, inverse = np.unique(score, return_inverse=True)
    counts = np.bincount(inverse, minlength=len(values))
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positives = int(positive.sum())
    above = ranks[positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(score) - positives)))
