"""Timestamps that restart, fall, stand still or jump: faces are found all the same."""

import numpy as np
import pytest
from support.toy_models import toy_mean_shape

from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.track import FrameClock

CONFIG = TrackingConfig()
BOX = np.array([40.0, 30.0, 140.0, 130.0])
FACE = np.zeros((200, 300, 3), np.uint8)
EMPTY = np.full_like(FACE, 255)
COUNT = 200
RISING = np.arange(COUNT) / 25

# Name -> timestamps of 200 frames.
STRANGE = {
    "always 0": np.zeros(COUNT),
    "always the same": np.full(COUNT, 1.7e9),
    "none": [None] * COUNT,
    "stands still after a while": np.minimum(RISING, 0.2),
    "every one twice": np.repeat(RISING, 2)[:COUNT],
    "every one fifty times": np.repeat(RISING, 50)[:COUNT],
    "crawls": RISING * 1e-6,
    "runs backward": RISING[::-1],
    "runs backward in long steps": RISING[::-1] * 200,
    "begins again": np.concatenate([60 + RISING[:5], RISING[5:] - RISING[5]]),
    "begins again and again": np.tile(RISING[:4], 50),
    "falls by half a second": np.concatenate([RISING[:5], RISING[5:] - 0.5]),
    "falls by a microsecond": RISING - 1e-6 * (np.arange(COUNT) > 4),
    "two clocks in turn": RISING + 1000 * (np.arange(COUNT) % 2),
    "out of order": RISING.reshape(-1, 2)[:, ::-1].ravel(),
    "jumps to the clock of the world": RISING + 1.7e9 * (np.arange(COUNT) > 4),
    "jumps where no frame moves it": RISING + 1e18 * (np.arange(COUNT) > 4),
    "beyond all seconds": RISING + 1e300,
    "nanoseconds": 1.7e18 + RISING * 1e9,
    "negative": RISING - 1e6,
    "falls to the lowest": np.concatenate([[1e308], np.full(COUNT - 1, -1e308)]),
    "none now and then": [None if i % 3 else t for i, t in enumerate(RISING)],
    "none at first": [None if i < 50 else t for i, t in enumerate(RISING)],
    "none from the clock of the world on": [1.7e9, *[None] * (COUNT - 1)],
}


@pytest.fixture
def toy(make_toy):
    """A toy that finds a face wherever a picture is dark."""
    return make_toy(finder=lambda image: [] if image[0, 0, 0] else [BOX], smooth=True)


@pytest.mark.parametrize("times", STRANGE.values(), ids=STRANGE)
def test_a_face_is_found_soon_after_it_appears(toy, times):
    for time in times[:10]:
        assert toy.update(EMPTY, time) == []
    # With nobody there a search comes every second, and a frame is at least 1/50 s.
    wanted = int(CONFIG.search_interval / 0.02)
    assert any(toy.update(FACE, time) for time in times[10 : 11 + wanted])


@pytest.mark.parametrize("times", STRANGE.values(), ids=STRANGE)
def test_the_clock_rises_with_every_frame(times):
    clock, seconds = FrameClock(), []
    for time in times:
        clock = clock.after(None if time is None else float(time), CONFIG)
        seconds.append(clock.seconds)
    assert np.diff(seconds).min() > 1e-3
    assert np.isfinite(seconds).all()


@pytest.mark.parametrize("start", [0.0, -3.0, 0.1, 1.7e9 + 1 / 3])
@pytest.mark.parametrize("rate", [1.0, 23.976, 25.0, 59.94, 1000.0])
def test_times_that_rise_are_the_clock_to_the_last_bit(start, rate):
    clock = FrameClock()
    for number in range(50):
        time = start + number / rate
        clock = clock.after(time, CONFIG)
        assert clock.seconds == time


def test_without_times_frames_have_the_nominal_rate():
    clock, expected = FrameClock(), 0.0
    for _ in range(50):
        clock, expected = clock.after(None, CONFIG), expected + 1 / 25
        assert clock.seconds == expected


@pytest.mark.parametrize("back", [2.0, 3.5, 60.0, 1e6, 1.7e9])
def test_a_restart_begins_anew_with_other_ids(toy, back):
    before = [toy.update(FACE, time)[0].id for time in 2e9 + RISING[:3]]
    (first,), (second,) = (toy.update(FACE, time) for time in 2e9 + RISING[:2] - back)
    assert before == [0, 0, 0]
    assert [(f.id, f.state) for f in (first, second)] == [(1, "detected"),
                                                          (1, "tracked")]  # fmt: skip
    assert first.timestamp == 2e9 - back


@pytest.mark.parametrize("back", [0.0, 1e-9, 0.04, 0.5, 1.9])
def test_a_time_that_falls_a_little_changes_no_id(toy, back):
    toy.update(FACE, 10.0)
    (face,) = toy.update(FACE, 10.0 - back)
    assert (face.id, face.state, face.timestamp) == (0, "tracked", 10.0 - back)


@pytest.mark.parametrize("ahead", [3.0, 3600.0, 1e9, 1e18, 1e300])
def test_a_lost_face_is_forgotten_after_a_jump_and_a_seen_one_stays(toy, ahead):
    toy.update(FACE, 0.0)
    assert toy.update(FACE, ahead)[0].id == 0
    assert toy.update(EMPTY, ahead)[0].state == "lost"
    assert toy.update(EMPTY, 4 * ahead) == []


@pytest.mark.parametrize(
    "time", [np.nan, np.inf, -np.inf, "0.04", [0.04], np.array([0.0, 0.04]), 1j]
)
def test_what_is_no_time_is_one_error_and_changes_nothing(toy, time):
    toy.update(FACE, 0.0)
    with pytest.raises(ValueError, match="`timestamp` must be") as error:
        toy.update(FACE, time)
    assert "\n" not in str(error.value)
    (face,) = toy.update(FACE, 0.04)
    assert (face.id, face.state) == (0, "tracked")


@pytest.mark.parametrize("times", [RISING[:8], np.zeros(8), [None] * 8, -RISING[:8]])
def test_smoothing_takes_frames_at_the_nominal_rate_where_times_do_not_rise(
    make_toy, times
):
    def shown(times):
        toy = make_toy(finder=lambda image: [BOX], smooth=True)
        moved = []
        for number, time in enumerate(times):
            shape = toy_mean_shape() * 0.4 + 20 + number
            toy.networks.change_step = lambda _, error, crop, s=shape: (s, error, crop)
            toy.networks.change_flow = lambda start, s=shape: s
            moved.append(toy.update(FACE, time)[0].landmarks)
        return np.stack(moved)

    np.testing.assert_allclose(shown(times), shown([None] * 8), atol=1e-4)
