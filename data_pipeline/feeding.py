"""Batches made ahead by forked processes, for accelerators faster than threads.

Drawing one augmented crop is a hundred short calls of NumPy and OpenCV, between which
threads wait for each other's Python. Processes do not.
"""

import mmap
import multiprocessing
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Semaphore
from typing import NamedTuple

import cv2
import numpy as np

from data_pipeline.workers import begin_worker

# Of every process: one batch is read while the next is written.
SLOTS = 2
# Batches that are copied out of them while an accelerator is at work.
AHEAD = 2
# Seconds after which it is looked whether a process that is waited for still runs.
PATIENCE = 5.0

# Shape and type of every array of a batch.
Arrays = Sequence[tuple[tuple[int, ...], type]]
# Writes the batch of a number into such arrays.
Fill = Callable[[list[np.ndarray], int], None]


class _Feeder(NamedTuple):
    """One process, the memory it shares with this one, and whose turn it is there."""

    process: BaseProcess
    slots: list[list[np.ndarray]]
    free: Semaphore
    ready: Semaphore


def feed(fill: Fill, arrays: Arrays, start: int, workers: int) -> Iterator[list]:
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
        RuntimeError: a process has ended; what it met is on stderr.
        ValueError: this system cannot fork processes.
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        raise ValueError("--workers needs a system that forks processes: leave it out")
    # The processes are copies of this one, in which OpenCV's threads are missing.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    feeders = [_fork(fill, arrays, start + k, workers) for k in range(workers)]

    def read(number: int) -> list[np.ndarray]:
        turn, place = number // workers, number % workers
        _wait_for(feeders[place])
        batch = [array.copy() for array in feeders[place].slots[turn % SLOTS]]
        feeders[place].free.release()
        return batch

    with ThreadPoolExecutor(1) as reader:
        try:
            waiting = deque(reader.submit(read, number) for number in range(AHEAD))
            for number in count(AHEAD):
                yield waiting.popleft().result()
                waiting.append(reader.submit(read, number))
        finally:
            reader.shutdown(wait=False, cancel_futures=True)
            for feeder in feeders:
                feeder.process.terminate()
            cv2.setNumThreads(threads)


def _fork(fill: Fill, arrays: Arrays, first: int, step: int) -> _Feeder:
    """Start a process that makes the batches first, first + step, ..."""
    context = multiprocessing.get_context("fork")
    slots = [[_shared(*array) for array in arrays] for _ in range(SLOTS)]
    free, ready = context.Semaphore(SLOTS), context.Semaphore(0)

    def work() -> None:
        begin_worker()
        for turn in count():
            free.acquire()
            fill(slots[turn % SLOTS], first + turn * step)
            ready.release()

    process = context.Process(target=work, daemon=True)
    with warnings.catch_warnings():
        # JAX warns of forks, for its threads are missing in the copy. Nobody asks them.
        warnings.simplefilter("ignore")
        process.start()
    return _Feeder(process, slots, free, ready)


def _shared(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Return an array in memory that processes forked from now on share."""
    size = int(np.prod(shape))
    memory = mmap.mmap(-1, max(size * np.dtype(dtype).itemsize, 1))
    return np.frombuffer(memory, dtype, size).reshape(shape)


def _wait_for(feeder: _Feeder) -> None:
    """Return when the next batch of a process is ready."""
    while not feeder.ready.acquire(timeout=PATIENCE):
        if not feeder.process.is_alive():
            raise RuntimeError(
                "a process that makes batches has ended with exit code "
                f"{feeder.process.exitcode}"
            )
