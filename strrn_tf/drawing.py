"""Landmarks drawn on images, for overlays, sheets and reports. NumPy and OpenCV."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np

from strrn_tf.geometry import box_from_landmarks, face_size
from strrn_tf.geometry.average_head import AVERAGE_HEAD
from strrn_tf.geometry.head_pose import PlacedHead, project_head
from strrn_tf.landmarks import CONTOURS, NOSE_ROOT

# RGB. Reliability runs from red over amber to green; without one, green.
UNRELIABLE, DOUBTFUL, RELIABLE = (235, 64, 52), (250, 190, 40), (70, 225, 110)
WHITE, TRUTH, FAULTY = (255, 255, 255), (60, 200, 255), (255, 120, 20)
BLACK = (0, 0, 0)
# Of a head: to the right of the picture, down, and out of the face.
AXES = (235, 64, 52), (70, 225, 110), (60, 120, 255)
SUBPIXEL_BITS = 4
FONT, SMALLEST_TEXT = cv2.FONT_HERSHEY_SIMPLEX, 0.35


def reliability_colour(reliability: float) -> tuple[int, int, int]:
    """Return the RGB colour of a reliability in [0, 1]: red, amber at 0.5, green."""
    colours = np.array([UNRELIABLE, DOUBTFUL, RELIABLE], np.float64)
    mixed = [np.interp(reliability, (0, 0.5, 1), channel) for channel in colours.T]
    return tuple(round(value) for value in mixed)


def draw_landmarks(
    image: np.ndarray,
    landmarks: np.ndarray,
    reliability: float | np.ndarray | None = None,
    *,
    colour: tuple[int, int, int] | None = None,
    points: bool = True,
    hollow: np.ndarray | None = None,
) -> np.ndarray:
    """Return a copy of the image with the contours and points of a face.

    Points sit at their sub-pixel place; line width and point size follow the face size.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (68, 2) pixels of the image. Points that are not finite are left out,
            and so are their lines.
        reliability: one number in [0, 1] for the face, or (68,) for its points.
        colour: RGB, instead of the colour of the reliability.
        points: whether to draw the points over the contours.
        hollow: (68,) bool, the points that are drawn as rings. None: all are discs.
    """
    _check_drawable(image, landmarks)
    drawn = np.array(image, order="C")
    known = np.isfinite(landmarks).all(-1)
    if not known.any():
        return drawn
    per_point = np.broadcast_to(1.0 if reliability is None else reliability, (68,))
    line_colour = colour or reliability_colour(float(np.mean(per_point)))
    size = float(face_size(box_from_landmarks(np.asarray(landmarks)[known])))
    width = max(1, round(size / 240))
    fixed = np.round(np.nan_to_num(landmarks) * 2**SUBPIXEL_BITS).astype(np.int32)
    for indices, closed in _lines(known):
        line = fixed[list(indices)].reshape(1, -1, 2)
        cv2.polylines(
            drawn, line, closed, line_colour, width, cv2.LINE_AA, SUBPIXEL_BITS
        )
    # Without a neighbour a point has no line that shows it.
    if points or not known.all():
        radius = round(max(1.0, size / 110) * 2**SUBPIXEL_BITS)
        rings = np.zeros(68, bool) if hollow is None else hollow
        shown = zip(fixed[known].tolist(), per_point[known], rings[known], strict=True)
        for centre, value, is_ring in shown:
            fill = colour or reliability_colour(float(value))
            reach, line = (2 * radius, 1) if is_ring else (radius, -1)
            cv2.circle(drawn, centre, reach, fill, line, cv2.LINE_AA, SUBPIXEL_BITS)
    return drawn


def _lines(known: np.ndarray) -> Iterator[tuple[tuple[int, ...], bool]]:
    """Yield the contours between known points: (indices, closed)."""
    for indices, closed in CONTOURS:
        if known[list(indices)].all():
            yield indices, closed
            continue
        ring = (*indices, indices[0]) if closed else indices
        yield from ((pair, False) for pair in pairwise(ring) if known[list(pair)].all())


def overlay_frame(
    image: np.ndarray,
    landmarks: np.ndarray,
    *,
    reliability: float | np.ndarray | None = None,
    true: np.ndarray | None = None,
    caption: str = "",
) -> np.ndarray:
    """Return a video frame with landmarks, ground truth in blue below them, caption.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (68, 2), NaN where the face is lost.
        reliability: as of :func:`draw_landmarks`.
        true: (68, 2) ground truth, or None.
        caption: one line at the lower left corner; ASCII, which is all OpenCV has.
    """
    drawn = image
    if true is not None:
        drawn = draw_landmarks(drawn, true, colour=TRUTH, points=False)
    drawn = draw_landmarks(drawn, landmarks, reliability)
    return draw_caption(drawn, caption) if caption else drawn


def tile_sheet(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Return one picture of tiles (H, W, 3) of one size, row by row, the rest white."""
    blank = np.full_like(tiles[0], 255)
    tiles = [*tiles, *[blank] * (-len(tiles) % columns)]
    rows = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)]
    return np.vstack(rows)


def draw_caption(image: np.ndarray, caption: str) -> np.ndarray:
    """Return a copy of the image with lines of text on a darkened strip below.

    Long lines are written smaller, down to what can be read.
    """
    drawn = np.array(image, order="C")
    height, width = drawn.shape[:2]
    lines = caption.split("\n")
    scale = max(SMALLEST_TEXT, min(width, 2 * height) / 1000)
    pitch, margin = round(34 * scale), round(10 * scale)
    strip = min(height, pitch * len(lines) + 4)
    drawn[height - strip :] = drawn[height - strip :] // 3
    needed = max(cv2.getTextSize(line, FONT, scale, 1)[0][0] for line in lines)
    smaller = min(1, (width - 2 * margin) / max(1, needed))
    last = height - round(11 * scale)
    for row, line in enumerate(reversed(lines)):
        place = margin, last - pitch * row
        _write(drawn, line, place, max(SMALLEST_TEXT, scale * smaller), WHITE)
    return drawn


def draw_name(
    image: np.ndarray, name: str, landmarks: np.ndarray, reliability: float
) -> np.ndarray:
    """Return a copy of the image with a name above the left brow of a face.

    Args:
        image: (H, W, 3) uint8 RGB.
        name: ASCII.
        landmarks: (68, 2); without finite ones there is no name.
        reliability: in [0, 1], decides the colour.
    """
    drawn = np.array(image, order="C")
    if np.isfinite(landmarks).all():
        box = box_from_landmarks(landmarks)
        scale = max(SMALLEST_TEXT, float(face_size(box)) / 200)
        place = round(float(box[0])), round(float(box[1]) - 8 * scale)
        _write(drawn, name, place, scale, reliability_colour(reliability))
    return drawn


def draw_axes(image: np.ndarray, landmarks: np.ndarray, head: PlacedHead) -> np.ndarray:
    """Return a copy of the image with the axes of a head at the tip of its nose.

    Red points to the right of the unturned head's picture, green down, blue out of the
    face. Each has half the width of the face.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (68, 2) pixels of the image.
        head: as it was placed on the landmarks; if it is NaN nothing is drawn.
    """
    drawn = np.array(image, order="C")
    nose = AVERAGE_HEAD[NOSE_ROOT]
    ends = project_head(np.stack([nose, *(nose + np.eye(3))]), head)
    # The average head's nose is not that of this face.
    places = ends + np.asarray(landmarks)[NOSE_ROOT] - ends[0]
    if not np.isfinite(places).all():
        return drawn
    fixed = np.round(places * 2**SUBPIXEL_BITS).astype(np.int32).tolist()
    width = max(2, round(float(face_size(box_from_landmarks(landmarks))) / 80))
    for end, colour in zip(fixed[1:], AXES, strict=True):
        cv2.line(drawn, fixed[0], end, colour, width, cv2.LINE_AA, SUBPIXEL_BITS)
    return drawn


def _write(
    image: np.ndarray,
    text: str,
    place: tuple[int, int],
    scale: float,
    colour: tuple[int, int, int],
) -> None:
    """Write into the image, with a dark rim that is seen on bright ground."""
    width = max(1, round(scale * 1.6))
    for shade, extra in ((BLACK, 2), (colour, 0)):
        cv2.putText(image, text, place, FONT, scale, shade, width + extra, cv2.LINE_AA)


def _check_drawable(image: np.ndarray, landmarks: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        raise ValueError(
            "`image` must be (H, W, 3) uint8 RGB. "
            f"Received: shape {image.shape}, {image.dtype}"
        )
    if np.shape(landmarks) != (68, 2):
        raise ValueError(
            f"`landmarks` must be (68, 2). Received: shape {np.shape(landmarks)}"
        )
