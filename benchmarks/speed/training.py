"""Milliseconds per sample of training, and whether the data keep up.

An update is forward pass, backward pass and optimizer step on a batch in memory. The
tracker's update has the passes of its self-rollout, without gradient, and the three of
Algorithm 1: forward in time, and back from the tracked and from the detected shape. The
pipeline is measured alone, with all augmentations. It has to deliver at least three
times as many samples as training takes. The paper gives 60 ms per frame on a GTX 1080
Ti.

Example:
  python -m benchmarks.speed.training --backbones mdm hgn --batch-size 16
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rich.console import Console
from rich.table import Table

# Before TensorFlow is loaded: its start-up messages say nothing to a user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from benchmarks.speed import pipeline
from strrn_tf.config import RunConfig, supports_global_context
from strrn_tf.geometry import CROP_SIZE, mean_shape
from strrn_tf.models.build import build_networks
from strrn_tf.system.command_line import run_program
from strrn_tf.training.fitting import use_threads
from strrn_tf.training.trainers import DetectorTrainer, TrackerTrainer

PROG = "python -m benchmarks.speed.training"
PAPER_MS, NEEDED_RATIO = 60, 3
# The data set that each network learns from while Algorithm 1 runs.
STREAM_OF_NETWORK = {"detector": "stills", "tracker": "mixed pairs"}


@dataclass(frozen=True)
class Options:
    """What to measure."""

    backbones: tuple[Literal["mdm", "hgn"], ...] = ("mdm", "hgn")
    """Detectors."""
    preset: Literal["tiny", "default", "paper"] = "default"
    """Sizes of the networks."""
    batch_size: int = 16
    """Samples of an update."""
    updates: int = 20
    """Measured updates, after two that are not."""
    seconds: float = 5.0
    """Time for every data set of the pipeline."""
    threads: int = 0
    """Threads of one operation; 0: one for each core."""
    xla: bool = False
    """Compile with XLA, which is slower on CPUs."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def random_batches(size: int) -> dict[str, dict[str, np.ndarray]]:
    """Return one batch for every network, in the form of the data sets."""
    rng = np.random.default_rng(0)
    crop = (CROP_SIZE, CROP_SIZE, 3)
    shape = rng.uniform(60, 255, (size, 68, 2)).astype(np.float32)
    moved = shape + rng.normal(0, 3, shape.shape).astype(np.float32)
    one = rng.random((size, *crop), np.float32)
    two = rng.random((size, 2, *crop), np.float32)
    return {
        "detector": {"frames": one, "landmarks": shape},
        "tracker": {
            "frames": two, "before": shape, "start": shape,
            "detected": moved, "target": moved,
        },
    }  # fmt: skip


def trainers(options: Options, backbone: str) -> dict[str, keras.Model]:
    """Return detector and tracker ready for updates."""
    config = RunConfig(
        backbone=backbone,
        preset=options.preset,
        global_context=supports_global_context(backbone, options.preset),
    )
    start = mean_shape(random_batches(4)["detector"]["landmarks"])
    detector, tracker = build_networks(config, start)
    made = {
        "detector": DetectorTrainer(detector),
        "tracker": TrackerTrainer(tracker, config.algorithm),
    }
    for trainer in made.values():
        optimizer = keras.optimizers.AdamW(1e-4, global_clipnorm=10.0)
        trainer.compile(optimizer=optimizer, jit_compile=options.xla)
    return made


def milliseconds_per_sample(
    trainer: keras.Model,
    batch: dict[str, np.ndarray],
    updates: int,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the median over the updates, after two that compile and warm up.

    Args:
        trainer: compiled.
        batch: for every update.
        updates: number of measured updates.
        clock: returns seconds.
    """
    tensors = {name: keras.ops.convert_to_tensor(v) for name, v in batch.items()}
    times = []
    for _ in range(updates + 2):
        begin = clock()
        trainer.train_on_batch(tensors)
        times.append(clock() - begin)
    return 1000 * float(np.median(times[2:])) / len(batch["frames"])


def pipeline_rates(options: Options) -> dict[str, float]:
    """Return samples per second of every network's data set."""
    streams = pipeline.streams(
        pipeline.Options(batch_size=options.batch_size, seconds=options.seconds)
    )
    return {
        network: pipeline.samples_per_second(streams[name], options.seconds)
        for network, name in STREAM_OF_NETWORK.items()
    }


def run(options: Options) -> None:
    """Print one row per network."""
    use_threads(options.threads)
    batches = random_batches(options.batch_size)
    rates = pipeline_rates(options)
    table = Table(
        *("network", "update, ms per sample", "data, samples/s", "data / training"),
        title=f"batch {options.batch_size}, preset {options.preset}",
        caption=f"{os.cpu_count()} cores; data / training must reach {NEEDED_RATIO}. "
        f"The paper: {PAPER_MS} ms per frame, GTX 1080 Ti",
    )
    for backbone in options.backbones:
        for network, trainer in trainers(options, backbone).items():
            took = milliseconds_per_sample(trainer, batches[network], options.updates)
            rate = rates[network]
            ratio = rate * took / 1000
            name = backbone if network == "detector" else f"tracker (with {backbone})"
            table.add_row(name, f"{took:.1f}", f"{rate:.0f}", f"{ratio:.1f}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
