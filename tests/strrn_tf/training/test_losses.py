"""The losses against their twins, their corners, and NumPy's `geometry`."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.reference import losses as twins
from support.weights import numpy

from strrn_tf import geometry
from strrn_tf.training import losses

RNG = np.random.default_rng(8)
SHIFT = np.array([3.0, -4.0])  # 5 px


def shapes(*count):
    return RNG.uniform(40, 260, (*count, 68, 2))


def profile():
    """Return a shape (68, 2) whose outer eye corners nearly meet; it is 200 px high."""
    shape = np.full((68, 2), 100.0)
    shape[8], shape[36], shape[45] = (100, 300), (101, 100), (104, 100)
    return shape


def test_eye_distance():
    given = shapes(2, 3)
    expected = [[twins.eye_distance(s) for s in row] for row in given]
    np.testing.assert_allclose(numpy(losses.eye_distance(given)), expected, 1e-10)
    np.testing.assert_allclose(geometry.eye_distance(given), expected, 1e-12)


def test_the_eye_distance_has_a_floor():
    shape = profile()
    np.testing.assert_allclose(numpy(losses.eye_distance(shape)), 0.4 * 200)
    np.testing.assert_allclose(geometry.eye_distance(shape), 0.4 * 200)
    shape[45] = (201, 100)
    np.testing.assert_allclose(numpy(losses.eye_distance(shape)), 100.0)


def test_point_error():
    given, reference = shapes(2), shapes(2)
    expected = [twins.point_error(a, b) for a, b in zip(given, reference, strict=True)]
    np.testing.assert_allclose(
        numpy(losses.point_error(given, reference)), expected, 1e-10
    )
    relative = geometry.relative_distance(given, reference)
    np.testing.assert_allclose(relative, expected, 1e-12)


def test_an_error_of_three_and_four_pixels_is_one_of_five():
    reference = shapes()
    error = numpy(losses.point_error(reference + SHIFT, reference))
    np.testing.assert_allclose(error, 5 / twins.eye_distance(reference), 1e-10)
    squared = numpy(losses.cycle_loss(reference + SHIFT, reference))
    np.testing.assert_allclose(squared, 25 / twins.eye_distance(reference) ** 2, 1e-10)


def test_check_loss():
    given, start = shapes(3), shapes(3)
    expected = [twins.cycle_loss(a, b) for a, b in zip(given, start, strict=True)]
    np.testing.assert_allclose(numpy(losses.cycle_loss(given, start)), expected, 1e-10)
    np.testing.assert_array_equal(numpy(losses.cycle_loss(start, start)), 0)


def test_check_loss_that_is_not_squared_is_the_point_error():
    given, start = shapes(3), shapes(3)
    received = numpy(losses.cycle_loss(given, start, form="distance"))
    expected = [twins.point_error(a, b) for a, b in zip(given, start, strict=True)]
    np.testing.assert_allclose(received, expected, 1e-6)


def test_check_loss_does_not_depend_on_the_size_of_the_crop():
    given, start = shapes(), shapes()
    one = numpy(losses.cycle_loss(given, start))
    larger = numpy(losses.cycle_loss(3 * given, 3 * start))
    np.testing.assert_allclose(larger, one, 1e-9)


@pytest.mark.parametrize(("width", "curvature"), [(10.0, 2.0), (4.0, 0.5)])
def test_wing(width, curvature):
    reference = shapes(2, 2)
    given = reference + RNG.normal(0, 8, reference.shape)
    expected = [
        [twins.wing(a, b, width, curvature) for a, b in zip(*rows, strict=True)]
        for rows in zip(given, reference, strict=True)
    ]
    received = numpy(losses.wing(given, reference, width, curvature))
    np.testing.assert_allclose(received, expected, 1e-10)


def test_wing_is_continuous_and_linear_beyond_its_width():
    origin = np.zeros((5, 1, 2))
    errors = np.array([0, 10 - 1e-9, 10 + 1e-9, 20, 30])[:, None, None] + origin
    zero, below, above, twenty, thirty = numpy(losses.wing(errors, origin))
    assert zero == 0
    np.testing.assert_allclose(below, above, rtol=1e-8)
    np.testing.assert_allclose(twenty - above, 10, rtol=1e-8)
    np.testing.assert_allclose(thirty - twenty, 10)


@pytest.mark.parametrize(
    "loss",
    [
        *(losses.point_error, losses.cycle_loss, losses.wing),
        partial(losses.cycle_loss, form="distance"),
    ],
)
@pytest.mark.parametrize("error", [0.0, 1.0])
def test_gradients(loss, error):
    reference = shapes(2)
    given = tf.constant(reference + error * RNG.normal(0, 4, reference.shape))
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = tf.reduce_sum(loss(given, reference))
    received = numpy(tape.gradient(value, given))
    # A perfect answer must not blow up, and an imperfect one be pulled rightly.
    assert np.isfinite(received).all()
    if not error:
        return
    for place in ((0, 0, 0), (0, 36, 1), (1, 45, 0), (1, 8, 1)):
        step = np.zeros(reference.shape)
        step[place] = 1e-5
        change = tf.reduce_sum(loss(given + step, reference))
        change -= tf.reduce_sum(loss(given - step, reference))
        expected = numpy(change) / 2e-5
        np.testing.assert_allclose(received[place], expected, rtol=1e-4, atol=1e-9)


def test_single_precision_is_precise_enough():
    given, reference = shapes(4), shapes(4)
    single = losses.cycle_loss(given.astype("float32"), reference.astype("float32"))
    assert keras.backend.standardize_dtype(single.dtype) == "float32"
    np.testing.assert_allclose(
        numpy(single), numpy(losses.cycle_loss(given, reference)), rtol=1e-5
    )
