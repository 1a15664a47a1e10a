"""The average rate of the frames' times, whatever the container states."""

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest
from support.encoded import counted, encode, numbers_of
from support.mp4 import change_box

from data_pipeline.media.ffmpeg.rates import rate_of
from data_pipeline.media.video import open_video, write_video

# Milliseconds between frames, again and again: of a browser's recording, of a screen's,
# of a phone in the dark, of a constant rate.
BROWSER = (47, 47, 12, 47, 12, 33)
SCREEN = (16, 17, 500, 16, 250)
PHONE = (33, 34, 33, 66, 67)
CONSTANT = (40,)
COUNT = 15


def times_of(steps):
    return [
        0,
        *itertools.accumulate(itertools.islice(itertools.cycle(steps), COUNT - 1)),
    ]


@pytest.mark.parametrize("steps", [BROWSER, SCREEN, PHONE, CONSTANT])
@pytest.mark.parametrize(
    ("file", "codec"),
    [
        ("a.webm", "libvpx"),
        ("a.webm", "libvpx-vp9"),
        ("a.mkv", "libx264"),
        ("a.mp4", "libx264"),
        ("a.flv", "flv"),
        ("a.ts", "libx264"),
    ],
)
def test_the_rate_is_the_average(tmp_path, file, codec, steps):
    times = times_of(steps)
    options = {"deadline": "realtime"} if "vpx" in codec else {"bf": "0"}
    path = encode(
        tmp_path / file,
        counted(COUNT),
        codec,
        rate=1000,
        times=times,
        codec_options=options,
    )
    video = open_video(path)
    frames = list(video.frames(broken=True))
    assert numbers_of(frames) == list(range(COUNT))
    average = (COUNT - 1) / times[-1] * 1000
    # The last frame lasts an unknown time, which an index may state.
    assert video.fps == pytest.approx(average, rel=0.08 if file == "a.mp4" else 0.01)
    seconds = [frame.timestamp for frame in frames]
    np.testing.assert_allclose(seconds, np.array(times) / 1000, atol=0.002)


@pytest.mark.parametrize("file", ["a.webm", "a.mkv"])
@pytest.mark.parametrize("stated", [25, 30, 60])
def test_a_stated_rate_that_the_times_refute_is_not_taken(tmp_path, file, stated):
    times = [100 * i for i in range(COUNT)]
    codec = "libvpx" if file == "a.webm" else "libx264"
    path = encode(tmp_path / file, counted(COUNT), codec, rate=stated, times=times)
    video = open_video(path)
    assert video.fps == pytest.approx(10, rel=0.01)
    assert len(list(video)) == COUNT
    assert not video.truncated


def test_a_stated_rate_that_the_times_confirm_is_taken(tmp_path):
    rate = Fraction(30000, 1001)
    path = encode(tmp_path / "a.mkv", counted(COUNT), "libx264", rate=rate)
    # The times are rounded to milliseconds.
    assert open_video(path).fps == pytest.approx(float(rate), rel=1e-6)


def test_an_overlay_lasts_as_long_as_its_video(tmp_path):
    times = times_of(BROWSER)
    path = encode(tmp_path / "a.webm", counted(COUNT), "libvpx", rate=1000, times=times)
    video = open_video(path)
    write_video(tmp_path / "o.mp4", (frame.image for frame in video), video.fps)
    overlay = list(open_video(tmp_path / "o.mp4"))
    assert len(overlay) == COUNT
    assert overlay[-1].timestamp == pytest.approx(times[-1] / 1000, abs=0.01)


@pytest.mark.parametrize("fps", [0.5, 12, 24000 / 1001, 30000 / 1001, 240, 999.9])
def test_an_overlay_has_any_rate(tmp_path, fps):
    write_video(tmp_path / "o.mp4", counted(4), fps)
    video = open_video(tmp_path / "o.mp4")
    assert video.fps == pytest.approx(fps, rel=1e-3)
    assert video.num_frames_hint == 4


@pytest.mark.parametrize(
    ("fps", "found"), [(1e-300, 1 / 86400), (1e6, 65535), (1e308, 65535)]
)
def test_an_overlay_of_an_absurd_rate_has_the_nearest(tmp_path, fps, found):
    write_video(tmp_path / "o.mp4", counted(4), fps)
    with av.open(str(tmp_path / "o.mp4")) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(
            found, rel=0.01
        )
    assert numbers_of(open_video(tmp_path / "o.mp4")) == [0, 1, 2, 3]


def test_a_video_without_times_has_the_default_rate(tmp_path):
    path = encode(tmp_path / "a.m4v", counted(5), format="m4v")
    video = open_video(path)
    seconds = [frame.timestamp for frame in video]
    assert len(seconds) == 5
    np.testing.assert_allclose(np.diff(seconds), 1 / video.fps, atol=1e-6)


def test_times_that_stand_still_are_replaced(tmp_path):
    path = encode(tmp_path / "a.mp4", counted(6))
    change_box(
        path, b"stts", lambda body: bytes(7) + b"\1" + bytes(3) + b"\6" + bytes(4)
    )
    seconds = [frame.timestamp for frame in open_video(path)]
    assert len(seconds) == 6
    assert (np.diff(seconds) > 0).all()


@pytest.mark.parametrize("ticks", [[], [None], [5], [5, 5], [None, 7, None]])
def test_too_few_times_have_no_rate(ticks):
    assert rate_of(ticks, 1) is None
    assert rate_of([*ticks, 100, 101], 1) is not None


@pytest.mark.parametrize(
    ("format", "codec"),
    [
        ("mpegts", "libx264"),
        ("mpeg", "mpeg2video"),
        ("h264", "libx264"),
        ("matroska", "libx264"),
        ("avi", "mpeg4"),
    ],
)
def test_times_that_begin_again_go_on(tmp_path, format, codec):
    frames, options = counted(COUNT, (96, 128), 7), {"bf": "0"}
    encode(tmp_path / "a", frames, codec, format=format, codec_options=options)
    (tmp_path / "b").write_bytes((tmp_path / "a").read_bytes() * 2)
    twice = list(open_video(tmp_path / "b").frames(broken=True))
    assert numbers_of(twice) == [*range(COUNT)] * 2
    steps = np.diff([frame.timestamp for frame in twice])
    np.testing.assert_allclose(steps, 0.04, atol=0.001)


@pytest.mark.parametrize("file", ["a.mkv", "a.mp4", "a.ts", "a.flv"])
def test_a_recording_that_begins_late_is_whole(tmp_path, file):
    codec = "flv" if file == "a.flv" else "libx264"
    times = [100_000 + 40 * i for i in range(COUNT)]
    video = open_video(encode(tmp_path / file, counted(COUNT), codec, times=times))
    assert len(list(video)) == COUNT
    assert abs(video.num_frames_hint - COUNT) <= 1
    assert not video.truncated
