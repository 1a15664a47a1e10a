"""Pictures of every orientation and of every depth, as 8-bit RGB that viewers show."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image, features

from data_pipeline.media.image_formats.kind import is_image_file
from data_pipeline.media.image_formats.png import is_cut_off
from data_pipeline.media.images import decode_image, read_image, read_white
from data_pipeline.media.video import open_video

RED = (200, 90, 10)


def encoded(image, form, **options):
    """Return the bytes of an image file that Pillow writes."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def corner():
    """Return a dark picture (48, 64, 3) with a bright upper left corner."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[:20, :16] = 255
    return image


# What EXIF's orientations ask for.
TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}


def turned_file(orientation, form):
    if form == "TIFF":
        return encoded(corner(), form, tiffinfo={274: orientation})
    if form == "TIFF of 16 bits":
        deep = corner()[..., 0].astype(np.uint16) * 257
        return encoded(deep, "TIFF", tiffinfo={274: orientation})
    if form == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    exif = Image.Exif()
    exif[274] = orientation
    return encoded(corner(), form, exif=exif, quality=95)


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(
    "form", ["JPEG", "PNG", "WEBP", "TIFF", "TIFF of 16 bits", "AVIF"]
)
def test_pictures_are_turned_and_mirrored_alone_and_in_folders(
    form, orientation, tmp_path
):
    expected = TURNS[orientation](corner())
    for name in ("a.picture", "folder/1.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(turned_file(orientation, form))
        source = path if name == "a.picture" else path.parent
        (frame,) = open_video(source)
        assert frame.image.shape == expected.shape
        # Compression blurs the edge.
        apart = np.abs(frame.image.astype(int) - expected).mean()
        assert apart < 4
        np.testing.assert_array_equal(read_image(path), frame.image)


# Depth --------------------------------------------------------------------------------


def ramp(largest):
    """Return values (16, 64) that rise from 0 to the largest."""
    return np.linspace(0, largest, 1024).round().reshape(16, 64)


def png(values):
    return cv2.imencode(".png", values.astype(np.uint16))[1].tobytes()


def tiff(values):
    return encoded(values, "TIFF")


def pgm(values, white):
    kind = ">u2" if white > 255 else "u1"
    head = f"P5\n# a comment\n{values.shape[1]} {values.shape[0]}\n{white}\n"
    return head.encode() + values.astype(kind).tobytes()


@pytest.mark.parametrize("write", [png, lambda v: tiff(v.astype(np.uint16))])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_significant_bits_in_16_are_found(bits, write):
    white = 2**bits - 1
    image = decode_image(write(ramp(white)), "a.png")
    assert image.dtype == np.uint8
    assert image.shape == (16, 64, 3)
    np.testing.assert_allclose(image[..., 0], ramp(255), atol=1)
    # The depth is that of the smallest of these which holds the largest value.
    darker = decode_image(write(0.6 * ramp(white)), "a.png")
    np.testing.assert_allclose(darker[..., 1], 0.6 * ramp(255), atol=1)


def test_colours_of_12_bits_keep_their_ratio():
    values = np.empty((16, 16, 3), np.uint16)
    values[:] = np.multiply(RED, 4095 / 255).round()[::-1]  # OpenCV: blue first
    image = decode_image(cv2.imencode(".png", values)[1].tobytes(), "a.png")
    np.testing.assert_allclose(image[3, 3], RED, atol=1)


@pytest.mark.parametrize("white", [1, 15, 100, 255, 1000, 1023, 4095, 65535])
def test_netpbm_files_name_their_white(white):
    values = 0.5 * ramp(white)  # a dark picture stays dark
    image = decode_image(pgm(values.round(), white), "a.pgm")
    expected = 255 * values.round() / white
    np.testing.assert_allclose(image[..., 2], expected, atol=1)


@pytest.mark.parametrize("white", [100, 255, 1000])
def test_netpbm_files_of_text_are_read_alike(white):
    values = ramp(white).astype(int)
    text = f"P2\n64 16\n{white}\n" + "\n".join(map(str, values.ravel())) + "\n"
    image = decode_image(text.encode(), "a.pgm")
    np.testing.assert_allclose(image[..., 0], 255 * values / white, atol=2)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((ramp(255) / 255).astype(np.float32), ramp(255)),
        ((ramp(127) / 255).astype(np.float32), ramp(127)),
        (ramp(255).astype(np.float32), ramp(254)),
        (ramp(4095).astype(np.int32), ramp(255)),
        (ramp(65535).astype(np.float32), ramp(255)),
    ],
)
def test_tiff_of_floating_point_and_of_32_bits(values, expected):
    image = decode_image(tiff(values), "a.tif")
    np.testing.assert_allclose(image[..., 0], expected, atol=1)


def test_what_is_no_number_and_what_is_brighter_than_white():
    values = (ramp(255) / 255).astype(np.float32)
    values[0, :3] = np.nan, np.inf, -5
    values[1, :4] = 1000  # a lamp does not make the others dark
    image = decode_image(tiff(values), "a.tif")
    assert image[0, :3, 0].tolist() == [0, 255, 0]
    np.testing.assert_allclose(image[2:, :, 0], ramp(255)[2:], atol=1)


def test_values_proportional_to_light_become_those_of_screens():
    grey = np.full((16, 16, 3), 0.2140, np.float32)  # sRGB's middle
    image = decode_image(cv2.imencode(".hdr", grey)[1].tobytes(), "a.hdr")
    np.testing.assert_allclose(image, 127.5, atol=1.5)


def palette(image):
    return Image.fromarray(image).quantize(8)


def uniform(form):
    """Return the bytes of a picture of one colour in one of many forms."""
    image = np.full((16, 24, 3), RED, np.uint8)
    grey = np.full((16, 24), 77, np.uint8)
    pale = np.dstack([image, np.full((16, 24), 128, np.uint8)])
    black = Image.new("1", (24, 16), 0)
    makers = {
        "palette PNG": lambda: encoded(palette(image), "PNG"),
        "palette BMP": lambda: encoded(palette(image), "BMP"),
        "palette TIFF": lambda: encoded(palette(image), "TIFF"),
        "transparent PNG": lambda: encoded(pale, "PNG"),
        "transparent WebP": lambda: encoded(pale, "WEBP", quality=95),
        "CMYK JPEG": lambda: encoded(
            Image.fromarray(image).convert("CMYK"), "JPEG", quality=95
        ),
        "CMYK TIFF": lambda: encoded(Image.fromarray(image).convert("CMYK"), "TIFF"),
        "JPEG in TIFF": lambda: encoded(image, "TIFF", compression="jpeg"),
        "LZW TIFF": lambda: encoded(image, "TIFF", compression="tiff_lzw"),
        "JPEG 2000": lambda: encoded(image, "JPEG2000"),
        "PPM": lambda: encoded(image, "PPM"),
        "grey JPEG": lambda: encoded(grey, "JPEG"),
        "grey PNG": lambda: encoded(grey, "PNG"),
        "grey and alpha": lambda: encoded(Image.fromarray(grey).convert("LA"), "PNG"),
        "1 bit PNG": lambda: encoded(black, "PNG"),
        "1 bit BMP": lambda: encoded(black, "BMP"),
        "1 bit fax TIFF": lambda: encoded(black, "TIFF", compression="group4"),
        "1 bit PBM": lambda: encoded(black, "PPM"),
    }
    return makers[form]()


@pytest.mark.parametrize(
    ("form", "colour"),
    [
        *((f"palette {form}", RED) for form in ("PNG", "BMP", "TIFF")),
        ("transparent PNG", RED),
        ("transparent WebP", RED),
        ("CMYK JPEG", RED),
        ("CMYK TIFF", RED),
        ("JPEG in TIFF", RED),
        ("LZW TIFF", RED),
        ("JPEG 2000", RED),
        ("PPM", RED),
        *((form, (77,) * 3) for form in ("grey JPEG", "grey PNG", "grey and alpha")),
        *((f"1 bit {form}", (0,) * 3) for form in ("PNG", "BMP", "fax TIFF", "PBM")),
    ],
)
def test_every_form_is_rgb(form, colour, tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(uniform(form))
    assert is_image_file(path)
    image = read_image(path)
    assert image.shape == (16, 24, 3)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image, np.broadcast_to(colour, image.shape), atol=3)


# A folder -----------------------------------------------------------------------------


def test_brightness_does_not_jump_in_a_folder(tmp_path):
    # The depth of the first picture alone would be 10 bits.
    for i, largest in enumerate((900, 3000, 900, 3500, 700)):
        (tmp_path / f"{i}.png").write_bytes(png(ramp(largest)))
    images = [frame.image for frame in open_video(tmp_path)]
    for image, largest in zip(images, (900, 3000, 900, 3500, 700), strict=True):
        assert image.max() == round(255 * largest / 4095)
    (again,) = open_video(tmp_path).frames({2})
    np.testing.assert_array_equal(again.image, images[2])
    assert read_image(tmp_path / "0.png").max() == round(255 * 900 / 1023)


def test_a_picture_that_the_sample_missed_is_not_burnt(tmp_path):
    for i in range(40):
        largest = 16000 if i == 4 else 1000
        (tmp_path / f"{i}.png").write_bytes(png(ramp(largest)))
    largest = [frame.image.max() for frame in open_video(tmp_path)]
    assert largest[4] == round(255 * 16000 / 16383)
    assert set(largest) == {largest[4], round(255 * 1000 / 1023)}


def test_the_depth_of_broken_pictures_is_not_asked(tmp_path):
    (tmp_path / "0.png").write_bytes(b"no picture")
    (tmp_path / "1.png").write_bytes(png(ramp(900)))
    (tmp_path / "2.png").write_bytes(png(ramp(3000)))
    frames = list(open_video(tmp_path).frames(broken=True))
    assert frames[0].image is None
    assert frames[1].image.max() == round(255 * 900 / 4095)


def test_pictures_of_8_bits_have_no_white_of_their_own(tmp_path):
    for form in ("palette PNG", "grey JPEG", "1 bit BMP", "transparent WebP"):
        (tmp_path / "a").write_bytes(uniform(form))
        assert read_white(tmp_path / "a") is None
    (tmp_path / "a").write_bytes(png(ramp(3000)))
    assert read_white(tmp_path / "a") == 4095


def test_a_damaged_length_in_a_png_takes_no_memory():
    content = bytearray(encoded(corner(), "PNG"))
    start = content.index(b"IDAT") - 4
    for length in (b"\x7f\xff\xff\xf0", b"\0\0\xff\xff"):
        content[start : start + 4] = length
        with pytest.raises(ValueError, match=r"a\.png: .*is the file cut off"):
            decode_image(bytes(content), "a.png")
    whole = encoded(corner(), "PNG")
    assert not is_cut_off(whole)
    assert not is_cut_off(whole + b"behind the end")
    assert is_cut_off(whole[:-1])
    assert not is_cut_off(b"another format")


# What is an image ---------------------------------------------------------------------


def test_animations_are_videos(tmp_path):
    moving = {"save_all": True, "append_images": [Image.fromarray(corner()[::-1])]}
    for form in ("PNG", "GIF"):
        path = tmp_path / f"a.{form.lower()}"
        path.write_bytes(encoded(corner(), form, **moving))
        assert not is_image_file(path)
        assert len(list(open_video(path))) == 2


@pytest.mark.parametrize("name", ["a.mjpeg", "a.MJPG"])
def test_pictures_one_after_the_other_are_a_video(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(encoded(corner(), "JPEG") * 3)
    assert len(list(open_video(path))) == 3


@pytest.mark.parametrize("first", ["heic", "mif1"])
def test_a_heic_picture_is_refused_with_what_to_do(first, tmp_path):
    path = tmp_path / "IMG_0001.jpg"
    names = first.encode() + bytes(4) + b"mif1heic"
    path.write_bytes(struct.pack(">I4s", 8 + len(names), b"ftyp") + names + bytes(99))
    with pytest.raises(ValueError, match=r"IMG_0001\.jpg: HEIC .* Save it as JPEG"):
        open_video(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"P5",
        b"P5x",
        b"RIFF\0\0\0\0AVI ",
        b"#!",
        struct.pack(">I4s4s", 24, b"ftyp", b"isom"),
    ],
)
def test_other_files_are_no_images(content, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert not is_image_file(path)
