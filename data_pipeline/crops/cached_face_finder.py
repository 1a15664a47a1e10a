"""MTCNN's boxes of the images of one source, kept in a file."""

from pathlib import Path

import numpy as np

from data_pipeline.crops import face_boxes
from data_pipeline.crops.fingerprints import fingerprint

# Raised when the same image would give another box than before.
BOXES_VERSION = 1


class CachedFaceFinder:
    """MTCNN's face of each image of one video or folder, searched once and kept.

    Args:
        cache: folder of the caches.
        source: video file or folder; a changed one is searched anew, and so is a
            changed image anywhere in it that is named by its path there.
        rule: which of several faces, see ``face_boxes.choose_face``.
    """

    def __init__(self, cache: Path, source: Path, rule: str = "largest") -> None:
        place = str(source.resolve())
        key = fingerprint([(source,)], place=place, rule=rule, version=BOXES_VERSION)
        self._boxes = face_boxes.BoxCache(cache / f"{key}.json")
        self._source, self._rule = source, rule

    def __call__(self, name: str, image: np.ndarray) -> np.ndarray | None:
        """Return the box (4,) of the face in the named image, None without a face."""
        path = self._source / name
        entry = f"{name} {fingerprint([(path,)])}" if path.is_file() else name
        return self._boxes.find(
            entry, image, lambda image: face_boxes.find_face_box(image, self._rule)
        )

    def __enter__(self) -> "CachedFaceFinder":
        return self

    def __exit__(self, *stopped: object) -> None:
        self._boxes.save()
