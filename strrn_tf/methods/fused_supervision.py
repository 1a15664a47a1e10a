"""Fused labels: two backbones label unlabelled pictures for one of them.

The labels of a round come from both detectors (`fused_labels`). The detector learns
them beside the annotated stills, and ends on the stills alone. The tracker learns as in
Algorithm 1, from the clips. At the end a `Gate` decides whether the former weights are
replaced.
"""

from dataclasses import dataclass, replace

import keras
import numpy as np

from strrn_tf.methods.corrections import move_labels
from strrn_tf.methods.fused_config import FusedConfig
from strrn_tf.methods.fused_labels import (
    FusedLabels,
    label_pictures,
    questions,
    sampling,
)
from strrn_tf.methods.gate import Gate, detect_by
from strrn_tf.methods.omni_supervision import OmniSupervision
from strrn_tf.methods.round_report import filled_sheet
from strrn_tf.methods.training_run import TrainingRun
from strrn_tf.training.trainers import DetectorTrainer


@dataclass(frozen=True)
class FusedSupervision:
    """Training by fused labels, a `Method`.

    Attributes:
        run: networks, `FusedData` and folder. Its detector is the first backbone.
        second: the other backbone, which is not trained.
        config: of the labels.
        gate: decides between the former weights and others.
    """

    run: TrainingRun
    second: keras.Model
    config: FusedConfig
    gate: Gate

    def train_on_stills(self) -> None:
        """Train from nothing: fused labels need two models that are trained."""
        raise ValueError("fused labels go on from a trained model")

    def run_round(self, number: int) -> None:
        """Learn from clips and photographs, for the ``number``-th time (from 1)."""
        self.train_detector(number)
        labels, folder = self.label(number), self.run.folder.round(number)
        self.run.data.write_moved_labels(folder / "corrected", labels.landmarks)
        if len(learnt := self.run.data.learnt_filled):
            filled = self.run.data.filled
            shown = filled.frames[:, 0], filled.landmarks[:, 0], filled.names
            sheet = filled_sheet(*shown, learnt)
            self.run.data.write_picture(folder / "filled.png", sheet)
        if self.run.data.clips is not None:
            scores = OmniSupervision(self.run, self.gate).pseudo_label(number)
            if scores.teaches_tracker.any():
                self.run.train_tracker(number, scores)

    def train_detector(self, number: int) -> None:
        """Label all pictures, and train the detector on them and on the stills."""
        run, data = self.run, self.run.data
        labels = self.label(number)
        share = sampling(
            labels.disagreement, data.pictures.group, self.config.disagreement_cap
        )
        if count := len(data.pictures.corrected):
            share[-count:] *= self.config.corrected_weight
        batches_from = data.fused_batches(
            labels.landmarks, labels.trust, share, run.seed(number)
        )
        trainer = DetectorTrainer(run.detector)
        run.train("detector", number, trainer, batches_from, self.config.averaging)
        middle = 100 * np.median(labels.disagreement)
        print(
            f"round {number}: {len(share)} pictures were labelled by two models, which "
            f"differ by {middle:.1f} % of the eye distance in the middle"
        )

    def label(self, number: int) -> FusedLabels:
        """Return the labels of all pictures; they are made once in a round."""
        path = self.run.folder.round(number) / "fused_labels.npz"
        if path.exists():
            return FusedLabels.load(path)
        pictures = self.run.data.pictures
        detectors = [detect_by(self.run.detector), detect_by(self.second)]
        asked = questions(self.config.questions)
        labels = label_pictures(detectors, pictures, pictures.boxes, asked)
        labels = self._correct(labels)
        path.parent.mkdir(parents=True, exist_ok=True)
        labels.save(path)
        return labels

    def _correct(self, labels: FusedLabels) -> FusedLabels:
        """Return the labels moved as the corrected frames of their clips say."""
        data = self.run.data
        corrected = data.pictures.corrected
        if not len(corrected):
            return labels
        truth = data.stills.landmarks[corrected, 0]
        count, group = len(labels.landmarks) - len(corrected), data.pictures.group
        landmarks, trust = labels.landmarks.copy(), labels.trust.copy()
        errors = []
        for clip in np.unique(group[count:]):
            here, frames = group == clip, group[count:] == clip
            known = labels.landmarks[count:][frames]
            moved = move_labels(labels.landmarks[here], known, truth[frames])
            landmarks[here] = moved.labels
            errors.append((moved.before, moved.after))
        is_known = np.isfinite(truth).all(-1)
        landmarks[count:] = np.where(is_known[..., None], truth, landmarks[count:])
        trust[count:][is_known] = 1
        before, after = 100 * np.nanmean(errors, 0)
        print(
            f"{len(corrected)} corrected frames of {len(errors)} clips: labels are off "
            f"by {before:.2f} % of the face size, and by {after:.2f} % where the other "
            "corrections of the clip move them"
        )
        return replace(labels, landmarks=landmarks, trust=trust)

    def decide(self) -> None:
        """Keep the former weights of a network unless the judge calls others better."""
        self.gate.decide()

    def report_gain(self) -> None:
        """Print what was decided, and on which evidence."""
        self.gate.report()
