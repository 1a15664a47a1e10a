"""Pictures of more than 100 million pixels are refused before they are decoded."""

import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest

from data_pipeline.media.image_formats.size import read_size
from data_pipeline.media.images import decode_image, read_image


def encoded(suffix, width=37, height=23):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.imencode(suffix, image)[1].tobytes()


def png(width, height):
    """Return a valid PNG of black pixels, one bit each."""

    def chunk(kind, body):
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("suffix", [".jp2", ".ppm", ".hdr", ".avif"])
def test_the_size_of_rarer_formats_is_read_too(suffix):
    content = encoded(suffix, 67, 43)
    assert read_size(content) == (67, 43)
    assert read_size(content[:5]) is None
    read_size(content[:99])  # damage is no error


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
def test_the_size_is_read_from_the_header(suffix):
    content = encoded(suffix)
    assert read_size(content) == (37, 23)
    for end in (0, 2, 9, 17, 25):
        assert read_size(content[:end]) is None or end > 20


def test_lossless_webp():
    image = np.zeros((23, 37, 3), np.uint8)
    lossless = [cv2.IMWRITE_WEBP_QUALITY, 101]
    content = cv2.imencode(".webp", image, lossless)[1].tobytes()
    assert content[12:16] == b"VP8L"
    assert read_size(content) == (37, 23)


def test_extended_webp():
    flags = bytes(4)
    size = (16000 - 1).to_bytes(3, "little") + (9000 - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + flags + size
    content = b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk
    assert read_size(content) == (16000, 9000)


def test_jpeg_with_segments_and_fill_bytes_before_the_size():
    content = encoded(".jpg")
    comment = b"\xff\xff\xff\xfe" + struct.pack(">H", 6) + b"\xff\xc0!!"
    assert read_size(content[:2] + comment + content[2:]) == (37, 23)
    assert cv2.imdecode(
        np.frombuffer(content[:2] + comment + content[2:], np.uint8), 1
    ).shape == (23, 37, 3)


def test_big_endian_tiff():
    entries = struct.pack(">HHII", 256, 4, 1, 20000)
    entries += struct.pack(">HHIHH", 257, 3, 1, 9000, 0)
    content = b"MM\0*" + struct.pack(">IH", 8, 2) + entries
    assert read_size(content) == (20000, 9000)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"P7 9 9 255 ", bytes(40)])
def test_other_formats_have_no_known_size(content):
    assert read_size(content) is None


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(png(12_000, 9_000))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="100 million pixels") as caught:
            read_image(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith(f"{path}: ")
    assert "12000 x 9000" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert peak < 10 * 2**20


def test_a_small_picture_of_another_form_is_read():
    assert decode_image(png(40, 30), "small.png").shape == (30, 40, 3)


def test_formats_without_a_known_header_are_checked_after_decoding():
    content = encoded(".ras", 30, 20)
    assert read_size(content) is None
    assert decode_image(content, "a.ras", max_pixels=600).shape == (20, 30, 3)
    with pytest.raises(ValueError, match=r"a\.ras: .* Received: 30 x 20"):
        decode_image(content, "a.ras", max_pixels=599)
