"""What unlabelled pictures are worth to a detector that has few annotated stills.

Two backbones learn from --count stills of the training split, drawn by a seed. Every
arm then continues one of them, with the same number of updates and the same stills:

* control: the stills alone;
* own: other pictures, with the answers of that detector;
* fused: the same pictures, with the fused labels of both backbones;
* exact: the same pictures, with their annotations. It shows what labels can be worth.

The other stills of the training split, or some of them, are the unlabelled pictures.
Their windows come from the face finder; those of "exact" too. No shipped weights take
part. Test errors are those of the boxes of the true landmarks.

Every finished cell is a file in --output, and a training that was stopped goes on.

Example:
  python -m benchmarks.accuracy.few_labels --stills DIR/300w --test DIR/testset
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.partial_labels import test_errors
from strrn_tf.config import FitConfig, RunConfig
from strrn_tf.methods.fused_config import FusedConfig
from strrn_tf.system.atomic import write_text
from strrn_tf.system.command_line import run_program

# Before TensorFlow is loaded: its start-up messages say nothing to a user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if TYPE_CHECKING:
    import keras

    from data_pipeline.batches.fused_data import FusedData
    from data_pipeline.stores.store import CropStore
    from strrn_tf.methods.fused_labels import FusedLabels
    from strrn_tf.methods.training_run import TrainingRun

PROG = "python -m benchmarks.accuracy.few_labels"
ARMS = ("control", "own", "fused", "exact")
# A face belongs to the annotation whose centre is this near to that of its crop, as a
# fraction of the crop.
NEAR = 0.2
Backbone = Literal["mdm", "hgn"]
Preset = Literal["tiny", "fast", "default"]


@dataclass(frozen=True)
class Options:
    """Data, size of the trainings, and where results are kept."""

    stills: Path
    """Folder in the 300-W layout; its training split is used."""
    test: Path
    """Folder of annotated test stills."""
    output: Path = Path("runs/few-labels")
    """Folder of crops, checkpoints and results."""
    count: int = 157
    """Annotated stills: a twentieth of 300-W."""
    unlabelled: int = 1855
    """Unlabelled pictures, at most."""
    learner: Backbone = "hgn"
    """The backbone that the arms continue. The other one labels beside it."""
    preset: Preset = "fast"
    """Sizes of both networks."""
    updates: int = 1500
    """Of the training on the annotated stills, of each backbone."""
    more: int = 1500
    """Of every arm."""
    batch_size: int = 16
    """Samples of an update."""
    seeds: tuple[int, ...] = (0, 1)
    """Draws of the stills, and of everything else."""
    arms: tuple[Literal["control", "own", "fused", "exact"], ...] = ARMS
    """Which arms."""
    fused: FusedConfig = field(default_factory=FusedConfig)
    threads: int = 1
    """Threads of one operation; 0: one for each core."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Train what is missing, and print the table."""
    from strrn_tf.training.fitting import use_threads

    use_threads(options.threads)
    other: Backbone = "mdm" if options.learner == "hgn" else "hgn"
    cells = [f"start {options.learner}", f"start {other}", *options.arms]
    errors: dict[str, list[np.ndarray]] = {cell: [] for cell in cells}
    for seed in options.seeds:
        experiment = Experiment(options, seed)
        for cell in cells:
            errors[cell].append(np.array(experiment.result(cell)["errors"]))
    shown = Table("training", "error, inter-pupil %", "against the control")
    for cell, values in errors.items():
        change = ""
        if cell in ARMS[1:] and "control" in errors:
            change = against(errors["control"], values)
        shown.add_row(cell, ", ".join(f"{v.mean():.2f}" for v in values), change)
    Console().print(shown)


def against(control: list[np.ndarray], values: list[np.ndarray]) -> str:
    """Return the change of the error and its interval, paired on the test pictures."""
    from strrn_tf.methods.verdict import compare, format_change

    before, after = np.concatenate(control), np.concatenate(values)
    # A picture is drawn with its errors of all seeds.
    group = np.tile(np.arange(len(control[0])), len(control))
    return format_change(compare(before, after, group))


@dataclass(frozen=True)
class Experiment:
    """All cells of one seed."""

    options: Options
    seed: int

    def result(self, cell: str) -> dict:
        """Return the content of a cell's file. The cell is computed if it is missing.

        Its ``errors`` are those of the test stills in percent.
        """
        path = self.folder / f"{cell.replace(' ', '-')}.json"
        if not path.is_file():
            kind, _, name = cell.partition(" ")
            detector = self.start(name) if kind == "start" else self.arm(kind)
            errors = test_errors(self.options, detector)
            write_text(path, json.dumps({"cell": cell, "errors": errors}) + "\n")
            print(f"seed {self.seed}, {cell}: {np.mean(errors):.2f}", flush=True)
        return json.loads(path.read_text(encoding="utf-8"))

    @cached_property
    def folder(self) -> Path:
        """Folder of this seed and these sizes."""
        o = self.options
        sizes = o.count, o.unlabelled, o.updates, o.more, o.batch_size
        name = "-".join(map(str, (o.learner, o.preset, *sizes, self.seed)))
        folder = o.output / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def start(self, backbone: Backbone) -> "keras.Model":
        """Return a detector that is trained on the annotated stills alone."""
        training = self.training(backbone, backbone)
        training.train_detector(0)
        return training.detector

    def arm(self, arm: str) -> "keras.Model":
        """Return the detector of an arm."""
        from strrn_tf.methods.fused_labels import sampling
        from strrn_tf.training.trainers import DetectorTrainer

        options = self.options
        training = self.training(options.learner, arm)
        training.detector.set_weights(self.start(options.learner).get_weights())
        labels = self.labels(arm)
        share = np.zeros(len(self.data.pictures))
        if arm == "exact":
            share = self.annotations()[1].astype(float)
        elif arm != "control":
            cap = options.fused.disagreement_cap
            share = sampling(labels.disagreement, self.data.pictures.group, cap)
        batches_from = self.data.fused_batches(
            labels.landmarks, labels.trust, share, 1000 * self.seed + 1
        )
        trainer = DetectorTrainer(training.detector)
        average = options.fused.averaging
        training.train("detector", 1, trainer, batches_from, average)
        return training.detector

    def training(self, backbone: Backbone, name: str) -> "TrainingRun":
        """Return the run of one training, whose detector is not trained."""
        import keras

        from strrn_tf.geometry import mean_shape
        from strrn_tf.methods.training_run import TrainingRun
        from strrn_tf.models.build import build_networks
        from strrn_tf.training.run_folder import RunFolder

        keras.utils.set_random_seed(self.seed)
        store, config = self.data.stills, self.config(backbone)
        shape = mean_shape(store.landmarks[:, 0], store.whole[:, 0])
        folder = RunFolder(self.folder / name)
        folder.root.mkdir(exist_ok=True)
        networks = build_networks(config, shape)
        return TrainingRun(config, *networks, self.data, folder)

    def config(self, backbone: Backbone) -> RunConfig:
        """Return the settings of a training."""
        o = self.options
        fit = FitConfig(o.updates, o.more, o.batch_size, round_learning_rate=6e-4)
        context = backbone == "mdm"
        sizes = {"backbone": backbone, "preset": o.preset, "global_context": context}
        return RunConfig(seed=self.seed, detector=fit, **sizes)

    @cached_property
    def data(self) -> "FusedData":
        """Annotated stills, and the unlabelled pictures as photographs."""
        from data_pipeline.batches.fused_data import FusedData
        from data_pipeline.datasets.three_hundred_w import list_stills
        from data_pipeline.stores.photographs import Photograph, build_photograph_store
        from data_pipeline.stores.store import build_still_store

        o = self.options
        found = list_stills(o.stills, "train")
        order = np.random.default_rng(self.seed).permutation(len(found))
        few = [found[i] for i in sorted(order[: o.count])]
        rest = [found[i] for i in sorted(order[o.count :][: o.unlabelled])]
        pictures = [Photograph(still.name, still.image_path) for still in rest]
        cache = o.output / "crops"
        stills = build_still_store(cache / f"few-{o.count}-{self.seed}", few)
        place = cache / f"unlabelled-{o.count}-{len(rest)}-{self.seed}"
        photographs = build_photograph_store(place, pictures)
        config = self.config(o.learner)
        return FusedData(stills, None, config, o.fused, photographs=photographs)

    def labels(self, arm: str) -> "FusedLabels":
        """Return the labels of all unlabelled pictures in an arm."""
        from strrn_tf.methods.fused_labels import (
            FusedLabels,
            label_pictures,
            questions,
        )
        from strrn_tf.methods.fused_supervision import detect_by

        pictures, options = self.data.pictures, self.options
        ones = np.ones((len(pictures), 68), np.float32)
        if arm in ("control", "exact"):
            landmarks, _ = self.annotations()
            return FusedLabels(landmarks, ones, ones[:, 0])
        path = self.folder / f"labels-{arm}.npz"
        if not path.exists():
            first = [detect_by(self.start(options.learner))]
            other = "mdm" if options.learner == "hgn" else "hgn"
            both = [*first, detect_by(self.start(other))] if arm == "fused" else first
            asked = questions(options.fused.questions if arm == "fused" else 1)
            labels = label_pictures(both, pictures, pictures.boxes, asked)
            if arm == "own":
                labels = replace(labels, trust=ones, disagreement=ones[:, 0])
            labels.save(path)
            self.report_labels(arm, labels)
        return FusedLabels.load(path)

    def report_labels(self, arm: str, labels: "FusedLabels") -> None:
        """Print the error of labels."""
        from strrn_tf.evaluation.metrics import nme_interpupil

        truth, known = self.annotations()
        error = nme_interpupil(labels.landmarks[known], truth[known])
        rank = np.corrcoef(
            *(x.argsort().argsort() for x in (error, labels.disagreement[known]))
        )
        print(
            f"seed {self.seed}, labels of {arm}: {error.mean():.2f}, rank correlation "
            f"with the disagreement {rank[0, 1]:.2f}",
            flush=True,
        )

    def annotations(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the annotations (N, 68, 2) of the unlabelled pictures, in their crops.

        Returns:
            The landmarks, and a mask (N,) of the pictures whose annotated face is the
            one in the crop.
        """
        from data_pipeline.datasets.three_hundred_w import list_stills, read_landmarks
        from strrn_tf.geometry import CROP_SIZE, apply_matrix

        store: CropStore = self.data.photographs
        stills = {s.name: s for s in list_stills(self.options.stills, "train")}
        truth = np.stack([read_landmarks(stills[name]) for name in store.names])
        truth = apply_matrix(store.matrix, truth).astype(np.float32)
        middle = (store.frames.shape[-2] - 1) / 2
        away = np.abs(truth.mean(1) - middle).max(-1)
        return truth, away < NEAR * CROP_SIZE


if __name__ == "__main__":
    sys.exit(main())
