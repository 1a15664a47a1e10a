"""Face boxes of the images of one source, cached in a file."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from data_pipeline.crops import face_boxes
from data_pipeline.crops.fingerprints import fingerprint

# To be raised with every change that gives another box for the same image.
BOXES_VERSION = 1
# The rule that chooses none: all faces.
ALL_FACES = "all"


class CachedFaceFinder:
    """The MTCNN face, or faces, of each image of one video or folder, searched once.

    A changed source is searched again, and so is a changed image of a folder.

    Args:
        cache: folder of the caches.
        source: video file or folder.
        rule: choice among several faces, see ``face_boxes.choose_face``; or
            `ALL_FACES`.
        search: function of an image and the rule, which returns a box or None.
    """

    def __init__(
        self,
        cache: Path,
        source: Path,
        rule: str = "largest",
        *,
        search: Callable[..., np.ndarray | None] | None = None,
    ) -> None:
        # The option is called `place` in the fingerprints of existing caches.
        options = {"place": str(source.resolve()), "rule": rule}
        key = fingerprint([(source,)], version=BOXES_VERSION, **options)
        self._boxes = face_boxes.BoxCache(cache / f"{key}.json")
        self._source, self._rule = source, rule
        self._search = search or _search

    def __call__(self, name: str, image: np.ndarray) -> np.ndarray | None:
        """Return the box (4,) of the face in an image, or None without a face.

        With `ALL_FACES` it returns the boxes (N, 4).

        Args:
            name: path of the image below the source, or any name of a video frame.
            image: (H, W, 3) uint8 RGB.
        """
        path = self._source / name
        entry = f"{name} {fingerprint([(path,)])}" if path.is_file() else name
        search = partial(self._search, rule=self._rule)
        return self._boxes.find(entry, image, search)

    def __enter__(self) -> "CachedFaceFinder":
        return self

    def __exit__(self, *stopped: object) -> None:
        self._boxes.save()


def _search(image: np.ndarray, rule: str) -> np.ndarray | None:
    if rule == ALL_FACES:
        return face_boxes.find_upright_boxes(image)
    return face_boxes.find_face_box(image, rule)
