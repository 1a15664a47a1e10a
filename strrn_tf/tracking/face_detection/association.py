"""Data association: which box belongs to which face, visible or lost."""

from collections.abc import Mapping, Sequence

import numpy as np

from strrn_tf.geometry import face_size, overlap
from strrn_tf.tracking.config import TrackingConfig


def associate(
    boxes: Sequence[np.ndarray],
    others: Sequence[np.ndarray],
    config: TrackingConfig,
) -> list[tuple[int, int]]:
    """Pair boxes with others, largest overlap first, each at most once.

    Args:
        boxes: (4,) each.
        others: (4,) each.
        config: ``association_min_overlap``.

    Returns:
        Pairs (index of box, index of other) that overlap enough.
    """
    least = config.association_min_overlap
    costs = {
        (i, j): -overlap(box, other)
        for i, box in enumerate(boxes)
        for j, other in enumerate(others)
    }
    return _pair({key: cost for key, cost in costs.items() if cost <= -least})


def reassociate_lost(
    lost: Sequence[tuple[np.ndarray, float]],
    boxes: Sequence[np.ndarray],
    config: TrackingConfig,
) -> list[tuple[int, int]]:
    """Pair lost faces with boxes inside their gates, nearest first, each at most once.

    Args:
        lost: expected box (4,) of every lost face, and for how many seconds it is lost.
        boxes: (4,) each.
        config: ``gating_radius``, ``gating_rate`` and ``max_size_change``.

    Returns:
        Pairs (index of lost face, index of box).
    """
    costs = {}
    for i, (expected, seconds) in enumerate(lost):
        gate = config.gating_radius + config.gating_rate * seconds
        for j, box in enumerate(boxes):
            size = face_size(expected)
            distance = np.linalg.norm((box - expected).reshape(2, 2).mean(0)) / size
            size_change = abs(np.log(face_size(box) / size))
            if distance <= gate and size_change <= np.log(config.max_size_change):
                costs[i, j] = float(distance)
    return _pair(costs)


def _pair(costs: Mapping[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Return the pairs of least cost, greedily, each index at most once."""
    pairs: list[tuple[int, int]] = []
    for i, j in sorted(costs, key=lambda pair: (costs[pair], pair)):
        if not any(i == a or j == b for a, b in pairs):
            pairs.append((i, j))
    return pairs
