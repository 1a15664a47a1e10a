"""Points that nobody annotated, however a file marks them.

A point is missing where both of its coordinates are 0, both are -1, or both are one of
``WORDS``, as the file has them. In a file that counts pixels from 1, ``0 0`` lies
outside every picture. In one that counts from 0 it is the corner pixel, where no
landmark of a face is. One coordinate of 0 or -1 is an ordinary one.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

NUMBERS = (0.0, -1.0)
WORDS = frozenset({"nan", "+nan", "-nan", "na", "n/a", "null", "none"})
# Larger than any picture, and small enough for float32 to resolve whole pixels.
MAX_COORDINATE = 1e6
MISSING = (math.nan, math.nan)


class Missing(NamedTuple):
    """A point that is marked as not annotated.

    Attributes:
        where: its place in the file, such as "line 4".
        mark: how the file marks it.
    """

    where: str
    mark: str


class RuleError(ValueError):
    """A broken rule of a file; the caller knows the file and the place in it.

    Attributes:
        rule: what must be.
        received: what was found.
    """

    def __init__(self, rule: str, received: str) -> None:
        super().__init__(f"{rule}. Received: {received}")
        self.rule, self.received = rule, received


def is_missing(x: str, y: str, mark: str | None = None) -> bool:
    """Return whether two coordinates mark a point that nobody annotated.

    Args:
        x: as in the file.
        y: as in the file.
        mark: of this data set, beside those that are always known: a number or a word
            that stands for both coordinates.
    """
    words = [word.strip().casefold() for word in (x, y)]
    if all(word in WORDS for word in words):
        return True
    if mark is not None and words == [mark.strip().casefold()] * 2:
        return True
    values = [_number(word) for word in words]
    marks = (*NUMBERS, None if mark is None else _number(mark))
    return values[0] == values[1] and values[0] is not None and values[0] in marks


def read_point(words: Sequence[str], mark: str | None = None) -> tuple[float, float]:
    """Return x and y of a point as the file counts pixels, NaN where it is missing.

    Args:
        words: the coordinates, as in the file.
        mark: as for `is_missing`.

    Raises:
        RuleError: they are not two finite numbers and not a mark.
    """
    if len(words) == 2 and is_missing(*words, mark):
        return MISSING
    try:
        x, y = (float(word) for word in words)
    except ValueError:
        rule = "a landmark must be two numbers, x and y"
        raise RuleError(rule, repr(" ".join(words))) from None
    if not (abs(x) < MAX_COORDINATE and abs(y) < MAX_COORDINATE):  # also false for NaN
        rule = f"coordinates must be finite and below {MAX_COORDINATE:.0f}"
        raise RuleError(rule, repr(" ".join(words)))
    return x, y


def describe(missing: Sequence[Missing], count: int) -> str:
    """Return one line about the missing points among ``count``; "" for none."""
    if not missing:
        return ""
    marks = " and ".join(f"`{mark}`" for mark in sorted({m.mark for m in missing})[:3])
    first = missing[0].where
    return f"{len(missing)} of {count} points are not annotated: {marks}, from {first}"


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
