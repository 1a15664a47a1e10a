"""What a detector learns from stills that are annotated in part.

Four trainings for every seed, from nothing and with the same number of updates:

* whole: some stills with all 68 points;
* half: the same stills, half of all points missing at random;
* few: 157 stills with all points, a twentieth of 300-W;
* few and five: the same 157, beside pictures of another markup with few points.

Errors are those of the boxes of the true landmarks. Every finished training is kept in
--output, and a training that was stopped goes on.

Example:
  python -m benchmarks.learning.partial_labels --stills DIR/300w --test DIR/testset
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.learning.detection_errors import detection_errors
from strrn_tf.config import RunConfig
from strrn_tf.system.atomic import write_text
from strrn_tf.system.command_line import run_program

# Before TensorFlow is loaded: its start-up messages say nothing to a user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if TYPE_CHECKING:
    import keras

    from data_pipeline.stores.store import CropStore

PROG = "python -m benchmarks.learning.partial_labels"
FEW = 157
CELLS = ("whole", "half", "few", "few and five")


@dataclass(frozen=True)
class Options:
    """Data, size of the trainings, and where results are kept."""

    stills: Path
    """Folder in the 300-W layout; its training split is used."""
    test: Path
    """Folder of annotated test stills."""
    few_points: Path | None = None
    """Stills of a markup with few points. Without it the last training is left out."""
    mapping: Path | None = None
    """Mapping file of --few-points."""
    output: Path = Path("runs/partial-labels")
    """Folder of crops, checkpoints and results."""
    backbone: Literal["mdm", "hgn"] = "mdm"
    """Detector."""
    preset: Literal["tiny", "fast", "default"] = "default"
    """Sizes of the network."""
    count: int = 600
    """Stills of the first two trainings."""
    five: int = 3000
    """Pictures with few points."""
    updates: int = 1500
    """Of every training."""
    batch_size: int = 16
    """Samples of an update."""
    seeds: int = 2
    """Number of seeds."""
    cells: tuple[Literal["whole", "half", "few", "few and five"], ...] = CELLS
    """Which trainings."""
    threads: int = 0
    """Threads of one operation; 0: one for each core."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Train what is missing, and print the table."""
    from strrn_tf.training.fitting import use_threads

    use_threads(options.threads)
    options = replace(options, output=options.output / data_key(options))
    sizes = (options.count, options.count, FEW, f"{FEW} and {options.five}")
    sizes = dict(zip(CELLS, sizes, strict=True))
    cells = [c for c in options.cells if c != CELLS[3] or options.few_points]
    errors: dict[str, list[float]] = {cell: [] for cell in cells}
    for seed in range(options.seeds):
        for cell in cells:
            errors[cell].append(result(options, cell, seed))
    shown = Table("training", "stills", "error, inter-pupil %", "against the one above")
    for cell, values in errors.items():
        against = errors.get({"half": "whole", "few and five": "few"}.get(cell))
        ratio = np.mean(values) / np.mean(against) if against else None
        shown.add_row(
            cell,
            f"{sizes[cell]}",
            ", ".join(f"{value:.2f}" for value in values),
            f"{100 * (ratio - 1):+.1f} %" if ratio else "",
        )
    Console().print(shown)


def data_key(options: Options) -> str:
    """Return the name of the folder for these stills and annotations."""
    from data_pipeline.crops.fingerprints import fingerprint
    from data_pipeline.datasets.labelled_stills import list_labelled
    from data_pipeline.datasets.three_hundred_w import list_stills

    stills = [*list_stills(options.stills, "train"), *list_stills(options.test, "test")]
    if options.few_points:
        stills += list_labelled(options.few_points, mapping=options.mapping)
    return fingerprint(stills)[:8]


def result(options: Options, cell: str, seed: int) -> float:
    """Return the error in percent of one training, which is done if it is missing."""
    key = {
        "cell": cell, "seed": seed, "backbone": options.backbone,
        "preset": options.preset, "count": options.count, "five": options.five,
        "updates": options.updates, "batch_size": options.batch_size,
    }  # fmt: skip
    name = "-".join(str(value) for value in key.values()).replace(" ", "-")
    path = options.output / "results" / f"{name}.json"
    if not path.is_file():
        error = train(options, cell, seed, options.output / "trainings" / name)
        write_text(path, json.dumps({**key, "error": error}) + "\n")
        print(f"{name}: {error:.2f}", flush=True)
    return json.loads(path.read_text(encoding="utf-8"))["error"]


def train(options: Options, cell: str, seed: int, folder: Path) -> float:
    """Train one detector, or the rest of it, and return its error in percent."""
    import keras

    from data_pipeline.batches.training_data import TrainingData
    from strrn_tf.geometry import mean_shape
    from strrn_tf.methods.training_run import TrainingRun
    from strrn_tf.models.build import build_networks
    from strrn_tf.training.run_folder import RunFolder

    config = RunConfig()
    config = replace(
        config,
        backbone=options.backbone,
        preset=options.preset,
        seed=seed,
        global_context=options.backbone == "mdm",
        detector=replace(
            config.detector, steps=options.updates, batch_size=options.batch_size
        ),
    )
    keras.utils.set_random_seed(seed)
    store, more = stores(options, cell, seed)
    # The frames of another markup join as annotated frames of clips do.
    annotated = 1.0 if more else 0.0
    config = replace(
        config, algorithm=replace(config.algorithm, annotated_fraction=annotated)
    )
    shape = mean_shape(store.landmarks[:, 0], store.whole[:, 0])
    data = TrainingData(store, None, config, annotated=more)
    run_folder = RunFolder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    training = TrainingRun(config, *build_networks(config, shape), data, run_folder)
    training.train_detector(0)
    return test_error(options, training.detector)


def stores(
    options: Options, cell: str, seed: int
) -> tuple["CropStore", "CropStore | None"]:
    """Return the crops of whole or half annotated stills, and those of few points."""
    from data_pipeline.datasets.labelled_stills import list_labelled
    from data_pipeline.datasets.three_hundred_w import list_stills
    from data_pipeline.stores.store import build_still_store

    rng = np.random.default_rng((seed, len("partial labels")))
    found = list(list_stills(options.stills, "train"))
    count = FEW if cell.startswith("few") else options.count
    chosen = [found[i] for i in sorted(rng.permutation(len(found))[:count])]
    cache = options.output / "crops"
    if cell == "half":
        root = without_half(options.output / f"half-{seed}-{count}", chosen, rng)
        store = build_still_store(cache / f"half-{seed}", list_labelled(root))
    else:
        store = build_still_store(cache / f"whole-{seed}-{count}", chosen)
    if cell != "few and five":
        return store, None
    others = list(list_labelled(options.few_points, mapping=options.mapping))
    order = np.random.default_rng(0).permutation(len(others))[: options.five]
    few = build_still_store(cache / "few-points", [others[i] for i in sorted(order)])
    return store, few


def without_half(root: Path, stills: list, rng: np.random.Generator) -> Path:
    """Return a folder of the stills, with half of all points marked as missing."""
    from data_pipeline.datasets.three_hundred_w import read_landmarks
    from data_pipeline.media.pts import pts_text
    from strrn_tf.landmarks import NUM_LANDMARKS

    root.mkdir(parents=True, exist_ok=True)
    for number, still in enumerate(stills):
        image = root / f"{number:05d}{still.image_path.suffix}"
        lines = pts_text(image, read_landmarks(still)).splitlines()
        # Three header lines precede the points.
        for point in np.flatnonzero(rng.random(NUM_LANDMARKS) < 0.5):
            lines[3 + point] = "0 0"
        annotation = image.with_suffix(".pts")
        if not annotation.is_file():
            write_text(annotation, "\n".join(lines) + "\n")
        if not image.is_file():
            image.symlink_to(still.image_path.resolve())
    return root


def test_error(options: Options, detector: "keras.Model") -> float:
    """Return the mean error on the test stills in percent, boxes from landmarks."""
    from data_pipeline.datasets.three_hundred_w import list_stills
    from data_pipeline.stores.store import build_still_store

    stills = list_stills(options.test, "test")
    store = build_still_store(options.output / "crops" / "test", stills)
    return float(detection_errors(store, detector, options.batch_size).mean())


if __name__ == "__main__":
    sys.exit(main())
