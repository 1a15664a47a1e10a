"""Fused labels: two backbones label unlabelled pictures for one of them.

The labels of a round come from both detectors (`fused_labels`). The detector learns
them beside the annotated stills, and ends on the stills alone. Without annotated stills
frames of clips have its own answers, and moments of loss teach. The tracker learns as
in Algorithm 1, from the clips. At the end a `Gate` decides whether the former weights
are replaced.
"""

from dataclasses import dataclass, replace
from functools import reduce

import keras
import numpy as np

from strrn_tf.methods.corrections import move_labels
from strrn_tf.methods.fused_config import FusedConfig
from strrn_tf.methods.fused_labels import (
    FusedLabels,
    SomePictures,
    label_pictures,
    questions,
    sampling,
)
from strrn_tf.methods.gate import Gate, detect_by
from strrn_tf.methods.omni_supervision import OmniSupervision
from strrn_tf.methods.round_report import filled_sheet
from strrn_tf.methods.training_run import TrainingRun
from strrn_tf.training.trainers import DetectorTrainer

NOTHING_TO_LEARN = (
    "nothing to learn: in the clips that are learnt no face is lost for a moment. "
    "Correct a few frames (docs/teach.md), or add --stills or --photographs, with "
    "another --output"
)


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
        if not self.run.data.can_teach:
            if number == 1:
                print(NOTHING_TO_LEARN)
            return
        self.train_detector(number)
        labels, folder = self.label(number), self.run.folder.round(number)
        self.run.data.write_moved_labels(folder / "corrected", labels.landmarks)
        if len(learnt := self.run.data.learnt_filled):
            filled = self.run.data.filled
            shown = filled.frames[:, 0], filled.landmarks[:, 0], filled.names
            sheet = filled_sheet(*shown, learnt)
            self.run.data.write_picture(folder / "filled.png", sheet)
        # Where the detector is held at its own answers, nobody judges the tracker.
        if self.run.data.clips is not None and not self.run.data.num_own:
            scores = OmniSupervision(self.run, self.gate).pseudo_label(number)
            if scores.teaches_tracker.any():
                self.run.train_tracker(number, scores)

    def train_detector(self, number: int) -> None:
        """Label all pictures, and train the detector on them and on the stills."""
        run, data = self.run, self.run.data
        labels = self.label(number)
        share = self._sampling(labels)
        batches_from = data.fused_batches(
            labels.landmarks, labels.trust, share, run.seed(number)
        )
        frozen = self.config.frozen_statistics and not data.has_annotations
        updates, most = data.detector_updates, run.config.detector.round_steps
        if updates < most:
            print(
                f"round {number}: {updates} updates instead of {most}, which show a "
                f"picture {self.config.passes:g} times on average (--fused.passes)"
            )
        trainer = DetectorTrainer(run.detector, frozen_statistics=frozen)
        run.train(
            "detector",
            number,
            trainer,
            batches_from,
            averaging=self.config.averaging,
            updates=updates,
        )
        if own := data.num_own:
            print(f"round {number}: {own} frames keep the detector's own answers")
        if count := len(share) - own:
            middle = 100 * np.median(labels.disagreement[own:])
            print(
                f"round {number}: {count} pictures were labelled by two models, which "
                f"differ by {middle:.1f} % of the eye distance in the middle"
            )

    @property
    def _parts(self) -> list[range]:
        """Numbers of the pictures with own answers, and of the others, if there are."""
        own, end = self.run.data.num_own, len(self.run.data.pictures)
        return [rows for rows in (range(own), range(own, end)) if rows]

    def _sampling(self, labels: FusedLabels) -> np.ndarray:
        """Return the probability (N,) with which every picture is to be sampled."""
        pictures, cap = self.run.data.pictures, self.config.disagreement_cap
        # One detector scatters less than two differ: their units are not the same.
        share = np.concatenate(
            [
                sampling(labels.disagreement[rows], pictures.group[rows], cap)
                for rows in self._parts
            ]
        )
        if count := len(pictures.corrected):
            share[-count:] *= self.config.corrected_weight
        return share

    def label(self, number: int) -> FusedLabels:
        """Return the labels of all pictures; they are made once in a round."""
        path = self.run.folder.round(number) / "fused_labels.npz"
        if path.exists():
            return FusedLabels.load(path)
        labels = reduce(FusedLabels.followed_by, map(self._ask, self._parts))
        labels = self._correct(labels)
        path.parent.mkdir(parents=True, exist_ok=True)
        labels.save(path)
        return labels

    def _ask(self, rows: range) -> FusedLabels:
        """Return labels of one of the parts, the first of which has own answers.

        Labels of two models pull the detector towards the other one. Without human
        annotations nothing holds it: other faces lose, and a judge that has learnt from
        the same annotators takes that for a gain.
        """
        data, count = self.run.data, self.config.questions
        detectors, asked = [detect_by(self.run.detector)], questions(count)
        if rows.start < data.num_own:
            asked = [q._replace(mirrored=False) for q in questions(count + 1)[1:]]
        else:
            detectors.append(detect_by(self.second))
        title = f"Labels, {len(detectors)} model{'s' if len(detectors) > 1 else ''}"
        shown = SomePictures(data.pictures, rows)
        boxes = data.pictures.boxes[rows.start : rows.stop]
        return label_pictures(detectors, shown, boxes, asked, title)

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
        print(describe_corrections(len(corrected), np.array(errors)))
        return replace(labels, landmarks=landmarks, trust=trust)

    def decide(self) -> None:
        """Keep the former weights of a network unless the judge calls others better."""
        self.gate.decide()

    def report_gain(self) -> None:
        """Print what was decided, and on which evidence."""
        self.gate.report()


def describe_corrections(count: int, errors: np.ndarray) -> str:
    """Return one line on what corrected frames say about the labels of their clips.

    Args:
        count: number of corrected frames.
        errors: (clips, 2) `Moved.before` and `Moved.after`.
    """
    clips = f"{count} corrected frames of {len(errors)} clips"
    # The only corrected frame of a clip cannot show what it does to others.
    checked = errors[np.isfinite(errors[:, 1])]
    if not len(checked):
        off = 100 * errors[:, 0].mean()
        return f"{clips}: labels are off by {off:.2f} % of the face size"
    if len(checked) < len(errors):
        clips += f". In the {len(checked)} clips with two or more"
    before, after = 100 * checked.mean(0)
    return (
        f"{clips}: labels are off by {before:.2f} % of the face size, and by "
        f"{after:.2f} % where the other corrections of the clip move them"
    )
