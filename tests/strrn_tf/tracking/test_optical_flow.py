"""Landmarks by optical flow: pictures that move in a known way."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strrn_tf.geometry import CROP_SIZE
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.optical_flow import FlowSettings, flow_landmarks

SETTINGS = FlowSettings.of_config(TrackingConfig(), CROP_SIZE)
SIDE = 160
POINTS = np.random.default_rng(1).uniform(40, SIDE - 40, (68, 2))


def picture(matrix=((1, 0, 0), (0, 1, 0)), noise=0.0, frame=0):
    """Smooth texture moved by a matrix (2, 3), with noise of its own in every frame.

    The noise is given by its standard deviation in gray levels.
    """
    texture = np.random.default_rng(0).normal(size=(SIDE, SIDE))
    texture = cv2.GaussianBlur(texture, (0, 0), 3)
    texture = 128 + 40 * texture / texture.std()
    moved = cv2.warpAffine(texture, np.float64(matrix), (SIDE, SIDE))
    grain = np.random.default_rng((1, frame)).normal(size=moved.shape)
    return np.clip(moved + noise * grain, 0, 255).astype("u1")


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
    found = flow_landmarks(picture(), picture(turn), POINTS, SETTINGS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, moved_by(turn), atol=0.3)


def test_noise_of_a_sensor_moves_points_by_a_tenth_of_a_pixel_at_most():
    frames = [picture(noise=4.0, frame=i) for i in range(2)]
    assert np.abs(np.subtract(*frames, dtype=int)).mean() > 4
    # The networks' own noise is about half a pixel of the crop.
    found = flow_landmarks(*frames, POINTS, SETTINGS)
    assert 0 < np.sqrt(np.mean((found - POINTS) ** 2)) < 0.1


def test_every_setting_matters():
    matrix = [[1, 0, 14], [0, 1, 0]]

    def gap(noise=0.0, **changes):
        settings = SETTINGS._replace(**{"levels": 3, **changes})
        frames = picture(noise=noise), picture(matrix, noise, frame=1)
        found = flow_landmarks(*frames, POINTS, settings)
        return np.nanmedian(np.linalg.norm(found - moved_by(matrix), axis=-1))

    assert gap(iterations=30) < 0.1
    assert gap(iterations=1) > 0.5
    assert gap(levels=1) > 5
    assert gap(precision=9.0) > 0.5
    assert gap(noise=6.0, window=7) > 2 * gap(noise=6.0, window=31)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_points_that_are_not_found_are_nan(value):
    plain = np.full((SIDE, SIDE), value, np.uint8)
    assert np.isnan(flow_landmarks(plain, plain, POINTS, SETTINGS)).all()
    outside = POINTS + np.array([SIDE, 0])
    found = flow_landmarks(picture(), picture(), outside, SETTINGS)
    assert np.isnan(found[outside[:, 0] > SIDE + SETTINGS.window]).all()
