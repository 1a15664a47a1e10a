"""The log level of OpenCV, which writes past Python to stderr."""

import cv2

SILENT, ERROR = 0, 2


def set_log_level(level: int) -> int:
    """Set OpenCV's log level and return the one before.

    Args:
        level: ``SILENT``, ``ERROR``, or the return value of an earlier call.
    """
    # Its place differs between the releases: 4.11 has the first, 4.14 the second.
    if hasattr(cv2, "setLogLevel"):
        return cv2.setLogLevel(level)
    return cv2.utils.logging.setLogLevel(level)
