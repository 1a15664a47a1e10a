"""Milliseconds and memory of exported models on one core, through LiteRT.

    python benchmarks/latency.py saved_models/strrn-mdm saved_models/strrn-hgn

Every model runs in a process of its own, tied to one core, with the runtime's imports
and nothing else. Per operation: median and 95th percentile of the wall clock, and the
median of processor time, which other work on the machine hardly touches. Memory is the
process's peak (``resource.getrusage``), with and without MTCNN in it.
"""

import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

FRAME = (720, 1280, 3)
BOX = np.array([500.0, 200.0, 780.0, 480.0])


@dataclass(frozen=True)
class Options:
    """What to measure.

    Attributes:
        models: model names or folders.
        runs: measured runs of every operation.
        warm_up: runs before those.
        output: also write the JSON to this file.
    """

    models: tuple[str, ...]
    runs: int = 200
    warm_up: int = 20
    output: Path | None = None


def measure(model: str, runs: int, warm_up: int) -> dict:
    """Return the figures of one model; runs in a process of its own."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from strrn_tf.tracking.tracker import FaceTracker

    started = time.perf_counter()
    tracker = FaceTracker.from_pretrained(model)
    frame = smooth_noise()
    landmarks = tracker.align(frame, BOX)
    opened = time.perf_counter() - started
    rows = {
        name: timed(operation, runs, warm_up)
        for name, operation in operations(tracker, frame, landmarks).items()
    }
    peak = peak_megabytes()
    tracker.reset()
    tracker.update(frame)  # opens MTCNN
    return {
        "model": str(model),
        "milliseconds": rows,
        "open_and_first_answer_ms": 1000 * opened,
        "peak_mb": peak,
        "peak_with_mtcnn_mb": peak_megabytes(),
    }


def operations(
    tracker: object, frame: np.ndarray, landmarks: np.ndarray
) -> dict[str, Callable[[], object]]:
    """Return what is timed, by name."""
    from strrn_tf.geometry import apply_matrix, box_from_landmarks

    networks = tracker.networks
    matrix = networks.window(box_from_landmarks(landmarks))
    crop = networks.cut(frame, matrix)
    start = apply_matrix(matrix, landmarks).astype(np.float32)

    def one_way() -> np.ndarray:
        return networks.track_in_crop(networks.cut(frame, matrix), start)

    return {
        "crop": lambda: networks.cut(frame, matrix),
        "detector network": lambda: networks.detect_in_crop(crop),
        "detector, image to landmarks": lambda: tracker.align(frame, BOX),
        "tracker network": lambda: networks.track_in_crop(crop, start),
        "tracker, image to landmarks": one_way,
        "tracker, there and back": lambda: tracker.step(frame, frame, landmarks),
    }


def timed(operation: Callable[[], object], runs: int, warm_up: int) -> dict[str, float]:
    """Return median and 95th percentile in milliseconds."""
    for _ in range(warm_up):
        operation()
    times = np.empty((runs, 2))
    for i in range(runs):
        before = time.perf_counter(), time.process_time()
        operation()
        times[i] = time.perf_counter() - before[0], time.process_time() - before[1]
    wall, processor = 1000 * times.T
    return {
        "median": float(np.median(wall)),
        "p95": float(np.percentile(wall, 95)),
        "processor_median": float(np.median(processor)),
    }


def smooth_noise() -> np.ndarray:
    """Return a frame with structure at all scales; what it shows costs no time."""
    import cv2

    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (45, 80, 3), dtype=np.uint8)
    return cv2.resize(small, FRAME[1::-1], interpolation=cv2.INTER_CUBIC)


def peak_megabytes() -> float:
    """Return the largest resident size of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def show(results: list[dict]) -> None:
    """Print one table per model."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for result in results:
        table = Table("ms, one core", "median", "95 %", "processor time", title="")
        table.title = result["model"]
        for name, row in result["milliseconds"].items():
            table.add_row(name, *(f"{value:.2f}" for value in row.values()))
        console.print(table)
        console.print(
            f"open and first answer {result['open_and_first_answer_ms']:.0f} ms, "
            f"peak memory {result['peak_mb']:.0f} MB, "
            f"with MTCNN {result['peak_with_mtcnn_mb']:.0f} MB"
        )


def main() -> None:
    """Measure every model and print tables, then JSON."""
    import tyro

    options = tyro.cli(
        Annotated[Options, tyro.conf.arg(name="")],
        description=__doc__,
        config=(tyro.conf.PositionalRequiredArgs,),
    )
    spawn = multiprocessing.get_context("spawn")
    results = []
    for model in options.models:
        with ProcessPoolExecutor(1, mp_context=spawn) as process:
            arguments = (model, options.runs, options.warm_up)
            results.append(process.submit(measure, *arguments).result())
    show(results)
    text = json.dumps(results, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
