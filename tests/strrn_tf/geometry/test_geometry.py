"""Geometry by property: what is undone is as it was, closed forms, scale and shift."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from support.procrustes import fit_similarity
from support.toy_models import toy_mean_shape

from strrn_tf import geometry
from strrn_tf.geometry import (
    CROP_MARGIN,
    CROP_SIZE,
    apply_matrix,
    box_from_landmarks,
    box_sides,
    check_box,
    compose,
    crop_matrix,
    eye_distance,
    face_size,
    invert_matrix,
    mean_shape,
    relative_distance,
    roll_angle,
    similarity,
    upright_box,
)
from strrn_tf.landmarks import MIRROR


def number(low, high):
    return st.floats(low, high, allow_nan=False, width=32)


@st.composite
def boxes(draw):
    x, y = draw(number(-500, 4000)), draw(number(-500, 4000))
    return np.array([x, y, x + draw(number(2, 3000)), y + draw(number(2, 3000))])


@st.composite
def matrices(draw):
    shift = draw(number(-1000, 1000)), draw(number(-1000, 1000))
    angle = draw(number(-3.125, 3.125))
    return similarity(draw(number(0.0625, 16)), angle, np.array(shift))


@given(number(-3.125, 3.125), number(0.125, 9), number(-900, 900))
def test_a_face_that_is_turned_has_that_roll_and_the_same_crop(angle, scale, shift):
    upright = toy_mean_shape().astype(np.float64)
    matrix = similarity(scale, angle, np.array([shift, -shift]))
    turned = apply_matrix(matrix, upright)
    expected = angle + roll_angle(upright)
    assert np.cos(roll_angle(turned) - expected) == pytest.approx(1)
    crops = [
        apply_matrix(crop_matrix(box, roll=roll), face)
        for face in (upright, turned)
        for box, roll in [upright_box(face)]
    ]
    np.testing.assert_allclose(crops[1], crops[0], atol=1e-6)
    assert abs(roll_angle(crops[0])) < 1e-6


def test_a_mirrored_face_has_the_opposite_roll():
    face = apply_matrix(similarity(1, 0.4, np.zeros(2)), toy_mean_shape())
    mirrored = (face * [-1, 1])[list(MIRROR)]
    assert roll_angle(mirrored) == pytest.approx(-roll_angle(face))


def test_the_box_of_an_upright_face_is_its_tight_box():
    face = toy_mean_shape().astype(np.float64)
    face = apply_matrix(similarity(1, -roll_angle(face), np.zeros(2)), face)
    box, roll = upright_box(face)
    np.testing.assert_allclose(box, box_from_landmarks(face))
    assert roll == pytest.approx(0)


points = arrays(np.float64, (9, 2), elements=number(-2000, 2000))


@given(boxes(), st.sampled_from([64, 315, 385]), number(1, 3))
def test_the_window_is_centred_on_the_box_and_as_large_as_the_margin_says(
    box, size, margin
):
    matrix = crop_matrix(box, size, margin)
    middle = (box[:2] + box[2:]) / 2
    np.testing.assert_allclose(apply_matrix(matrix, middle[None])[0], (size - 1) / 2)
    larger = max(box[2] - box[0], box[3] - box[1])
    assert matrix[0, 0] * larger * margin == pytest.approx(size)
    assert matrix[0, 1] == matrix[1, 0] == 0


def test_the_window_by_hand():
    # A face of 100 x 50 px in a crop of 160 px: nothing is scaled.
    matrix = crop_matrix(np.array([10, 20, 110, 70]), 160, 1.6)
    np.testing.assert_allclose(matrix, [[1, 0, 19.5], [0, 1, 34.5]])
    assert face_size(np.array([10, 20, 110, 70])) == 100


@given(boxes(), points)
def test_to_the_crop_and_back(box, shape):
    matrix = crop_matrix(box)
    there = apply_matrix(matrix, shape)
    back = apply_matrix(invert_matrix(matrix), there)
    np.testing.assert_allclose(back, shape, atol=1e-7)


@given(matrices(), matrices(), points)
def test_composing_is_mapping_twice(outer, inner, shape):
    once = apply_matrix(compose(outer, inner), shape)
    np.testing.assert_allclose(
        once, apply_matrix(outer, apply_matrix(inner, shape)), rtol=1e-9, atol=1e-6
    )


@given(matrices())
def test_an_inverse_undoes(matrix):
    unit = [[1, 0, 0], [0, 1, 0]]
    inverse = invert_matrix(matrix)
    np.testing.assert_allclose(compose(inverse, matrix), unit, atol=1e-6)
    np.testing.assert_allclose(compose(matrix, inverse), unit, atol=1e-6)


def test_stacks_of_matrices():
    rng = np.random.default_rng(0)
    several = np.stack([similarity(s, s, np.array([s, 1])) for s in (0.5, 1.0, 2.0)])
    shapes = rng.normal(size=(3, 5, 2))
    moved = apply_matrix(several, shapes)
    for k in range(3):
        np.testing.assert_allclose(moved[k], apply_matrix(several[k], shapes[k]))
        np.testing.assert_allclose(invert_matrix(several)[k], invert_matrix(several[k]))
    np.testing.assert_allclose(
        apply_matrix(several[1], shapes)[2], apply_matrix(several[1], shapes[2])
    )


def test_a_positive_angle_turns_clockwise_on_the_screen():
    matrix = similarity(2.0, np.pi / 2, np.array([10.0, 20.0]))
    np.testing.assert_allclose(apply_matrix(matrix, [[3.0, 0.0]]), [[10.0, 26.0]])


@given(matrices(), arrays(np.float64, (9, 2), elements=number(-100, 100)))
def test_fitting_recovers_a_similarity(matrix, shape):
    shape = shape + 100 * np.array([[0, 0], [1, 0], [0, 1]] * 3)
    found = fit_similarity(shape, apply_matrix(matrix, shape))
    np.testing.assert_allclose(found, matrix, rtol=1e-6, atol=1e-5)


def test_fitting_is_least_squares():
    rng = np.random.default_rng(3)
    source, target = rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    best = fit_similarity(source, target)

    def cost(matrix):
        return ((apply_matrix(matrix, source) - target) ** 2).sum()

    assert best[0, 0] == best[1, 1]
    assert best[0, 1] == -best[1, 0]
    for scale, angle, shift in rng.normal(0, 0.01, (50, 3)):
        nearby = compose(similarity(1 + scale, angle, np.full(2, shift)), best)
        assert cost(nearby) >= cost(best)


@given(arrays(np.float32, (3, 68, 2), elements=number(-900, 900)))
def test_a_box_touches_its_landmarks(landmarks):
    box = box_from_landmarks(landmarks)
    assert box.shape == (3, 4)
    for shape, (x0, y0, x1, y1) in zip(landmarks, box, strict=True):
        assert shape[:, 0].min() == x0
        assert shape[:, 0].max() == x1
        assert shape[:, 1].min() == y0
        assert shape[:, 1].max() == y1
    np.testing.assert_array_equal(face_size(box), box_sides(box).max(1))


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([1, 2, 3], r"must be \(x0, y0, x1, y1\). Received: shape \(3,\)"),
        ([[1, 2, 3, 4]], r"Received: shape \(1, 4\)"),
        ([1, 2, np.nan, 4], "finite with x0 < x1"),
        ([1, 2, np.inf, 4], "finite with x0 < x1"),
        ([3, 2, 3, 4], r"Received: \(3.0, 2.0, 3.0, 4.0\)"),
        ([1, 9, 3, 4], "y0 < y1"),
    ],
)
def test_wrong_boxes(box, reason):
    for use in (check_box, crop_matrix):
        with pytest.raises(ValueError, match=reason):
            use(box)


@given(matrices())
def test_the_mean_shape_does_not_depend_on_where_faces_stand(matrix):
    # Not turned: the crop does not undo a rotation.
    matrix[:, :2] = np.diag([matrix[0, 0] ** 2 + 0.01] * 2)
    shape = np.random.default_rng(1).uniform(0, 100, (68, 2))
    expected = mean_shape(shape[None])
    moved = apply_matrix(matrix, shape)
    np.testing.assert_allclose(mean_shape([shape, moved]), expected, atol=1e-2)
    box = box_from_landmarks(expected)
    assert face_size(box) == pytest.approx(CROP_SIZE / CROP_MARGIN, rel=1e-5)
    np.testing.assert_allclose((box[:2] + box[2:]) / 2, 157, atol=1e-3)


def test_cycle_error_by_hand():
    shape = np.random.default_rng(2).uniform(0, 100, (68, 2))
    shape[36], shape[45] = (20, 50), (80, 50)
    assert eye_distance(shape) == 60
    # Half of the points come back 6 px off: 3 px on the average.
    returned = shape.copy()
    returned[:34, 1] += 6
    assert relative_distance(returned, shape) == pytest.approx(3 / 60)
    assert relative_distance(shape, shape) == 0


def test_eye_distance_has_a_floor_for_profiles():
    shape = np.zeros((68, 2))
    shape[8], shape[45] = (50, 100), (70, 0)
    assert eye_distance(shape) == pytest.approx(70)
    shape[45] = (10, 0)
    assert eye_distance(shape) == pytest.approx(40)


@given(number(0.125, 8), number(-100, 100))
def test_cycle_error_has_no_unit(scale, shift):
    rng = np.random.default_rng(4)
    start, back = rng.uniform(0, 100, (2, 68, 2))
    expected = relative_distance(back, start)
    received = relative_distance(scale * back + shift, scale * start + shift)
    np.testing.assert_allclose(received, expected, rtol=1e-6)


def test_the_stored_convention_leaves_the_crop_in_the_middle():
    # docs/architecture.md: frames[35:350] of the stored window is the crop.
    box = np.array([100.0, 50.0, 300.0, 330.0])
    stored = crop_matrix(box, 385, geometry.CROP_MARGIN * 385 / CROP_SIZE)
    shifted = compose(similarity(1.0, 0.0, np.array([-35.0, -35.0])), stored)
    np.testing.assert_allclose(shifted, crop_matrix(box), rtol=1e-12, atol=1e-9)
