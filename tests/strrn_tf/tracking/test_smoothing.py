"""The One-Euro filter: at rest, in motion, and what begins anew."""

import numpy as np
import pytest
from support.faces import drawn_face

from strrn_tf.geometry import eye_distance
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.smoothing import Smoother

SHAPE = drawn_face()
UNIT = eye_distance(SHAPE)


def face(landmarks, number=0, state="tracked"):
    landmarks = np.asarray(landmarks, np.float32)
    return Face(number, landmarks, np.zeros(4), 1.0, 0.0, state, None)


def shown(track, times=None, smoother=None):
    smoother = smoother or Smoother()
    times = np.arange(len(track)) / 25 if times is None else times
    pairs = zip(track, times, strict=True)
    return np.stack([smoother([face(s)], t)[0].landmarks for s, t in pairs])


def one_euro(values, rate, rest, slope, speed):
    """One number at a time, as the authors print it."""

    def alpha(cutoff):
        return 1.0 / (1.0 + (1.0 / (2 * np.pi * cutoff)) * rate)

    x, dx, raw, out = values[0], 0.0, values[0], [values[0]]
    for value in values[1:]:
        d = (value - raw) * rate
        dx = alpha(speed) * d + (1 - alpha(speed)) * dx
        a = alpha(rest + slope * abs(dx))
        x, raw = a * value + (1 - a) * x, value
        out.append(x)
    return np.array(out)


def test_twin():
    rng = np.random.default_rng(0)
    along = np.cumsum(rng.normal(0, 2, 40))
    track = SHAPE + along[:, None, None] * np.array([1.0, 0.0])
    expected = one_euro(along / UNIT, 25, 1.5, 30.0, 2.0) * UNIT
    moved = (shown(track) - SHAPE)[:, :, 0]
    np.testing.assert_allclose(moved, expected[:, None].repeat(68, 1), atol=2e-3)


def test_jitter_falls_at_rest_and_motion_is_followed():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.005 * UNIT, (100, 68, 2))
    still = shown(SHAPE + noise)[20:]
    assert still.std(0).mean() < 0.6 * noise.std(0).mean()
    # Half an eye distance per second: it lags by less than 1.5 % of it.
    motion = 0.5 * UNIT / 25 * np.arange(100)[:, None, None] * np.array([1.0, 0.0])
    lag = np.abs(shown(SHAPE + motion) - SHAPE - motion)[20:]
    assert lag.max() < 0.015 * UNIT


def test_time_counts_and_not_frames():
    way = np.linspace(0, 0.3 * UNIT, 21)[:, None, None] * np.array([0.0, 1.0])
    slow = shown(SHAPE + way, np.arange(21) / 10)
    fast = shown(SHAPE + way, np.arange(21) / 50)
    assert np.abs(slow - fast).max() > 0.003 * UNIT


@pytest.mark.parametrize("gap", [0.6, -1.0])
def test_a_gap_or_a_clock_that_jumps_begins_anew(gap):
    smoother = Smoother()
    shown([SHAPE, SHAPE + 5], [0.0, 0.04], smoother)
    (after,) = smoother([face(SHAPE + 30)], 0.04 + gap)
    np.testing.assert_array_equal(after.landmarks, SHAPE + np.float32(30))


def test_faces_are_kept_apart_and_lost_ones_forgotten():
    smoother = Smoother()
    smoother([face(SHAPE, 0), face(SHAPE + 50, 1)], 0.0)
    first, second = smoother([face(SHAPE, 0), face(SHAPE + 60, 1)], 0.04)
    np.testing.assert_allclose(first.landmarks, SHAPE, atol=1e-3)
    assert (second.landmarks < SHAPE + 60).all()
    np.testing.assert_allclose(second.box[:2], second.landmarks.min(0))
    nowhere = np.full((68, 2), np.nan)
    (lost,) = smoother([face(nowhere, 1, "lost")], 0.08)
    assert np.isnan(lost.landmarks).all()
    (back,) = smoother([face(SHAPE + 90, 1)], 0.12)
    np.testing.assert_array_equal(back.landmarks, SHAPE + np.float32(90))


def test_an_exception_leaves_the_frame_before():
    def wrong(landmarks):
        return Face(1, landmarks[:3], np.zeros(4), 1.0, 0.0, "tracked", None)

    broken, whole = Smoother(), Smoother()
    for smoother in (broken, whole):
        smoother([face(SHAPE, 0), face(SHAPE, 1)], 0.0)
    with pytest.raises(ValueError, match="broadcast"):
        broken([face(SHAPE + 3, 0), wrong(SHAPE)], 0.04)
    last = [face(SHAPE + 5, 0), face(SHAPE + 7, 1)]
    for one, other in zip(broken(last, 0.08), whole(last, 0.08), strict=True):
        np.testing.assert_array_equal(one.landmarks, other.landmarks)
