"""The log level of OpenCV, which writes past Python to stderr."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cv2

SILENT, ERROR = 0, 2
_LOCK = threading.Lock()
# Levels of the blocks that run, and the level before the first of them.
_ACTIVE: list[int] = []
_FORMER: list[int] = []


@contextmanager
def log_level(level: int) -> Iterator[None]:
    """Set OpenCV's log level for a block.

    The level belongs to the process. While blocks of several threads overlap, the
    lowest level holds. The last one to end restores the level before them.

    Args:
        level: ``SILENT`` or ``ERROR``.
    """
    _change(_ACTIVE.append, level)
    try:
        yield
    finally:
        _change(_ACTIVE.remove, level)


def set_log_level(level: int, opencv: Any = cv2) -> int:
    """Set OpenCV's log level for good and return the one before.

    Args:
        level: of OpenCV, 0 is silent.
        opencv: the library.
    """
    # Releases up to 4.12 have the first, later ones the second.
    if hasattr(opencv, "setLogLevel"):
        return opencv.setLogLevel(level)
    return opencv.utils.logging.setLogLevel(level)


def _change(change: Callable[[int], None], level: int) -> None:
    with _LOCK:
        if not _ACTIVE:
            _FORMER[:] = [set_log_level(level)]
        change(level)
        set_log_level(min(_ACTIVE or _FORMER))
