"""The error of detectors against their milliseconds, as a table and a picture.

Every detector gets the crops around the annotated landmarks of the same stills, once,
without turned windows. Its time is the median of calls in which the models take turns,
on one core, without the crop.

Other projects' detectors are drawn in grey. We measured them once, with their published
weights, on the same stills; their times are from another machine (see README.md).

Example:
  python -m benchmarks.speed.error_and_time strrn-fast strrn-mdm strrn-hgn --stills DIR
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.datasets.three_hundred_w import Still, list_stills, read_landmarks
from data_pipeline.media.images import read_image
from strrn_tf.evaluation.metrics import nme_interpupil
from strrn_tf.geometry import box_from_landmarks
from strrn_tf.system.command_line import run_program
from strrn_tf.system.machine import pin_to_one_core
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.networks.model_folder import verify

PROG = "python -m benchmarks.speed.error_and_time"
# Error in % and milliseconds, as README.md has them.
PEERS = {
    "MobileFaceNet-68": (4.39, 6.1),
    "PFLD-68": (4.83, 3.5),
    "dlib": (5.18, 2.2),
    "face-api 68": (6.17, 1.5),
    "MediaPipe": (7.03, 2.1),
    "3DDFA_V2": (7.63, 1.3),
    "OpenSeeFace": (8.01, 6.8),
}
OURS = "#0072B2"
# Calls of a model before the next has its turn, and those before that do not count.
CALLS, WARM_UP = 10, 2


@dataclass(frozen=True)
class Options:
    """What to measure."""

    models: tyro.conf.Positional[
        tuple[Annotated[str, tyro.conf.arg(metavar="MODEL")], ...]
    ]
    """Names of shipped models, run folders or exported folders."""
    stills: Path
    """Folder of annotated stills in the 300-W layout."""
    rounds: int = 20
    """Rounds of 10 timed calls of every model."""
    picture: Path | None = None
    """Where the picture goes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Measure, print, draw."""
    stills = list_stills(options.stills, "test")
    names = [Path(model).name for model in options.models]
    networks = [FaceNetworks(verify(model), any_roll=False) for model in options.models]
    errors = [
        mean_error(each, stills, name)
        for each, name in zip(networks, names, strict=True)
    ]
    pin_to_one_core()
    times = milliseconds(networks, options.rounds)
    table = Table("detector", "NME, %", "ms")
    for name, error, spent in zip(names, errors, times, strict=True):
        table.add_row(name, f"{error:.2f}", f"{spent:.2f}")
    Console().print(table)
    if options.picture:
        draw(
            dict(zip(names, zip(errors, times, strict=True), strict=True)),
            options.picture,
        )


def mean_error(networks: FaceNetworks, stills: Sequence[Still], name: str) -> float:
    """Return the mean inter-pupil error of a detector in percent."""
    errors = []
    for still in track(stills, name, transient=True):
        truth = read_landmarks(still)
        image = read_image(still.image_path)
        found = networks.detect(image, box_from_landmarks(truth))
        errors.append(nme_interpupil(found, truth))
    return float(np.mean(errors))


def milliseconds(networks: Sequence[FaceNetworks], rounds: int) -> np.ndarray:
    """Return the medians (V,) of one detection in a crop; the models take turns."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (400, 400, 3), np.uint8)
    crops = [n.cut(image, n.window(np.array([100, 100, 300, 300]))) for n in networks]
    times = np.empty((rounds, len(networks), CALLS))
    for turn in range(rounds):
        for v, (each, crop) in enumerate(zip(networks, crops, strict=True)):
            for call in range(-WARM_UP, CALLS):  # calls below 0 are overwritten
                begin = time.perf_counter()
                each.detect_in_crop(crop.pixels)
                times[turn, v, call] = time.perf_counter() - begin
    return 1000 * np.median(times, axis=(0, 2))


def draw(measured: dict[str, tuple[float, float]], path: Path) -> None:
    """Draw error against milliseconds."""
    from matplotlib.figure import Figure

    figure = Figure((7, 4.2), layout="constrained")
    axis = figure.subplots()
    for points, colour in ((PEERS, "0.55"), (measured, OURS)):
        for number, (name, (error, spent)) in enumerate(points.items()):
            axis.plot(spent, error, "o", color=colour)
            # Neighbours would write over each other.
            above = colour != OURS or number % 2 == 0
            axis.annotate(
                name,
                (spent, error),
                (5, 4) if above else (-20, -13),
                textcoords="offset points",
                color=colour,
                fontsize=9,
            )
    axis.set_xscale("log")
    ticks = (1, 2, 3, 5, 8, 12, 20, 30)
    axis.set_xticks(ticks, [str(t) for t in ticks])
    axis.set_xlim(0.8, 30)
    axis.set_ylim(3.5, 8.4)
    axis.minorticks_off()
    axis.set_xlabel("milliseconds for one detection, one core")
    axis.set_ylabel("error, % of the distance between the eye centres")
    axis.set_title("Helen's 330 test images; below and left is better")
    axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
