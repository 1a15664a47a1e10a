"""Corrected frames move the labels of their clip."""

import numpy as np
import pytest
from support.faces import drawn_face

from strrn_tf.geometry import apply_matrix, box_from_landmarks, face_size, similarity
from strrn_tf.methods.corrections import mean_offset, move_labels
from strrn_tf.methods.fused_supervision import describe_corrections

FACE = np.asarray(drawn_face(), np.float64)
SIZE = face_size(box_from_landmarks(FACE))


def talking(amounts):
    """Return faces (n, 68, 2) whose mouths are open by some amounts."""
    faces = np.repeat(FACE[None], len(amounts), 0)
    faces[:, 55:60, 1] += 0.1 * SIZE * np.asarray(amounts)[:, None]
    return faces


def brows(height, count):
    """Return offsets (count, 68, 2): the brows are higher than the labels."""
    offsets = np.zeros((count, 68, 2))
    offsets[:, 17:27, 1] = -height
    return offsets


def test_an_offset_is_carried_to_a_face_of_another_size_place_and_roll():
    labels = talking([0.2, 0.8])
    corrected = talking([0.0, 0.5, 1.0])
    truth = corrected + brows(0.05 * SIZE, 3)
    matrix = similarity(1.7, 0.4, np.array([30, -80]))
    moved = move_labels(apply_matrix(matrix, labels), corrected, truth)
    expected = apply_matrix(matrix, labels + brows(0.05 * SIZE, 2))
    np.testing.assert_allclose(moved.labels, expected, atol=0.02 * SIZE)
    untouched = np.r_[0:17, 27:68]
    off = moved.labels - apply_matrix(matrix, labels)
    assert np.abs(off[:, untouched]).max() < 0.01 * SIZE
    assert moved.after < 0.1 * moved.before


def test_the_correction_of_the_most_similar_shape_counts_most():
    corrected = talking([0.0, 1.0])
    offsets = np.concatenate([brows(0.0, 1), brows(8.0, 1)])
    near = mean_offset(talking([0.05, 0.5, 0.95]), corrected, offsets)[:, 20, 1]
    np.testing.assert_allclose(near[1], -4, atol=1e-6)
    assert near[0] > -2
    assert near[2] < -6


def test_the_nearest_frame_counts_in_full_however_far_it_is():
    corrected = talking([0.0, 0.1])
    moved = mean_offset(talking([0.0, 0.1, 50.0]), corrected, brows(8.0, 2))
    np.testing.assert_allclose(moved[:, 20, 1], -8, atol=1e-9)


def test_landmarks_that_nobody_annotated_stay():
    corrected = talking([0.0, 0.5, 1.0])
    truth = corrected + brows(0.05 * SIZE, 3)
    truth[:, :22] = np.nan
    truth[0, 22] = np.nan
    labels = talking([0.3, 0.6])
    moved = move_labels(labels, corrected, truth).labels - labels
    np.testing.assert_allclose(moved[:, :22], 0, atol=1e-3)
    assert (moved[:, 22:27, 1] < -0.02 * SIZE).all()


def test_corrections_that_contradict_each_other_move_nothing():
    corrected = talking([0.0, 0.1])
    truth = corrected + np.concatenate([brows(9.0, 1), brows(-9.0, 1)])
    labels = talking([0.0, 0.3])
    moved = move_labels(labels, corrected, truth)
    assert moved.after > moved.before
    np.testing.assert_allclose(moved.labels, labels, atol=1e-3)


def test_one_corrected_frame_is_believed():
    corrected = talking([0.2])
    moved = move_labels(talking([0.9]), corrected, corrected + brows(6.0, 1))
    assert np.isnan(moved.after)
    assert moved.before > 0
    off = moved.labels - talking([0.9])
    np.testing.assert_allclose(off[0, 18:26, 1], -6, atol=0.5)


@pytest.mark.parametrize(
    ("errors", "line"),
    [
        (
            [[0.02, np.nan]],
            "1 corrected frames of 1 clips: labels are off by 2.00 % of",
        ),
        (
            [[0.02, np.nan], [0.04, 0.01]],
            "1 corrected frames of 2 clips. In the 1 clips with two or more: labels "
            "are off by 4.00 % of the face size, and by 1.00 % where",
        ),
        ([[0.02, 0.01], [0.04, 0.01]], "of 2 clips: labels are off by 3.00 % of"),
    ],
)
def test_one_frame_of_a_clip_does_not_check_itself(errors, line):
    found = describe_corrections(1, np.array(errors))
    assert line in found
    assert "nan" not in found
