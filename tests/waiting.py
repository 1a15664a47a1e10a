"""Waiting for other processes."""

import time


def soon(what, seconds=30):
    """Whether something becomes true within some seconds."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
