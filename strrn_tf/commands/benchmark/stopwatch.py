"""Times of named operations, each call by itself."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Stopwatch:
    """Milliseconds of every call of the functions that were wrapped.

    Wall clock and processor time: other work on the machine hardly touches the second.
    """

    def __init__(self) -> None:
        self._times: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def timed(self, name: str, function: Callable[..., T]) -> Callable[..., T]:
        """Return a function that does the same and is timed under ``name``.

        A call that ends in an exception, such as the end of a loop, is not counted.
        """

        def call(*arguments: object, **options: object) -> T:
            wall, processor = time.perf_counter(), time.process_time()
            result = function(*arguments, **options)
            self._times[name].append(
                (time.perf_counter() - wall, time.process_time() - processor)
            )
            return result

        return call

    def total(self, name: str) -> np.ndarray:
        """Return (2,): milliseconds of wall clock and of processor time, all calls."""
        return 1000 * np.sum(self._times.get(name, [(0.0, 0.0)]), axis=0)

    def summary(self, name: str, frames: int) -> dict[str, float]:
        """Return how often a frame needs an operation and what it costs.

        Returns:
            ``calls_per_frame``; ``median``, ``p95`` and ``processor_median`` of a call
            and ``per_frame`` (mean, all calls of a frame), in milliseconds.
        """
        times = self._times.get(name)
        if not times:
            return {"calls_per_frame": 0.0, "per_frame": 0.0}
        wall, processor = 1000 * np.array(times).T
        return {
            "calls_per_frame": len(times) / frames,
            "median": float(np.median(wall)),
            "p95": float(np.percentile(wall, 95)),
            "processor_median": float(np.median(processor)),
            "per_frame": float(wall.sum() / frames),
        }
