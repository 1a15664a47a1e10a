"""Algorithm 1: detector and tracker teach each other on unlabelled video.

Reads like the box in the paper. Every training and every round writes a file when it is
done. Each step looks for its file first, so a killed run is continued by repeating it.
"""

from dataclasses import dataclass

from strrn_tf.methods.criticism import Criticism, criticise
from strrn_tf.methods.gain_report import tell_gain, write_gain
from strrn_tf.methods.round_report import write_round
from strrn_tf.methods.training_run import TrainingRun


@dataclass(frozen=True)
class OmniSupervision:
    """Algorithm 1, a `Method`.

    Attributes:
        run: networks, data and folder.
    """

    run: TrainingRun

    def train_on_stills(self) -> None:
        """Train the backbone detector (line 1) and initialise the tracker."""
        self.run.train_detector(0)
        self.run.train_tracker(0)

    def run_round(self, number: int) -> None:
        """Learn from the clips, for the ``number``-th time (from 1)."""
        # Lines 2 to 21: D_det and D_tck.
        pseudo = self.distil(number)
        # Line 23: Train(Detector, D_det u S); Train(STRRN, D_tck).
        if pseudo.teaches_detector.any():
            self.run.train_detector(number, pseudo)
        if pseudo.teaches_tracker.any():
            self.run.train_tracker(number, pseudo)
        print(
            f"round {number}: {pseudo.accepted.sum()} of {len(pseudo.accepted)} "
            f"pairs were trusted, {pseudo.teaches_detector.sum()} taught the "
            f"detector, {pseudo.teaches_tracker.sum()} the tracker"
        )

    def distil(self, number: int) -> Criticism:
        """Let the networks criticise each other; write what they agreed on."""
        run = self.run
        # Written last, so that a round that has it is complete.
        done = run.folder.round(number) / "criticism.npz"
        if done.exists():
            return Criticism.load(done)
        pseudo = self.criticise()
        write_round(run.folder, number, pseudo, run.data, run.config.algorithm)
        pseudo.save(done)
        return pseudo

    def criticise(self) -> Criticism:
        """Let the networks criticise each other, as they are now."""
        run = self.run
        pairs, algorithm = run.data.pairs(), run.config.algorithm
        return criticise(run.detector, run.tracker, pairs, algorithm)

    def report_gain(self) -> None:
        """Write and print what the rounds have changed on the clips."""
        run = self.run
        if not run.config.algorithm.rounds:
            return
        if not run.folder.report.exists():
            write_gain(run.folder, self.distil(1), self.criticise(), run.data)
        print(tell_gain(run.folder))
