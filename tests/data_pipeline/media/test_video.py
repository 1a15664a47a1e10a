"""Images and videos: colours, order, timestamps, damage."""

import errno

import av
import cv2
import numpy as np
import pytest
from support.encoded import counted, encode
from support.mp4 import destroy_frames, set_durations

from data_pipeline.media.camera import PATIENCE, Camera
from data_pipeline.media.frame_reader import DEFAULT_FPS, THREADS
from data_pipeline.media.images import read_image, write_image
from data_pipeline.media.video import open_video, write_video

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
    with pytest.raises(ValueError, match=r"/clip\.txt: cannot be written"):
        write_video(path.with_suffix(".txt"), [plain(0)], fps=25)
    assert not list(tmp_path.iterdir())


def test_folder_of_images_in_the_order_of_numbers(tmp_path):
    for number in (0, 1, 2, 9, 10, 11):
        write_image(tmp_path / f"5.{number}.png", plain((20 * number,) * 3))
    (tmp_path / "notes.txt").write_text("not a frame")
    video = open_video(tmp_path, fps=4)
    frames = list(video)
    assert [number_of(f.image) for f in frames] == [0, 1, 2, 9, 10, 11]
    assert [f.index for f in frames] == [0, 1, 2, 9, 10, 11]
    assert [f.timestamp for f in frames] == [0, 0.25, 0.5, 2.25, 2.5, 2.75]
    assert [i for i in range(13) if video.are_neighbours(i)] == [1, 2, 10, 11]
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


def test_a_cut_off_matroska_file_is_known_by_its_length(tmp_path):
    path = encode(tmp_path / "a.mkv", counted(12, (96, 128), 7), "libx264")
    whole = path.read_bytes()
    # As where the sound goes on behind the last picture.
    video = open_video(path)
    video.num_frames_hint = 50
    assert len(list(video)) == 12
    assert not video.truncated
    path.write_bytes(whole[: len(whole) * 3 // 4])
    video = open_video(path)
    assert 2 <= len(list(video)) < 12
    assert video.truncated


def test_a_video_that_the_system_refuses_is_left_out_like_a_damaged_one(
    tmp_path, monkeypatch
):
    path = tmp_path / "a.mp4"
    write_video(path, counted_frames(2), fps=25)

    def refuse(*_, **__):
        raise av.error.PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(ValueError, match=r"a\.mp4: cannot be read \(Permission denied"):
        open_video(path)


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


# Broken frames ------------------------------------------------------------------------


def moving_frames(count):
    """Frames that cannot be guessed from the one before."""
    picture = cv2.resize(
        np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8), (64, 48)
    )
    return [np.roll(picture, 5 * i, 1) for i in range(count)]


@pytest.mark.parametrize("broken", [{3}, {0}, {4, 5, 9}, {0, 1, 10}])
@pytest.mark.parametrize("threads", [1, 4])
def test_broken_frames_of_a_video_keep_number_and_time(
    tmp_path, monkeypatch, broken, threads, capfd
):
    monkeypatch.setenv(THREADS, str(threads))
    path = tmp_path / "clip.mp4"
    write_video(path, moving_frames(12), fps=25)
    times = [frame.timestamp for frame in open_video(path)]
    destroy_frames(path, broken)
    reader = open_video(path)
    frames = list(reader.frames(broken=True))
    assert [f.index for f in frames] == list(range(12))
    np.testing.assert_allclose([f.timestamp for f in frames], times, atol=1e-6)
    assert {f.index for f in frames if f.image is None} == broken
    assert reader.num_broken == len(broken)
    good = [f.index for f in reader]
    assert good == [i for i in range(12) if i not in broken]
    assert [f.index for f in reader.frames({2, 4, 11})] == sorted({2, 4, 11} - broken)
    assert capfd.readouterr() == ("", "")


def test_pauses_of_a_video_are_no_broken_frames(tmp_path):
    path = tmp_path / "clip.mp4"
    write_video(path, moving_frames(8), fps=25)
    set_durations(path, [256, 256, 1024, 128, 256, 512, 256, 256])  # 512 is 1/25 s
    frames = list(open_video(path).frames(broken=True))
    times = [0, 0.02, 0.04, 0.12, 0.13, 0.15, 0.19, 0.21]
    np.testing.assert_allclose([f.timestamp for f in frames], times, atol=1e-6)
    assert all(f.image is not None for f in frames)
    destroy_frames(path, {4})
    frames = list(open_video(path).frames(broken=True))
    np.testing.assert_allclose([f.timestamp for f in frames], times, atol=1e-6)
    assert [f.index for f in frames if f.image is None] == [4]


def test_broken_images_of_a_folder_keep_number_and_time(tmp_path):
    for i in range(5):
        write_image(tmp_path / f"{i}.png", plain((40 * i,) * 3))
    content = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "3.png").write_bytes(b"")
    reader = open_video(tmp_path, fps=10)
    frames = list(reader.frames(broken=True))
    assert [f.index for f in frames if f.image is None] == [1, 3]
    assert [f.timestamp for f in frames] == [0, 0.1, 0.2, 0.3, 0.4]
    assert [number_of(f.image) for f in reader] == [0, 4, 8]
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"0\.png.*decode"):
        list(reader.frames(broken=True))


# Pictures of other forms --------------------------------------------------------------


def test_images_with_alpha_grey_and_sixteen_bits_are_rgb(tmp_path):
    colour = np.dstack([plain((10, 90, 200)), np.full((48, 64), 128, np.uint8)])
    cv2.imwrite(str(tmp_path / "0.png"), colour)
    cv2.imwrite(str(tmp_path / "1.png"), np.full((48, 64), 77, np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((48, 64), 77 * 257, np.uint16))
    frames = [frame.image for frame in open_video(tmp_path)]
    for image, expected in zip(
        frames, [(200, 90, 10), (77,) * 3, (77,) * 3], strict=True
    ):
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image, plain(expected))


def test_images_are_turned_as_their_exif_asks(tmp_path):
    image = plain((0, 0, 0))
    image[:16, :16] = 255
    _, content = cv2.imencode(".jpg", image)
    # Orientation 6: to be turned clockwise by a quarter.
    tiff = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06"
    exif = b"Exif\x00\x00" + tiff + bytes(6)
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    path = tmp_path / "phone.jpg"
    path.write_bytes(content.tobytes()[:2] + segment + content.tobytes()[2:])
    turned = read_image(path)
    assert turned.shape == (64, 48, 3)
    assert turned[:12, -12:].mean() > 200


# Cameras ------------------------------------------------------------------------------


class FakeCapture:
    """Gives the pictures of a test; None fails."""

    def __init__(self, pictures, fps=0.0, is_open=True):
        self.pictures, self.fps, self.is_open = iter(pictures), fps, is_open

    def isOpened(self):
        return self.is_open

    def get(self, prop):
        return self.fps

    def read(self):
        picture = next(self.pictures, None)
        return picture is not None, picture

    def release(self):
        self.is_open = False


def test_camera_frames_have_the_time_of_the_clock():
    blue_first = plain((1, 2, 3))
    script = [blue_first, None, None, blue_first, blue_first]
    clock = iter(np.arange(100) ** 2.0 + 1000)
    camera = Camera(
        2, open_capture=lambda number: FakeCapture(script), clock=lambda: next(clock)
    )
    frames = list(camera.frames(broken=True))
    assert [f.timestamp for f in frames] == [0, 1, 4, 9, 16]
    assert [f.image is None for f in frames] == [False, True, True, False, False]
    assert frames[0].image[0, 0].tolist() == [3, 2, 1]
    assert camera.num_frames == 5  # then it was gone, after PATIENCE failures
    assert next(clock) == 1000 + (5 + PATIENCE) ** 2


def test_missing_camera_is_named(capfd):
    with pytest.raises(ValueError, match=r"camera 2 cannot be opened.*plugged in"):
        Camera(2, open_capture=lambda number: FakeCapture([], is_open=False))
    with pytest.raises(ValueError, match="camera 61 cannot be opened"):
        open_video("61")
    assert capfd.readouterr() == ("", "")


def test_camera_has_its_own_rate_unless_one_is_given():
    def camera(announced, fps=None):
        return Camera(0, fps, open_capture=lambda number: FakeCapture([], announced))

    assert [camera(15.0).fps, camera(0.0).fps, camera(15.0, 7.5).fps] == [15, 30, 7.5]
