"""Videos are read as players show them: turned, mirrored, with square pixels."""

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from support.encoded import cornered, corners_of, encode, plain
from support.mp4 import set_matrix

from data_pipeline.media.ffmpeg.display import oriented, square_size
from data_pipeline.media.video import open_video

# The orientations in the order of EXIF: matrix (a, b, c, d), and which stored quarters
# are shown upper left, upper right, lower left, lower right.
ORIENTATIONS = {
    "upright": ((1, 0, 0, 1), [0, 1, 2, 3]),
    "mirrored": ((-1, 0, 0, 1), [1, 0, 3, 2]),
    "half a turn": ((-1, 0, 0, -1), [3, 2, 1, 0]),
    "upside down": ((1, 0, 0, -1), [2, 3, 0, 1]),
    "transposed": ((0, 1, 1, 0), [0, 2, 1, 3]),
    "to the right": ((0, 1, -1, 0), [2, 0, 3, 1]),
    "other diagonal": ((0, -1, -1, 0), [3, 1, 2, 0]),
    "to the left": ((0, -1, 1, 0), [1, 3, 0, 2]),
}


def first(path):
    return next(iter(open_video(path))).image


@pytest.mark.parametrize("name", ORIENTATIONS)
@pytest.mark.parametrize(
    ("file", "codec"), [("a.mp4", "mpeg4"), ("a.mov", "mjpeg"), ("a.m4v", "libx264")]
)
def test_all_orientations_of_videos(tmp_path, name, file, codec):
    matrix, quarters = ORIENTATIONS[name]
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    format = "mov" if file == "a.mov" else "mp4"
    path = tmp_path / file
    encode(path, [cornered()] * 3, codec, pix_fmt, format=format)
    set_matrix(path, *matrix)
    image = first(path)
    assert image.shape[:2] == ((48, 64) if matrix[0] else (64, 48))
    assert corners_of(image) == quarters
    assert image.flags.c_contiguous


@pytest.mark.parametrize(("number", "name"), [*enumerate(ORIENTATIONS, 1)])
def test_exif_in_the_frames_of_a_camera(tmp_path, number, name):
    exif, file = Image.Exif(), io.BytesIO()
    exif[274] = number
    Image.fromarray(cornered()).save(file, "JPEG", exif=exif, quality=95)
    path = tmp_path / "a.mjpeg"
    path.write_bytes(file.getvalue() * 3)
    frames = list(open_video(path).frames(broken=True))
    assert [corners_of(frame.image) for frame in frames] == [ORIENTATIONS[name][1]] * 3


@pytest.mark.parametrize(
    ("matrix", "quarters"),
    [
        ((0.94, 0.34, -0.34, 0.94), [0, 1, 2, 3]),  # 20 degrees
        ((0.17, 0.98, -0.98, 0.17), [2, 0, 3, 1]),  # 80 degrees
        ((-0.98, 0.17, 0.17, 0.98), [1, 0, 3, 2]),  # mirrored and 10 degrees
        ((0, 0, 0, 0), [0, 1, 2, 3]),  # damage
        ((1, 1, 1, 1), [0, 1, 2, 3]),  # damage
    ],
)
def test_other_matrices_become_the_nearest_orientation(matrix, quarters):
    (a, b, c, d) = matrix
    image = oriented(cornered(), np.array([[a, c], [b, d]], float))
    assert corners_of(image) == quarters


@pytest.mark.parametrize(
    ("file", "codec", "shape", "stored", "shown"),
    [
        ("a.mp4", "mpeg4", (4, 3), (48, 48), (48, 64)),
        ("a.mkv", "libx264", (16, 11), (44, 44), (44, 64)),
        ("a.mov", "libx264", (2, 1), (48, 32), (48, 64)),
        ("a.ts", "mpeg2video", (64, 45), (576, 720), (576, 1024)),
        ("a.mp4", "libx264", (1, 2), (40, 64), (80, 64)),
        ("a.mkv", "mpeg4", (8, 9), (48, 64), (54, 64)),
        ("a.avi", "mpeg4", (10, 11), (40, 64), (44, 64)),
    ],
)
def test_pixels_are_square(tmp_path, file, codec, shape, stored, shown):
    ratio = 4 / 3 if codec == "mpeg2video" else None
    image = plain(20, stored)
    height, width = stored
    middle = slice(height // 4, -height // 4), slice(width // 4, -width // 4)
    image[middle] = 230
    if ratio:  # MPEG-2 states the shape of the picture
        shape = Fraction(16, 9) / Fraction(width, height)
        shape = shape.numerator, shape.denominator
    path = encode(tmp_path / file, [image] * 3, codec, shape=shape)
    seen = first(path)
    assert seen.shape[:2] == shown
    rows, columns = np.nonzero(seen[..., 1] > 125)
    assert np.ptp(rows) + 1 == pytest.approx(shown[0] / 2, abs=3)
    assert np.ptp(columns) + 1 == pytest.approx(shown[1] / 2, abs=3)


def test_pixels_are_made_square_before_the_picture_is_turned(tmp_path):
    path = encode(tmp_path / "a.mp4", [cornered((48, 48))] * 2, shape=(4, 3))
    set_matrix(path, 0, 1, -1, 0)
    image = first(path)
    assert image.shape[:2] == (64, 48)
    assert corners_of(image) == [2, 0, 3, 1]


@pytest.mark.parametrize("shape", [0, 1, 8.1, 0.12, 255])
def test_shapes_that_no_pixel_has_are_ignored(shape):
    assert square_size(64, 48, shape) == (64, 48)


@pytest.mark.parametrize(
    ("file", "codec", "pix_fmt"),
    [
        ("a.mp4", "libx264", "yuv420p10le"),
        ("a.mkv", "libx265", "yuv420p12le"),
        ("a.mkv", "ffv1", "yuv444p12le"),
        ("a.mkv", "ffv1", "gbrp10le"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.ts", "libx264", "yuv422p10le"),
        ("a.mkv", "ffv1", "gray16le"),
    ],
)
def test_more_than_8_bits_keep_their_brightness(tmp_path, file, codec, pix_fmt):
    values = [40, 120, 220] * 3
    frames = [plain(value) for value in values]
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    path = encode(tmp_path / file, frames, codec, pix_fmt, codec_options=quiet)
    seen = [frame.image.mean() for frame in open_video(path)]
    np.testing.assert_allclose(seen, values, atol=6)
