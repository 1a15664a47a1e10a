"""Face boxes by MTCNN (Zhang et al. 2016), the choice of one face, and their cache.

The `mtcnn` package imports TensorFlow, so it is imported by the first search. Boxes
leave this file in the project's meaning, the tight box of the 68 landmarks; the
conversion is `strrn_tf.face_boxes.landmark_box`.
"""

import functools
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from data_pipeline.atomic import write_text
from data_pipeline.images import check_image, resize_matrix
from strrn_tf.face_boxes import landmark_box
from strrn_tf.geometry import box_sides

RULES = ("largest", "central")

# Larger images are shrunk to this side before the search. MTCNN finds faces from 20
# pixels on, so here from 4 % of the picture's side; its own `min_face_size` finds no
# face at all when it is raised (mtcnn 1.0). All of 150 annotated faces are found at
# every side from 320 to full size (`benchmarks/fit_face_boxes.py`), and a video frame
# takes two thirds of the time at 640: 109 ms on two cores.
SEARCH_SIDE = 480

BoxFinder = Callable[[np.ndarray], np.ndarray | None]


def find_face_boxes(image: np.ndarray) -> np.ndarray:
    """Return the boxes (N, 4) of all faces that MTCNN finds, N = 0 when there is none.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        Tight landmark boxes as expected from MTCNN's, in pixels of ``image``. They may
        reach out of the image, as faces do.
    """
    return landmark_box(find_mtcnn_boxes(image))


def find_face_box(image: np.ndarray, rule: str = "largest") -> np.ndarray | None:
    """Return the box (4,) of the face chosen by ``rule``, None without a face."""
    size = image.shape[1], image.shape[0]
    return choose_face(find_face_boxes(image), size, rule)


def find_mtcnn_boxes(image: np.ndarray, side: int | None = SEARCH_SIDE) -> np.ndarray:
    """Return the boxes (N, 4) as MTCNN means them: forehead to chin, float64 pixels.

    Args:
        image: (H, W, 3) uint8 RGB.
        side: larger sides are shrunk to this many pixels first; None never shrinks.
    """
    image = check_image(image)
    size = image.shape[1], image.shape[0]
    scale = min(1.0, side / max(size)) if side else 1.0
    small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    if small != size:
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    found = _mtcnn().detect_faces(
        image, fit_to_image=False, box_format="xyxy", output_type="numpy"
    )
    # One row per face: image of the batch, box, confidence, five points.
    boxes = np.reshape(np.asarray(found, np.float64), (-1, 16))[:, 1:5]
    back = resize_matrix(small, size)
    boxes = boxes * np.tile(back.diagonal(), 2) + np.tile(back[:, 2], 2)
    return boxes[(box_sides(boxes) > 0).all(-1)]


def choose_face(
    boxes: np.ndarray | None, image_size: tuple[int, int], rule: str = "largest"
) -> np.ndarray | None:
    """Return one of several face boxes.

    Args:
        boxes: (N, 4), one box (4,), or None; N may be 0.
        image_size: (width, height) in pixels.
        rule: "largest" area, or "central": centre closest to the centre of the image.

    Returns:
        The box (4,) as float64, None when there is none.

    Raises:
        ValueError: the rule is unknown.
    """
    if rule not in RULES:
        raise ValueError(f"`rule` must be one of {RULES}. Received: {rule!r}")
    if boxes is None or not np.size(boxes):
        return None
    boxes = np.reshape(np.asarray(boxes, np.float64), (-1, 4))
    if rule == "largest":
        return boxes[box_sides(boxes).prod(-1).argmax()]
    middle = (np.asarray(image_size, np.float64) - 1) / 2
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return boxes[np.linalg.norm(centres - middle, axis=-1).argmin()]


class BoxCache:
    """Face boxes by source name, kept in a JSON file; None says "no face here".

    Saved at the latest ``save_every`` seconds after a change, and on leaving ``with``.

    Args:
        path: the JSON file; it need not exist yet.
        save_every: seconds between two savings while boxes are added.

    Raises:
        ValueError: the file exists and is not such a cache.
    """

    def __init__(self, path: str | Path, save_every: float = 10.0) -> None:
        self.path = Path(path)
        self.save_every = save_every
        self._boxes: dict[str, list[float] | None] = self._load()
        self._saved_at = time.monotonic()
        self._is_changed = False

    def _load(self) -> dict[str, list[float] | None]:
        if not self.path.exists():
            return {}
        try:
            boxes = json.loads(self.path.read_text())["boxes"]
            ok = all(b is None or np.shape(b) == (4,) for b in boxes.values())
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            ok = False
        if not ok:
            raise ValueError(
                f"{self.path}: is not a cache of face boxes. Delete it to make it anew"
            )
        return boxes

    def find(
        self, name: str, image: np.ndarray, finder: BoxFinder
    ) -> np.ndarray | None:
        """Return the box of a source, from the cache or else from ``finder(image)``."""
        if name not in self:
            self[name] = finder(image)
        return self[name]

    def __contains__(self, name: str) -> bool:
        return name in self._boxes

    def __len__(self) -> int:
        return len(self._boxes)

    def __getitem__(self, name: str) -> np.ndarray | None:
        box = self._boxes[name]
        return None if box is None else np.array(box, np.float64)

    def __setitem__(self, name: str, box: np.ndarray | None) -> None:
        self._boxes[name] = None if box is None else np.round(box, 3).tolist()
        self._is_changed = True
        if time.monotonic() - self._saved_at > self.save_every:
            self.save()

    def save(self) -> None:
        """Write the file if there is anything new."""
        if self._is_changed:
            write_text(self.path, json.dumps({"boxes": self._boxes}, indent=0) + "\n")
        self._is_changed, self._saved_at = False, time.monotonic()

    def __enter__(self) -> "BoxCache":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.save()


@functools.cache
def _mtcnn() -> Any:
    """Return the detector; made once, by the first search."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _silent_stderr():
        from mtcnn import MTCNN

        return MTCNN()


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Send what C++ writes to stderr nowhere: TensorFlow greets before it has a log."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
