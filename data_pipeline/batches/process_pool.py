"""Batches made ahead by forked processes, for accelerators faster than threads.

Drawing one augmented crop is a hundred short calls of NumPy and OpenCV, between which
threads wait for each other's Python. Processes do not.
"""

import mmap
import multiprocessing
import signal
import warnings
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import NamedTuple

import cv2
import numpy as np

from data_pipeline.tasks.processes import begin_worker

# Of every process: one batch is read while the next is written.
SLOTS = 2
# Batches that are copied out of them while an accelerator is at work.
AHEAD = 2
# Seconds after which a process that has made no batch is taken to hang: it may have
# been forked while a thread of this one held a lock, which nobody gives back there.
PATIENCE = 120

# Shape and type of every array of a batch.
Arrays = Sequence[tuple[tuple[int, ...], type]]
# Writes the batch of a number into such arrays.
Fill = Callable[[list[np.ndarray], int], None]


class _Feeder(NamedTuple):
    """One process, the memory it shares with this one, and the pipe to it.

    There it says None when a batch is ready, or what it failed of, and hears None when
    a batch was read.
    """

    process: BaseProcess
    slots: list[list[np.ndarray]]
    pipe: Connection


def feed(
    fill: Fill, arrays: Arrays, start: int, workers: int
) -> Generator[list[np.ndarray]]:
    """Yield the batches from number ``start`` on, in order, without end.

    Args:
        fill: is run in forked processes, so it may be any function that does not
            depend on threads or on an accelerator.
        arrays: of a batch.
        start: number of the first batch.
        workers: processes; number k of the batches from here on is made by process
            k % workers.

    Yields:
        Lists of arrays, which are the caller's own.

    Raises:
        OSError, ValueError: what ``fill`` raised of these.
        ChildProcessError: a process has ended otherwise; what it met is on stderr.
        TimeoutError: a process hangs.
    """
    feeders: list[_Feeder] = []

    def read(number: int) -> list[np.ndarray]:
        turn, place = number // workers, number % workers
        _wait_for(feeders[place])
        batch = [array.copy() for array in feeders[place].slots[turn % SLOTS]]
        with suppress(ConnectionError):  # its end is met where its next batch is due
            feeders[place].pipe.send(None)
        return batch

    reader = ThreadPoolExecutor(1)
    # The processes are copies of this one, in which OpenCV's threads are missing.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for first in range(start, start + workers):
            feeders.append(_fork(fill, arrays, first, workers))
        waiting = deque(reader.submit(read, number) for number in range(AHEAD))
        for number in count(AHEAD):
            yield waiting.popleft().result()
            waiting.append(reader.submit(read, number))
    finally:
        for feeder in feeders:
            feeder.process.terminate()  # which ends the reader's wait for it too
            feeder.process.join()
        reader.shutdown(cancel_futures=True)
        cv2.setNumThreads(threads)


def _fork(fill: Fill, arrays: Arrays, first: int, step: int) -> _Feeder:
    """Start a process that makes the batches first, first + step, ..."""
    context = multiprocessing.get_context("fork")
    slots = [[_shared(*array) for array in arrays] for _ in range(SLOTS)]
    here, there = context.Pipe()

    def work() -> None:
        # All processes of a terminal get Ctrl-C; the one that trains decides.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        begin_worker()
        try:
            for turn in count():
                if turn >= SLOTS:
                    there.recv()
                fill(slots[turn % SLOTS], first + turn * step)
                there.send(None)
        except (OSError, ValueError) as error:
            there.send(error)

    process = context.Process(target=work, daemon=True)
    with warnings.catch_warnings():
        # JAX warns of forks, for its threads are missing in the copy. Nobody asks them.
        warnings.simplefilter("ignore")
        process.start()
    there.close()  # its end alone is left, so that its death closes the pipe
    return _Feeder(process, slots, here)


def _shared(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Return an array in memory that processes forked from now on share."""
    size = int(np.prod(shape))
    memory = mmap.mmap(-1, max(size * np.dtype(dtype).itemsize, 1))
    return np.frombuffer(memory, dtype, size).reshape(shape)


def _wait_for(feeder: _Feeder) -> None:
    """Return when the next batch of a process is ready; raise why it never will be."""
    # In single seconds: those in which the machine slept count as one.
    if not any(feeder.pipe.poll(1.0) for _ in range(PATIENCE)):
        raise TimeoutError(
            f"a process that makes batches has made none for {PATIENCE} seconds: "
            "give fewer --workers or smaller batches; --resume continues from the last "
            "checkpoint"
        )
    try:
        error = feeder.pipe.recv()
    except (EOFError, ConnectionError):
        feeder.process.join()
        code = feeder.process.exitcode
        cause = ": memory may be short, give fewer --workers" if code == -9 else ""
        raise ChildProcessError(
            f"a process that makes batches has ended with exit code {code}{cause}; "
            "--resume continues from the last checkpoint"
        ) from None
    if error is not None:
        raise error
