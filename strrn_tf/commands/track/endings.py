"""What ends the tracking of a source before its end is noted instead of raised.

Finished rows are then published, whatever the end is: a signal, a source that fails, a
full disk, an encoder that fails. A fault of this program is raised: its rows may be
wrong, so the files of before stay.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from strrn_tf.system.interruption import Interrupted, StopRequest

T = TypeVar("T")

# Seconds after a signal in which Ctrl-C is the same request. Afterwards it gives up
# what is being written.
PATIENCE = 5.0


class Endings:
    """What ended the tracking of a source early.

    Args:
        stop: set by a signal.

    Attributes:
        failures: of the source and the outputs, in their order.
    """

    def __init__(self, stop: StopRequest) -> None:
        self.failures: list[Exception] = []
        self._stop = stop
        self._faults: list[Exception] = []

    @contextmanager
    def noting(self, *kinds: type[Exception]) -> Iterator[list[Exception]]:
        """Note errors of some kinds, unless this program is at fault.

        A lack of memory is always noted. The list holds what this block has noted.
        """
        noted: list[Exception] = []
        try:
            yield noted
        except MemoryError:
            noted.append(OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)))
        except kinds as error:
            if self._faults:
                raise
            noted.append(error)
        self.failures += noted

    def until_end(self, frames: Iterable[T]) -> Iterator[T]:
        """Yield frames until there is a signal or the source fails.

        A signal ends the wait for a frame. It does not end the work on one.
        """
        frames = iter(frames)
        while not self._stop.is_set():
            with self.noting(ValueError, OSError) as noted:
                try:
                    with self._stop.waiting():
                        frame = next(frames, None)
                except Interrupted:
                    return
            if noted or frame is None:
                return
            yield frame

    def at_fault(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items; what is raised in between is a fault of this program."""
        try:
            yield from items
        except Exception as error:
            self._faults.append(error)
            raise

    @property
    def errors(self) -> list[BaseException]:
        """What ended the tracking, a signal before failures."""
        number = self._stop.number
        return [*([] if number is None else [Interrupted(number)]), *self.failures]
