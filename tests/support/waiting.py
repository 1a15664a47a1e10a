"""Waiting for other processes."""

import time
from pathlib import Path


def soon(what, seconds=30):
    """Whether something becomes true within some seconds."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def is_running(process):
    """Whether a process of a number runs; one that only waits to be read does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
