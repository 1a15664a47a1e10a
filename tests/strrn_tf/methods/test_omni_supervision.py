"""Algorithm 1: phases, rounds, and what they leave behind."""

import json
from dataclasses import replace

import numpy as np
from support.clips import STEP, BlobDetector, BlobTracker, moving_clip

from strrn_tf.config import AlgorithmConfig, RunConfig
from strrn_tf.geometry import eye_distance
from strrn_tf.methods.omni_supervision import OmniSupervision
from strrn_tf.methods.training_run import TrainingRun
from strrn_tf.training.run_folder import RunFolder
from strrn_tf.training.trainers import DetectorTrainer, TrackerTrainer


class Fits:
    """Stands in for `fit`: notes the phases and what they were given."""

    def __init__(self):
        self.calls = []

    def __call__(self, trainer, batches_from, phase, folder, devices):
        self.calls.append((trainer, batches_from, phase))

    @property
    def names(self):
        return [phase.name for _, _, phase in self.calls]


class Data:
    """Data of two pairs; batches are what they were asked for."""

    names = ("a.avi#000001", "b.avi#000003")

    def __init__(self, step=STEP):
        self.step, self.num_scored, self.written, self.pictures = step, 0, [], []

    def detector_batches(self, pseudo, seed):
        return "detector", pseudo, seed

    def tracker_batches(self, pseudo, seed):
        return "tracker", pseudo, seed

    def pairs(self):
        self.num_scored += 1
        return [moving_clip(2, self.step)]

    def images(self, index):
        return np.zeros((2, 315, 315, 3), np.uint8)

    def write_pseudo_label(self, folder, index, shape):
        self.written.append((folder.name, index, shape))

    def write_picture(self, path, picture):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.pictures.append(path.name)


def make_method(folder, tracker=None, **options):
    """Return Algorithm 1 of fakes, which trains nothing."""
    config = RunConfig(seed=3, algorithm=AlgorithmConfig(**options))
    networks = BlobDetector(), tracker or BlobTracker()
    run = TrainingRun(config, *networks, Data(), RunFolder(folder), fit=Fits())
    return OmniSupervision(run)


class TestRounds:
    def test_stills_first_then_the_rounds(self, tmp_path):
        method = make_method(tmp_path, rounds=2)
        fits = method.run.fit
        method.train_on_stills()
        assert fits.names == ["detector-00", "tracker-00"]
        trainer, batches, phase = fits.calls[0]
        first = method.run.config.detector
        assert (phase.steps, phase.learning_rate) == (first.steps, first.learning_rate)
        assert batches == ("detector", None, 3000)
        assert isinstance(trainer, DetectorTrainer)
        assert trainer.detector is method.run.detector
        trainer, *_ = fits.calls[1]
        assert isinstance(trainer, TrackerTrainer)
        assert trainer.tracker is method.run.tracker
        method.run_round(1)
        method.run_round(2)
        # A perfect tracker: both losses are nearly 0 and L_tck = L_det.
        assert fits.names[2:] == ["detector-01", "detector-02"]
        phase = fits.calls[2][2]
        assert phase.steps == first.round_steps
        assert phase.learning_rate == first.round_learning_rate
        _, pseudo, seed = fits.calls[3][1]
        assert pseudo.teaches_detector.all()
        assert seed == 3002

    def test_literal_assignment_trains_both(self, tmp_path):
        class Drifts(BlobTracker):
            """Is off by a pixel when it goes back from a tracked shape."""

            calls = 0

            def predict_on_batch(self, inputs):
                self.calls += 1
                return super().predict_on_batch(inputs) + (self.calls % 3 == 0)

        for assignment, expected in (
            ("exclusive", ["tracker-01"]),
            ("literal", ["detector-01", "tracker-01"]),
        ):
            options = {"rounds": 1, "assignment": assignment}
            method = make_method(tmp_path / assignment, Drifts(), **options)
            method.run_round(1)
            assert method.run.fit.names == expected

    def test_nothing_trusted_nothing_trained(self, tmp_path, identity):
        method = make_method(tmp_path, identity, rounds=1)
        method.run_round(1)
        assert method.run.fit.calls == []
        report = json.loads((tmp_path / "rounds/01/report.json").read_text())
        assert report["accepted"] == report["d_det"] == report["d_tck"] == 0
        assert method.run.data.pictures == ["rejected.png"]

    def test_a_round_that_is_done_is_not_scored_again(self, tmp_path):
        method = make_method(tmp_path, rounds=1)
        first = method.pseudo_label(1)
        again = method.pseudo_label(1)
        assert method.run.data.num_scored == 1
        np.testing.assert_array_equal(first.tracked, again.tracked)

    def test_what_a_round_writes(self, tmp_path):
        method = make_method(tmp_path, rounds=1)
        pseudo = method.pseudo_label(1)
        written = method.run.data.written
        assert [(name, index) for name, index, _ in written] == [
            ("detector", 0),
            ("detector", 1),
        ]
        np.testing.assert_array_equal(written[1][2], pseudo.tracked[1])
        report = json.loads((tmp_path / "rounds/01/report.json").read_text())
        assert report["acceptance_rate"] == 1
        assert report["clips"]["b.avi"] == {"pairs": 1, "accepted": 1}
        line = json.loads((tmp_path / "metrics.jsonl").read_text())
        assert (line["phase"], line["round"], line["d_det"]) == ("round", 1, 2)


class TestGate:
    def test_kept_out_pairs_teach_nothing_and_the_gate_decides(self, tmp_path, capsys):
        class Decides:
            """Notes when it is asked."""

            def __init__(self):
                self.asked = []

            def decide(self):
                self.asked.append("decide")

            def report(self):
                self.asked.append("report")

        method = make_method(tmp_path, rounds=1)
        method.decide()  # without a gate nothing is asked
        method = replace(method, gate=Decides())
        method.run.data.held_out_pictures = np.array([True, False, False])
        method.run_round(1)
        scores = method.pseudo_label(1)
        assert scores.teaches_detector.tolist() == [False, True]
        method.decide()
        method.report_gain()
        assert method.gate.asked == ["decide", "report"]
        # Pairs that are kept out are not trusted before or after: nothing has changed.
        report = json.loads((tmp_path / "report.json").read_text())
        assert report["before"] == report["after"]


class TestGain:
    def test_what_all_rounds_have_changed(self, tmp_path, capsys):
        class Learns(BlobDetector):
            """Is off by a pixel less from one scoring of the pairs to the next."""

            off = 4.0

            def predict_on_batch(self, frames):
                answer = super().predict_on_batch(frames)
                self.off -= 0.5  # two frames are one scoring
                return {"refinements": answer["refinements"] + self.off}

        method = make_method(tmp_path, rounds=2)
        method = OmniSupervision(replace(method.run, detector=Learns()))
        for number in (1, 2):
            method.run_round(number)
        method.report_gain()
        printed = capsys.readouterr().out
        report = json.loads((tmp_path / "report.json").read_text())
        # Two scorings lie between the first one and that after the last round.
        shapes = method.pseudo_label(1).detected_before
        expected = 100 * 2 * np.sqrt(2) / eye_distance(shapes).mean()
        assert abs(report["detector_moved_median"] - expected) < 0.01
        assert method.run.data.pictures[-1] == "report.png"
        assert "2 pairs of frames" in printed
        method.report_gain()
        assert capsys.readouterr().out.splitlines() == printed.splitlines()[-7:]
        assert method.run.data.num_scored == 3

    def test_without_a_round_nothing_is_reported(self, tmp_path, capsys):
        method = make_method(tmp_path, rounds=0)
        method.report_gain()
        assert method.run.data.num_scored == 0
        assert not capsys.readouterr().out
