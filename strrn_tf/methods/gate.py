"""Do no harm: the former weights stay unless a judge calls others better.

The judge is held-out stills. Without stills it is a model that took no part in
labelling, on pictures that were kept out.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import keras
import numpy as np

from strrn_tf.geometry import apply_matrix, crop_matrix, eye_distance, relative_distance
from strrn_tf.methods import verdict
from strrn_tf.methods.fused_labels import Detect, ask, label_pictures, questions
from strrn_tf.methods.training_run import TrainingRun
from strrn_tf.system.atomic import write_json
from strrn_tf.system.file_names import clip_of

# The questions of which the plain ones are asked in a judged picture.
JUDGED_QUESTIONS = 5
NOTHING_HELD_OUT = (
    "besides corrected frames there are too few stills, so nothing was held out"
)
BY_THE_JUDGE = "kept-out pictures, by the labels of --judge"
Weights = list[np.ndarray]


class FilledFrames(NamedTuple):
    """n stored pictures in which a face was lost or spoiled, and their landmarks.

    Attributes:
        pictures: crops (S, S, 3) uint8.
        landmarks: (n, 68, 2) in their pixels, carried there from both sides.
        names: such as ``clip.mp4#000123``.
    """

    pictures: Sequence[np.ndarray]
    landmarks: np.ndarray
    names: Sequence[str]


def _no_filled_frames(clips: Collection[str]) -> FilledFrames | None:
    """Return None: the judge has not tracked any clip."""


@dataclass(frozen=True)
class Gate:
    """Decides at the end of a run between the weights before and those after.

    Attributes:
        run: networks before the training, `FusedData` and folder.
        judge: detector that took no part in labelling; None: held-out stills judge.
        filled_by_judge: tracks the clips of some names with the model that judges, and
            returns the frames that it fills in, or None.
        former: weights of detector and tracker before the training.
    """

    run: TrainingRun
    judge: keras.Model | None = None
    filled_by_judge: Callable[[Collection[str]], FilledFrames | None] = (
        _no_filled_frames
    )
    former: dict[str, Weights] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("detector", "tracker"):
            self.former[name] = getattr(self.run, name).get_weights()

    def decide(self) -> None:
        """Keep the former weights of a network unless the judge calls others better."""
        path = self.run.folder.verdict
        chosen = json.loads(path.read_text("utf-8")) if path.exists() else None
        if chosen is None:
            chosen = self._judge_all()
            write_json(path, chosen)
        for name, one in chosen.items():
            getattr(self.run, name).set_weights(self._candidates(name)[one["chosen"]])

    def report(self) -> None:
        """Print what was decided, and on which evidence."""
        for name, one in json.loads(self.run.folder.verdict.read_text("utf-8")).items():
            if one["where"] == NOTHING_HELD_OUT:
                print(f"{name}: {NOTHING_HELD_OUT}, and the trained weights are kept")
            if one["where"] == verdict.NOTHING_LEARNT:
                print(f"{verdict.NOTHING_LEARNT}; you keep what you had")
            if one["rows"]:
                print("\n".join(verdict.describe(name, one["where"], one)))

    def _judge_all(self) -> dict[str, dict]:
        """Return the verdict on every network that was trained."""
        data = self.run.data
        if data.stills is not None and not len(data.held_out):
            kept = _without_figures(verdict.AFTER, NOTHING_HELD_OUT)
            return {"detector": kept, "tracker": kept}
        if not (self._has_learnt("detector") or self._has_learnt("tracker")):
            kept = _without_figures(verdict.BEFORE, verdict.NOTHING_LEARNT)
            return {"detector": kept}
        decisions = {"detector": self._decide("detector", *self._detector_judge())}
        if not self._has_learnt("tracker"):
            return decisions
        if data.stills is not None:
            decisions["tracker"] = self._decide("tracker", *self._tracker_judge())
        else:
            # The judge is a detector. A tracker goes with the detector that taught it.
            chosen = decisions["detector"]["chosen"]
            decisions["tracker"] = _without_figures(chosen, "it goes with the detector")
        return decisions

    def _has_learnt(self, name: str) -> bool:
        weights = getattr(self.run, name).get_weights()
        pairs = zip(self.former[name], weights, strict=True)
        return not all(np.array_equal(before, after) for before, after in pairs)

    def _decide(
        self,
        name: str,
        errors_of: Callable[[keras.Model], np.ndarray],
        group: np.ndarray,
        where: str,
    ) -> dict:
        network, errors = getattr(self.run, name), {}
        trained = network.get_weights()
        by_network = where == BY_THE_JUDGE
        for candidate, weights in self._candidates(name).items():
            if candidate in verdict.NETWORK_CHOICE and not by_network:
                continue
            network.set_weights(weights)
            errors[candidate] = errors_of(network)
        network.set_weights(trained)
        if not by_network:
            return {**verdict.decide(errors, group), "where": where}
        # Filled frames have large errors. They must not outvote the others.
        data = self.run.data
        ordinary = np.arange(len(group)) < data.held_out_pictures.sum()
        margin = verdict.NETWORK_MARGIN
        if data.only_moments_teach:
            margin = verdict.MOMENTS_MARGIN
        rules = margin, ordinary, verdict.NETWORK_CHOICE
        return {**verdict.decide(errors, group, *rules), "where": where}

    def _candidates(self, name: str) -> dict[str, Weights]:
        trained = getattr(self.run, name).get_weights()
        return verdict.candidates(self.former[name], trained)

    def _detector_judge(self) -> tuple:
        """Return the errors of a detector as a function, the groups, and their kind."""
        data, boxes = self.run.data, self.run.data.pictures.boxes
        if data.stills is not None:
            pictures, truth, whole = data.held_out_stills()
            group, where = data.held_out_owners, "held-out stills"
            if data.num_known:
                where += f", {data.num_known} of which the model before has learnt"
        else:
            pictures, truth, group = self._judged_pictures()
            whole, where = truth, BY_THE_JUDGE

        def errors_of(detector: keras.Model) -> np.ndarray:
            return detection_errors(
                detect_by(detector), pictures, truth, whole, boxes[0], "Comparing"
            )

        return errors_of, group, where

    def _judged_pictures(self) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """Return pictures that were kept out, the judge's landmarks, and the owners.

        A detector is no judge of moments in which it fails itself. There it follows the
        face from both sides.
        """
        data = self.run.data
        index = np.flatnonzero(data.held_out_pictures)
        pictures = [data.pictures[i] for i in index]
        boxes, asked = data.pictures.boxes[index], questions(JUDGED_QUESTIONS + 1)
        judged = [detect_by(self.judge)]
        truth = label_pictures(judged, pictures, boxes, asked, "Judge").landmarks
        owner = data.pictures.owner[index]
        frames = index[index < data.pictures.num_frames]
        names = {clip_of(data.pictures.names[i]) for i in frames}
        filled = self.filled_by_judge(names) if names else None
        if filled is None:
            return pictures, truth, owner
        owners = data.pictures.owners_of(filled.names)
        near = data.near_learnt(filled.names)
        used = np.flatnonzero(np.isin(owners, owner) & ~near)
        pictures += [filled.pictures[i] for i in used]
        truth = np.concatenate([truth, filled.landmarks[used]])
        return pictures, truth, np.concatenate([owner, owners[used]])

    def _tracker_judge(self) -> tuple:
        """Return the errors of a tracker as a function, the groups, and their kind."""
        batches = list(self.run.data.held_out_pairs())

        def errors_of(tracker: keras.Model) -> np.ndarray:
            found = []
            for batch in batches:
                inputs = {"frames": batch["frames"][:, 1], "start": batch["start"]}
                tracked, target = tracker.predict_on_batch(inputs), batch["target"]
                # Points that nobody annotated count as right for all candidates.
                known = np.isfinite(target)
                target = np.where(known, target, tracked)
                found.append(relative_distance(tracked, target))
            return np.concatenate(found)

        group = self.run.data.held_out_owners[[batch["still"] for batch in batches]]
        return errors_of, group, "held-out stills in synthetic motion"


def _without_figures(chosen: str, where: str) -> dict:
    return {"chosen": chosen, "rows": {}, "count": 0, "where": where}


def detect_by(network: keras.Model) -> Detect:
    """Return a detector as a function from crops to landmarks."""

    def detect(crops: np.ndarray) -> np.ndarray:
        frames = crops.astype(np.float32) / 255
        return np.asarray(network.predict_on_batch(frames)["refinements"][:, -1])

    return detect


def detection_errors(
    detect: Detect,
    pictures: Sequence[np.ndarray],
    truth: np.ndarray,
    whole: np.ndarray,
    box: np.ndarray,
    title: str = "",
) -> np.ndarray:
    """Return the errors (n,) of a detector over the eye distance, in several windows.

    Args:
        detect: the detector.
        pictures: n pictures.
        truth: landmarks (n, 68, 2) in their pixels; NaN is not annotated.
        whole: (n, 68, 2) without NaN.
        box: face box (4,) of every picture.
        title: of a progress bar; "": none.
    """
    asked = [q for q in questions(JUDGED_QUESTIONS) if not q.mirrored]
    answers = ask(detect, pictures, [(box, 0.0)] * len(pictures), asked, title)
    matrix = crop_matrix(box)
    distance = np.linalg.norm(answers - apply_matrix(matrix, truth), axis=-1)
    error = np.nanmean(distance, axis=(0, 2))
    return error / eye_distance(apply_matrix(matrix, whole))
