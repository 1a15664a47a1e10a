"""Fit a model's reliability, measure its calibration, and write it into the model.

Annotated stills that the model was not trained on are animated, with covers before
their faces (`calibration_samples`), and tracked. The table is held out: the people are
divided into five parts, and the faces of each part are scored by weights fitted on the
other four. The table holds for each category:

* expected calibration error, in ten bins;
* mean error, and its fall when the least reliable tenth of the faces is rejected;
* at best: its fall when the tenth of largest error is rejected.

Lost faces have rows of their own. Their reliability is 0, and their error is that of
the detector where they were. With --write the weights fitted on all faces go into the
model's model.json, and nothing else of the model changes.

Example:
  python -m benchmarks.models.calibrate runs/mine/export --stills DIR --write
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import matplotlib.pyplot as plt
import numpy as np
import tyro
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize

from benchmarks.models.calibration_error import BINS, calibration_error
from benchmarks.models.calibration_samples import Sample, animated, collect
from benchmarks.models.landmark_calibration import (
    LandmarkScores,
    annotated_faces,
    fit_landmarks,
    landmark_table,
    score,
)
from data_pipeline.datasets.three_hundred_vw import SPLITS
from data_pipeline.datasets.three_hundred_w import list_stills
from strrn_tf import FaceTracker
from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.confidence.landmark_confidence import LandmarkConfidence
from strrn_tf.tracking.confidence.reliability import GOOD, Reliability, features
from strrn_tf.tracking.networks.model_folder import seal

PROG = "python -m benchmarks.models.calibrate"
PARTS = 5
# The probability never rises with an error, with the turn of the head or with doubts of
# the face check. In the order of the features.
FALLING, RISING, FREE = (None, 0.0), (0.0, None), (None, None)
BOUNDS = (FALLING, FALLING, FALLING, FREE, RISING, FALLING)
# A bin with fewer faces is not drawn.
FEWEST = 20


@dataclass(frozen=True)
class Options:
    """What to fit, and what to write."""

    model: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="MODEL")]]
    """Name of a shipped model, run folder or exported folder."""
    stills: Path
    """Folder of annotated stills in the 300-W layout."""
    split: Literal["train", "test"] = "test"
    """Which of the stills."""
    seeds: int = 3
    """Data sets of animated stills, of 92 clips each."""
    frames: int = 20
    """Frames of every clip."""
    cache: Path = Path("runs/calibration")
    """Folder for the clips, which are kept."""
    annotated: Path | None = None
    """Folder of further annotated stills to judge the confidence of landmarks on. Some
    of their points may be missing."""
    mapping: Path | None = None
    """Mapping file of their markup, see docs/data.md."""
    picture: Path | None = None
    """PNG of the calibration curves."""
    write: bool = False
    """Write the weights into the model's model.json."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Fit, score, print, draw."""
    tracker = FaceTracker.from_pretrained(options.model, smooth=False)
    stills = list(list_stills(options.stills, options.split))
    roots = animated(options.cache, stills, options.seeds, options.frames)
    samples = [one for root in roots for one in collect(tracker, root)]
    predicted, scored = held_out(samples)
    report(samples, predicted)
    reliability = fit(samples)
    landmarks = fit_landmarks(samples, reliability)
    groups = {
        state: [one for one in scored if one.state == state]
        for state in ("tracked", "detected")
    } | {"both": scored}
    if options.annotated:
        kinds = annotated_faces(tracker, options.annotated, options.mapping)
        for kind, faces in kinds.items():
            groups[kind] = score(faces, reliability, landmarks)
    Console().print(landmark_table(groups))
    if options.picture:
        draw(samples, predicted, options.picture)
    if options.write:
        write(tracker, reliability, landmarks)


def fit(samples: list[Sample]) -> Reliability:
    """Return the logistic functions of largest likelihood that fall with the errors.

    Raises:
        ValueError: there is no tracked face, or no detected one.
    """
    weights = {}
    for state in ("tracked", "detected"):
        chosen = [sample for sample in samples if sample.face.state == state]
        if not chosen:
            raise ValueError(f"no face was {state}, so there is nothing to fit")
        x = np.array([[1, *features(sample.face)] for sample in chosen])
        good = np.array([sample.error < GOOD for sample in chosen])

        def loss(w: np.ndarray, x: np.ndarray = x, good: np.ndarray = good) -> float:
            return (
                np.logaddexp(0, np.where(good, -1, 1) * (x @ w)).mean() + 1e-4 * w @ w
            )

        bounds = [(None, None), *BOUNDS[-(x.shape[1] - 1) :]]
        found = minimize(loss, np.zeros(x.shape[1]), method="L-BFGS-B", bounds=bounds)
        weights[f"of_{state}"] = [round(float(w), 4) for w in found.x]
    return Reliability(**weights)


def held_out(samples: list[Sample]) -> tuple[np.ndarray, list[LandmarkScores]]:
    """Return what weights that have not seen the person say of every face.

    Returns:
        The reliability of all faces, and the confidence of the landmarks of those that
        are not lost.
    """
    names = sorted({sample.person for sample in samples})
    order = np.random.default_rng(0).permutation(len(names))
    part_of = {name: int(order[i]) % PARTS for i, name in enumerate(names)}
    parts = np.array([part_of[sample.person] for sample in samples])
    predicted, scored = np.empty(len(samples)), []
    for part in range(PARTS):
        others = [samples[i] for i in np.flatnonzero(parts != part)]
        fitted = fit(others)
        inside = np.flatnonzero(parts == part)
        predicted[inside] = [fitted(samples[i].face) for i in inside]
        landmarks = fit_landmarks(others, fitted)
        scored += score([samples[i] for i in inside], fitted, landmarks)
    return predicted, scored


def report(samples: list[Sample], predicted: np.ndarray) -> None:
    """Print one row per category and state."""
    columns = "clips", "state", "faces", "good", "ECE", "error", "fall", "at best"
    table = Table(*columns)
    categories = np.array([str(sample.category) for sample in samples])
    states = np.array([sample.face.state for sample in samples])
    errors = np.array([sample.error for sample in samples])
    everything = np.full(len(samples), True)
    for name in (*map(str, SPLITS), "all"):
        for state, of_state in (
            ("tracked", states == "tracked"),
            ("detected", states == "detected"),
            ("tracked or lost", states != "detected"),
        ):
            chosen = everything if name == "all" else categories == name
            chosen = chosen & of_state
            if not chosen.any():
                continue
            error, good = errors[chosen], errors[chosen] < GOOD
            table.add_row(
                name,
                state,
                str(chosen.sum()),
                f"{100 * good.mean():.1f} %",
                f"{calibration_error(predicted[chosen], good):.3f}",
                f"{100 * error.mean():.2f} %",
                f"{100 * fall(error, -predicted[chosen]):.1f} %",
                f"{100 * fall(error, error):.1f} %",
            )
    Console().print(table)


def fall(errors: np.ndarray, order: np.ndarray) -> float:
    """Return by what share the mean falls without the tenth that is last in order."""
    kept = errors[np.argsort(order, kind="stable")[: len(errors) - len(errors) // 10]]
    return float(1 - kept.mean() / errors.mean())


def draw(samples: list[Sample], predicted: np.ndarray, path: Path) -> None:
    """Write the calibration curves."""
    figure, axes = plt.subplots(figsize=(5, 5), dpi=100)
    axes.plot([0, 1], [0, 1], color="0.7", label="perfect")
    states = np.array([sample.face.state for sample in samples])
    good = np.array([sample.error < GOOD for sample in samples])
    bins = np.minimum((predicted * BINS).astype(int), BINS - 1)
    for state, colour in (("tracked", "tab:blue"), ("detected", "tab:orange")):
        inside = [(bins == b) & (states == state) for b in range(BINS)]
        inside = [chosen for chosen in inside if chosen.sum() >= FEWEST]
        x, y = (
            [values[chosen].mean() for chosen in inside] for values in (predicted, good)
        )
        sizes = [600 * chosen.mean() + 5 for chosen in inside]
        axes.plot(x, y, color=colour, label=state)
        axes.scatter(x, y, sizes, color=colour)
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="reliability",
        ylabel=f"share of faces with an error below {100 * GOOD:.0f} % of the eyes",
    )
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)
    print(f"{path} is written")


def as_entries(reliability: Reliability, landmarks: LandmarkConfidence) -> dict:
    """Return the two entries of model.json."""
    near = "5 % of the eye distance"
    return {
        "reliability": {
            "meaning": f"probability that the mean error is below {near}",
            "of_tracked": list(reliability.of_tracked),
            "of_detected": list(reliability.of_detected),
        },
        "landmark_confidence": {
            "meaning": f"probability that a landmark is within {near}",
            "of_tracked": asdict(landmarks.of_tracked),
            "of_detected": asdict(landmarks.of_detected),
        },
    }


def write(
    tracker: FaceTracker, reliability: Reliability, landmarks: LandmarkConfidence
) -> None:
    """Put the weights into the model's description."""
    entries = as_entries(reliability, landmarks)
    seal(tracker.folder.path, {**tracker.folder.description, **entries})
    print(f"{tracker.folder.path / 'model.json'} is written")


if __name__ == "__main__":
    sys.exit(main())
