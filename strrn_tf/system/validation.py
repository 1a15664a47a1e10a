"""Checks of the arguments of the tracker and of its parts.

Values come from configuration files and command lines as often as from code. A wrong
type therefore raises the same error as a wrong number: a ``ValueError`` that names the
argument.
"""

import numbers

import numpy as np

from strrn_tf.geometry import (
    LARGEST_COORDINATE,
    as_numbers,
    box_from_landmarks,
    box_sides,
)
from strrn_tf.landmarks import NUM_LANDMARKS


def check_count(value: object, name: str) -> int:
    """Return a whole number of at least 1.

    Raises:
        ValueError: it is something else.
    """
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_whole or value < 1:
        raise ValueError(f"`{name}` must be at least 1, a whole number. {_got(value)}")
    return int(value)


def check_positive(value: object, name: str, what: str = "number") -> float:
    """Return a positive finite number.

    Args:
        value: the argument.
        name: of the argument.
        what: kind of number in the message, e.g. ``"number of seconds"``.

    Raises:
        ValueError: it is something else.
    """
    number = np.asarray(np.nan if value is None else as_numbers(value, name))
    if number.shape or not (np.isfinite(number) and number > 0):
        raise ValueError(f"`{name}` must be a positive {what}. {_got(value)}")
    return float(number)


def check_flag(value: object, name: str) -> bool:
    """Return a truth value.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"`{name}` must be True or False. {_got(value)}")
    return bool(value)


def check_image(image: object, name: str = "image") -> np.ndarray:
    """Return an image (H, W, 3) uint8 RGB.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(image, np.ndarray):
        raise ValueError(
            f"`{name}` must be a NumPy array (H, W, 3) of uint8 RGB. "
            f"Received: {type(image).__name__}"
        )
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(
            f"`{name}` must be of shape (H, W, 3), RGB. Received: {image.shape}"
        )
    if image.dtype != np.uint8:
        raise ValueError(
            f"`{name}` must be uint8 in 0..255. Received: {image.dtype}; scale it to "
            "0..255 and convert it with `.astype(np.uint8)`"
        )
    return image


def _got(value: object) -> str:
    return f"Received: {value!r}"


def check_landmarks(landmarks: np.ndarray, name: str) -> np.ndarray:
    """Return landmarks as float64 (68, 2) or raise a ``ValueError``."""
    landmarks = as_numbers(landmarks, name)
    if landmarks.shape != (NUM_LANDMARKS, 2):
        raise ValueError(
            f"`{name}` must be landmarks ({NUM_LANDMARKS}, 2), xy in pixels. "
            f"Received: shape {landmarks.shape}"
        )
    if not np.isfinite(landmarks).all():
        raise ValueError(
            f"`{name}` must be finite. Received: "
            f"{int((~np.isfinite(landmarks)).sum())} numbers that are not"
        )
    if np.abs(landmarks).max() > LARGEST_COORDINATE:
        raise ValueError(
            f"`{name}` must have no coordinate beyond {LARGEST_COORDINATE:.0e}. "
            f"Received: {np.abs(landmarks).max():.3g}"
        )
    if (box_sides(box_from_landmarks(landmarks)) <= 0).any():
        raise ValueError(
            f"`{name}` must span an area. Received: all points on one line or one point"
        )
    return landmarks
