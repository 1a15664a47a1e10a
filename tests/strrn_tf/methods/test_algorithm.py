"""Algorithm 1: phases, rounds, and what they leave behind."""

import json
from dataclasses import replace

import numpy as np
from support.clips import STEP, BlobDetector, Follower, moving_clip

from strrn_tf.config import AlgorithmConfig, RunConfig
from strrn_tf.geometry import eye_distance
from strrn_tf.methods import omni_supervision
from strrn_tf.methods.omni_supervision import OmniSupervision
from strrn_tf.training.run_folder import RunFolder


class Trainings:
    """Stands in for `fit`: notes the phases and what they were given."""

    def __init__(self):
        self.phases = []

    def __call__(self, trainer, batches_from, phase, folder, devices):
        self.phases.append((type(trainer).__name__, phase, batches_from))


class Fake:
    """A trainer that has only its name."""

    def __init__(self, name):
        self.name = name


class TestRounds:
    class Data:
        """Data of two pairs; batches are what they were asked for."""

        names = ("a.avi#000001", "b.avi#000003")
        pictures = None

        def __init__(self, step=STEP):
            self.step, self.distilled, self.written = step, 0, []

        def detector_batches(self, pseudo, seed):
            return "detector", pseudo, seed

        def tracker_batches(self, pseudo, seed):
            return "tracker", pseudo, seed

        def pairs(self):
            self.distilled += 1
            return [moving_clip(2, self.step)]

        def images(self, index):
            return np.zeros((2, 315, 315, 3), np.uint8)

        def write_pseudo_label(self, folder, index, shape):
            self.written.append((folder.name, index, shape))

        def write_picture(self, path, picture):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.pictures = [*(self.pictures or []), path.name]

    def method(self, tmp_path, monkeypatch, tracker=None, data=None, **options):
        trainings = Trainings()
        monkeypatch.setattr(omni_supervision, "fit", trainings)
        monkeypatch.setattr(
            omni_supervision, "DetectorTrainer", lambda d: Fake("detector")
        )
        monkeypatch.setattr(
            omni_supervision, "TrackerTrainer", lambda t, c: Fake("tracker")
        )
        config = RunConfig(seed=3, algorithm=AlgorithmConfig(**options))
        folder = RunFolder(tmp_path)
        networks = BlobDetector(), tracker or Follower()
        data = data or self.Data()
        return OmniSupervision(config, *networks, data, folder), trainings

    def names(self, trainings):
        return [phase.name for _, phase, _ in trainings.phases]

    def test_stills_first_then_the_rounds(self, tmp_path, monkeypatch):
        method, trainings = self.method(tmp_path, monkeypatch, rounds=2)
        method.train_on_stills()
        assert self.names(trainings) == ["detector-00", "tracker-00"]
        phase = trainings.phases[0][1]
        first = method.config.detector
        assert (phase.steps, phase.learning_rate) == (first.steps, first.learning_rate)
        assert trainings.phases[0][2] == ("detector", None, 3000)
        method.run_round(1)
        method.run_round(2)
        # A perfect tracker: both losses are nearly 0 and L_tck = L_det.
        assert self.names(trainings)[2:] == ["detector-01", "detector-02"]
        phase = trainings.phases[2][1]
        assert phase.steps == first.round_steps
        assert phase.learning_rate == first.round_learning_rate
        _, (_, pseudo, seed) = trainings.phases[3][1:]
        assert pseudo.teaches_detector.all()
        assert seed == 3002

    def test_literal_assignment_trains_both(self, tmp_path, monkeypatch):
        class Drifts(Follower):
            """Is off by a pixel when it goes back from a tracked shape."""

            calls = 0

            def predict_on_batch(self, inputs):
                self.calls += 1
                return super().predict_on_batch(inputs) + (self.calls % 3 == 0)

        for assignment, expected in (
            ("exclusive", ["tracker-01"]),
            ("literal", ["detector-01", "tracker-01"]),
        ):
            method, trainings = self.method(
                tmp_path / assignment,
                monkeypatch,
                Drifts(),
                rounds=1,
                assignment=assignment,
            )
            method.run_round(1)
            assert self.names(trainings) == expected

    def test_nothing_trusted_nothing_trained(self, tmp_path, monkeypatch, identity):
        method, trainings = self.method(tmp_path, monkeypatch, identity, rounds=1)
        method.run_round(1)
        assert trainings.phases == []
        report = json.loads((tmp_path / "rounds/01/report.json").read_text())
        assert report["accepted"] == report["d_det"] == report["d_tck"] == 0
        assert method.data.pictures == ["rejected.png"]

    def test_a_round_that_is_done_is_not_distilled_again(self, tmp_path, monkeypatch):
        method, _ = self.method(tmp_path, monkeypatch, rounds=1)
        first = method.distil(1)
        again = method.distil(1)
        assert method.data.distilled == 1
        np.testing.assert_array_equal(first.tracked, again.tracked)

    def test_what_all_rounds_have_changed(self, tmp_path, monkeypatch, capsys):
        class Learns(BlobDetector):
            """Is off by a pixel less from one criticism to the next."""

            off = 4.0

            def predict_on_batch(self, frames):
                answer = super().predict_on_batch(frames)
                self.off -= 0.5  # two frames are a criticism
                return {"refinements": answer["refinements"] + self.off}

        method, _ = self.method(tmp_path, monkeypatch, rounds=2)
        method = replace(method, detector=Learns())
        for number in (1, 2):
            method.run_round(number)
        method.report_gain()
        said = capsys.readouterr().out
        report = json.loads((tmp_path / "report.json").read_text())
        # Two criticisms lie between the first one and that after the last round.
        shapes = method.distil(1).detected_before
        expected = 100 * 2 * np.sqrt(2) / eye_distance(shapes).mean()
        assert abs(report["detector_moved_median"] - expected) < 0.01
        assert method.data.pictures[-1] == "report.png"
        assert "2 pairs of frames" in said
        method.report_gain()
        assert capsys.readouterr().out.splitlines() == said.splitlines()[-7:]
        assert method.data.distilled == 3

    def test_without_a_round_nothing_is_said(self, tmp_path, monkeypatch):
        method, _ = self.method(tmp_path, monkeypatch, rounds=0)
        method.report_gain()
        assert method.data.distilled == 0

    def test_what_a_round_writes(self, tmp_path, monkeypatch):
        method, _ = self.method(tmp_path, monkeypatch, rounds=1)
        pseudo = method.distil(1)
        written = method.data.written
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
