"""Times of named operations, each call by itself."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


class Stopwatch:
    """Milliseconds of every call of named operations.

    Wall clock and processor time: other work on the machine hardly touches the second.
    """

    def __init__(self) -> None:
        self._times: dict[str, list[tuple[float, float]]] = defaultdict(list)

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Time a ``with`` block under a name; this is a ``StageTimer``.

        A block that ends in an exception, such as the end of a loop, is not counted.
        """
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self._times[name].append(
            (time.perf_counter() - wall, time.process_time() - processor)
        )

    def total(self, name: str) -> np.ndarray:
        """Return (2,): milliseconds of wall clock and of processor time, all calls."""
        return 1000 * np.sum(self._times.get(name, [(0.0, 0.0)]), axis=0)

    def summary(self, name: str, frames: int) -> dict[str, float]:
        """Return number and times of an operation's calls.

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
