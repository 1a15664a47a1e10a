"""A piece of work, and the one thread of a process that does it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2


class Task(NamedTuple):
    """One piece of work.

    Attributes:
        work: a function that other processes can be given.
        done: the path that exists once it is done.
    """

    work: Callable[[], object]
    done: Path


def use_one_thread() -> None:
    """Let OpenCV and FFmpeg work in one thread, in a process that shares a machine."""
    # Read by OpenCV at every video that it opens.
    os.environ["OPENCV_FFMPEG_THREADS"] = "1"
    cv2.setNumThreads(1)
