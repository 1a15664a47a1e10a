"""Trainings from few stills, with and without labelled pictures beside them.

Two backbones learn from annotated stills. Every arm continues one of them, with the
same number of updates and the same stills:

* control: the stills alone;
* own: other pictures, with the answers of that detector;
* fused: the same pictures, with the fused labels of both backbones;
* exact: the same pictures, with their annotations. It shows what labels can be worth.

The windows of the other pictures come from the face finder in all arms. Every finished
cell is a file, and a training that was stopped goes on.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from strrn_tf.config import FitConfig, RunConfig
from strrn_tf.methods.fused_config import FusedConfig
from strrn_tf.system.atomic import write_text

if TYPE_CHECKING:
    import keras

    from data_pipeline.batches.fused_data import FusedData
    from data_pipeline.datasets.three_hundred_w import Still
    from data_pipeline.stores.store import CropStore
    from strrn_tf.methods.fused_labels import FusedLabels
    from strrn_tf.methods.training_run import TrainingRun

# A face belongs to the annotation whose centre is this near to that of its crop, as a
# fraction of the crop.
NEAR = 0.2
Arm = Literal["control", "own", "fused", "exact"]
ARMS: tuple[Arm, ...] = ("control", "own", "fused", "exact")
Backbone = Literal["mdm", "hgn"]
Preset = Literal["tiny", "fast", "default"]


class Material(NamedTuple):
    """The stills of an experiment.

    Attributes:
        annotated: the stills that both backbones learn.
        pictures: stills whose annotations only the arm "exact" learns.
        test: stills that are scored.
        owners: group of every test still: pictures of one group are drawn together.
    """

    annotated: Sequence["Still"]
    pictures: Sequence["Still"]
    test: Sequence["Still"]
    owners: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Trainings:
    """Sizes of the trainings, and where results are kept."""

    output: Path = Path("runs/few-labels")
    """Folder of crops, checkpoints and results."""
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
    arms: tuple[Arm, ...] = ARMS
    """Which arms."""
    fused: FusedConfig = field(default_factory=FusedConfig)
    threads: int = 1
    """Threads of one operation; 0: one for each core."""

    @property
    def other(self) -> Backbone:
        """The backbone that only labels."""
        return "mdm" if self.learner == "hgn" else "hgn"


@dataclass(frozen=True)
class Experiment:
    """All cells of one seed."""

    options: Trainings
    material: Material
    seed: int

    def result(self, cell: str) -> dict:
        """Return the content of a cell's file. The cell is computed if it is missing.

        Its ``errors`` are those of the test stills in percent.
        """
        path = self.folder / f"{cell.replace(' ', '-')}.json"
        if not path.is_file():
            kind, _, name = cell.partition(" ")
            detector = self.start(name) if kind == "start" else self.arm(kind)
            errors = self.test_errors(detector)
            write_text(path, json.dumps({"cell": cell, "errors": errors}) + "\n")
            print(f"seed {self.seed}, {cell}: {np.mean(errors):.2f}", flush=True)
        return json.loads(path.read_text(encoding="utf-8"))

    @cached_property
    def folder(self) -> Path:
        """Folder of this seed and these sizes."""
        o = self.options
        counts = len(self.material.annotated), len(self.material.pictures)
        sizes = *counts, o.updates, o.more, o.batch_size
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
            share = self.annotations()[2].astype(float)
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
        from data_pipeline.stores.photographs import Photograph, build_photograph_store
        from data_pipeline.stores.store import build_still_store

        options, cache = self.options, self.options.output / "crops"
        annotated, found = self.material.annotated, self.material.pictures
        pictures = [Photograph(still.name, still.image_path) for still in found]
        stills = build_still_store(
            cache / f"few-{len(annotated)}-{self.seed}", annotated
        )
        place = cache / f"unlabelled-{len(annotated)}-{len(found)}-{self.seed}"
        photographs = build_photograph_store(place, pictures)
        config = self.config(options.learner)
        return FusedData(stills, None, config, options.fused, photographs=photographs)

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
            landmarks, whole, _ = self.annotations()
            known = np.isfinite(landmarks).all(-1).astype(np.float32)
            return FusedLabels(whole, known, ones[:, 0])
        path = self.folder / f"labels-{arm}.npz"
        if not path.exists():
            both = [options.learner, options.other]
            asking = both if arm == "fused" else both[:1]
            detectors = [detect_by(self.start(backbone)) for backbone in asking]
            asked = questions(options.fused.questions if arm == "fused" else 1)
            labels = label_pictures(detectors, pictures, pictures.boxes, asked)
            if arm == "own":
                labels = replace(labels, trust=ones, disagreement=ones[:, 0])
            labels.save(path)
            self.report_labels(arm, labels)
        return FusedLabels.load(path)

    def report_labels(self, arm: str, labels: "FusedLabels") -> None:
        """Print the error of labels."""
        from strrn_tf.evaluation.metrics import nme

        truth, whole, known = self.annotations()
        found = labels.landmarks[known]
        error = nme(found, truth[known], "interpupil", whole[known])
        rank = np.corrcoef(
            *(x.argsort().argsort() for x in (error, labels.disagreement[known]))
        )
        print(
            f"seed {self.seed}, labels of {arm}: {error.mean():.2f}, rank correlation "
            f"with the disagreement {rank[0, 1]:.2f}",
            flush=True,
        )

    def annotations(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the annotations of the unlabelled pictures, in pixels of their crops.

        Returns:
            The landmarks (N, 68, 2), NaN where nobody annotated them; the same with the
            fitted head in the places of missing ones; and a mask (N,) of the pictures
            whose annotated face is the one in the crop.
        """
        from data_pipeline.annotations.reading import read_annotation
        from data_pipeline.annotations.whole_head import whole_shape
        from strrn_tf.geometry import CROP_SIZE, apply_matrix

        store: CropStore = self.data.photographs
        stills = {still.name: still for still in self.material.pictures}
        read = [
            read_annotation(stills[name].landmarks_path, stills[name].labels)
            for name in store.names
        ]
        landmarks = np.stack([annotation.landmarks for annotation in read])
        whole = np.stack([whole_shape(annotation) for annotation in read])
        landmarks, whole = (
            apply_matrix(store.matrix, shapes).astype(np.float32)
            for shapes in (landmarks, whole)
        )
        middle = (store.frames.shape[-2] - 1) / 2
        away = np.abs(whole.mean(1) - middle).max(-1)
        return landmarks, whole, away < NEAR * CROP_SIZE

    def test_errors(self, detector: "keras.Model") -> list[float]:
        """Return the errors on the test stills in percent, boxes from landmarks."""
        from data_pipeline.stores.store import build_still_store

        place = self.options.output / "crops" / "test"
        store = build_still_store(place, self.material.test)
        return detection_errors(store, detector, self.options.batch_size).tolist()


def detection_errors(
    store: "CropStore", detector: "keras.Model", batch_size: int
) -> np.ndarray:
    """Return the inter-pupil errors (N,) of a detector in percent."""
    from data_pipeline.batches.training_data import PADDING
    from strrn_tf.evaluation.metrics import nme
    from strrn_tf.geometry import CROP_SIZE

    inside = slice(PADDING, PADDING + CROP_SIZE)
    found = []
    for first in range(0, len(store), batch_size):
        rows = slice(first, first + batch_size)
        crops = store.frames[rows, 0, inside, inside].astype(np.float32) / 255
        found.extend(detector.predict_on_batch(crops)["refinements"][:, -1])
    shapes = np.array(found) + PADDING
    return nme(shapes, store.landmarks[:, 0], "interpupil", store.whole[:, 0])
