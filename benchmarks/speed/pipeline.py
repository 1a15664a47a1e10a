"""Samples per second of the data pipeline.

Training must never wait for data. The pipeline has to deliver at least three times what
training consumes; ``--consumption`` takes the milliseconds that a training step needs
per sample and prints the ratio.

Example:
  python -m benchmarks.speed.pipeline --batch-size 32 --consumption 14
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from data_pipeline.augmentation.augment import Augmentation
from data_pipeline.augmentation.motion import Motion
from data_pipeline.batches.pipelines import (
    Labelled,
    clip_pairs_dataset,
    mix,
    motion_pairs_dataset,
    stills_dataset,
)
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.speed.pipeline"


@dataclass(frozen=True)
class Options:
    """What to measure."""

    store: Path | None = None
    """Folder of a crop store with landmarks; without it, synthetic pictures."""
    batch_size: int = 32
    """Samples of a batch."""
    seconds: float = 5.0
    """Time for every data set."""
    consumption: float | None = None
    """Milliseconds per sample that training needs, to print the ratio."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def drawn_samples(count: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Return smooth random pictures (count, 385, 385, 3) and shapes in them."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 24, 24, 3), dtype=np.uint8)
    frames = np.stack([cv2.resize(c, (385, 385)) for c in coarse])
    return frames, rng.uniform(94, 290, (count, 68, 2)).astype(np.float32)


def stored_samples(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the last frames and the landmarks of a crop store's labelled samples."""
    path = folder / "frames.npy"
    if not path.is_file():
        raise ValueError(
            f"--store must be the folder of a crop store. Received: no {path}"
        )
    frames = np.load(path, mmap_mode="r")
    return frames[:, -1], np.load(folder / "samples.npz")["landmarks"][:, -1]


def streams(options: Options) -> dict[str, tf.data.Dataset]:
    """Return the data sets to measure, all augmentations on."""
    if options.store is None:
        frames, landmarks = drawn_samples()
    else:
        frames, landmarks = stored_samples(options.store)
    index = np.flatnonzero(np.isfinite(landmarks).all((1, 2)))
    sources = [Labelled(frames, landmarks, index=index)]
    rest = {"batch_size": options.batch_size, "seed": 0}
    rest["augmentation"] = Augmentation()
    half = {**rest, "batch_size": max(options.batch_size // 2, 1)}
    pairs = np.repeat(frames[index[:64]][:, None], 2, 1)
    shapes = [landmarks[index[:64]]] * 3
    return {
        "stills": stills_dataset(sources, **rest),
        "motion pairs": motion_pairs_dataset(sources, motion=Motion(), **rest),
        "clip pairs": clip_pairs_dataset(pairs, *shapes, **rest),
        "mixed pairs": mix(
            motion_pairs_dataset(sources, motion=Motion(), **half),
            clip_pairs_dataset(pairs, *shapes, **half),
        ),
    }


def samples_per_second(stream: tf.data.Dataset, seconds: float) -> float:
    """Return the rate of a stream after its first two batches."""
    batches = iter(stream)
    next(batches)
    next(batches)
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        count += len(next(batches)["frames"])
    return count / (time.perf_counter() - begin)


def run(options: Options) -> None:
    """Print one line per data set."""
    table = Table("data set", "samples/s", "ms per sample", "x consumption")
    for name, stream in streams(options).items():
        rate = samples_per_second(stream, options.seconds)
        ratio = "-"
        if options.consumption is not None:
            ratio = f"{rate * options.consumption / 1000:.1f}"
        table.add_row(name, f"{rate:.0f}", f"{1000 / rate:.2f}", ratio)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
