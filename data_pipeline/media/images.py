"""Image files. Images are RGB outside this file; OpenCV's BGR stays inside."""

import re
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from data_pipeline.media.image_formats.avif import turned
from data_pipeline.media.image_formats.depth import has_8_bits, to_8_bit, white_of
from data_pipeline.media.image_formats.png import is_cut_off
from data_pipeline.media.image_formats.size import read_size
from data_pipeline.media.opencv_log import SILENT, log_level
from strrn_tf.system.atomic import replacing
from strrn_tf.system.validation import check_image

# Larger pictures are refused: 100 million pixels take 300 MB.
MAX_PIXELS = 100_000_000

# Grey stays grey, and EXIF orientation is applied.
_ALL_BITS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
# Formats that are written.
_WRITTEN = ".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"
_QUALITY = {
    ".jpg": cv2.IMWRITE_JPEG_QUALITY,
    ".jpeg": cv2.IMWRITE_JPEG_QUALITY,
    ".webp": cv2.IMWRITE_WEBP_QUALITY,
}


def natural_key(name: str) -> tuple[str | int, ...]:
    """Return a sort key that compares runs of digits as numbers."""
    parts = re.split(r"([0-9]+)", name)
    return tuple(int(part) if i % 2 else part for i, part in enumerate(parts))


def frame_number(path: str | Path) -> int | None:
    """Return the last number in a file name, or None without a number."""
    numbers = re.findall(r"[0-9]+", Path(path).stem)
    return int(numbers[-1]) if numbers else None


def read_image(path: str | Path, *, white: float = 0.0) -> np.ndarray:
    """Return an image (H, W, 3), uint8 RGB, as viewers show it.

    EXIF orientation is applied, and transparency is ignored. An image of more than 8
    bits is scaled, see ``image_formats.depth``.

    Args:
        path: of the file.
        white: smallest value of white of an image of more than 8 bits, for images that
            belong together.

    Raises:
        ValueError: the file is missing, empty, not an image that OpenCV can decode, or
            has more than 100 million pixels.
    """
    return decode_image(_read(path), path, white=white)


def read_white(path: str | Path) -> float | None:
    """Return the value of white of an image, or None for an image of 8 bits.

    Raises:
        ValueError: as for ``read_image``.
    """
    content = _read(path)
    if has_8_bits(content):
        return None
    return white_of(_decode(content, path, MAX_PIXELS), content)


def decode_image(
    content: bytes,
    path: str | Path,
    *,
    max_pixels: int = MAX_PIXELS,
    white: float = 0.0,
) -> np.ndarray:
    """Return the image (H, W, 3), uint8 RGB, that the bytes of an image file hold.

    Args:
        content: of the file.
        path: of the file, for messages.
        max_pixels: largest number of pixels.
        white: as for ``read_image``.

    Raises:
        ValueError: OpenCV cannot decode it, or it has more than ``max_pixels``.
    """
    image = _decode(content, path, max_pixels)
    own = white_of(image, content)
    if own is not None:
        image = to_8_bit(image, max(own, white), content)
    is_grey = image.ndim == 2
    return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if is_grey else cv2.COLOR_BGR2RGB)


def _read(path: str | Path) -> bytes:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    if not content:
        raise ValueError(f"{path}: an image must not be empty. Received: 0 bytes")
    return content


def _decode(content: bytes, path: str | Path, max_pixels: int) -> np.ndarray:
    """Return an image (H, W), grey, or (H, W, 3), BGR, turned, with all its bits."""
    _check_size(read_size(content), path, max_pixels)
    image = None
    # OpenCV would report damage on stderr, in lines that do not name the file. It
    # raises an error for absurd sizes in the header.
    with log_level(SILENT), suppress(cv2.error):
        if not is_cut_off(content):
            image = cv2.imdecode(np.frombuffer(content, np.uint8), _ALL_BITS)
    if image is None:
        raise ValueError(
            f"{path}: must be an image OpenCV can decode. Received: {len(content)} "
            "bytes that are not (is the file cut off?)"
        )
    # Formats whose header is not read: the size is known only now.
    _check_size(image.shape[1::-1], path, max_pixels)
    return np.ascontiguousarray(turned(image, content))


def _check_size(
    size: tuple[int, int] | None, path: str | Path, max_pixels: int
) -> None:
    """Raise a ``ValueError`` for a size (width, height) of too many pixels."""
    if size is not None and size[0] * size[1] > max_pixels:
        raise ValueError(
            f"{path}: an image must not have more than {max_pixels / 1e6:g} million "
            f"pixels. Received: {size[0]} x {size[1]}. Make it smaller"
        )


def encode_image(image: np.ndarray, suffix: str = ".jpg", quality: int = 95) -> bytes:
    """Return the bytes of an image file.

    Args:
        image: (H, W, 3) uint8 RGB.
        suffix: decides the format.
        quality: of JPEG and WebP, 1 to 100.
    """
    options = [_QUALITY[suffix], quality] if suffix in _QUALITY else []
    bgr = cv2.cvtColor(check_image(image), cv2.COLOR_RGB2BGR)
    return cv2.imencode(suffix, bgr, options)[1].tobytes()


def write_image(path: str | Path, image: np.ndarray, quality: int = 95) -> None:
    """Write an RGB image atomically. The suffix decides the format.

    Args:
        path: file to write. A missing folder is created.
        image: (H, W, 3) uint8 RGB.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        ValueError: the image is not (H, W, 3) uint8 or the format is unknown.
    """
    image = check_image(image)
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITTEN:
        raise ValueError(
            f"{path}: the suffix must be one of {', '.join(_WRITTEN)}. "
            f"Received: {suffix!r}"
        )
    content = encode_image(image, suffix, quality)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
