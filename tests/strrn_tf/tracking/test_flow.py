"""Landmarks carried by optical flow: pictures that move in a known way."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strrn_tf.tracking import optical_flow
from strrn_tf.tracking.config import TrackingConfig

SEARCH = optical_flow.Search.of_config(TrackingConfig())
SIDE = 160
POINTS = np.random.default_rng(1).uniform(40, SIDE - 40, (68, 2))


def picture(matrix=((1, 0, 0), (0, 1, 0)), noise=0.0):
    """Smooth random texture, moved by a matrix (2, 3), with noise in grey levels."""
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)), (0, 0), 3)
    texture = 128 + 40 * texture / texture.std()
    moved = cv2.warpAffine(texture, np.float64(matrix), (SIDE, SIDE))
    return np.clip(moved + noise * rng.normal(size=moved.shape), 0, 255).astype("u1")


def moved_by(matrix):
    matrix = np.float64(matrix)
    return POINTS @ matrix[:, :2].T + matrix[:, 2]


@given(st.floats(-6, 6), st.floats(-6, 6), st.floats(-0.03, 0.03))
def test_points_go_where_the_picture_goes(x, y, angle):
    c, s = np.cos(angle), np.sin(angle)
    middle = SIDE / 2
    turn = [
        [c, -s, x + middle * (1 - c + s)],
        [s, c, y + middle * (1 - c - s)],
    ]
    carried = optical_flow.carry(picture(), picture(turn), POINTS, SEARCH)
    assert carried.dtype == np.float32
    np.testing.assert_allclose(carried, moved_by(turn), atol=0.3)


def test_noise_of_a_sensor_moves_points_by_a_tenth_of_a_pixel_at_most():
    # The networks' own noise is about half a pixel of the crop.
    carried = optical_flow.carry(picture(noise=4.0), picture(noise=4.0), POINTS, SEARCH)
    assert np.sqrt(np.mean((carried - POINTS) ** 2)) < 0.1


def test_a_search_says_how_far_and_how_finely():
    matrix = [[1, 0, 14], [0, 1, 0]]

    def gap(noise=0.0, **changes):
        search = SEARCH._replace(**{"levels": 3, **changes})
        frames = picture(noise=noise), picture(matrix, noise=noise)
        carried = optical_flow.carry(*frames, POINTS, search)
        return np.nanmedian(np.linalg.norm(carried - moved_by(matrix), axis=-1))

    assert gap(steps=30) < 0.1
    assert gap(steps=1) > 0.5
    assert gap(levels=1) > 5
    assert gap(precision=9.0) > 0.5
    assert gap(noise=6.0, window=7) > 2 * gap(noise=6.0, window=31)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_what_is_not_found_is_nan(value):
    plain = np.full((SIDE, SIDE), value, np.uint8)
    assert np.isnan(optical_flow.carry(plain, plain, POINTS, SEARCH)).all()
    outside = POINTS + np.array([SIDE, 0])
    carried = optical_flow.carry(picture(), picture(), outside, SEARCH)
    assert np.isnan(carried[outside[:, 0] > SIDE + 21]).all()
