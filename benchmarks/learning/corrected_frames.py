"""What five corrected frames of a clip do for its other frames.

The clips are animated stills of people whom the model has not seen. Their landmarks are
exact: they move with the still's annotation. Or they are the pictures of each person of
an annotated folder (--people), where some points may be missing. Frames are corrected
by their annotation. Errors are those of the other frames, in % of the eye distance:

* before: the model of --init;
* mean offset: its answers plus the mean offset of the corrected frames in the upright
  window of the face;
* labels: what the corrections make of the fused labels of --init and --second;
* carried: the same, but corrected landmarks that optical flow carries from both sides
  into the frames between two corrected ones. Pictures of --people are no video;
* after: the model that has learnt these labels, all clips of a seed together.

"Strangers" are clips of other people, which are not learnt. Windows lie a little beside
the face, as a face finder's do. Seeds may draw the same people, so intervals are those
of people. Finished parts are kept in --output, and a stopped training goes on.

Example:
  python -m benchmarks.learning.corrected_frames --stills DIR/testset
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.learning.clips_to_correct import ClipOptions, read_crops, stills_of
from data_pipeline.crops.fingerprints import fingerprint
from strrn_tf.methods.verdict import compare, format_change
from strrn_tf.system.command_line import run_program
from strrn_tf.system.file_names import clip_of
from strrn_tf.tracking.networks.model_folder import load

# Before TensorFlow is loaded: its start-up messages say nothing to a user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if TYPE_CHECKING:
    from data_pipeline.crops.samples import Samples
    from data_pipeline.stores.store import CropStore
    from strrn_tf.methods.fused_supervision import FusedSupervision

PROG = "python -m benchmarks.learning.corrected_frames"
COLUMNS = ("before", "mean offset", "labels", "carried", "after")
STRANGERS = "strangers before", "strangers after"
# Columns and what each is compared with.
COMPARED = (
    *product(("labels", "after"), COLUMNS[:2]),
    *product(("carried",), COLUMNS[1:3]),
)


@dataclass(frozen=True)
class Options(ClipOptions):
    """Data, size of the trainings, and where results are kept."""

    init: Path = Path("strrn-fast")
    """Model that learns."""
    second: Path = Path("strrn-mdm")
    """Model that labels beside it."""
    corrected: int = 5
    """Corrected frames of a clip."""
    questions: int = 4
    """How often each model is asked about a picture."""
    updates: int = 200
    """Of every training."""
    batch_size: int = 16
    """Samples of an update."""
    learning_rate: float = 1e-3
    """Its peak."""
    seeds: tuple[int, ...] = (0, 1)
    """Decide people, motions and corrected frames."""
    threads: int = 0
    """Threads of one operation; 0: one for each core."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Make what is missing, and print the tables."""
    from strrn_tf.training.fitting import use_threads

    use_threads(options.threads)
    for kind in ("stills", "people"):
        if getattr(options, kind):
            print_table(options, kind)


def print_table(options: Options, kind: str) -> None:
    """Print the errors of every seed, and the changes over all seeds."""
    found = [result(options, kind, seed) for seed in options.seeds]
    columns = [name for name in (*COLUMNS, *STRANGERS) if name in found[0]]
    shown = Table("seed", "frames", *columns, title=kind)
    for seed, errors in zip(options.seeds, found, strict=True):
        means = (f"{100 * errors[name].mean():.2f}" for name in columns)
        shown.add_row(str(seed), str(len(errors["owner"])), *means)
    Console(width=110).print(shown)
    for (name, other), change in changes(found).items():
        print(f"{name}, against {other}: {format_change(change)}")


def changes(
    found: Sequence[Mapping[str, np.ndarray]],
) -> dict[tuple[str, str], dict[str, float]]:
    """Return how columns differ from others, each by what `compare` returns.

    Args:
        found: errors and owners of every seed. All frames of an owner, of all seeds,
            are drawn together.
    """
    joined = {name: np.concatenate([e[name] for e in found]) for name in found[0]}
    return {
        (name, other): compare(joined[other], joined[name], joined["owner"])
        for name, other in COMPARED
        if name in joined
    }


def result(options: Options, kind: str, seed: int) -> dict[str, np.ndarray]:
    """Return the errors (n,) of every column, and the owner (n,) of every other frame.

    An owner is the still that is animated, or the folder of a person. Nothing is
    carried through pictures of people.
    """
    o = options
    sizes = f"{o.clips}-{o.frames}-{o.corrected}-{o.questions}"
    steps = f"{o.updates}-{o.batch_size}-{o.learning_rate:g}"
    models = [load(model).tracking_sha256 for model in (o.init, o.second)]
    sources = stills_of(options, kind)
    made_of = fingerprint(sources, models=models, columns=COLUMNS)[:8]
    folder = o.output / f"{kind}-{sizes}-{steps}-{seed}-{made_of}"
    path = folder / "errors.npz"
    if not path.is_file():
        measure(options, kind, seed, folder)
    with np.load(path) as errors:
        return dict(errors)


def measure(options: Options, kind: str, seed: int, folder: Path) -> None:
    """Train on corrected frames and the others of their clips, and write the errors.

    Args:
        options: of the data and the training.
        kind: of the clips: "stills" or "people".
        seed: decides people, motions, corrected frames and the training.
        folder: to write to.
    """
    from benchmarks.learning.sets.carrying import carried_labels
    from strrn_tf.system.atomic import replacing

    method = make_method(options, read_crops(options, kind, seed), seed, folder)
    data = method.run.data
    clip, owner = np.split(data.pictures.group, [len(data.clips)])
    others, known = (answers(method, s) for s in (data.clips, data.stills))
    truth = data.stills.landmarks[:, 0]
    # People whom the training has not seen.
    aside = as_store(read_crops(options, kind, seed, strangers=True), folder)
    first = error(aside, answers(method, aside))
    moved = others.copy()
    for number in range(owner.max() + 1):
        here, frames = clip == number, owner == number
        moved[here] = with_mean_offset(others[here], known[frames], truth[frames])
    found = {"before": error(data.clips, others)}
    found["mean offset"] = error(data.clips, moved)
    labels = method.label(1).landmarks[: len(clip)]
    found["labels"] = error(data.clips, labels)
    if kind == "stills":
        shapes = carried_labels(data.clips, labels, data.stills)
        found["carried"] = error(data.clips, shapes)
    method.train_detector(1)
    found["after"] = error(data.clips, answers(method, data.clips))
    found |= {STRANGERS[0]: first, STRANGERS[1]: error(aside, answers(method, aside))}
    with replacing(folder / "errors.npz") as new:
        np.savez(new, owner=[clip_of(name) for name in data.clips.names], **found)
    line = ", ".join(f"{name} {100 * v.mean():.2f}" for name, v in found.items())
    print(f"seed {seed}: {line}", flush=True)


def with_mean_offset(
    labels: np.ndarray, known: np.ndarray, truth: np.ndarray
) -> np.ndarray:
    """Return labels (n, 68, 2) plus the mean offset of corrected frames (k, 68, 2)."""
    from strrn_tf.geometry import apply_matrix, invert_matrix
    from strrn_tf.methods.corrections import upright_matrices

    matrices = upright_matrices(known)
    offset = apply_matrix(matrices, truth) - apply_matrix(matrices, known)
    there = np.isfinite(offset)
    total = np.where(there, offset, 0).sum(0) / np.maximum(there.sum(0), 1)
    matrices = upright_matrices(labels)
    return apply_matrix(invert_matrix(matrices), apply_matrix(matrices, labels) + total)


def answers(method: "FusedSupervision", store: "CropStore") -> np.ndarray:
    """Return the landmarks (n, 68, 2) that the detector finds in stored pictures."""
    from data_pipeline.batches.training_data import PADDING
    from strrn_tf.geometry import CROP_SIZE
    from strrn_tf.methods.gate import detect_by

    detect, inside = detect_by(method.run.detector), slice(PADDING, PADDING + CROP_SIZE)
    crops = store.frames[:, 0, inside, inside]
    starts = range(0, len(crops), 20)
    return np.concatenate([detect(crops[i : i + 20]) for i in starts]) + PADDING


def error(store: "CropStore", shapes: np.ndarray) -> np.ndarray:
    """Return the errors (n,) of shapes (n, 68, 2) over the eye distance."""
    from strrn_tf.geometry import eye_distance

    distance = np.linalg.norm(shapes - store.landmarks[:, 0], axis=-1)
    return np.nanmean(distance, -1) / eye_distance(store.whole[:, 0])


def as_store(
    samples: "Samples", folder: Path, rows: np.ndarray | slice = slice(None)
) -> "CropStore":
    """Return some of the samples, or all, as a store in memory."""
    from data_pipeline.stores.store import CropStore

    arrays = samples.frames, samples.landmarks, samples.matrix, np.array(samples.names)
    frames, landmarks, matrix, names = (array[rows] for array in arrays)
    fitted = samples.whole[rows]
    return CropStore(folder, frames, landmarks, matrix, tuple(names.tolist()), fitted)


def make_method(
    options: Options, samples: "Samples", seed: int, folder: Path
) -> "FusedSupervision":
    """Return the training, with some frames of every clip as corrected stills."""
    import keras

    from data_pipeline.batches.fused_data import FusedData
    from strrn_tf.config import AlgorithmConfig, FitConfig, RunConfig
    from strrn_tf.methods.fused_config import FusedConfig
    from strrn_tf.methods.fused_supervision import FusedSupervision
    from strrn_tf.methods.gate import Gate
    from strrn_tf.methods.training_run import TrainingRun
    from strrn_tf.models.build import load_networks
    from strrn_tf.training.run_folder import RunFolder

    rng = np.random.default_rng((seed, options.corrected))
    sections = np.arange(len(samples.names)).reshape(-1, options.frames)
    sections = [np.array_split(rows, options.corrected) for rows in sections]
    chosen = np.array([rng.choice(part) for rows in sections for part in rows])
    rest = np.setdiff1d(np.arange(len(samples.names)), chosen)

    stills, clips = (as_store(samples, folder, rows) for rows in (chosen, rest))
    stills = replace(stills, names=tuple(f"{name}.jpg" for name in stills.names))
    fit = FitConfig(
        *(options.updates, options.updates, options.batch_size),
        round_learning_rate=options.learning_rate,
    )
    algorithm = AlgorithmConfig(augmentation_annealing=1.0)
    config = RunConfig(seed=seed, detector=fit, algorithm=algorithm)
    fused = FusedConfig(questions=options.questions)
    data = FusedData(stills, clips, config, fused)
    keras.utils.set_random_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    networks = load_networks(load(options.init).path)
    run = TrainingRun(config, *networks, data, RunFolder(folder))
    second = load_networks(load(options.second).path)[0]
    return FusedSupervision(run, second, fused, Gate(run))


if __name__ == "__main__":
    sys.exit(main())
