"""Losses of partial annotations: twins point by point, gradients of exactly zero."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clips import moving_clip
from support.reference import losses as twins
from support.toy_models import toy_mean_shape
from support.weights import SMALL, numpy, randomise

from strrn_tf.config import AlgorithmConfig, SbrConfig
from strrn_tf.methods.sbr import RegistrationTrainer
from strrn_tf.models.hgn import HGN
from strrn_tf.models.mdm import MDM
from strrn_tf.models.strrn import STRRN
from strrn_tf.training import losses
from strrn_tf.training.trainers import DetectorTrainer, TrackerTrainer

MASKS = st.lists(st.booleans(), min_size=68, max_size=68).map(np.array)
ANYTHING = np.nan, 0.0, 1e6, -1e30


def shapes(seed=0, *count):
    rng = np.random.default_rng(seed)
    return rng.uniform(40, 260, (*count, 68, 2))


def without(reference, known):
    return np.where(known[..., None], reference, np.nan)


def gradient(loss, given, *arguments):
    given = tf.constant(given)
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = loss(given, *arguments)
    return numpy(value), numpy(tape.gradient(value, given))


@settings(max_examples=30, deadline=None)
@given(MASKS, st.integers(0, 100))
def test_wing_is_that_of_the_points_that_there_are(known, seed):
    reference = shapes(seed)
    given = reference + np.random.default_rng(seed).normal(0, 8, (68, 2))
    value, slope = gradient(losses.wing, given, without(reference, known))
    if not known.any():
        assert value == 0
        assert not slope.any()
        return
    expected = twins.wing(given[known], reference[known], 10.0, 2.0)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    _, alone = gradient(losses.wing, given[known], reference[known])
    assert (slope[~known] == 0).all()
    np.testing.assert_allclose(slope[known], alone, rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(MASKS, st.integers(0, 100))
def test_point_error_is_that_of_the_points_that_there_are(known, seed):
    reference, whole = shapes(seed), shapes(seed + 1)
    given = reference + np.random.default_rng(seed).normal(0, 8, (68, 2))
    partial = without(reference, known)
    value, slope = gradient(losses.point_error, given, partial, whole)
    unit = twins.eye_distance(reference if known.all() else whole)
    distances = np.linalg.norm((given - reference)[known], axis=-1)
    expected = distances.mean() / unit if known.any() else 0
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    assert np.isfinite(slope).all()
    assert (slope[~known] == 0).all()
    assert (slope[known] != 0).all()


@settings(max_examples=30, deadline=None)
@given(MASKS, st.integers(0, 100))
def test_cycle_loss_is_that_of_the_points_that_count(known, seed):
    start = shapes(seed)
    returned = start + np.random.default_rng(seed).normal(0, 8, (68, 2))
    value, slope = gradient(losses.cycle_loss, returned, start, known)
    squared = ((returned - start) ** 2).sum(-1)[known]
    expected = squared.mean() / twins.eye_distance(start) ** 2 if known.any() else 0
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    assert (slope[~known] == 0).all()
    assert (slope[known] != 0).all()


@pytest.mark.parametrize("loss", [losses.wing, losses.point_error])
@pytest.mark.parametrize("answer", [0.0, 1e8])
def test_answers_at_missing_points_change_nothing(loss, answer):
    reference, known = shapes(3), np.arange(68) % 3 > 0
    given = shapes(4)
    partial = without(reference, known)
    arguments = (partial, reference) if loss is losses.point_error else (partial,)
    value, slope = gradient(loss, given, *arguments)
    given[~known] = answer
    other, changed = gradient(loss, given, *arguments)
    assert value == other
    np.testing.assert_array_equal(slope, changed)


def test_without_a_whole_shape_the_answer_gives_the_eye_distance_without_gradient():
    reference, given = shapes(5), shapes(6)
    known = np.arange(68) != 36
    value, slope = gradient(losses.point_error, given, without(reference, known))
    distances = np.linalg.norm((given - reference)[known], axis=-1)
    np.testing.assert_allclose(
        value, distances.mean() / twins.eye_distance(given), rtol=1e-10
    )
    assert (slope[36] == 0).all()


def test_one_coordinate_that_is_missing_is_a_missing_point():
    reference, given = shapes(7), shapes(8)
    reference[5, 1] = np.nan
    known = np.arange(68) != 5
    _, slope = gradient(losses.wing, given, reference)
    assert np.isfinite(slope).all()
    assert (slope[5] == 0).all()
    assert (slope[known] != 0).all()


def test_samples_of_a_batch_do_not_mix():
    reference, given = shapes(9, 3, 1), shapes(10, 3, 2)
    known = np.random.default_rng(0).random((3, 1, 68)) < [[[0.2]], [[0.5]], [[1.0]]]
    received = numpy(losses.wing(given, without(reference, known)))
    for sample in range(3):
        mask = known[sample, 0]
        for step in range(2):
            one = given[sample, step][mask], reference[sample, 0][mask]
            expected = twins.wing(*one, 10.0, 2.0)
            np.testing.assert_allclose(received[sample, step], expected, rtol=1e-10)


def weights_gradient(trainer, network, inputs):
    with tf.GradientTape() as tape:
        loss = trainer.compute_loss(x=inputs, y_pred=trainer(inputs))
    found = tape.gradient(loss, network.trainable_variables)
    return float(loss), [numpy(g) for g in found if g is not None]


@pytest.mark.parametrize("name", ["mdm", "hgn"])
def test_a_detector_learns_only_from_annotated_points(name):
    """The same losses and gradients of weights, whatever stands at missing points."""
    keras.utils.set_random_seed(0)
    if name == "mdm":
        detector = MDM(toy_mean_shape().tolist(), steps=2, **SMALL)
    else:
        detector = HGN(input_size=32, stem=4, channels=4, stacks=2, depth=1)
    frames = moving_clip(2)[:, 0]
    detector(frames[:1])
    trainer = DetectorTrainer(randomise(detector))
    truth = np.repeat(toy_mean_shape()[None], 2, 0).astype("float32") + 2
    truth[0, 10:40] = truth[1, 3] = np.nan
    loss, found = weights_gradient(
        trainer, detector, {"frames": frames, "landmarks": truth}
    )
    assert np.isfinite(loss)
    assert found
    assert all(np.isfinite(g).all() for g in found)
    assert any(g.any() for g in found)
    assert np.isfinite(float(trainer.error.result()))
    # Without one annotated point there is nothing to learn.
    nothing = np.full_like(truth, np.nan)
    loss, found = weights_gradient(
        trainer, detector, {"frames": frames, "landmarks": nothing}
    )
    assert loss == 0
    assert all((g == 0).all() for g in found)


def test_sbr_learns_only_from_annotated_points():
    trainer = RegistrationTrainer(keras.Model(), SbrConfig())
    truth = shapes(11, 2).astype("float32")
    answers = truth[:, None] + shapes(12, 2, 2).astype("float32") / 50
    truth[0, :40] = truth[1, 7] = np.nan
    clips = {
        name: shapes(13, 1).astype("float32")
        for name in ("detected", "forward", "backward")
    }
    clips["kept"] = np.ones((1, 68), "float32")
    value, slope = gradient(
        lambda given: trainer.compute_loss(
            x={"landmarks": truth}, y_pred={"refinements": given, **clips}
        ),
        answers,
    )
    assert np.isfinite(value)
    missing = np.isnan(truth).any(-1)
    for step in range(2):
        assert (slope[:, step][missing] == 0).all()
        assert (slope[:, step][~missing] != 0).all()
    assert np.isfinite(float(trainer.means["nme_interocular"].result()))


OUTPUTS = "tracked", "back_from_tracked", "back_from_detected"


@pytest.mark.parametrize("output", OUTPUTS)
def test_no_loss_of_the_tracker_teaches_a_missing_point(output):
    """The distance to the target, and both cycles of Eq. 6."""
    trainer = TrackerTrainer(keras.Model(), AlgorithmConfig(temporal=True))
    before = shapes(14, 2).astype("float32")
    target = before + 1
    target[0, :40] = target[1, 7] = np.nan
    answers = {name: before + shapes(15, 2).astype("float32") / 50 for name in OUTPUTS}
    inputs = {"before": before, "target": target}

    def loss(given):
        answer = {"start": before, **answers, output: given}
        return trainer.compute_loss(x=inputs, y_pred=answer)

    value, slope = gradient(loss, answers[output])
    missing = np.isnan(target).any(-1)
    assert np.isfinite(value)
    assert (slope[missing] == 0).all()
    assert (slope[~missing] != 0).all()


@pytest.mark.parametrize("temporal", [True, False])
def test_a_tracker_learns_only_from_annotated_points(temporal):
    """Whatever stands at a missing point of the target changes nothing."""
    tracker = randomise(STRRN(relation=2, **SMALL))
    trainer = TrackerTrainer(tracker, AlgorithmConfig(temporal=temporal))
    shape = np.repeat(toy_mean_shape()[None], 2, 0).astype("float32")
    inputs = {
        "frames": moving_clip(2), "start": shape + 1, "detected": shape + 2,
        "before": shape, "target": shape.copy(),
    }  # fmt: skip
    inputs["target"][0, 36:] = np.nan
    loss, found = weights_gradient(trainer, tracker, inputs)
    assert np.isfinite(loss)
    assert all(np.isfinite(g).all() for g in found)
    assert np.isfinite(float(trainer.means["nme_interocular"].result()))
    inputs["target"][0, 36:] = np.inf  # anything that is not a number is missing
    other, changed = weights_gradient(trainer, tracker, inputs)
    assert other == loss
    for a, b in zip(found, changed, strict=True):
        np.testing.assert_array_equal(a, b)
