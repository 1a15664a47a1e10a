"""Names of the formats, and the suffixes of their files. Standard library only."""

import math
from typing import Literal

Format = Literal["csv", "jsonl", "pts", "openface", "coco", "cvat", "deeplabcut"]

# Formats that are one file; a folder of `.pts` files is none.
SUFFIXES: dict[str, str] = {
    "csv": "csv",
    "jsonl": "jsonl",
    "openface": "csv",
    "coco": "json",
    "cvat": "xml",
    "deeplabcut": "csv",
}
# What a suffix means without the name of a format.
BY_SUFFIX = {"csv": "csv", "jsonl": "jsonl", "json": "coco", "xml": "cvat"}
# Where the confidence of landmarks has a place.
WITH_CONFIDENCES = ("csv", "jsonl", "pts")
# Where pose and openings have no place.
WITHOUT_MEASURES = ("openface", "deeplabcut")


def check_focal_length(value: float | None) -> None:
    """Raise a ``ValueError`` for a focal length that no camera has; None is none."""
    if value is not None and not 0 < value < math.inf:
        raise ValueError(f"--focal-length must be a positive number. Received: {value}")
