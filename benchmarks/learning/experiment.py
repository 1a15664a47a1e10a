"""Trainings from few stills, with and without labelled pictures beside them.

Two backbones learn from annotated stills. Every arm continues one of them, with the
same number of updates and the same stills. `few_labels` describes the arms.

The windows of the other pictures come from the face finder in all arms. Every finished
cell is a file, and a training that was stopped goes on.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.learning.detection_errors import detection_errors
from benchmarks.learning.trainings import Backbone, Material, Trainings
from data_pipeline.crops.fingerprints import fingerprint
from strrn_tf.config import FitConfig, RunConfig
from strrn_tf.system.atomic import write_text

if TYPE_CHECKING:
    import keras

    from data_pipeline.batches.unlabelled_pictures import UnlabelledPictures
    from data_pipeline.stores.store import CropStore
    from strrn_tf.methods.fused_labels import FusedLabels
    from strrn_tf.methods.training_run import TrainingRun

# A face belongs to the annotation whose centre is this near to that of its crop, as a
# fraction of the crop.
NEAR = 0.2


@dataclass(frozen=True)
class Experiment:
    """All cells of one seed."""

    options: Trainings
    material: Material
    seed: int

    def result(self, cell: str) -> dict:
        """Return the content of a cell's file. The cell is computed if it is missing.

        Its ``errors`` are those of the test stills in percent. Another test has others.
        """
        test = fingerprint(self.material.test)[:8]
        path = self.folder / f"{cell.replace(' ', '-')}-{test}.json"
        if not path.is_file():
            kind, _, name = cell.partition(" ")
            detector = self.start(name) if kind == "start" else self.arm(kind)
            errors = self.test_errors(detector)
            write_text(path, json.dumps({"cell": cell, "errors": errors}) + "\n")
            print(f"seed {self.seed}, {cell}: {np.mean(errors):.2f}", flush=True)
        return json.loads(path.read_text(encoding="utf-8"))

    @cached_property
    def folder(self) -> Path:
        """Folder of this seed, these stills and options."""
        o, m = self.options, self.material
        made_of = fingerprint([*m.annotated, *m.pictures], fused=asdict(o.fused))[:8]
        sizes = len(m.annotated), len(m.pictures), o.updates, o.more, o.batch_size
        parts = o.learner, o.preset, *sizes, self.seed, made_of
        folder = o.output / "-".join(map(str, parts))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def start(self, backbone: Backbone) -> "keras.Model":
        """Return a detector that is trained on the annotated stills alone."""
        training = self.training(backbone, backbone)
        training.train_detector(0)
        return training.detector

    def arm(self, arm: str) -> "keras.Model":
        """Return the detector of an arm."""
        if arm == "fused-twice":
            return self.labelled_twice(arm)
        training = self.continued(self.options.learner, arm)
        self.learn(training, arm, self.labels(arm))
        return training.detector

    def labelled_twice(self, arm: str) -> "keras.Model":
        """Return the learner of fused labels that are made again in the middle.

        In the first half both backbones learn, as in Algorithm 1.
        """
        both = self.options.learner, self.options.other
        trainings = [self.continued(b, f"{arm}-{b}", rounds=2) for b in both]
        for number in (1, 2):
            detectors = [training.detector for training in trainings]
            labels = self.label(f"{arm}-{number}", detectors)
            for training in trainings[: 3 - number]:
                self.learn(training, arm, labels, number)
        return trainings[0].detector

    def continued(
        self, backbone: Backbone, name: str, rounds: int = 1
    ) -> "TrainingRun":
        """Return the run of a training that goes on from ``start``."""
        training = self.training(backbone, name, rounds)
        training.detector.set_weights(self.start(backbone).get_weights())
        return training

    def learn(
        self, training: "TrainingRun", arm: str, labels: "FusedLabels", number: int = 1
    ) -> None:
        """Train a detector on labels beside the stills, for the ``number``-th time."""
        from strrn_tf.training.trainers import DetectorTrainer

        batches_from = training.data.fused_batches(
            labels.landmarks,
            labels.trust,
            self.probability(arm, labels),
            1000 * self.seed + number,
        )
        trainer = DetectorTrainer(training.detector)
        average = self.options.fused.averaging
        training.train("detector", number, trainer, batches_from, average)

    def probability(self, arm: str, labels: "FusedLabels") -> np.ndarray:
        """Return the probability (N,) with which an arm draws every picture."""
        from strrn_tf.methods.fused_labels import sampling

        if arm == "control":
            return np.zeros(len(self.pictures))
        share = np.ones(len(self.pictures))
        if arm in ("own", "fused", "fused-twice"):
            cap, group = self.options.fused.disagreement_cap, self.pictures.group
            share = sampling(labels.disagreement, group, cap)
        if arm in ("exact", "trusted-exact"):
            share = self.annotations()[2].astype(float)
        if arm.startswith("trusted"):
            disagreement = self.labels("fused").disagreement
            share = share * (disagreement <= np.median(disagreement))
        return share

    def training(self, backbone: Backbone, name: str, rounds: int = 1) -> "TrainingRun":
        """Return the run of one training, whose detector is not trained."""
        import keras

        from data_pipeline.batches.fused_data import FusedData
        from strrn_tf.geometry import mean_shape
        from strrn_tf.methods.training_run import TrainingRun
        from strrn_tf.models.build import build_networks
        from strrn_tf.training.run_folder import RunFolder

        keras.utils.set_random_seed(self.seed)
        stills, photographs = self.stores
        config, fused = self.config(backbone, rounds), self.options.shares_of(name)
        data = FusedData(stills, None, config, fused, photographs=photographs)
        data.held_out = data.held_out[:0]  # Nobody decides here, so all are learnt.
        shape = mean_shape(stills.landmarks[:, 0], stills.whole[:, 0])
        folder = RunFolder(self.folder / name)
        folder.root.mkdir(exist_ok=True)
        networks = build_networks(config, shape)
        return TrainingRun(config, *networks, data, folder)

    def config(self, backbone: Backbone, rounds: int = 1) -> RunConfig:
        """Return the settings of a training."""
        o = self.options
        more = o.more // rounds
        fit = FitConfig(o.updates, more, o.batch_size, round_learning_rate=6e-4)
        context = backbone == "mdm"
        sizes = {"backbone": backbone, "preset": o.preset, "global_context": context}
        return RunConfig(seed=self.seed, detector=fit, **sizes)

    @cached_property
    def stores(self) -> tuple["CropStore", "CropStore"]:
        """Annotated stills, and the unlabelled pictures as photographs."""
        from data_pipeline.stores.photographs import Photograph, build_photograph_store
        from data_pipeline.stores.store import build_still_store

        cache = self.options.output / "crops"
        annotated, found = self.material.annotated, self.material.pictures
        pictures = [Photograph(still.name, still.image_path) for still in found]
        stills = build_still_store(
            cache / f"few-{len(annotated)}-{self.seed}", annotated
        )
        place = cache / f"unlabelled-{len(annotated)}-{len(found)}-{self.seed}"
        return stills, build_photograph_store(place, pictures)

    @cached_property
    def pictures(self) -> "UnlabelledPictures":
        """The unlabelled pictures."""
        from data_pipeline.batches.unlabelled_pictures import UnlabelledPictures

        return UnlabelledPictures(None, self.stores[1])

    def labels(self, arm: str) -> "FusedLabels":
        """Return the labels of all unlabelled pictures in an arm."""
        from strrn_tf.methods.fused_labels import FusedLabels

        if arm in ("control", "exact", "trusted-exact"):
            landmarks, whole, _ = self.annotations()
            known = np.isfinite(landmarks).all(-1).astype(np.float32)
            return FusedLabels(whole, known, np.ones(len(whole), np.float32))
        options = self.options
        if arm == "fused":
            both = options.learner, options.other
            return self.label(arm, [self.start(backbone) for backbone in both])
        labels = self.label("own", [self.start(options.learner)], 1)
        ones = np.ones_like(labels.trust)
        return replace(labels, trust=ones, disagreement=ones[:, 0])

    def label(
        self, name: str, detectors: "Sequence[keras.Model]", asked: int = 0
    ) -> "FusedLabels":
        """Return the labels that detectors give together; they are made once.

        Args:
            name: of their file.
            detectors: one or two.
            asked: number of questions; 0: as in the options.
        """
        from strrn_tf.methods.fused_labels import (
            FusedLabels,
            label_pictures,
            questions,
        )
        from strrn_tf.methods.gate import detect_by

        path = self.folder / f"labels-{name}.npz"
        if not path.exists():
            labels = label_pictures(
                [detect_by(detector) for detector in detectors],
                self.pictures,
                self.pictures.boxes,
                questions(asked or self.options.fused.questions),
            )
            labels.save(path)
            self.report_labels(name, labels)
        return FusedLabels.load(path)

    def report_labels(self, name: str, labels: "FusedLabels") -> None:
        """Print the error of labels."""
        from strrn_tf.evaluation.metrics import nme

        truth, whole, known = self.annotations()
        found = labels.landmarks[known]
        error = nme(found, truth[known], "interpupil", whole[known])
        rank = np.corrcoef(
            *(x.argsort().argsort() for x in (error, labels.disagreement[known]))
        )
        print(
            f"seed {self.seed}, labels of {name}: {error.mean():.2f}, rank correlation "
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

        store = self.stores[1]
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
        store = self.test_store
        return detection_errors(store, detector, self.options.batch_size).tolist()

    @cached_property
    def test_store(self) -> "CropStore":
        """The test stills whose annotation is usable."""
        from data_pipeline.stores.store import build_still_store

        place = self.options.output / "crops" / "test"
        return build_still_store(place, self.material.test)

    @property
    def owners(self) -> list[str]:
        """Group of every still of ``test_store``."""
        names = [still.name for still in self.material.test]
        owners = dict(zip(names, self.material.owners, strict=True))
        return [owners[name] for name in self.test_store.names]
