"""The average head at the points of a partial shape: what stays, what is found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.faces import drawn_face

from data_pipeline.annotations.annotation import Annotation, Mean
from data_pipeline.annotations.whole_head import whole_shape
from strrn_tf.geometry import apply_matrix, box_from_landmarks, overlap, similarity
from strrn_tf.landmarks import REGIONS

FACE = drawn_face(yaw=0.25, pitch=-0.1, roll=0.2).astype(np.float32)
EYES = REGIONS["left_eye"], REGIONS["right_eye"]


def part(points, face=FACE):
    """Return the annotation of some points of a face."""
    landmarks = np.full((68, 2), np.nan, np.float32)
    landmarks[list(points)] = face[list(points)]
    return Annotation(landmarks)


def five(face=FACE):
    """Return the annotation of the eyes' centres, the nose, the mouth's corners."""
    means = tuple(Mean(eye, tuple(face[list(eye)].mean(0).tolist())) for eye in EYES)
    return part([30, 48, 54], face)._replace(means=means)


def test_a_whole_shape_is_returned_as_it_is():
    annotation = Annotation(FACE)
    assert annotation.is_whole
    assert whole_shape(annotation) is FACE


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 67), min_size=3, max_size=67))
def test_any_three_points_give_a_finite_face_that_keeps_them(points):
    found = whole_shape(part(points))
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[list(points)], FACE[list(points)])


@settings(max_examples=15, deadline=None)
@given(st.floats(0.2, 8), st.floats(-3, 3), st.floats(-500, 500), st.floats(-500, 500))
def test_the_fit_moves_turns_and_grows_with_the_face(scale, angle, x, y):
    matrix = similarity(scale, angle, np.array([x, y]))
    points = [8, 27, 36, 45, 48, 54]
    alone = apply_matrix(matrix, whole_shape(part(points)).astype(float))
    moved = whole_shape(part(points, apply_matrix(matrix, FACE).astype(np.float32)))
    np.testing.assert_allclose(moved, alone, atol=0.02 * scale * 85)


@pytest.mark.parametrize("yaw", [-0.5, -0.2, 0.0, 0.3, 0.6])
@pytest.mark.parametrize(
    "points", [range(17, 68), [36, 45, 30, 48, 54], range(0, 68, 5)]
)
def test_a_drawn_head_is_found_again(yaw, points):
    face = drawn_face(yaw=yaw, roll=-0.3).astype(np.float32)
    box = box_from_landmarks(whole_shape(part(points, face)))
    assert overlap(box, box_from_landmarks(face)) > 0.85


def test_means_are_kept_to_the_point():
    found = whole_shape(five())
    for eye in EYES:
        np.testing.assert_allclose(
            found[list(eye)].mean(0), FACE[list(eye)].mean(0), atol=1e-3
        )
    assert overlap(box_from_landmarks(found), box_from_landmarks(FACE)) > 0.85


def test_a_mean_beside_some_of_its_points_moves_the_others():
    place = tuple((FACE[list(EYES[0])].mean(0) + 2).tolist())
    annotation = part([36, 39, 45, 30])._replace(means=(Mean(EYES[0], place),))
    found = whole_shape(annotation)
    np.testing.assert_array_equal(found[[36, 39]], FACE[[36, 39]])
    np.testing.assert_allclose(found[list(EYES[0])].mean(0), place, atol=1e-3)


@pytest.mark.parametrize(
    ("points", "words"),
    [([], "Received: 0"), ([4], "Received: 1"), ([4, 9], "at least 3")],
)
def test_too_few_points_are_refused(points, words):
    with pytest.raises(ValueError, match=words):
        whole_shape(part(points))


def test_points_in_one_place_are_refused():
    landmarks = part([4, 9, 20, 30]).landmarks
    landmarks[[4, 9, 20, 30]] = 7
    with pytest.raises(ValueError, match=r"one place .* x from 7\.00 to 7\.00"):
        whole_shape(Annotation(landmarks))


def test_places_and_weights_describe_the_same_points():
    annotation = five()
    np.testing.assert_allclose(annotation.weights.sum(1), 1)
    np.testing.assert_allclose(annotation.weights @ FACE, annotation.places, atol=1e-4)
    assert not annotation.is_whole
    assert np.flatnonzero(annotation.known).tolist() == [30, 48, 54]
