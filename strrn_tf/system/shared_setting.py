"""A setting of the whole process that blocks of code change and give back."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class SharedSetting:
    """A number that a library keeps for the process, such as a log level.

    Blocks that change it may overlap, in threads or generators. A block that puts back
    the value it has found would put back the value of another block.

    Args:
        change: function that sets the number and returns the one before.
    """

    def __init__(self, change: Callable[[int], int]) -> None:
        self._change = change
        self._lock = threading.Lock()
        # Values that running blocks want, and the value before the first of them.
        self._wanted: list[int] = []
        self._former = 0

    @contextmanager
    def at_most(self, value: int) -> Iterator[None]:
        """Lower the number for a block.

        The lowest value that a running block wants holds. The last block to end puts
        back the value from before the first.
        """
        with self._lock:
            former = self._change(min([value, *self._wanted]))
            if not self._wanted:
                self._former = former
            self._wanted.append(value)
        try:
            yield
        finally:
            with self._lock:
                self._wanted.remove(value)
                self._change(min(self._wanted, default=self._former))
