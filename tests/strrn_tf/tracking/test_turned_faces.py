"""Faces at any angle: crop windows that turn, with a shipped model on a drawn face."""

import cv2
import numpy as np
import pytest
from support.places import ROOT, minimal_example

from data_pipeline.synthetic import draw_face
from strrn_tf.evaluation.metrics import nme_interpupil
from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    compose,
    roll_angle,
    similarity,
)
from strrn_tf.tracking.tracker import FaceTracker

SIDE = 480


@pytest.fixture(scope="module")
def drawn():
    return draw_face(np.random.default_rng(3))


@pytest.fixture(scope="module")
def upright():
    return FaceTracker.from_pretrained("strrn-mdm", any_roll=True)


def turned(drawn, degrees):
    """The drawn face in the middle of a frame, turned clockwise, and its landmarks."""
    image, landmarks = drawn
    box = box_from_landmarks(landmarks)
    centre, scale = (box[:2] + box[2:]) / 2, SIDE / 2.6 / (box[2:] - box[:2]).max()
    turn = similarity(scale, np.deg2rad(degrees), np.full(2, (SIDE - 1) / 2))
    matrix = compose(turn, similarity(1.0, 0.0, -centre))
    frame = cv2.warpAffine(image, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    return frame, apply_matrix(matrix, landmarks).astype(np.float32)


@pytest.mark.parametrize("degrees", [0, 30, 75, 90, 135, 180, 225, 300])
def test_a_face_is_aligned_at_any_angle(drawn, upright, degrees):
    frame, truth = turned(drawn, degrees)
    found = upright.align(frame, box_from_landmarks(truth))
    assert nme_interpupil(found, truth) < 9
    assert np.cos(roll_angle(found) - roll_angle(truth)) > 0.99


@pytest.mark.parametrize("degrees", [0, 135])
def test_the_example_in_one_file_gives_the_same(drawn, upright, degrees):
    frame, truth = turned(drawn, degrees)
    following, _ = turned(drawn, degrees + 3)
    model = minimal_example().Model(ROOT / "saved_models" / "strrn-mdm")
    model.any_roll = True
    box = box_from_landmarks(truth)
    ours, theirs = upright.align(frame, box), model.align(frame, box)
    np.testing.assert_allclose(theirs, ours, atol=0.2)
    ours = ours.astype(np.float64)
    landmarks, error = upright.step(frame, following, ours)
    theirs, their_error = model.step(frame, following, ours)
    np.testing.assert_allclose(theirs, landmarks, atol=0.2)
    assert their_error == pytest.approx(error, rel=0.02)


def test_without_turned_windows_it_is_not(drawn):
    frame, truth = turned(drawn, 180)
    found = FaceTracker.from_pretrained("strrn-mdm", any_roll=False).align(
        frame, box_from_landmarks(truth)
    )
    assert nme_interpupil(found, truth) > 50


def test_a_face_keeps_its_id_through_a_full_circle(drawn, upright):
    upright.reset()
    for i, degrees in enumerate(range(0, 361, 6)):
        frame, truth = turned(drawn, degrees)
        (face,) = upright.update(frame, i / 25)
        assert face.id == 0
        assert face.state != "lost"
        assert nme_interpupil(face.landmarks, truth) < 12


def test_a_face_that_is_upside_down_is_found_in_the_first_frame(drawn, upright):
    upright.reset()
    frame, truth = turned(drawn, 180)
    (face,) = upright.update(frame)
    assert nme_interpupil(face.landmarks, truth) < 9


@pytest.mark.parametrize("degrees", [90, 180])
@pytest.mark.parametrize("hidden", [0, 8])
def test_a_face_that_turns_at_once_is_not_followed_askew(drawn, degrees, hidden):
    tracker = FaceTracker.from_pretrained("strrn-fast")
    truths = [turned(drawn, 0)] * 5 + [turned(drawn, degrees)] * 20
    frames = [frame for frame, _ in truths]
    frames[5:5] = [np.full_like(frames[0], 120)] * hidden
    faces = [tracker.update(frame, i / 25)[0] for i, frame in enumerate(frames)]
    for face in faces[5 + hidden :]:
        away = roll_angle(face.landmarks) - roll_angle(truths[-1][1])
        assert face.state == "lost" or np.cos(away) > 0.9
    assert {face.state for face in faces[-8:]} <= {"tracked", "detected"}
    assert {face.id for face in faces} == {0}
