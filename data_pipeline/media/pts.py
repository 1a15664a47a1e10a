"""Landmark files (`.pts`). Only this module handles their 1-based pixels.

The published form (300-W, 300VW)::

    version: 1
    n_points: 68
    {
    30.112 50.301
    ...
    }

In the files the centre of the first pixel is (1, 1). In the project it is (0, 0), so
reading subtracts 1 and writing adds 1, as menpo does. The header lines may be missing,
and so may the braces. Marks of points that nobody annotated become NaN, see
`annotations.marks`.
"""

import math
import re
from pathlib import Path
from typing import NoReturn

import numpy as np

from data_pipeline.annotations.marks import (
    MAX_COORDINATE,
    NUMBERS,
    Missing,
    RuleError,
    read_point,
)
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.system.atomic import write_text

_HEADER = re.compile(r"(version|n_points)\s*:\s*(\S+)", re.IGNORECASE)


def read_pts(path: str | Path) -> np.ndarray:
    """Return the landmarks (68, 2) of a `.pts` file: float32 xy pixels, 0-based.

    Points that nobody annotated are NaN.

    Raises:
        ValueError: the file is unreadable or does not hold 68 landmarks in the
            published form. The message names the file and the line.
    """
    return read_points(path)[0]


def read_points(
    path: str | Path, count: int = NUM_LANDMARKS, mark: str | None = None
) -> tuple[np.ndarray, list[Missing]]:
    """Return the points of a `.pts` file in any markup, and which are missing.

    Args:
        path: of the file.
        count: number of points that the file must have.
        mark: of missing points, beside those that are always known.

    Returns:
        Points (count, 2) float32 xy pixels, 0-based, NaN where nobody annotated them;
        and the lines that mark them so.

    Raises:
        ValueError: the file is unreadable or does not hold ``count`` points in the
            published form. The message names the file and the line.
    """
    lines = _lines(path)
    rows = _body(path, lines, count)
    points, missing = [], []
    for number, line in rows:
        try:
            points.append(read_point(line.split(), mark))
        except RuleError as error:
            _fail(path, number, error.rule, repr(line))
        if math.isnan(points[-1][0]):
            missing.append(Missing(f"line {number}", " ".join(line.split())))
    if len(points) != count:
        last = (rows or lines)[-1][0]
        _fail(
            path, last, f"there must be {count} landmarks", f"{len(points)} landmarks"
        )
    return np.array(points, np.float32) - np.float32(1), missing


def write_pts(path: str | Path, landmarks: np.ndarray) -> None:
    """Write landmarks (68, 2), xy pixels, 0-based, in the published form, atomically.

    Raises:
        ValueError: ``landmarks`` is not (68, 2) or not finite.
    """
    write_text(path, pts_text(path, landmarks))


def pts_text(path: str | Path, landmarks: np.ndarray) -> str:
    """Return the content of a `.pts` file.

    Coordinates are 1-based with 3 decimals, as in iBUG's files.

    Args:
        path: of the file, for messages.
        landmarks: (68, 2), xy pixels, 0-based.

    Raises:
        ValueError: ``landmarks`` is not (68, 2) or not finite.
    """
    landmarks = np.asarray(landmarks, np.float64)
    if landmarks.shape != (NUM_LANDMARKS, 2):
        raise ValueError(
            f"`landmarks` must have shape ({NUM_LANDMARKS}, 2). "
            f"Received: shape {landmarks.shape} for {path}"
        )
    if not (np.abs(landmarks) < MAX_COORDINATE).all():
        raise ValueError(
            f"`landmarks` must be finite pixels below {MAX_COORDINATE:.0f}. "
            f"Received: {np.abs(landmarks).max()} for {path}"
        )
    values = np.round(landmarks + 1, 3)
    # These places would be read as marks of missing points.
    is_mark = np.isin(values[:, 0], NUMBERS) & (values[:, 0] == values[:, 1])
    values[is_mark, 0] += 0.001
    rows = "\n".join(f"{x:.3f} {y:.3f}" for x, y in values)
    return f"version: 1\nn_points: {NUM_LANDMARKS}\n{{\n{rows}\n}}\n"


def _lines(path: str | Path) -> list[tuple[int, str]]:
    """Return (1-based line number, stripped text) of the lines with text."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: a .pts file must be text. Received: binary"
        ) from error
    numbered = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    lines = [(n, line) for n, line in numbered if line]
    if not lines:
        raise ValueError(f"{path}: a .pts file must not be empty. Received: no text")
    return lines


def _body(
    path: str | Path, lines: list[tuple[int, str]], count: int
) -> list[tuple[int, str]]:
    """Check the header and the braces, and return the lines between the braces."""
    start = 0
    while start < len(lines) and (match := _HEADER.fullmatch(lines[start][1])):
        _check_header(path, lines[start][0], match, count)
        start += 1
    opened = start < len(lines) and lines[start][1] == "{"
    if start and not opened:
        number, line = lines[min(start, len(lines) - 1)]
        _fail(path, number, "a line with `{` must follow the header", repr(line))
    if not opened:
        return lines
    number, line = lines[-1]
    if line != "}":
        rule = "the last line must be `}` (is the file cut off?)"
        _fail(path, number, rule, repr(line))
    return lines[start + 1 : -1]


def _check_header(path: str | Path, number: int, match: re.Match, count: int) -> None:
    name, value = match[1].lower(), match[2]
    if name == "n_points" and value != str(count):
        _fail(path, number, f"`n_points` must be {count}", value)


def _fail(path: str | Path, number: int, rule: str, received: str) -> NoReturn:
    raise ValueError(f"{path}, line {number}: {rule}. Received: {received}")
