"""A picture of the unturned face in head units, on which the features are painted.

Colours are linear RGB float32. Every stroke touches only its own rectangle, so painting
a face takes milliseconds.
"""

import cv2
import numpy as np

LEFT, TOP, RIGHT, BOTTOM = -1.25, -1.75, 1.25, 2.35
PIXELS_PER_UNIT = 150
_SHIFT = 4


def canvas_shape() -> tuple[int, int]:
    """Return (height, width) of a canvas in pixels."""
    return (
        round((BOTTOM - TOP) * PIXELS_PER_UNIT),
        round((RIGHT - LEFT) * PIXELS_PER_UNIT),
    )


def canvas_grid() -> tuple[np.ndarray, np.ndarray]:
    """Return x (1, W) and y (H, 1) in head units of the canvas pixels."""
    height, width = canvas_shape()
    x = LEFT + np.arange(width, dtype=np.float32) / PIXELS_PER_UNIT
    y = TOP + np.arange(height, dtype=np.float32) / PIXELS_PER_UNIT
    return x[None], y[:, None]


def to_canvas(points: np.ndarray) -> np.ndarray:
    """Map points (..., 2) from head units to canvas pixels."""
    return (np.asarray(points, np.float32) - (LEFT, TOP)) * np.float32(PIXELS_PER_UNIT)


def polygon_mask(
    shape: tuple[int, int], polygon: np.ndarray, softness: float = 0.0
) -> np.ndarray:
    """Return a float mask in [0, 1] of a polygon (N, 2) in pixels of the mask."""
    mask = np.zeros(shape, np.uint8)
    fixed = np.round(polygon * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, _SHIFT)
    return _soften(mask, softness)


def stroke_mask(
    shape: tuple[int, int], line: np.ndarray, width: float, softness: float = 0.0
) -> np.ndarray:
    """Return a float mask in [0, 1] of a polyline (N, 2) of ``width`` pixels."""
    mask = np.zeros(shape, np.uint8)
    fixed = np.round(line * (1 << _SHIFT)).astype(np.int32)
    thickness = max(1, round(width))
    cv2.polylines(mask, [fixed], False, 255, thickness, cv2.LINE_AA, _SHIFT)
    return _soften(mask, softness) * min(1.0, width)


def _soften(mask: np.ndarray, softness: float) -> np.ndarray:
    """Return the mask as float32, blurred by ``softness`` pixels."""
    soft = mask.astype(np.float32) / 255.0
    return cv2.GaussianBlur(soft, (0, 0), softness) if softness > 0.3 else soft


class Canvas:
    """A float32 picture (H, W, C) painted with polygons and strokes in head units."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def window(self, points: np.ndarray, margin: float) -> tuple[slice, slice]:
        """Return the slices around points (N, 2), with a margin in head units."""
        low = np.floor(to_canvas(points.min(0) - margin)).astype(int)
        high = np.ceil(to_canvas(points.max(0) + margin)).astype(int) + 1
        height, width = self.pixels.shape[:2]
        low = np.clip(low, 0, (width - 2, height - 2))
        high = np.clip(high, low + 2, (width, height))
        return slice(low[1], high[1]), slice(low[0], high[0])

    def local(self, points: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
        """Return points in pixels of a window."""
        return to_canvas(points) - np.float32((window[1].start, window[0].start))

    def blend(
        self, window: tuple[slice, slice], mask: np.ndarray, colour: np.ndarray
    ) -> None:
        """Mix ``colour`` (C,) or (h, w, C) into the window by ``mask`` (h, w)."""
        part = self.pixels[window]
        part += mask[..., None] * (np.asarray(colour, np.float32) - part)

    def fill(
        self,
        polygon: np.ndarray,
        colour: np.ndarray,
        alpha: float = 1.0,
        softness: float = 0.006,
    ) -> None:
        """Fill a polygon (N, 2). ``softness`` is the blur of its edge in head units."""
        window = self.window(polygon, 3 * softness + 0.02)
        blur = softness * PIXELS_PER_UNIT
        shape = self.pixels[window].shape[:2]
        mask = polygon_mask(shape, self.local(polygon, window), blur)
        self.blend(window, mask * np.float32(alpha), colour)

    def stroke(
        self,
        line: np.ndarray,
        width: float,
        colour: np.ndarray,
        alpha: float = 1.0,
        softness: float = 0.006,
    ) -> None:
        """Draw a polyline (N, 2). ``width`` and ``softness`` are in head units."""
        window = self.window(line, width + 3 * softness + 0.02)
        blur = softness * PIXELS_PER_UNIT
        shape = self.pixels[window].shape[:2]
        local = self.local(line, window)
        mask = stroke_mask(shape, local, width * PIXELS_PER_UNIT, blur)
        self.blend(window, mask * np.float32(alpha), colour)

    def shade(self, polygon: np.ndarray, factor: float, softness: float) -> None:
        """Multiply the inside of a polygon by ``factor``, softly."""
        window = self.window(polygon, 3 * softness + 0.02)
        shape = self.pixels[window].shape[:2]
        blur = softness * PIXELS_PER_UNIT
        mask = polygon_mask(shape, self.local(polygon, window), blur)
        self.pixels[window] *= 1 + mask[..., None] * np.float32(factor - 1)


def ellipse(
    centre: tuple[float, float], radii: tuple[float, float], angle: float = 0.0
) -> np.ndarray:
    """Return the outline (32, 2) of an ellipse. ``angle`` is in radians, clockwise."""
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    x, y = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
    cosine, sine = np.cos(angle), np.sin(angle)
    points = np.stack([cosine * x - sine * y, sine * x + cosine * y], -1)
    return points + np.asarray(centre)
