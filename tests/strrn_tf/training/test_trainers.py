"""The losses that the trainers put together: Eq. 6 and the ablations of Table 3."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.clips import EYES, STEP, BlobDetector, moving_clip
from support.reference import losses as twins
from support.toy_models import toy_mean_shape
from support.weights import SMALL, numpy, randomise

from strrn_tf.config import AlgorithmConfig
from strrn_tf.models.strrn import STRRN
from strrn_tf.training.trainers import TrackerTrainer

CONFIG = AlgorithmConfig()
STILL = toy_mean_shape()[None].astype("float32")


@pytest.fixture(scope="module")
def sample():
    """Return inputs and answers of a tracker's trainer."""
    rng = np.random.default_rng(6)
    names = ("before", "target", "start", "tracked", "back_from_tracked")
    shapes = {
        name: (toy_mean_shape() + rng.normal(0, 4, (3, 68, 2))).astype("float32")
        for name in (*names, "back_from_detected")
    }
    return {name: shapes.pop(name) for name in ("before", "target")}, shapes


class TestEnsembleLoss:
    """Eq. 6 as the trainer computes it, and every ablation of Table 3."""

    def loss(self, identity, sample, **options):
        inputs, answers = sample
        config = AlgorithmConfig(**{"cycle_weight": 10.0, **options})
        trainer = TrackerTrainer(identity, config)
        return float(trainer.compute_loss(x=inputs, y_pred=answers)), trainer

    def parts(self, sample):
        inputs, answers = sample
        names = ("start", "tracked", "back_from_tracked", "back_from_detected")
        columns = [inputs["target"], *(answers[name] for name in names)]
        each = zip(*columns, strict=True)
        rows = [
            (
                twins.point_error(tracked, target),
                twins.cycle_loss(from_tracked, start),
                twins.cycle_loss(from_detected, start),
            )
            for target, start, tracked, from_tracked, from_detected in each
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
        inputs, answers = sample
        pairs = zip(answers["tracked"], inputs["target"], strict=True)
        distance = np.mean([twins.point_error(*pair) for pair in pairs])
        _, l_tck, l_det = self.parts(sample)
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
            "before": before,
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
        assert trainer(inputs).keys() == {"start", "tracked"}

    @pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
    def test_a_fraction_of_the_error_of_the_start_is_corrected(
        self, identity, sample, fraction
    ):
        inputs, answers = sample
        error = answers["start"] - inputs["before"]
        asked = {"correction_fraction": fraction, "cycle_weight": 0.0}
        for left in (0.0, 0.75, 1.0):
            tracked = inputs["target"] + np.float32(left) * error
            answers = {**answers, "tracked": tracked}
            loss, _ = self.loss(identity, (inputs, answers), **asked)
            assert (loss < 1e-4) is (left == 1 - fraction)


def test_a_learning_tracker_leaves_the_identity():
    """L_det pulls the untrained tracker after the motion; L_tck alone does not."""
    pairs = moving_clip(1, STEP)
    detect = BlobDetector().predict_on_batch
    before, after = (
        detect(pairs[:, t])["refinements"][:, -1].astype("float32") for t in (0, 1)
    )
    inputs = {"frames": pairs, "start": before, "detected": after, "target": before}
    inputs["before"] = before

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


def test_the_start_of_backward_tracking_passes_no_gradient():
    tracker = randomise(STRRN(relation=2, **SMALL))
    trainer = TrackerTrainer(tracker, CONFIG)
    pairs, shape = moving_clip(1), toy_mean_shape()[None]
    inputs = {"frames": pairs, "start": shape, "detected": shape}
    bias = tracker.regress.bias.value
    with tf.GradientTape(persistent=True) as tape:
        answer = trainer(inputs)
        back = tf.reduce_sum(answer["back_from_tracked"])
        fixed = tf.constant(numpy(answer["tracked"]))
        alone = tf.reduce_sum(tracker({"frames": pairs[:, 0], "start": fixed}))
    received, expected = (numpy(tape.gradient(v, bias)) for v in (back, alone))
    np.testing.assert_allclose(received, expected, rtol=1e-6)
    np.testing.assert_allclose(expected, 3.0, rtol=1e-6)


def test_starts_of_a_rollout_went_through_the_tracker_0_to_k_times():
    tracker = randomise(STRRN(relation=2, **SMALL))
    trainer = TrackerTrainer(tracker, AlgorithmConfig(rollout_steps=2))
    image = np.repeat(moving_clip(1)[:, 0], 5, 0)
    shape = np.repeat(toy_mean_shape()[None], 5, 0).astype("float32")

    def track(start):
        return numpy(tracker({"frames": image[:1], "start": start}))

    once = track(shape[:1])
    expected = np.concatenate([shape[:1], once, track(once)])
    received = numpy(trainer.roll_out(image, shape))
    assert np.abs(once - shape[:1]).max() > 0.01
    for sample, runs in enumerate([0, 1, 2, 0, 1]):
        np.testing.assert_allclose(received[sample], expected[runs], atol=1e-3)


def test_a_rollout_passes_no_gradient():
    tracker = randomise(STRRN(relation=2, **SMALL))
    trainer = TrackerTrainer(tracker, CONFIG)
    with tf.GradientTape() as tape:
        moved = trainer.roll_out(moving_clip(4)[:, 0], np.repeat(STILL, 4, 0))
        total = tf.reduce_sum(moved)
    assert tape.gradient(total, tracker.regress.bias.value) is None
