"""Algorithm 1: criticism, assignment, pseudo-labels, ablations, rounds."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from clips import BlobDetector, Follower, crop_store, moving_clip
from reference import losses as twins
from support import numpy
from toy_models import toy_mean_shape

from data_pipeline.augment import Augmentation
from data_pipeline.pts import read_pts
from data_pipeline.training_data import TrainingData
from strrn_tf.config import AlgorithmConfig, FitConfig, RunConfig
from strrn_tf.models.tracker import STRRN
from strrn_tf.omni import algorithm
from strrn_tf.omni.algorithm import OmniSupervision
from strrn_tf.omni.criticism import Criticism, assign, criticise
from strrn_tf.omni.round_report import summarise_round
from strrn_tf.omni.run_folder import RunFolder
from strrn_tf.training import TrackerTrainer

SMALL = {"patch_size": 9, "channels": (2, 2), "features": 2, "hidden": 8}
STEP = (4.0, -3.0)  # of the moving clip: 5 px
EYES = float(np.float32(120.0))  # eye distance of the toy shape
CONFIG = AlgorithmConfig()


@pytest.fixture(scope="module")
def identity():
    """Return a tracker that has learnt nothing: it returns its start."""
    return STRRN(relation=2, **SMALL)


class TestCriticism:
    def test_the_identity_is_found_out_by_l_det_alone(self, identity):
        pairs = [moving_clip(2, STEP), moving_clip(1, STEP)]
        result = criticise(BlobDetector(), identity, pairs, CONFIG)
        np.testing.assert_array_equal(result.l_tck, 0)
        np.testing.assert_allclose(result.l_det, 5 / EYES, rtol=1e-3)
        # 4.2 % of the eye distance is above T.
        assert not result.accepted.any()

    def test_on_a_clip_that_stands_still_nothing_can_be_found_out(self, identity):
        still = [moving_clip(2, (0.0, 0.0))]
        result = criticise(BlobDetector(), identity, still, CONFIG)
        np.testing.assert_array_equal(result.l_tck, 0)
        np.testing.assert_allclose(result.l_det, 0, atol=1e-6)
        assert result.teaches_detector.all()

    def test_a_perfect_tracker_is_trusted(self):
        result = criticise(BlobDetector(), Follower(), [moving_clip(3, STEP)], CONFIG)
        np.testing.assert_allclose(result.l_det, 0, atol=1e-6)
        np.testing.assert_allclose(result.l_tck, 0, atol=1e-6)
        assert result.accepted.all()
        moved = result.detected - result.detected_before
        np.testing.assert_allclose(moved, np.broadcast_to(STEP, moved.shape), atol=1e-2)

    def test_every_way_goes_between_the_right_frames(self):
        # The tracker notes what it is asked, and adds 1, 2 and 4 px in turn.
        calls = []

        class Notes:
            def predict_on_batch(self, inputs):
                calls.append(inputs)
                return inputs["start"] + 2.0 ** (len(calls) - 1)

        pair = moving_clip(1, STEP)
        result = criticise(BlobDetector(), Notes(), [pair], CONFIG)
        forward, from_detected, from_tracked = calls
        for call, frame, start in (
            (forward, 1, result.detected_before),
            (from_detected, 0, result.detected),
            (from_tracked, 0, result.tracked),
        ):
            np.testing.assert_array_equal(call["frames"], pair[:, frame])
            np.testing.assert_array_equal(call["start"], start)
        np.testing.assert_array_equal(result.tracked, result.detected_before + 1)
        # 1 px forward and 4 px backward; (4, -3) + 2 px.
        eyes = twins.eye_distance(result.detected_before[0])
        np.testing.assert_allclose(result.l_tck, np.hypot(5, 5) / eyes, rtol=1e-6)
        np.testing.assert_allclose(result.l_det, np.hypot(6, -1) / eyes, rtol=1e-3)

    def test_without_the_temporal_module_agreement_decides(self, identity):
        config = replace(CONFIG, temporal=False)
        clips = [moving_clip(2, STEP), moving_clip(2, (1.0, 0.0))]
        result = criticise(BlobDetector(), identity, clips, config)
        # Tracked and detected are 5 px, then 1 px apart; T is 2.4 px.
        expected = [False, False, True, True]
        np.testing.assert_array_equal(result.teaches_detector, expected)
        np.testing.assert_array_equal(result.teaches_tracker, expected)

    def test_saving(self, tmp_path):
        result = criticise(BlobDetector(), Follower(), [moving_clip(2)], CONFIG)
        result.save(tmp_path / "criticism.npz")
        again = Criticism.load(tmp_path / "criticism.npz")
        for name, value in vars(result).items():
            np.testing.assert_array_equal(getattr(again, name), value)
            assert getattr(again, name).dtype == value.dtype


class TestAssignment:
    #            l_det, l_tck, exclusive (D_det, D_tck), literal (D_det, D_tck)
    table = (
        (0.010, 0.005, (True, False), (True, False)),
        (0.005, 0.010, (False, True), (True, True)),
        (0.010, 0.010, (True, False), (True, False)),
        (0.010, 0.030, (False, False), (False, False)),
        (0.030, 0.010, (False, False), (False, False)),
        (0.030, 0.040, (False, False), (False, False)),
        # "Below T" is strict, for both.
        (0.020, 0.010, (False, False), (False, False)),
        (0.010, 0.020, (False, False), (False, False)),
        (np.nan, 0.010, (False, False), (False, False)),
    )

    @pytest.mark.parametrize(("kind", "column"), [("exclusive", 2), ("literal", 3)])
    def test_truth_table(self, kind, column):
        l_det, l_tck = np.array([row[:2] for row in self.table]).T
        config = AlgorithmConfig(threshold=0.02, assignment=kind)
        to_detector, to_tracker = assign(l_det, l_tck, config)
        expected = np.array([row[column] for row in self.table])
        np.testing.assert_array_equal(np.stack([to_detector, to_tracker], 1), expected)

    def test_exclusive_means_exclusive(self):
        l_det, l_tck = np.random.default_rng(0).uniform(0, 0.04, (2, 500))
        to_detector, to_tracker = assign(l_det, l_tck, AlgorithmConfig())
        assert not (to_detector & to_tracker).any()
        trusted = (l_det < 0.02) & (l_tck < 0.02)
        np.testing.assert_array_equal(to_detector | to_tracker, trusted)
        assert 0 < to_tracker.sum() < trusted.sum()

    def test_the_threshold_is_a_fraction_of_the_eye_distance(self, identity):
        # 5 px of 120: trusted at 4.3 %, not at 4.1 %.
        for threshold, is_trusted in ((0.043, True), (0.041, False)):
            config = AlgorithmConfig(threshold=threshold)
            clip = [moving_clip(1, STEP)]
            result = criticise(BlobDetector(), identity, clip, config)
            assert result.accepted.all() == is_trusted


@pytest.fixture(scope="module")
def sample():
    """Return inputs and answers of a tracker's trainer."""
    rng = np.random.default_rng(6)
    names = ("start", "target", "tracked", "back_from_tracked")
    shapes = {
        name: (toy_mean_shape() + rng.normal(0, 4, (3, 68, 2))).astype("float32")
        for name in (*names, "back_from_detected")
    }
    inputs = {name: shapes.pop(name) for name in ("start", "target")}
    return inputs, shapes


class TestEnsembleLoss:
    """Eq. 6 as the trainer computes it, and every ablation of Table 3."""

    def loss(self, identity, sample, **options):
        inputs, answers = sample
        config = AlgorithmConfig(**{"cycle_weight": 10.0, **options})
        trainer = TrackerTrainer(identity, config)
        return float(trainer.compute_loss(x=inputs, y_pred=answers)), trainer

    def parts(self, sample):
        inputs, answers = sample
        each = zip(
            *(inputs[name] for name in ("start", "target")),
            *(
                answers[name]
                for name in ("tracked", "back_from_tracked", "back_from_detected")
            ),
            strict=True,
        )
        rows = [
            (
                twins.point_error(tracked, target),
                twins.check_loss(from_tracked, start),
                twins.check_loss(from_detected, start),
            )
            for start, target, tracked, from_tracked, from_detected in each
        ]
        return np.mean(rows, axis=0)

    @pytest.mark.parametrize(
        ("options", "weights"),
        [
            ({}, (1, 10, 4)),
            ({"l_det_weight": 0.0}, (1, 10, 0)),
            ({"l_tck_weight": 0.0}, (1, 0, 4)),
            ({"temporal": False}, (1, 0, 0)),
            ({"cycle_weight": 2.0, "l_det_weight": 0.5}, (1, 2, 1)),
        ],
    )
    def test_weights(self, identity, sample, options, weights):
        expected = np.dot(weights, self.parts(sample))
        received, _ = self.loss(identity, sample, **options)
        assert received == pytest.approx(expected, rel=1e-5)

    def test_metrics_carry_the_unweighted_parts(self, identity, sample):
        _, trainer = self.loss(identity, sample, l_det_weight=0.0)
        means = {name: float(m.result()) for name, m in trainer.means.items()}
        distance, l_tck, l_det = self.parts(sample)
        assert means["nme_interocular"] == pytest.approx(100 * distance, rel=1e-5)
        assert means["l_tck"] == pytest.approx(l_tck, rel=1e-5)
        assert means["l_det"] == pytest.approx(l_det, rel=1e-5)

    def test_the_identity_has_no_l_tck_but_an_l_det(self, identity):
        pairs = moving_clip(2, STEP)
        shape = BlobDetector().predict_on_batch
        before, after = (
            shape(pairs[:, t])["refinements"][:, -1].astype("float32") for t in (0, 1)
        )
        inputs = {
            "frames": pairs,
            "start": before,
            "detected": after,
            "target": after,
        }
        trainer = TrackerTrainer(identity, CONFIG)
        loss = float(trainer.compute_loss(x=inputs, y_pred=trainer(inputs)))
        l_tck, l_det = (float(trainer.means[n].result()) for n in ("l_tck", "l_det"))
        assert l_tck == 0
        assert l_det == pytest.approx(25 / EYES**2, rel=1e-2)
        assert loss == pytest.approx(
            5 / EYES + CONFIG.cycle_weight * 0.4 * l_det, rel=1e-2
        )

    def test_without_the_temporal_module_nothing_is_tracked_backward(self, identity):
        pairs = moving_clip(1)
        shape = toy_mean_shape()[None]
        inputs = {"frames": pairs, "start": shape, "detected": shape}
        trainer = TrackerTrainer(identity, AlgorithmConfig(temporal=False))
        assert trainer(inputs).keys() == {"tracked"}


PLAIN = Augmentation.none()


def criticism(num, to_detector, to_tracker, seed=0):
    """Return a criticism of ``num`` pairs; a shape tells by its place which it is."""
    base = np.repeat(toy_mean_shape()[None], num, 0)
    offset = np.arange(num, dtype=np.float32)[:, None, None]
    members = [np.isin(np.arange(num), m) for m in (to_detector, to_tracker)]
    errors = np.linspace(0, 0.1, num)
    return Criticism(
        base + offset, base + 20 + offset, base - 20 + offset, errors, errors, *members
    )


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Return four stills with values from 101 on, eight pairs with values from 1 on."""
    folder = tmp_path_factory.mktemp("stores")
    stills = crop_store(folder, 4, 1)
    stills.frames[:] += 100
    return stills, crop_store(folder, 8, 2, seed=1)


class TestTrainingData:
    def data(self, stores, augmentation=PLAIN, **options):
        algorithm = AlgorithmConfig(**options)
        fit = FitConfig(4, 4, batch_size=4)
        config = RunConfig(detector=fit, tracker=fit, algorithm=algorithm)
        return TrainingData(*stores, config, augmentation)

    def take(self, batches_from, count=6):
        batches = [b for b, _ in zip(batches_from(0), range(count), strict=False)]
        joined = {k: np.concatenate([b[k] for b in batches]) for k in batches[0]}
        values = joined["frames"][..., 150, 150, 0] * 255
        return values.round().astype(int), joined

    def test_round_0_is_stills_alone(self, stores):
        values, batch = self.take(self.data(stores).detector_batches(None, 0))
        assert set(values) == {101, 102, 103, 104}
        expected = stores[0].landmarks[values - 101, 0] - 35
        np.testing.assert_allclose(batch["landmarks"], expected, atol=1e-3)

    def test_d_det_has_tracked_shapes_of_its_members_only(self, stores):
        pseudo = criticism(8, to_detector=[2, 5], to_tracker=[1])
        data = self.data(stores, pseudo_share=0.5)
        values, batch = self.take(data.detector_batches(pseudo, 0))
        assert set(values) == {101, 102, 103, 104, 3, 6}
        is_pseudo = values < 100
        assert is_pseudo.mean() == 0.5
        expected = pseudo.tracked[values[is_pseudo] - 1]
        np.testing.assert_allclose(batch["landmarks"][is_pseudo], expected, atol=1e-3)

    @pytest.mark.parametrize(
        ("share", "expected"), [(0.0, {101, 102, 103, 104}), (1.0, {3, 6})]
    )
    def test_the_share_of_d_det_at_its_ends(self, stores, share, expected):
        pseudo = criticism(8, to_detector=[2, 5], to_tracker=[])
        data = self.data(stores, pseudo_share=share)
        values, _ = self.take(data.detector_batches(pseudo, 0))
        assert set(values) == expected

    def test_without_stills_the_detector_learns_from_d_det(self, stores):
        pseudo = criticism(8, to_detector=[2, 5], to_tracker=[])
        for share in (0.0, 0.5):
            data = self.data((None, stores[1]), pseudo_share=share)
            values, _ = self.take(data.detector_batches(pseudo, 0))
            assert set(values) == {3, 6}

    def test_d_tck_has_detected_shapes_of_its_members_only(self, stores):
        pseudo = criticism(8, to_detector=[2], to_tracker=[1, 7])
        data = self.data(stores, mix_stills=0.0)
        values, batch = self.take(data.tracker_batches(pseudo, 0))
        assert set(values[:, 0]) == {2, 8}
        np.testing.assert_array_equal(values[:, 0], values[:, 1])
        index = values[:, 0] - 1
        for key, shapes in (
            ("start", pseudo.detected_before),
            ("detected", pseudo.detected),
            ("target", pseudo.detected),
        ):
            np.testing.assert_allclose(batch[key], shapes[index], atol=1e-3)

    def test_stills_in_motion_are_mixed_in(self, stores):
        pseudo = criticism(8, to_detector=[], to_tracker=[1, 7])
        data = self.data(stores, mix_stills=0.25)
        values, _ = self.take(data.tracker_batches(pseudo, 0))
        assert (values[:, 0] > 100).mean() == 0.25

    def test_annotated_frames_teach_their_annotation(self, stores):
        pseudo = criticism(8, to_detector=[], to_tracker=[0])
        data = self.data(stores, mix_stills=0.0, annotated_fraction=0.5)
        # Half of each of the two clips of four pairs.
        assert len(data.annotated) == 4
        assert (data.annotated < 4).sum() == 2
        values, batch = self.take(data.tracker_batches(pseudo, 0), 12)
        index = values[:, 0] - 1
        assert set(index) == {0, *data.annotated.tolist()}
        known = np.isin(index, data.annotated)
        truth = stores[1].landmarks[index[known], 1] - 35
        np.testing.assert_allclose(batch["target"][known], truth, atol=1e-3)
        # What the detector says stays what it says.
        np.testing.assert_allclose(batch["detected"], pseudo.detected[index], atol=1e-3)
        values, batch = self.take(data.detector_batches(None, 0), 12)
        clips = values < 100
        assert set(values[clips] - 1) == set(data.annotated.tolist())

    def test_annotation_is_asked_for_but_not_there(self, stores, tmp_path):
        blank = crop_store(tmp_path, 2, 2, annotated=False)
        with pytest.raises(ValueError, match="`annotated_fraction` is"):
            self.data((stores[0], blank), annotated_fraction=0.5)

    def test_the_same_seed_gives_the_same_stream_and_another_does_not(self, stores):
        data = self.data(stores, Augmentation())
        first, second, other = (
            next(iter(data.detector_batches(None, seed)(0))) for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first["frames"], second["frames"])
        assert np.abs(first["landmarks"] - other["landmarks"]).max() > 1


class Trainings:
    """Stands in for `fit`: notes the phases and what they were given."""

    def __init__(self):
        self.phases = []

    def __call__(self, trainer, batches_from, phase, folder):
        self.phases.append((type(trainer).__name__, phase, batches_from))


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
        monkeypatch.setattr(algorithm, "fit", trainings)
        monkeypatch.setattr(algorithm, "DetectorTrainer", lambda d: Fake("detector"))
        monkeypatch.setattr(algorithm, "TrackerTrainer", lambda t, c: Fake("tracker"))
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
        method.run_rounds()
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
            method.run_rounds()
            assert self.names(trainings) == expected

    def test_nothing_trusted_nothing_trained(self, tmp_path, monkeypatch, identity):
        method, trainings = self.method(tmp_path, monkeypatch, identity, rounds=1)
        method.run_rounds()
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


class Fake:
    """A trainer that has only its name."""

    def __init__(self, name):
        self.name = name


def test_the_report_tells_the_two_collapses_apart(identity):
    clip = [moving_clip(3, STEP)]
    config = AlgorithmConfig(threshold=1.0)
    report = summarise_round(criticise(BlobDetector(), identity, clip, config))
    assert report["tracked_from_start_median"] == 0
    assert report["detected_from_start_median"] == pytest.approx(100 * 5 / EYES, 0.01)
    assert report["agreement_median"] == pytest.approx(100 * 5 / EYES, 0.01)
    report = summarise_round(criticise(BlobDetector(), Follower(), clip, config))
    assert report["agreement_median_accepted"] == 0
    assert report["tracked_from_start_median"] == pytest.approx(100 * 5 / EYES, 0.01)


def test_pseudo_labels_are_written_in_the_300w_layout(tmp_path):
    from data_pipeline.images import read_image

    clips = crop_store(tmp_path, 2, 2)
    data = TrainingData(None, clips, RunConfig())
    shape = toy_mean_shape()
    data.write_pseudo_label(tmp_path / "detector", 1, shape)
    written = sorted(p.name for p in (tmp_path / "detector").iterdir())
    assert written == ["clip0.avi_000001.jpg", "clip0.avi_000001.pts"]
    received = read_pts(tmp_path / "detector" / written[1])
    np.testing.assert_allclose(received, shape, atol=1e-3)
    image = read_image(tmp_path / "detector" / written[0])
    assert image.shape == (315, 315, 3)


def test_a_learning_tracker_leaves_the_identity():
    """L_det pulls the untrained tracker after the motion; L_tck alone does not."""
    pairs = moving_clip(1, STEP)
    detect = BlobDetector().predict_on_batch
    before, after = (
        detect(pairs[:, t])["refinements"][:, -1].astype("float32") for t in (0, 1)
    )
    inputs = {"frames": pairs, "start": before, "detected": after, "target": before}
    import tensorflow as tf

    def gradient(**options):
        keras.utils.set_random_seed(0)
        tracker = STRRN(relation=2, **SMALL)
        trainer = TrackerTrainer(tracker, AlgorithmConfig(**options))
        with tf.GradientTape() as tape:
            loss = trainer.compute_loss(x=inputs, y_pred=trainer(inputs))
        return np.abs(numpy(tape.gradient(loss, tracker.regress.bias))).max()

    # The target is where it stands already, so that only the cycles pull.
    assert gradient() > 1e-6
    assert gradient(l_det_weight=0.0) == 0
