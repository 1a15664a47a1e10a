"""What is a face and what only looks like one to landmark networks."""

import cv2
import numpy as np
import pytest

from data_pipeline.synthetic import draw_face
from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    crop_matrix,
    invert_matrix,
    similarity,
)
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face_detection.face_boxes import landmark_box
from strrn_tf.tracking.face_detection.face_check import FaceCheck, patch_matrix
from strrn_tf.tracking.networks.crop import cut


@pytest.fixture(scope="module")
def check():
    return FaceCheck()


@pytest.fixture(scope="module")
def face():
    """A crop (315, 315, 3) of a synthetic face, and its landmarks there."""
    image, landmarks = draw_face(np.random.default_rng(0), 1, (315, 315))
    matrix = crop_matrix(box_from_landmarks(landmarks))
    return cut(image, matrix), apply_matrix(matrix, landmarks)


def others():
    rng = np.random.default_rng(0)
    shape = (315, 315, 3)
    ramp = np.linspace(0, 255, 315).astype(np.uint8)
    return {
        "grey": np.full(shape, 128, np.uint8),
        "black": np.zeros(shape, np.uint8),
        "skin": np.uint8([204, 153, 128]) + np.zeros(shape, np.uint8),
        "noise": rng.integers(0, 256, shape, np.uint8),
        "ramp": np.repeat(ramp[:, None, None], 315, 1).repeat(3, 2),
    }


def test_a_face(check, face):
    result = check(*face)
    assert result.score > 0.9
    assert result.landmark_offset < 0.1
    np.testing.assert_allclose(result.box, box_from_landmarks(face[1]), atol=25)


@pytest.mark.parametrize("degrees", [-30, 30])
def test_a_tilted_face(check, face, degrees):
    crop, landmarks = face
    turn = similarity(1.0, np.radians(degrees), np.zeros(2))
    turn[:, 2] = 157 - turn[:, :2] @ [157, 157]
    size, border = crop.shape[:2], cv2.BORDER_REPLICATE
    turned = cv2.warpAffine(crop, turn, size, borderMode=border)
    upright = check(crop, landmarks)
    result = check(turned, apply_matrix(turn, landmarks))
    assert result[:2] == pytest.approx(upright[:2], abs=0.1)
    expected = apply_matrix(turn, upright.box.reshape(2, 2).mean(0)[None])[0]
    np.testing.assert_allclose(result.box.reshape(2, 2).mean(0), expected, atol=5)


def test_a_crop_of_half_the_size(check, face):
    crop, landmarks = face
    half = cv2.resize(crop[1:, 1:], (157, 157), interpolation=cv2.INTER_AREA)
    result, expected = check(half, (landmarks - 1.5) / 2), check(crop, landmarks)
    assert result[:2] == pytest.approx(expected[:2], abs=0.02)
    np.testing.assert_allclose(2 * result.box + 1.5, expected.box, atol=2)


@pytest.mark.parametrize("oversampling", [1, 2, 3])
def test_fewer_samples_give_nearly_the_same(check, face, oversampling):
    coarse = FaceCheck(config=TrackingConfig(face_check_oversampling=oversampling))
    assert coarse(*face)[:2] == pytest.approx(check(*face)[:2], abs=0.05)


@pytest.mark.parametrize("name", others())
def test_no_face(check, face, name):
    assert check(others()[name], face[1]).score < 0.05


def test_the_face_in_another_place(check, face):
    crop, landmarks = face
    assert check(crop, landmarks * 0.3).score < 0.25


@pytest.mark.parametrize("shift", [-40, 40])
def test_landmarks_beside_a_face(check, face, shift):
    crop, landmarks = face
    eyes = landmarks[45, 0] - landmarks[36, 0]
    result, right = check(crop, np.add(landmarks, [shift, 0])), check(crop, landmarks)
    assert result.landmark_offset == pytest.approx(abs(shift) / eyes, abs=0.1)
    np.testing.assert_allclose(result.box, right.box, atol=20)


def test_the_patch_is_the_square_of_the_box(face):
    # Without tilt: MTCNN's box, made square, fills the patch.
    landmarks = face[1].copy()
    landmarks[[36, 45], 1] = landmarks[36:48, 1].mean()
    x0, y0, x1, y1 = box_from_landmarks(landmarks)
    back = invert_matrix(patch_matrix(landmarks, 48, 0.8))
    corners = apply_matrix(back, np.array([[-0.5, -0.5], [47.5, 47.5]]))
    square = corners.ravel()
    assert np.ptp(square[[0, 2]]) == pytest.approx(np.ptp(square[[1, 3]]))
    box = landmark_box(square)
    # Its height is that of the landmarks, its centre theirs from left to right.
    assert box[[1, 3]] == pytest.approx([y0, y1], abs=0.5)
    assert box[[0, 2]].mean() == pytest.approx((x0 + x1) / 2, abs=3)
