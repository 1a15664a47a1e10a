"""A task, and the single thread in which a worker process does it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2

from data_pipeline.media.frame_reader import THREADS


class Task(NamedTuple):
    """One piece of work.

    Attributes:
        work: function without arguments. It must be picklable.
        done: path that exists once the work is done.
    """

    work: Callable[[], object]
    done: Path


def use_one_thread() -> None:
    """Limit OpenCV and FFmpeg to one thread, because other processes use the cores."""
    os.environ[THREADS] = "1"
    cv2.setNumThreads(1)
