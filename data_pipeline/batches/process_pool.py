"""Batches prefetched by forked processes, for accelerators faster than threads.

An augmented crop takes about a hundred short calls of NumPy and OpenCV. Between them
threads wait for the interpreter lock. Processes do not.
"""

import atexit
import mmap
import multiprocessing
import warnings
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import NamedTuple
from weakref import WeakSet

import cv2
import numpy as np

from data_pipeline.tasks.processes import begin_worker
from strrn_tf.system.interruption import shielding_children
from strrn_tf.system.shared_setting import SharedSetting

# Batches in the memory of every process: one is read while the next is written.
SLOTS = 2
# Batches that are copied out of that memory while an accelerator is at work.
AHEAD = 2
# Seconds without a batch after which a process counts as hanging. A fork copies locks
# that other threads hold, and in the copy no thread releases them.
PATIENCE = 120

# Shape and type of every array of a batch.
Arrays = Sequence[tuple[tuple[int, ...], type]]
# Writes batch number n into arrays of these shapes.
Fill = Callable[[list[np.ndarray], int], None]


def _set_threads(count: int) -> int:
    """Set the number of OpenCV's threads and return the one before."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    return before


_THREADS = SharedSetting(_set_threads)


# All that were started. At exit `multiprocessing` ends them by SIGTERM, which they
# ignore, and waits for them.
_STARTED: WeakSet[BaseProcess] = WeakSet()


@atexit.register
def _kill_started() -> None:
    for process in _STARTED:
        process.kill()


class _Worker(NamedTuple):
    """One process, the memory that it shares with this one, and the pipe to it.

    The process sends None when a batch is ready, or the error that stopped it. It
    receives None when a batch was read.
    """

    process: BaseProcess
    slots: list[list[np.ndarray]]
    pipe: Connection


def prefetch(
    fill: Fill,
    arrays: Arrays,
    start: int,
    workers: int,
    *,
    patience: int = PATIENCE,
    context: BaseContext | None = None,
) -> Generator[list[np.ndarray]]:
    """Yield the batches from number ``start`` on, in order, without end.

    Args:
        fill: function that writes a batch. It runs in forked processes, so it must not
            depend on threads or on an accelerator.
        arrays: shape and type of every array of a batch.
        start: number of the first batch.
        workers: number of processes. Process k % workers makes the k-th batch from
            here on.
        patience: seconds without a batch after which a process counts as hanging.
        context: source of processes and pipes; None forks this process.

    Yields:
        Lists of arrays that belong to the caller.

    Raises:
        OSError, ValueError: errors of these types that ``fill`` raised.
        ChildProcessError: a process ended in another manner; its error is on stderr.
        TimeoutError: a process hangs.
    """
    pool: list[_Worker] = []
    context = context or multiprocessing.get_context("fork")

    def read(number: int) -> list[np.ndarray]:
        turn, index = number // workers, number % workers
        _wait_for(pool[index], patience)
        batch = [array.copy() for array in pool[index].slots[turn % SLOTS]]
        with suppress(ConnectionError):  # reported when its next batch is due
            pool[index].pipe.send(None)
        return batch

    reader = ThreadPoolExecutor(1)
    stack = ExitStack()
    # A forked copy has none of OpenCV's threads and would wait for them.
    stack.enter_context(_THREADS.at_most(1))
    try:
        for first in range(start, start + workers):
            pool.append(_fork(context, fill, arrays, first, workers))
        waiting = deque(reader.submit(read, number) for number in range(AHEAD))
        for number in count(AHEAD):
            yield waiting.popleft().result()
            waiting.append(reader.submit(read, number))
    finally:
        for worker in pool:
            worker.process.kill()  # ends the reader's wait for it too
            worker.process.join()
        reader.shutdown(cancel_futures=True)
        stack.close()


def _fork(
    context: BaseContext, fill: Fill, arrays: Arrays, first: int, step: int
) -> _Worker:
    """Start a process that makes the batches first, first + step, ..."""
    slots = [[_shared(*array) for array in arrays] for _ in range(SLOTS)]
    here, there = context.Pipe()

    def work() -> None:
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
    with warnings.catch_warnings(), shielding_children():
        # JAX warns of forks because its threads are missing in the copy, which makes no
        # use of them.
        warnings.simplefilter("ignore")
        process.start()
    _STARTED.add(process)
    there.close()  # the process has the only other end, so its death closes the pipe
    return _Worker(process, slots, here)


def _shared(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Return an array whose memory later forks share with this process."""
    size = int(np.prod(shape))
    memory = mmap.mmap(-1, max(size * np.dtype(dtype).itemsize, 1))
    return np.frombuffer(memory, dtype, size).reshape(shape)


def _wait_for(worker: _Worker, patience: int) -> None:
    """Wait until the next batch of a process is ready.

    Raises:
        OSError, ValueError: the error that stopped the process.
        ChildProcessError: the process ended without one.
        TimeoutError: the process hangs.
    """
    # In steps of a second, so that the time a machine sleeps counts as one second.
    if not any(worker.pipe.poll(1.0) for _ in range(patience)):
        raise TimeoutError(
            f"a process that makes batches has made none for {patience} seconds: "
            "give fewer --workers or smaller batches; --resume continues from the last "
            "checkpoint"
        )
    try:
        error = worker.pipe.recv()
    except (EOFError, ConnectionError):
        worker.process.join()
        code = worker.process.exitcode
        cause = ": memory may be short, give fewer --workers" if code == -9 else ""
        raise ChildProcessError(
            f"a process that makes batches has ended with exit code {code}{cause}; "
            "--resume continues from the last checkpoint"
        ) from None
    if error is not None:
        raise error
