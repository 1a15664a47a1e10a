"""Algorithm 1: detector and tracker teach each other on unlabelled video.

Follows Algorithm 1 of the paper line by line. Every training and every round writes a
file when it is done. Each step looks for its file first, so a killed run is continued
by repeating it.
"""

from dataclasses import dataclass

from strrn_tf.methods.cycle_scores import CycleScores, score_cycles
from strrn_tf.methods.gain_report import describe_gain, write_gain
from strrn_tf.methods.gate import Gate
from strrn_tf.methods.round_report import write_round
from strrn_tf.methods.training_run import TrainingRun


@dataclass(frozen=True)
class OmniSupervision:
    """Algorithm 1, a `Method`.

    Attributes:
        run: networks, data and folder.
        gate: decides between the former weights and others. None: the new ones stay.
    """

    run: TrainingRun
    gate: Gate | None = None

    def train_on_stills(self) -> None:
        """Train the backbone detector (line 1) and initialise the tracker."""
        self.run.train_detector(0)
        self.run.train_tracker(0)

    def run_round(self, number: int) -> None:
        """Learn from the clips, for the ``number``-th time (from 1)."""
        # Lines 2 to 21: D_det and D_tck.
        scores = self.pseudo_label(number)
        # Line 23: Train(Detector, D_det u S); Train(STRRN, D_tck).
        if scores.teaches_detector.any():
            self.run.train_detector(number, scores)
        if scores.teaches_tracker.any():
            self.run.train_tracker(number, scores)
        print(
            f"round {number}: {scores.accepted.sum()} of {len(scores.accepted)} "
            f"pairs were trusted, {scores.teaches_detector.sum()} taught the "
            f"detector, {scores.teaches_tracker.sum()} the tracker"
        )

    def pseudo_label(self, number: int) -> CycleScores:
        """Score all pairs, and write the pseudo-labels of the trusted ones."""
        run = self.run
        # Written last: a round with this file is complete.
        path = run.folder.round(number) / "criticism.npz"
        if path.exists():
            return CycleScores.load(path)
        scores = self.score_pairs()
        write_round(run.folder, number, scores, run.data, run.config.algorithm)
        scores.save(path)
        return scores

    def score_pairs(self) -> CycleScores:
        """Score all pairs with the networks as they are now.

        Pairs that are kept out teach nothing.
        """
        run = self.run
        pairs, algorithm = run.data.pairs(), run.config.algorithm
        scores = score_cycles(run.detector, run.tracker, pairs, algorithm)
        if not self.gate:
            return scores
        return scores.without(run.data.held_out_pictures[: len(scores.accepted)])

    def decide(self) -> None:
        """Keep the former weights unless the judge calls others better."""
        if self.gate:
            self.gate.decide()

    def report_gain(self) -> None:
        """Write and print the changes on the clips that the rounds have made."""
        run = self.run
        if not run.config.algorithm.rounds:
            return
        if self.gate:
            self.gate.report()
        if not run.folder.report.exists():
            write_gain(run.folder, self.pseudo_label(1), self.score_pairs(), run.data)
        print(describe_gain(run.folder))
