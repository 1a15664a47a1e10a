"""How much OpenCV writes on the screen, past Python."""

from contextlib import AbstractContextManager
from typing import Any

import cv2

from strrn_tf.system.shared_setting import SharedSetting

SILENT, ERROR = 0, 2


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


_LEVEL = SharedSetting(set_log_level)


def log_level(level: int) -> AbstractContextManager[None]:
    """Lower OpenCV's log level for a block, ``SILENT`` or ``ERROR``."""
    return _LEVEL.at_most(level)
