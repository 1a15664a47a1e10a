"""Algorithm 1: detector and tracker teach each other on unlabelled video.

Reads like the box in the paper. Every training and every round leaves a file when it is
done, and each step looks for its file first: a run that was killed is continued by
running it again, and ends with the same weights.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import keras
import numpy as np

from strrn_tf.config import FitConfig, RunConfig
from strrn_tf.methods.criticism import Criticism, criticise
from strrn_tf.methods.gain_report import tell_gain, write_gain
from strrn_tf.methods.round_report import write_round
from strrn_tf.training.devices import ONE_DEVICE, Devices
from strrn_tf.training.fitting import Phase, fit
from strrn_tf.training.run_folder import RunFolder
from strrn_tf.training.trainers import DetectorTrainer, TrackerTrainer

# Gives the endless stream of batches without its first k.
BatchesFrom = Callable[[int], Iterable]


class TrainingData(Protocol):
    """What Algorithm 1 needs of the data, wherever they come from."""

    names: list[str]

    def detector_batches(self, pseudo: Criticism | None, seed: int) -> BatchesFrom:
        """Return batches of S, with D_det where there is one."""

    def tracker_batches(self, pseudo: Criticism | None, seed: int) -> BatchesFrom:
        """Return stills in synthetic motion, or D_tck (with such stills)."""

    def pairs(self) -> Iterable[np.ndarray]:
        """Return batches (B, 2, 315, 315, 3) in [0, 1] of the unlabelled pairs."""

    def images(self, index: int) -> np.ndarray:
        """Return frames t-1 and t (2, 315, 315, 3) uint8 of one pair."""


@dataclass(frozen=True)
class OmniSupervision:
    """Two networks, their data and the folder that remembers.

    Attributes:
        config: of the run.
        detector: MDM or HGN.
        tracker: STRRN.
        data: annotated stills S and unlabelled clips D.
        folder: of the run.
        devices: where the networks are trained; they predict on one.
    """

    config: RunConfig
    detector: keras.Model
    tracker: keras.Model
    data: TrainingData
    folder: RunFolder
    devices: Devices = ONE_DEVICE

    def train_on_stills(self) -> None:
        """Train the backbone detector (line 1) and initialise the tracker."""
        self.train_detector(0, None)
        self.train_tracker(0, None)

    def run_round(self, number: int) -> None:
        """Learn from the clips, for the ``number``-th time (from 1)."""
        # Lines 2 to 21: D_det and D_tck.
        pseudo = self.distil(number)
        # Line 23: Train(Detector, D_det u S); Train(STRRN, D_tck).
        if pseudo.teaches_detector.any():
            self.train_detector(number, pseudo)
        if pseudo.teaches_tracker.any():
            self.train_tracker(number, pseudo)
        print(
            f"round {number}: {pseudo.accepted.sum()} of {len(pseudo.accepted)} "
            f"pairs were trusted, {pseudo.teaches_detector.sum()} taught the "
            f"detector, {pseudo.teaches_tracker.sum()} the tracker"
        )

    def distil(self, number: int) -> Criticism:
        """Let the networks criticise each other; write what they agreed on."""
        # Written last, so that a round that has it is complete.
        done = self.folder.round(number) / "criticism.npz"
        if done.exists():
            return Criticism.load(done)
        pseudo = self.criticise()
        write_round(self.folder, number, pseudo, self.data, self.config.algorithm)
        pseudo.save(done)
        return pseudo

    def criticise(self) -> Criticism:
        """Let the networks criticise each other, as they are now."""
        pairs, algorithm = self.data.pairs(), self.config.algorithm
        return criticise(self.detector, self.tracker, pairs, algorithm)

    def report_gain(self) -> None:
        """Write and print what the rounds have changed on the clips."""
        if not self.config.algorithm.rounds:
            return
        if not self.folder.report.exists():
            write_gain(self.folder, self.distil(1), self.criticise(), self.data)
        print(tell_gain(self.folder))

    def train_detector(self, number: int, pseudo: Criticism | None) -> None:
        """Train(Detector, D_det u S); in round 0 on S alone."""
        fit(
            DetectorTrainer(self.detector),
            self.data.detector_batches(pseudo, self.seed(number)),
            phase("detector", number, self.config.detector),
            self.folder,
            self.devices,
        )

    def train_tracker(self, number: int, pseudo: Criticism | None) -> None:
        """Train(STRRN, D_tck); in round 0 on stills in synthetic motion."""
        fit(
            TrackerTrainer(self.tracker, self.config.algorithm),
            self.data.tracker_batches(pseudo, self.seed(number)),
            phase("tracker", number, self.config.tracker),
            self.folder,
            self.devices,
        )

    def seed(self, number: int) -> int:
        """Return the seed of a round's batches: no round repeats another's."""
        return 1000 * self.config.seed + number


def phase(network: str, number: int, config: FitConfig) -> Phase:
    """Return what to train of a network in a round; round 0 is that on stills."""
    first = number == 0
    return Phase(
        name=f"{network}-{number:02d}",
        steps=config.steps if first else config.round_steps,
        learning_rate=config.learning_rate if first else config.round_learning_rate,
        weight_decay=config.weight_decay,
    )
