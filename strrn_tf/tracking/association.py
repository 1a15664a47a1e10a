"""Which box belongs to which face: association by overlap, and after a loss."""

from collections.abc import Mapping, Sequence

import numpy as np

from strrn_tf.geometry import face_size, overlap
from strrn_tf.tracking.track_checks import MAX_SIZE_CHANGE

# Two boxes with less intersection over union belong to different faces.
MIN_OVERLAP = 0.3


# A lost face can be back this far from where it was, in face sizes: at once, and more
# for every second. Its size changes by less than `MAX_SIZE_CHANGE`.
JUMP, SPEED = 0.5, 1.0


def match(
    boxes: Sequence[np.ndarray], others: Sequence[np.ndarray]
) -> list[tuple[int, int]]:
    """Pair boxes with others, best overlap first, each at most once.

    Returns:
        Pairs (index of box, index of other) that overlap by at least ``MIN_OVERLAP``.
    """
    costs = {
        (i, j): -overlap(box, other)
        for i, box in enumerate(boxes)
        for j, other in enumerate(others)
    }
    return _pair({key: cost for key, cost in costs.items() if cost <= -MIN_OVERLAP})


def match_again(
    lost: Sequence[tuple[np.ndarray, float]], boxes: Sequence[np.ndarray]
) -> list[tuple[int, int]]:
    """Pair lost faces with boxes in which they may be back, the nearest first.

    Args:
        lost: last box (4,) of every lost face, and for how many seconds it is lost.
        boxes: (4,) each.

    Returns:
        Pairs (index of lost face, index of box).
    """
    costs = {}
    for i, (last, seconds) in enumerate(lost):
        for j, box in enumerate(boxes):
            size = face_size(last)
            distance = np.linalg.norm((box - last).reshape(2, 2).mean(0)) / size
            grown = abs(np.log(face_size(box) / size))
            if distance <= JUMP + SPEED * seconds and grown <= np.log(MAX_SIZE_CHANGE):
                costs[i, j] = float(distance)
    return _pair(costs)


def _pair(costs: Mapping[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Return the pairs of least cost, greedily, each index at most once."""
    pairs: list[tuple[int, int]] = []
    for i, j in sorted(costs, key=lambda pair: (costs[pair], pair)):
        if not any(i == a or j == b for a, b in pairs):
            pairs.append((i, j))
    return pairs
