"""Images of any depth as 8-bit ones.

Cameras store 10, 12 or 14 bits in 16. No file says how many, so the largest value does:
the smallest of these depths that holds it is the depth. Netpbm files name their white.
"""

import numpy as np

from data_pipeline.media.image_formats.netpbm import read_netpbm
from data_pipeline.media.image_formats.png import SIGNATURE

# Fewer than 8 significant bits are a dark picture. Odd depths are not those of sensors.
BITS = 8, 10, 12, 14, 16, 24, 32
# The share of the values that white of a floating point image holds. Lamps and the sun
# are above.
HELD = 99.0
_MOST_VALUES = 1_000_000
_ROWS = 64
# Values of Radiance and OpenEXR files, and of PFM, are proportional to light.
_LINEAR = b"#?", b"v/1\x01", b"PF", b"Pf"
_BINARY = 5, 6
# Formats that have 8 bits: JPEG, BMP, WebP. PNG has the number in its header.
_ALWAYS_8 = b"\xff\xd8", b"BM", b"RIFF"
_PNG_DEPTH = 24


def has_8_bits(content: bytes) -> bool:
    """Return whether the header of a file says that it has at most 8 bits."""
    if content.startswith(SIGNATURE):
        return content[_PNG_DEPTH : _PNG_DEPTH + 1] <= b"\x08"
    return content.startswith(_ALWAYS_8)


def white_of(image: np.ndarray, content: bytes) -> float | None:
    """Return the value of white, or None for an image that has 8 bits.

    Args:
        image: (H, W) or (H, W, C), as OpenCV decodes it without a conversion.
        content: of the file.
    """
    netpbm = read_netpbm(content)
    is_8_bit = image.dtype == np.uint8
    if netpbm and not (is_8_bit and netpbm.kind not in _BINARY):
        # OpenCV scales numbers in text itself, if they fit into 8 bits.
        return None if netpbm.white == 255 else float(max(1, netpbm.white))
    if is_8_bit:
        return None
    if np.issubdtype(image.dtype, np.integer):
        largest = int(image.max())
        return float(next(2**bits - 1 for bits in BITS if largest < 2**bits))
    values = image.ravel()[:: 1 + image.size // _MOST_VALUES]
    values = values[np.isfinite(values)]
    held = float(np.percentile(values, HELD)) if values.size else 1.0
    return float(2.0 ** max(0, np.ceil(np.log2(max(held, 1.0)))))


def to_8_bit(image: np.ndarray, white: float, content: bytes) -> np.ndarray:
    """Return an image of the same shape, uint8, with ``white`` as 255.

    Values proportional to light become those of screens (sRGB). NaN and negative values
    are black.

    Args:
        image: of any number type.
        white: positive. Larger values are white too.
        content: of the file, which says whether values are proportional to light.
    """
    is_linear = content.startswith(_LINEAR)
    table = None
    if image.dtype in (np.uint8, np.uint16):
        table = _scaled(np.arange(np.iinfo(image.dtype).max + 1), white)
    result = np.empty(image.shape, np.uint8)
    for start in range(0, len(image), _ROWS):  # a copy of the whole would be large
        rows = slice(start, start + _ROWS)
        if table is None:
            result[rows] = _scaled(image[rows], white, is_linear)
        else:
            result[rows] = table[image[rows]]
    return result


def _scaled(values: np.ndarray, white: float, is_linear: bool = False) -> np.ndarray:
    values = np.nan_to_num(values.astype(np.float32) / np.float32(white))
    values = np.clip(values, 0, 1)
    if is_linear:
        curve = 1.055 * values ** (1 / 2.4) - 0.055
        values = np.where(values <= 0.0031308, 12.92 * values, curve)
    return (255 * values + 0.5).astype(np.uint8)
