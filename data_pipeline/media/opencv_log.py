"""How much OpenCV says on the screen, past Python."""

import cv2

SILENT, ERROR = 0, 2


def set_log_level(level: int) -> int:
    """Set OpenCV's log level and return the one before.

    Args:
        level: ``SILENT`` or ``ERROR``, or what an earlier call returned.
    """
    # Its place differs between the releases: 4.11 has the first, 4.14 the second.
    if hasattr(cv2, "setLogLevel"):
        return cv2.setLogLevel(level)
    return cv2.utils.logging.setLogLevel(level)
