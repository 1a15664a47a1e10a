"""Shared by all methods: the networks of a run, and the training of each of them.

Every training is a phase with a name, such as ``detector-01``. `fit` continues a phase
from its checkpoint, so a killed run ends with the same weights when it is repeated.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import keras
import numpy as np

from strrn_tf.config import FitConfig, RunConfig
from strrn_tf.methods.cycle_scores import CycleScores
from strrn_tf.training.devices import ONE_DEVICE, Devices
from strrn_tf.training.fitting import Phase, fit
from strrn_tf.training.run_folder import RunFolder
from strrn_tf.training.trainers import DetectorTrainer, TrackerTrainer

# Returns the endless stream of batches without its first k.
BatchesFrom = Callable[[int], Iterable]


class TrainingData(Protocol):
    """Data as the methods need them."""

    names: list[str]
    counts: Mapping[str, int]

    def detector_batches(self, scores: CycleScores | None, seed: int) -> BatchesFrom:
        """Return batches of S, with D_det where there is one."""

    def tracker_batches(self, scores: CycleScores | None, seed: int) -> BatchesFrom:
        """Return stills in synthetic motion, or D_tck (with such stills)."""

    def registration_batches(self, seed: int) -> BatchesFrom:
        """Return batches of S with triplets of consecutive frames of the clips."""

    def pairs(self) -> Iterable[np.ndarray]:
        """Return batches (B, 2, 315, 315, 3) in [0, 1] of the unlabelled pairs."""

    def images(self, index: int) -> np.ndarray:
        """Return frames t-1 and t (2, 315, 315, 3) uint8 of one pair."""

    def parity_crops(self) -> np.ndarray:
        """Return crops (n, 315, 315, 3) in [0, 1] for checking an export."""


@dataclass(frozen=True)
class TrainingRun:
    """Two networks, their data, and the folder that records the run.

    Attributes:
        config: of the run.
        detector: MDM or HGN.
        tracker: STRRN.
        data: annotated stills S and unlabelled clips D.
        folder: of the run.
        devices: where the networks are trained. They predict on one device.
        fit: trains one network, see `strrn_tf.training.fitting.fit`.
    """

    config: RunConfig
    detector: keras.Model
    tracker: keras.Model
    data: TrainingData
    folder: RunFolder
    devices: Devices = ONE_DEVICE
    fit: Callable[..., None] = fit

    def train_detector(self, number: int, scores: CycleScores | None = None) -> None:
        """Train(Detector, D_det u S); in round 0 on S alone."""
        batches_from = self.data.detector_batches(scores, self.seed(number))
        self.train("detector", number, DetectorTrainer(self.detector), batches_from)

    def train_tracker(self, number: int, scores: CycleScores | None = None) -> None:
        """Train(STRRN, D_tck); in round 0 on stills in synthetic motion."""
        batches_from = self.data.tracker_batches(scores, self.seed(number))
        trainer = TrackerTrainer(self.tracker, self.config.algorithm)
        self.train("tracker", number, trainer, batches_from)

    def train(
        self,
        network: str,
        number: int,
        trainer: keras.Model,
        batches_from: BatchesFrom,
        averaging: float = 0.0,
        updates: int | None = None,
    ) -> None:
        """Train one network in one round, or the rest of it.

        Args:
            network: "detector" or "tracker", whose settings are used.
            number: of the round; 0 is the training on stills.
            trainer: the network with a loss.
            batches_from: see `BatchesFrom`.
            averaging: see `strrn_tf.training.fitting.Phase`.
            updates: other number of updates than in the settings.
        """
        phase = make_phase(network, number, getattr(self.config, network))
        steps = phase.steps if updates is None else updates
        phase = replace(phase, steps=steps, averaging=averaging)
        self.fit(trainer, batches_from, phase, self.folder, self.devices)

    def seed(self, number: int) -> int:
        """Return the seed of a round's batches: no round repeats another's."""
        return 1000 * self.config.seed + number


def make_phase(network: str, number: int, config: FitConfig) -> Phase:
    """Return the phase of a network in a round; round 0 is that on stills."""
    first = number == 0
    return Phase(
        name=f"{network}-{number:02d}",
        steps=config.steps if first else config.round_steps,
        learning_rate=config.learning_rate if first else config.round_learning_rate,
        weight_decay=config.weight_decay,
    )
