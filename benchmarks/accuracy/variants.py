"""What float16 and int8 weights save and cost, against float32.

The Keras networks of a model folder are exported in every precision. The table holds
for each:

* size of the files;
* inter-pupil error on stills in the 300-W layout, boxes from the landmarks. The tracker
  makes one step from the landmarks of the float32 detector;
* distance of the landmarks to those of float32 in pixels of the crop, which has 315 a
  side, or 157 where networks take half the resolution: mean, and 99.9th percentile;
* milliseconds on one core: the median of calls in which the variants take turns.

Example:
  python -m benchmarks.accuracy.variants strrn-hgn --stills DIR/300w/helen/testset
"""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple, get_args

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.datasets.three_hundred_w import Still, list_stills, read_landmarks
from data_pipeline.media.images import read_image
from strrn_tf.config import Precision
from strrn_tf.evaluation.metrics import nme_interpupil
from strrn_tf.geometry import (
    CROP_MARGIN,
    CROP_SIZE,
    apply_matrix,
    box_from_landmarks,
    crop_matrix,
)
from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.networks.crop import cut, to_network
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.networks.model_folder import ModelFolder, load, verify

PROG = "python -m benchmarks.accuracy.variants"
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
# Crops on which the export compares TFLite with Keras.
PARITY_CROPS = 8
# Calls of a variant before the next has its turn, and those before them that do not
# count: a network finds its own weights in the processor's cache, as in a video.
CALLS, WARM_UP = 10, 2


@dataclass(frozen=True)
class Options:
    """What to measure."""

    model: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="MODEL")]]
    """Name of a shipped model, run folder or exported folder."""
    stills: Path
    """Folder of annotated stills in the 300-W layout."""
    count: int | None = None
    """Stills to use; without it, all."""
    rounds: int = 30
    """Rounds of 10 timed calls of every variant."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


class Sample(NamedTuple):
    """A crop (1, S, S, 3) as networks take it, and its landmarks (68, 2)."""

    crop: np.ndarray
    landmarks: np.ndarray


def read_sample(
    still: Still, size: int = CROP_SIZE, margin: float = CROP_MARGIN
) -> Sample:
    """Return the crop around the annotated face, see ``crop`` of ``model.json``."""
    landmarks = read_landmarks(still)
    matrix = crop_matrix(box_from_landmarks(landmarks), size, margin)
    crop = to_network(cut(read_image(still.image_path), matrix, size))
    return Sample(crop, apply_matrix(matrix, landmarks).astype(np.float32))


def export_all(
    folder: ModelFolder, stills: Sequence[Still], target: Path
) -> list[Path]:
    """Export the networks of a model folder in every precision; return the folders."""
    from strrn_tf.export.tflite import export_models
    from strrn_tf.models.build import load_networks

    networks = load_networks(folder.path)
    # The export halves them itself where networks take half the resolution.
    some = [read_sample(still) for still in stills[:PARITY_CROPS]]
    return [
        export_models(
            *networks,
            target / precision,
            info={"name": precision, "mean_shape": folder.mean_shape},
            crops=np.concatenate([sample.crop for sample in some]),
            starts=np.stack([sample.landmarks for sample in some]),
            precision=precision,
        )
        for precision in track(PRECISIONS, "exporting", transient=True)
    ]


def answers(
    variants: Sequence[FaceNetworks], samples: Sequence[Sample]
) -> tuple[np.ndarray, np.ndarray]:
    """Return landmarks (V, N, 68, 2) of the detectors, and of the trackers.

    All trackers start where the first detector, that of float32, sees the face, so
    that they have a way to go.
    """
    detected, tracked = [], []
    for sample in track(samples, "running", transient=True):
        seen = [networks.detect_in_crop(sample.crop) for networks in variants]
        went = [networks.track_in_crop(sample.crop, seen[0]) for networks in variants]
        detected.append(seen)
        tracked.append(went)
    return np.stack(detected, axis=1), np.stack(tracked, axis=1)


def milliseconds(
    variants: Sequence[FaceNetworks], samples: Sequence[Sample], rounds: int
) -> np.ndarray:
    """Return medians (V, 2) of detector and tracker; the variants take turns."""
    times = np.empty((rounds, len(variants), CALLS, 2))
    for turn, (v, networks) in product(range(rounds), enumerate(variants)):
        for call in range(-WARM_UP, CALLS):  # calls below 0 are overwritten
            crop, start = samples[(turn * CALLS + call) % len(samples)]
            begin = time.perf_counter()
            networks.detect_in_crop(crop)
            between = time.perf_counter()
            networks.track_in_crop(crop, start)
            times[turn, v, call] = between - begin, time.perf_counter() - between
    return 1000 * np.median(times, axis=(0, 2))


def measure(folders: Sequence[Path], samples: Sequence[Sample], rounds: int) -> Table:
    """Return the table of the variants in these folders, float32 first."""
    variants = [FaceNetworks(load(folder)) for folder in folders]
    truth = np.stack([sample.landmarks for sample in samples])
    networks = answers(variants, samples)
    latency = milliseconds(variants, samples, rounds)
    columns = ("network", "weights", "MB", "NME, %", "px off", "99.9 %", "ms")
    table = Table(*columns)
    for n, name in enumerate(("detector", "tracker")):
        for v, folder in enumerate(folders):
            off = np.linalg.norm(networks[n][v] - networks[n][0], axis=-1)
            table.add_row(
                name,
                folder.name,
                f"{(folder / f'{name}.tflite').stat().st_size / 1e6:.2f}",
                f"{nme_interpupil(networks[n][v], truth).mean():.3f}",
                f"{off.mean():.3f}",
                f"{np.percentile(off, 99.9):.3f}",
                f"{latency[v, n]:.2f}",
            )
        table.add_section()
    return table


def run(options: Options) -> None:
    """Export, measure, print."""
    folder = verify(options.model)
    crop = folder.crop_size, folder.crop_margin
    stills = list_stills(options.stills, "test")[: options.count]
    reading = track(stills, "reading", transient=True)
    samples = [read_sample(still, *crop) for still in reading]
    with TemporaryDirectory() as target:
        folders = export_all(folder, stills, Path(target))
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        table = measure(folders, samples, options.rounds)
    table.title = f"{options.model}, {len(samples)} stills, one core"
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
