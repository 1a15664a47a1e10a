"""How far eyes and mouth are open."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.faces import drawn_face

from data_pipeline.synthetic.head.face_model import Expression
from strrn_tf.geometry import eye_distance
from strrn_tf.geometry.openings import eye_opening, mouth_opening
from strrn_tf.landmarks import MIRROR


def with_eye(height, width, start=36):
    landmarks = drawn_face()
    x, h = width / 3, height / 2
    landmarks[start : start + 6] = [
        (0, 0), (x, -h), (2 * x, -h), (3 * x, 0), (2 * x, h), (x, h),
    ]  # fmt: skip
    return landmarks


def test_an_eye_is_its_height_over_its_width():
    left = eye_opening(with_eye(4, 16))
    assert left.left == pytest.approx(0.25)
    assert left.right == pytest.approx(eye_opening(drawn_face()).right)
    assert eye_opening(with_eye(4, 16, start=42)).right == pytest.approx(0.25)
    assert eye_opening(with_eye(0, 16)).left == 0


def test_a_mouth_is_its_gap_over_the_eye_distance():
    landmarks = drawn_face()
    landmarks[[61, 62, 63]] = [(0, 0), (5, 0), (10, 0)]
    landmarks[[67, 66, 65]] = [(0, 6), (5, 9), (10, 12)]
    assert mouth_opening(landmarks) == pytest.approx(9 / eye_distance(landmarks))


def test_drawn_faces():
    assert eye_opening(drawn_face(expression=Expression(lids=(0.0, 1.0)))).left < 0.1
    assert eye_opening(drawn_face(expression=Expression(lids=(0.0, 1.0)))).right > 0.2
    shut, wide = (
        mouth_opening(drawn_face(expression=Expression(mouth_open=amount)))
        for amount in (0.0, 0.4)
    )
    assert shut < 0.03
    assert wide > 0.2


@given(st.floats(0.1, 50), st.floats(0, 6.3))
def test_size_and_roll_change_nothing_and_a_mirror_swaps_the_eyes(scale, angle):
    landmarks = drawn_face(expression=Expression(lids=(0.5, 1.0), mouth_open=0.2))
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turned = scale * landmarks @ np.array(turn).T
    plain = eye_opening(landmarks)
    np.testing.assert_allclose(eye_opening(turned), plain, rtol=1e-4)
    assert eye_opening((landmarks * [-1, 1])[list(MIRROR)]) == pytest.approx(
        plain[::-1]
    )


@pytest.mark.parametrize("fill", [np.nan, 5.0])
@pytest.mark.filterwarnings("error")
def test_nothing_is_known_of_a_lost_face(fill):
    landmarks = np.full((68, 2), fill)
    assert np.isnan(eye_opening(landmarks)).all()
    assert np.isnan(mouth_opening(landmarks))
