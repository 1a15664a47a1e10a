"""Batches made ahead by processes or threads: this project's, or those of Grain.

Augmented crops of stills, as the training stream of the detector has them, are made
ahead and read here. All makers get the same function from a number to a batch. Printed:

* seconds to the first batch from number 0, imports of the maker included, and then from
  a number in the middle, as a run is continued;
* batches per second, and seconds of processor time of a batch, of all processes;
* memory of all processes: proportional set size, shared pages counted once;
* seconds until the stream is closed, and until a killed process is reported, and how;
* a checksum of the batches: the same number for either, at any start and processes.

Grain is no dependency: `pip install grain`. Threads are as many as there are cores.

Example:
  python -m benchmarks.speed.prefetch --by grain
"""

import os
import signal
import sys
import time
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import cv2
import numpy as np

from data_pipeline.augmentation.augment import Augmentation, augment
from data_pipeline.batches.process_pool import prefetch
from data_pipeline.batches.sampling import Schedule, sample_generator
from data_pipeline.crops.window import STORED_SIZE
from data_pipeline.tasks.processes import begin_worker
from strrn_tf.geometry import CROP_SIZE
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.speed.prefetch"
MIDDLE, SEED = 1000, 0
Batches = Generator[list[np.ndarray]]


@dataclass(frozen=True)
class Options:
    """Who makes the batches, and how many."""

    by: Literal["processes", "grain", "threads", "grain-threads"] = "processes"
    """The project's pool of processes, Grain's, and the threads of both."""
    workers: int = 2
    """Processes."""
    batch_size: int = 16
    """Samples of a batch."""
    batches: int = 60
    """Batches to time, after ten that are not."""
    stills: int = 256
    """Stored crops."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


@dataclass
class Crops:
    """Stored crops in a file. Another process opens the file, not a copy of it."""

    path: Path
    landmarks: np.ndarray
    batch_size: int
    frames: np.ndarray | None = None

    @property
    def arrays(self) -> list[tuple[tuple[int, ...], type]]:
        """Shape and type of every array of a batch."""
        frames = self.batch_size, CROP_SIZE, CROP_SIZE, 3
        return [(frames, np.uint8), ((self.batch_size, 68, 2), np.float32)]

    def fill(self, arrays: list[np.ndarray], number: int) -> None:
        """Write the batch of a number into arrays."""
        if self.frames is None:
            self.frames = np.load(self.path, mmap_mode="r")
        schedule = Schedule([len(self.landmarks)], [1.0], SEED)
        for row in range(self.batch_size):
            position = number * self.batch_size + row
            _, index = schedule(position)
            rng = sample_generator(SEED, position)
            frame = np.asarray(self.frames[index])
            crop, landmarks = augment(frame, self.landmarks[index], Augmentation(), rng)
            arrays[0][row], arrays[1][row] = crop, landmarks

    def batch(self, number: int) -> list[np.ndarray]:
        """Return the batch of a number."""
        arrays = [np.empty(shape, dtype) for shape, dtype in self.arrays]
        self.fill(arrays, number)
        return arrays


def by_processes(crops: Crops, start: int, workers: int) -> Batches:
    """Return the batches of the project's pool."""
    return prefetch(crops.fill, crops.arrays, start, workers)


def begin_grain_worker(index: int, count: int) -> None:
    """Prepare a process of Grain as the project's own are."""
    begin_worker()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Grain ends it by this signal


def by_grain(crops: Crops, start: int, workers: int) -> Batches:
    """Yield the batches that Grain makes ahead."""
    import grain
    from absl import flags

    flags.FLAGS.mark_as_parsed()  # Grain has options of Abseil and reads them
    numbers = grain.MapDataset.range(start, np.iinfo(np.int64).max)
    options = grain.multiprocessing.MultiprocessingOptions(workers, 2)
    # One thread in every process: the processes share the cores.
    batches = (
        numbers.map(crops.batch)
        .to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=1))
        .mp_prefetch(options, begin_grain_worker)
    )
    with closing(iter(batches)) as iterator:
        yield from iterator


def by_threads(crops: Crops, start: int, workers: int) -> Batches:
    """Return the batches of the streams' threads."""
    from data_pipeline.batches.streams import _generate

    return _generate(crops.batch, start)


def by_grain_threads(crops: Crops, start: int, workers: int) -> Batches:
    """Yield the batches that Grain's threads make ahead."""
    import grain

    cores = os.cpu_count() or 1
    numbers = grain.MapDataset.range(start, np.iinfo(np.int64).max).map(crops.batch)
    options = grain.ReadOptions(num_threads=cores, prefetch_buffer_size=cores + 2)
    with closing(iter(numbers.to_iter_dataset(options))) as iterator:
        yield from iterator


MAKERS: dict[str, Callable[[Crops, int, int], Batches]] = {
    "processes": by_processes,
    "grain": by_grain,
    "threads": by_threads,
    "grain-threads": by_grain_threads,
}


def processes() -> list[int]:
    """Return this process and those that it has started."""
    tasks = Path("/proc/self/task").glob("*/children")
    return [os.getpid(), *(int(pid) for t in tasks for pid in t.read_text().split())]


def memory() -> float:
    """Return the proportional set size of all processes in MB."""
    kilobytes = 0
    for pid in processes():
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        kilobytes += next(int(x.split()[1]) for x in lines if x.startswith("Pss:"))
    return kilobytes / 1024


def processor_time() -> float:
    """Return seconds of processor time of all processes that are running."""
    ticks = 0
    for pid in processes():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def checksum(batches: Sequence[list[np.ndarray]]) -> str:
    """Return a checksum of batches."""
    value = 0
    for arrays in batches:
        for array in arrays:
            value = zlib.crc32(np.ascontiguousarray(array), value)
    return f"{value:08x}"


def first_batch(batches: Batches, begin: float) -> float:
    """Return seconds from ``begin`` to the first batch, and close the stream."""
    with closing(batches):
        next(batches)
        return time.perf_counter() - begin


def report_kill(batches: Batches) -> str:
    """Kill a process that makes batches, and return how and when that is reported."""
    with closing(batches):
        next(batches)
        before = time.perf_counter()
        os.kill(processes()[-1], signal.SIGKILL)
        try:
            list(islice(batches, 100))
        except Exception as error:
            seconds = time.perf_counter() - before
            return f"{seconds:.1f} s, {type(error).__name__}: {error}"
    return "not at all"


def run(options: Options) -> None:
    """Measure and print."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (options.stills, 24, 24, 3), dtype=np.uint8)
    frames = np.stack([cv2.resize(c, (STORED_SIZE, STORED_SIZE)) for c in coarse])
    landmarks = rng.uniform(94, 290, (options.stills, 68, 2)).astype(np.float32)
    make, workers = MAKERS[options.by], options.workers
    with TemporaryDirectory() as folder:
        path = Path(folder, "frames.npy")
        np.save(path, frames)
        del frames
        crops = Crops(path, landmarks, options.batch_size)
        begin = time.perf_counter()
        print(f"first batch: {first_batch(make(crops, 0, workers), begin):.2f} s")
        begin = time.perf_counter()
        middle = first_batch(make(crops, MIDDLE, workers), begin)
        print(f"first batch from {MIDDLE}: {middle:.2f} s")
        stream = make(crops, 0, workers)
        print(f"checksum: {checksum(list(islice(stream, 10)))}")
        begin, used = time.perf_counter(), processor_time()
        for _ in islice(stream, options.batches):
            pass
        rate = options.batches / (time.perf_counter() - begin)
        used = (processor_time() - used) / options.batches
        print(f"batches per second: {rate:.2f}")
        print(f"processor time: {used:.3f} s a batch")
        print(f"memory: {memory():.0f} MB")
        begin = time.perf_counter()
        stream.close()
        print(f"close: {time.perf_counter() - begin:.2f} s")
        with closing(make(crops, 7, workers + 1)) as later:
            print(f"checksum from 7: {checksum(list(islice(later, 3)))}")
        here = replace(crops)
        print(f"checksum here: {checksum([here.batch(n) for n in (7, 8, 9)])}")
        if "threads" not in options.by:
            print(f"killed process: {report_kill(make(crops, 0, workers))}")


if __name__ == "__main__":
    sys.exit(main())
