"""Streams of batches from a function of a position, and mixtures of streams.

NumPy and OpenCV work in threads, one call for a whole batch. Both release the
interpreter lock while they compute. A stream is a tf.data set where Keras runs on
TensorFlow. Elsewhere it is a generator, TensorFlow need not be installed, and processes
can do the work (`use_workers`).
"""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count
from typing import TYPE_CHECKING

import keras
import numpy as np

from data_pipeline.batches.process_pool import prefetch
from strrn_tf.geometry import CROP_SIZE
from strrn_tf.landmarks import NUM_LANDMARKS

if TYPE_CHECKING:
    import tensorflow as tf

# Threads that make batches where TensorFlow trains on the same cores.
WORKERS = 2
PREFETCHED = 2
# TensorFlow uses arrays with this alignment in place and copies all others.
ALIGNMENT = 64

# An endless sequence of dictionaries of arrays (B, ...).
Stream = "tf.data.Dataset | Generator[dict[str, np.ndarray]]"

# One sample: its crops (315, 315, 3) uint8, and its shapes (68, 2) in crop pixels.
Sample = tuple[list[np.ndarray], list[np.ndarray]]

_workers = 0


def use_workers(count: int) -> None:
    """Make the batches of all later streams in processes; 0 stands for threads.

    Frames of processes are uint8 in [0, 255], a quarter of the bytes of float32.

    Raises:
        ValueError: Keras runs on TensorFlow, where tf.data makes the batches; or the
            system cannot fork processes.
    """
    global _workers
    if count < 0 or (count and keras.backend.backend() == "tensorflow"):
        raise ValueError(
            "--workers is 0 where Keras runs on TensorFlow, and not negative elsewhere "
            f"(KERAS_BACKEND=jax). Received: {count}"
        )
    if count and "fork" not in multiprocessing.get_all_start_methods():
        raise ValueError("--workers needs a system that forks processes: leave it out")
    _workers = count


def endless_stream(
    sample: Callable[[int], Sample],
    names: tuple[str, ...],
    group: tuple[int, ...],
    batch_size: int,
    start: int,
    values: tuple[str, ...] = (),
) -> Stream:
    """Return the endless stream of batches of a function from positions to samples.

    Args:
        sample: returns crops and shapes of a position. Calls come in no fixed order.
        names: keys of the shapes.
        group: () for one crop per sample, (2,) for pairs.
        batch_size: B.
        start: number of batches to skip.
        values: keys of values (68,), which follow the shapes in a sample.
    """
    if batch_size < 1 or start < 0:
        raise ValueError(
            "`batch_size` must be 1 or more and `start` not negative. "
            f"Received: {batch_size} and {start}"
        )
    frames_shape = (batch_size, *group, CROP_SIZE, CROP_SIZE, 3)
    shapes = {"frames": frames_shape}
    shapes |= dict.fromkeys(names, (batch_size, NUM_LANDMARKS, 2))
    shapes |= dict.fromkeys(values, (batch_size, NUM_LANDMARKS))
    labels = list(shapes.values())[1:]

    def fill(arrays: list[np.ndarray], number: int) -> None:
        _fill(arrays, sample, number * batch_size)

    def batch(number: int) -> list[np.ndarray]:
        arrays = [_aligned(frames_shape), *(np.empty(s, np.float32) for s in labels)]
        fill(arrays, int(number))
        return arrays

    if _workers:
        types = np.uint8, *(np.float32 for _ in labels)
        arrays = list(zip(shapes.values(), types, strict=True))
        return _named(list(shapes), prefetch(fill, arrays, start, _workers))
    if keras.backend.backend() == "tensorflow":
        return _data_set(batch, shapes, start)
    return _named(list(shapes), _generate(batch, start))


def _named(
    names: list[str], batches: Generator[list[np.ndarray]]
) -> Generator[dict[str, np.ndarray]]:
    """Yield the batches as dictionaries."""
    with closing(batches):
        for batch in batches:
            yield dict(zip(names, batch, strict=True))


def _data_set(
    batch: Callable[[int], list[np.ndarray]],
    shapes: dict[str, tuple[int, ...]],
    start: int,
) -> "tf.data.Dataset":
    """Return the batches from number ``start`` on as a tf.data set."""
    import tensorflow as tf

    def read(number: tf.Tensor) -> dict[str, tf.Tensor]:
        arrays = tf.numpy_function(batch, [number], [tf.float32] * len(shapes))
        return {
            name: tf.ensure_shape(array, shape)
            for (name, shape), array in zip(shapes.items(), arrays, strict=True)
        }

    numbers = tf.data.Dataset.range(start, np.iinfo(np.int64).max)
    batches = numbers.map(read, num_parallel_calls=WORKERS, deterministic=True)
    return batches.prefetch(PREFETCHED)


def _generate(
    batch: Callable[[int], list[np.ndarray]], start: int
) -> Generator[list[np.ndarray]]:
    """Yield the batches from number ``start`` on, prefetched by all cores."""
    workers = os.cpu_count() or 1
    pool, numbers = ThreadPoolExecutor(workers), count(start)
    try:
        waiting = deque(
            pool.submit(batch, next(numbers)) for _ in range(workers + PREFETCHED)
        )
        while True:
            arrays = waiting.popleft().result()
            waiting.append(pool.submit(batch, next(numbers)))
            yield arrays
    finally:
        pool.shutdown(cancel_futures=True)


def _fill(
    arrays: list[np.ndarray], sample: Callable[[int], Sample], position: int
) -> None:
    """Write the samples from ``position`` on into frames (B, ...) and shapes."""
    frames, *shapes = arrays
    slots = frames.reshape(len(frames), -1, *frames.shape[-3:])
    for row in range(len(frames)):
        crops, landmarks = sample(position + row)
        for out, crop in zip(slots[row], crops, strict=True):
            if out.dtype == crop.dtype:
                out[:] = crop
            else:
                np.multiply(crop, np.float32(1 / 255), out=out)
        for out, points in zip(shapes, landmarks, strict=True):
            out[row] = points


def _aligned(shape: tuple[int, ...]) -> np.ndarray:
    """Return an uninitialised float32 array that TensorFlow uses in place."""
    size = 4 * int(np.prod(shape))
    raw = np.empty(size + ALIGNMENT, np.uint8)
    skip = -raw.ctypes.data % ALIGNMENT
    return raw[skip : skip + size].view(np.float32).reshape(shape)


def mix(*streams: Stream) -> Stream:
    """Return a stream whose batches concatenate one batch of every stream.

    The batch sizes give the proportions of the mixture, see `split_batch`. If all
    streams start at batch k, the mixture does too.

    Args:
        *streams: streams with the same keys.
    """

    def join(*batches: dict) -> dict:
        on_tensorflow = keras.backend.backend() == "tensorflow"
        concatenate = keras.ops.concatenate if on_tensorflow else np.concatenate
        return {k: concatenate([b[k] for b in batches], 0) for k in batches[0]}

    return combine(join, *streams)


def combine(join: Callable[..., dict], *streams: Stream) -> Stream:
    """Return the stream of the results of ``join`` on one batch of every stream."""
    if keras.backend.backend() != "tensorflow":
        return _combined(join, *streams)
    import tensorflow as tf

    zipped = tf.data.Dataset.zip(*streams)
    return zipped.map(join, num_parallel_calls=1).prefetch(PREFETCHED)


def _combined(join: Callable[..., dict], *streams: Generator) -> Generator[dict]:
    with ExitStack() as stack:
        for stream in streams:
            stack.enter_context(closing(stream))
        yield from map(join, *streams)


def split_batch(batch_size: int, shares: Sequence[float]) -> list[int]:
    """Return whole batch sizes, at least 1 each, that sum to ``batch_size``.

    Args:
        batch_size: sum of the batch sizes.
        shares: wanted proportions.

    Raises:
        ValueError: a proportion is not positive, or there are more than ``batch_size``.
    """
    if batch_size < len(shares) or min(shares) <= 0:
        raise ValueError(
            f"`batch_size` must be at least the number of `shares`, all positive. "
            f"Received: {batch_size}, {list(shares)}"
        )
    wanted = np.multiply(batch_size / sum(shares), shares)
    sizes = np.maximum(np.floor(wanted), 1).astype(int)
    while sizes.sum() != batch_size:
        step = np.sign(batch_size - sizes.sum())
        gap = np.where((step > 0) | (sizes > 1), step * (wanted - sizes), -np.inf)
        sizes[gap.argmax()] += step
    return sizes.tolist()
