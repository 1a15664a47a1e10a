"""The thin-plate spline of `data_pipeline.augmentation.warp` beside SciPy's.

Synthetic faces are animated. `Warp` computes the maps of their crops, in float32 as it
is used and in float64. `scipy.interpolate.RBFInterpolator` does so with the same knots
and smoothing. The table holds for each:

* largest distance of a map to that of SciPy, in pixels of the crop, which has 315 a
  side: the median of the maps, and the maximum;
* milliseconds of processor time of one map, from the landmarks on: the median;
* milliseconds of a sample of the training stream of stills in which every face is
  animated, by two threads: elapsed time and processor time, medians of the rounds.

Other work on the machine hardly changes processor time.

Example:
  python -m benchmarks.speed.warp --count 100 --seconds 5
"""

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.interpolate import RBFInterpolator

from data_pipeline.augmentation import augment, warp
from data_pipeline.augmentation.augment import Augmentation, sample_matrix
from data_pipeline.augmentation.facial_motion import (
    animate_landmarks,
    sample_facial_motions,
)
from data_pipeline.crops.window import STORED_SIZE
from data_pipeline.synthetic import draw_face
from strrn_tf.geometry import (
    CROP_MARGIN,
    CROP_SIZE,
    apply_matrix,
    box_from_landmarks,
    crop_matrix,
)
from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.networks.crop import cut

PROG = "python -m benchmarks.speed.warp"
FACES, THREADS = 10, 2
ALWAYS = replace(Augmentation().facial_motion, probability=1.0)
AUGMENTATION = replace(Augmentation(), facial_motion=ALWAYS)


@dataclass(frozen=True)
class Options:
    """How much to measure."""

    count: int = 100
    """Maps to compute."""
    seconds: float = 5.0
    """Time for every stream in every round."""
    rounds: int = 5
    """Rounds in which the streams take turns."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


class Float64Warp(warp.Warp):
    """The spline of `Warp` in the precision of SciPy's."""

    def fit(self, knots: np.ndarray, shift: np.ndarray) -> None:
        """Solve for the spline."""
        self._knots, self._weights = knots, warp._solve(knots, shift)

    def shift_at(self, points: np.ndarray) -> np.ndarray:
        """Return the spline at points."""
        kernel = warp._kernel(points, self._knots)
        columns = np.column_stack([kernel, np.ones(len(points)), points])
        return columns @ self._weights


class SciPyWarp(warp.Warp):
    """The spline by SciPy."""

    def fit(self, knots: np.ndarray, shift: np.ndarray) -> None:
        """Solve for the spline."""
        # SciPy's kernel r^2 log r is half of r^2 log r^2, and so is its smoothing.
        self._spline = RBFInterpolator(
            knots, shift, smoothing=warp._SMOOTHING / 2, kernel="thin_plate_spline"
        )

    def shift_at(self, points: np.ndarray) -> np.ndarray:
        """Return the spline at points."""
        return self._spline(points)


WARPS = {"Warp": warp.Warp, "in float64": Float64Warp, "SciPy": SciPyWarp}


class Case(NamedTuple):
    """A stored crop, its landmarks, the wanted ones, and the matrix to a crop."""

    stored: np.ndarray
    landmarks: np.ndarray
    wanted: np.ndarray
    matrix: np.ndarray


def cases(count: int) -> Iterator[Case]:
    """Yield animated faces as the training stream has them."""
    rng = np.random.default_rng(0)
    for number in range(count):
        seed = np.random.default_rng(number % FACES)
        image, landmarks = draw_face(seed, 1 + number % 3)
        margin = CROP_MARGIN * STORED_SIZE / CROP_SIZE
        matrix = crop_matrix(box_from_landmarks(landmarks), STORED_SIZE, margin)
        landmarks = apply_matrix(matrix, landmarks)
        motion, _ = sample_facial_motions(rng, ALWAYS)
        yield Case(
            cut(image, matrix, STORED_SIZE),
            landmarks,
            animate_landmarks(landmarks, motion),
            sample_matrix(rng, AUGMENTATION, STORED_SIZE),
        )


def measure_maps(
    kind: type[warp.Warp], some: Sequence[Case]
) -> tuple[list[np.ndarray], float]:
    """Return the maps, and the median of milliseconds of processor time."""
    maps, times = [], []
    for case in some:
        begin = time.process_time()
        maps.append(kind(case.landmarks, case.wanted).maps(case.matrix))
        times.append(time.process_time() - begin)
    return maps, 1000 * float(np.median(times))


def measure_stream(some: Sequence[Case], seconds: float) -> tuple[float, float]:
    """Return milliseconds of a sample, elapsed and of processor time."""

    def sample(number: int) -> None:
        case, rng = some[number % len(some)], np.random.default_rng(number)
        augment.augment(case.stored, case.landmarks, AUGMENTATION, rng)

    done, step = 0, 8 * THREADS
    with ThreadPoolExecutor(THREADS) as pool:
        begin, used = time.perf_counter(), time.process_time()
        while time.perf_counter() - begin < seconds:
            list(pool.map(sample, range(done, done + step)))
            done += step
        elapsed, used = time.perf_counter() - begin, time.process_time() - used
    return 1000 * elapsed / done, 1000 * used / done


def run(options: Options) -> None:
    """Measure and print."""
    cv2.setNumThreads(1)
    some = list(cases(options.count))
    found = {name: measure_maps(kind, some) for name, kind in WARPS.items()}
    streams = {name: [] for name in WARPS}
    for _ in range(options.rounds):
        for name, kind in WARPS.items():
            augment.Warp = kind
            streams[name].append(measure_stream(some, options.seconds))
    table = Table("spline", "px apart", "maximum", "ms", "sample, ms", "processor, ms")
    truth = found["SciPy"][0]
    for name, (maps, milliseconds) in found.items():
        pairs = zip(maps, truth, strict=True)
        apart = [np.linalg.norm(a - b, axis=-1).max() for a, b in pairs]
        sample, processor = np.median(streams[name], axis=0)
        cells = np.median(apart), np.max(apart)
        table.add_row(
            name,
            *(f"{cell:.4f}" for cell in cells),
            *(f"{cell:.2f}" for cell in (milliseconds, sample, processor)),
        )
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
