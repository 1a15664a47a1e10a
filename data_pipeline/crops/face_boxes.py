"""Face boxes by MTCNN (Zhang et al. 2016), the choice of one face, and their cache.

The networks are those of the `mtcnn` package. The runtime's `FaceFinder` runs them and
gives the same boxes in a tenth of the time (`benchmarks/accuracy/face_finder.py`).
Boxes here are the tight boxes of the 68 landmarks; `rolled_boxes` of
`strrn_tf.tracking.face_detection.face_boxes` converts them.
"""

import functools
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np

from strrn_tf.geometry import box_sides
from strrn_tf.system.atomic import write_text
from strrn_tf.tracking.face_detection.face_boxes import landmark_box, rolled_boxes
from strrn_tf.tracking.face_detection.face_finder import FaceFinder

RULES = ("largest", "central")

# The search finds faces above both limits: pixels, and a fraction of the shorter side
# of the picture. Smaller faces would take most of its time.
SMALLEST_FACE, SMALLEST_FRACTION = 30, 0.05

# Image (H, W, 3) -> face boxes (N, 4), or (N, 5) with the roll in radians behind them.
BoxFinder = Callable[[np.ndarray], np.ndarray | None]


def find_face_boxes(image: np.ndarray) -> np.ndarray:
    """Return the boxes (N, 4) and the rolls of all faces that MTCNN finds, (N, 5).

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        Tight landmark boxes, predicted from MTCNN's boxes, in pixels of ``image``. They
        may extend beyond the image, as faces do. Behind them the roll in radians by the
        eyes and mouth corners that MTCNN sees, see `geometry.roll_of_parts`.
    """
    return rolled_boxes(_finder().find(image))


def find_face_box(image: np.ndarray, rule: str = "largest") -> np.ndarray | None:
    """Return the box (4,) of the face chosen by ``rule``, or None without a face.

    It is that of an upright window: a turned one would be moved along the face.
    """
    size = image.shape[1], image.shape[0]
    return choose_face(landmark_box(find_mtcnn_boxes(image)), size, rule)


def find_upright_boxes(image: np.ndarray) -> np.ndarray:
    """Return the boxes (N, 4) of all faces, each as `find_face_box` gives one."""
    return landmark_box(find_mtcnn_boxes(image))


def find_mtcnn_boxes(image: np.ndarray, finder: FaceFinder | None = None) -> np.ndarray:
    """Return MTCNN's own boxes (N, 4), from forehead to chin, in float64 pixels.

    Args:
        image: (H, W, 3) uint8 RGB.
        finder: None for one that all calls share.
    """
    boxes = np.array([face.box for face in (finder or _finder()).find(image)])
    boxes = np.reshape(boxes, (-1, 4)).astype(np.float64)
    return boxes[(box_sides(boxes) > 0).all(-1)]


def choose_face(
    boxes: np.ndarray | None, image_size: tuple[int, int], rule: str = "largest"
) -> np.ndarray | None:
    """Return one of several face boxes.

    Args:
        boxes: (N, 4), (N, 5) with the roll, one of them, or None; N may be 0.
        image_size: (width, height) in pixels.
        rule: "largest" area, or "central": centre closest to the centre of the image.

    Returns:
        The box (4,) or (5,) as float64, or None without a box.

    Raises:
        ValueError: the rule is unknown.
    """
    if rule not in RULES:
        raise ValueError(f"`rule` must be one of {RULES}. Received: {rule!r}")
    if boxes is None or not np.size(boxes):
        return None
    faces = np.atleast_2d(np.asarray(boxes, np.float64))
    boxes = faces[:, :4]
    if rule == "largest":
        return faces[box_sides(boxes).prod(-1).argmax()]
    middle = (np.asarray(image_size, np.float64) - 1) / 2
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return faces[np.linalg.norm(centres - middle, axis=-1).argmin()]


class BoxCache:
    """Face boxes by source name in a JSON file; None stands for no face.

    An entry has one box (4,) or those (N, 4) of all faces.

    Changes are saved on leaving ``with``, and after ``save_every`` seconds at the
    latest.

    Args:
        path: JSON file, which need not exist yet.
        save_every: seconds between two savings while boxes are added.

    Raises:
        ValueError: the file exists and is not such a cache.
    """

    def __init__(self, path: str | Path, save_every: float = 10.0) -> None:
        self.path = Path(path)
        self.save_every = save_every
        self._boxes: dict[str, list | None] = self._load()
        self._saved_at = time.monotonic()
        self._is_changed = False

    def _load(self) -> dict[str, list | None]:
        if not self.path.exists():
            return {}
        try:
            boxes = json.loads(self.path.read_text(encoding="utf-8"))["boxes"]
            ok = all(b is None or _is_boxes(b) for b in boxes.values())
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            ok = False
        if not ok:
            raise ValueError(
                f"{self.path}: is not a cache of face boxes. Delete it to search again"
            )
        return boxes

    def find(
        self, name: str, image: np.ndarray, finder: BoxFinder
    ) -> np.ndarray | None:
        """Return the box of a source from the cache, or else from ``finder(image)``."""
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
        """Write the file if boxes were added."""
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


def _is_boxes(entry: list) -> bool:
    shape = np.shape(entry)
    return entry == [] or (shape[-1:] == (4,) and len(shape) < 3)


@functools.cache
def _finder() -> FaceFinder:
    """Return the face finder. The first search creates it."""
    return FaceFinder(SMALLEST_FACE, min_face_fraction=SMALLEST_FRACTION)
