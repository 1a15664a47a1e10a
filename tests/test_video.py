"""Images and videos: colours, order, timestamps, damage."""

import os

import cv2
import numpy as np
import pytest

from data_pipeline import video
from data_pipeline.images import read_image, write_image
from data_pipeline.video import DEFAULT_FPS, _Clock, open_video, write_video

# Far apart after compression: red, green, blue and a grey that counts the frames.
COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]


def plain(colour, size=(48, 64)):
    return np.full((*size, 3), colour, np.uint8)


def counted_frames(count):
    return [plain((20 * i, 20 * i, 20 * i)) for i in range(count)]


def number_of(image):
    return round(float(image.mean()) / 20)


def write_avi(path, frames, fps=10):
    codec = cv2.VideoWriter_fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, fps, (64, 48))
    for frame in frames:
        writer.write(frame[..., ::-1])
    writer.release()
    return path


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_image_round_trip_is_rgb(tmp_path, name):
    image = np.hstack([plain(c) for c in COLOURS])
    write_image(tmp_path / name, image)
    again = read_image(tmp_path / name)
    assert again.dtype == np.uint8
    assert np.abs(again.astype(int)[:, 8::64] - image.astype(int)[:, 8::64]).max() < 8
    # Independent of our own reader: OpenCV sees blue first.
    bgr = cv2.imread(str(tmp_path / name))
    assert bgr[10, 10, 2] > 150 > 60 > bgr[10, 10, 0]


def test_jpeg_quality_counts(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    write_image(tmp_path / "good.jpg", image)
    write_image(tmp_path / "poor.jpg", image, quality=20)
    good, poor = ((tmp_path / n).stat().st_size for n in ("good.jpg", "poor.jpg"))
    assert poor < good / 2


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"", "0 bytes"), (b"\xff\xd8\xffno picture", "decode")],
)
def test_unreadable_image_is_named(tmp_path, content, words):
    path = tmp_path / "bad.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"bad\.jpg.*{words}"):
        read_image(path)


@pytest.mark.parametrize(
    ("image", "name", "words"),
    [
        (np.zeros((4, 4), np.uint8), "a.png", r"\(4, 4\)"),
        (np.zeros((4, 4, 3)), "a.png", "float64"),
        (plain(0), "a.gif", "gif"),
    ],
)
def test_refuses_to_write_what_is_no_image(tmp_path, image, name, words):
    with pytest.raises(ValueError, match=words):
        write_image(tmp_path / name, image)


def test_video_round_trip_keeps_order_colour_and_time(tmp_path):
    path = tmp_path / "clip.mp4"
    write_video(path, (plain(c) for c in COLOURS), fps=12.5)
    video = open_video(path)
    assert video.fps == pytest.approx(12.5)
    assert video.num_frames_hint == 3
    frames = list(video)
    assert [f.index for f in frames] == [0, 1, 2]
    np.testing.assert_allclose(
        [f.timestamp for f in frames], [0, 0.08, 0.16], atol=1e-3
    )
    for frame, colour in zip(frames, COLOURS, strict=True):
        assert np.abs(frame.image.mean((0, 1)) - colour).max() < 12
    assert not video.truncated
    assert [f.index for f in video] == [0, 1, 2]  # it can be read again


def test_wanted_frames_are_the_right_ones(tmp_path):
    path = tmp_path / "clip.mp4"
    write_video(path, counted_frames(12), fps=25)
    video = open_video(path)
    frames = list(video.frames({9, 2, 3, 40}))
    assert [f.index for f in frames] == [2, 3, 9]
    assert [number_of(f.image) for f in frames] == [2, 3, 9]
    np.testing.assert_allclose([f.timestamp for f in frames], [0.08, 0.12, 0.36])
    assert video.num_frames == 12  # 40 was looked for up to the end


def test_odd_sides_can_be_written(tmp_path):
    path = tmp_path / "odd.mp4"
    write_video(path, [plain((90, 90, 90), (47, 63))] * 2, fps=25)
    assert next(iter(open_video(path))).image.shape == (46, 62, 3)


def test_failed_writing_leaves_nothing(tmp_path):
    path = tmp_path / "clip.mp4"
    with pytest.raises(ValueError, match="one shape"):
        write_video(path, [plain(0), plain(0, (32, 32))], fps=25)
    with pytest.raises(ValueError, match="at least one frame"):
        write_video(path, [], fps=25)
    assert not list(tmp_path.iterdir())


def test_folder_of_images_in_the_order_of_numbers(tmp_path):
    for number in (0, 1, 2, 9, 10, 11):
        write_image(tmp_path / f"5.{number}.png", plain((20 * number,) * 3))
    (tmp_path / "notes.txt").write_text("not a frame")
    video = open_video(tmp_path, fps=4)
    frames = list(video)
    assert [number_of(f.image) for f in frames] == [0, 1, 2, 9, 10, 11]
    assert [f.timestamp for f in frames] == [0, 0.25, 0.5, 0.75, 1.0, 1.25]
    neighbours = [video.are_neighbours(i) for i in range(7)]
    assert neighbours == [False, True, True, False, True, True, False]
    assert open_video(tmp_path).fps == DEFAULT_FPS


def test_cut_off_video_gives_what_is_there(tmp_path, capfd):
    path = write_avi(tmp_path / "long.avi", counted_frames(12))
    assert len(list(open_video(path))) == 12
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 8 // 10])
    video = open_video(path)
    frames = list(video)
    assert 2 <= len(frames) < 12
    assert [number_of(f.image) for f in frames] == list(range(len(frames)))
    assert video.truncated
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("size", [0, 100, 0.7])
def test_unreadable_video_is_named(tmp_path, size, capfd):
    path = tmp_path / "clip_0001.mp4"
    write_video(path, counted_frames(5), fps=25)
    content = path.read_bytes()
    # The index of an .mp4 file comes last, so a cut one cannot be read at all.
    path.write_bytes(content[: int(size if size > 1 else size * len(content))])
    with pytest.raises(ValueError, match=r"clip_0001\.mp4"):
        open_video(path)
    assert capfd.readouterr() == ("", "")


def test_missing_video_and_empty_folder_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.mp4"):
        open_video(tmp_path / "gone.mp4")
    with pytest.raises(ValueError, match="no image"):
        open_video(tmp_path)
    with pytest.raises(ValueError, match="fps"):
        open_video(tmp_path, fps=0)


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [
        ([0, 66.7, 100, 160], [0, 0.0667, 0.1, 0.16]),  # variable frame rate
        ([500, 540, 580], [0, 0.04, 0.08]),  # a stream that does not begin at 0
        ([0, 0, 0, 0], [0, 0.04, 0.08, 0.12]),  # no timestamps
        ([0, 40, 20, np.nan, 200], [0, 0.04, 0.08, 0.12, 0.2]),  # damaged
    ],
)
def test_clock_rises_whatever_the_container_says(milliseconds, seconds):
    clock = _Clock(fps=25)
    read = [clock.read(i, value) for i, value in enumerate(milliseconds)]
    np.testing.assert_allclose(read, seconds, atol=1e-9)


def test_a_video_that_a_full_disk_cuts_off_does_not_replace_the_one_before(
    tmp_path, monkeypatch
):
    path = tmp_path / "x.mp4"
    write_video(path, counted_frames(5), fps=25)
    before = path.read_bytes()
    open_writer = video._open_writer

    class Full:
        """Takes all frames and says nothing, as OpenCV's writer on a full disk."""

        def __init__(self, file, *rest):
            self.file, self.writer = file, open_writer(file, *rest)

        def write(self, frame):
            self.writer.write(frame)

        def release(self):
            self.writer.release()
            os.truncate(self.file, self.file.stat().st_size // 2)

    monkeypatch.setattr(video, "_open_writer", Full)
    with pytest.raises(OSError, match=r"0 of 8 frames.*disk full"):
        write_video(path, counted_frames(8), fps=25)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.mp4"]
