"""The surface of the head: an ellipsoid-like body with a relief of the features.

A point has a height y and an azimuth, 0 in front and positive to the right of the
picture. The relief is a map over the frontal plane that is added to z. The paint lies
on the same plane, so paint and shape fit.
"""

from functools import cached_property

import cv2
import numpy as np

from data_pipeline.synthetic.head.canvas import (
    LEFT,
    PIXELS_PER_UNIT,
    TOP,
    canvas_grid,
    polygon_mask,
    to_canvas,
)
from data_pipeline.synthetic.head.face_model import Expression, Identity
from data_pipeline.synthetic.head.outlines import (
    JAW_HEIGHTS,
    eye_outline,
    frontal_landmarks,
    jaw_drop,
    jaw_half_width,
    lip_outlines,
    lower_by_jaw,
)

# The relief is smooth, so half the resolution of the paint is enough.
_RELIEF_STEP = 2
_BACK = 1.2


def _step(x: np.ndarray) -> np.ndarray:
    """Return the smooth step, which is 0 below 0 and 1 above 1."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _relief_grid() -> tuple[np.ndarray, np.ndarray]:
    """Return x (1, w) and y (h, 1) of the relief's samples."""
    x, y = canvas_grid()
    return x[:, ::_RELIEF_STEP], y[::_RELIEF_STEP]


def _blob(
    grid: tuple[np.ndarray, np.ndarray],
    centre: tuple[float, float],
    radii: tuple[float, float],
    height: float,
) -> np.ndarray:
    """Return two mirrored Gaussian hills (H, W), or one if the centre is at x = 0."""
    x, y = grid
    vertical = np.exp(-(((y - centre[1]) / radii[1]) ** 2))
    hill = np.exp(-(((np.abs(x) - centre[0]) / radii[0]) ** 2))
    return np.float32(height) * vertical * hill


def neutral_relief(identity: Identity) -> np.ndarray:
    """Return the relief (h, w) of the resting face without lips and eyeballs."""
    grid = _relief_grid()
    eye, mouth, chin = identity.eye_centre, identity.mouth_y, identity.chin
    hills = [
        ((0.42, -0.27), (0.3, 0.1), 0.06),
        ((0.0, -0.2), (0.16, 0.12), 0.05),
        ((eye, 0.0), (0.21, 0.13), -0.1),
        ((eye - 0.22, -0.02), (0.09, 0.12), -0.07),
        ((eye + 0.17, 0.28), (0.22, 0.17), identity.cheek + 0.01),
        ((eye, 0.16), (0.2, 0.05), -0.02),
        ((0.0, mouth), (0.4, 0.3), 0.07),
        ((0.48, mouth + 0.02), (0.12, 0.16), -0.03),
        ((0.0, mouth + 0.255), (0.2, 0.055), -0.045),
        ((0.0, chin - 0.17), (0.26, 0.16), 0.12),
        ((0.0, mouth - 0.17), (0.035, 0.08), -0.015),
        ((0.8, -0.35), (0.15, 0.25), -0.03),
    ]
    relief = sum(_blob(grid, *hill) for hill in hills)
    return (relief + _nose(grid, identity)).astype(np.float32)


def _nose(grid: tuple[np.ndarray, np.ndarray], identity: Identity) -> np.ndarray:
    """Return the relief of the nose: ridge, tip, wings, and the slope to the lip."""
    x, y = grid
    length, width, depth = (
        identity.nose_length,
        identity.nose_width,
        identity.nose_depth,
    )
    tip = length - 0.165
    along = np.clip((y + 0.16) / (tip + 0.16), 0, 1.35)
    rise = depth * (0.14 + 0.6 * along**1.15) * _step((y + 0.24) / 0.22)
    flank = 0.105 + 0.055 * along**2
    ridge = rise * np.exp(-((x / flank) ** 2))
    foot = 0.2 * depth * _step((y + 0.1) / 0.3) * np.exp(-((x / 0.23) ** 2))
    ball = _blob(grid, (0.0, tip + 0.02), (0.135, 0.12), 0.3 * depth)
    wings = _blob(
        grid, (width * 0.72, length - 0.095), (width * 0.36, 0.09), 0.42 * depth
    )
    # Below the tip the nose falls to the lip within a short, curved edge.
    edge = length - 0.035 - 0.12 * x**2 / width**2 * 0.4
    fall = 1 - _step((y - (edge - 0.105)) / 0.16)
    return (ridge + foot + ball + wings) * fall


class Head:
    """The head of one identity with one expression, in the head frame."""

    def __init__(
        self,
        identity: Identity,
        expression: Expression,
        neutral: np.ndarray | None = None,
    ) -> None:
        self.identity = identity
        self.expression = expression
        self.neutral = neutral_relief(identity) if neutral is None else neutral

    @cached_property
    def _jaw_table(self) -> tuple[np.ndarray, np.ndarray]:
        """Return heights with the mouth open, and their heights on the neutral face."""
        neutral = np.linspace(TOP, self.identity.chin + 0.6, 400)
        return lower_by_jaw(self.identity, self.expression, neutral), neutral

    def neutral_height(self, y: np.ndarray) -> np.ndarray:
        """Return the heights on the neutral face of heights ``y`` of this face."""
        return np.interp(y, *self._jaw_table)

    def warp_rows(self, image: np.ndarray, step: int = 1) -> np.ndarray:
        """Return a canvas of the neutral face after the jaw has moved."""
        if jaw_drop(self.expression) == 0:
            return image.copy()
        height, width = image.shape[:2]
        rows = TOP + np.arange(height) * step / PIXELS_PER_UNIT
        source = (self.neutral_height(rows) - TOP) * PIXELS_PER_UNIT / step
        map_y = np.repeat(source.astype(np.float32)[:, None], width, 1)
        map_x = np.repeat(np.arange(width, dtype=np.float32)[None], height, 0)
        return cv2.remap(
            image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )

    @cached_property
    def relief(self) -> np.ndarray:
        """Return the relief (h, w) with eyeballs, lips and the expression's folds."""
        relief = self.warp_rows(self.neutral, _RELIEF_STEP)
        shape, step = relief.shape, _RELIEF_STEP
        for side in (0, 1):
            eye = eye_outline(self.identity, self.expression, side)
            centre = (eye[0] + eye[3]) / 2
            relief += self._dome(centre, (0.19, 0.12), 0.055)
        outer, inner = (to_canvas(p) / step for p in self._lips)
        scale = PIXELS_PER_UNIT / step
        lips = polygon_mask(shape, outer, 0.03 * scale)
        mouth = polygon_mask(shape, inner, 0.012 * scale)
        relief += 0.075 * lips - 0.1 * mouth
        relief += (
            0.03
            * self.expression.smile
            * (
                self._dome((-0.55, 0.42), (0.2, 0.16), 1)
                + self._dome((0.55, 0.42), (0.2, 0.16), 1)
            )
        )
        return relief

    @cached_property
    def _lips(self) -> tuple[np.ndarray, np.ndarray]:
        return lip_outlines(self.identity, self.expression)

    def _dome(
        self, centre: np.ndarray, radii: tuple[float, float], height: float
    ) -> np.ndarray:
        """Return one Gaussian hill (h, w) on the relief's grid."""
        x, y = _relief_grid()
        across = np.exp(-(((x - centre[0]) / radii[0]) ** 2))
        down = np.exp(-(((y - centre[1]) / radii[1]) ** 2))
        return np.float32(height) * (across * down).astype(np.float32)

    def relief_at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the relief at points of the frontal plane, bilinear."""
        to_pixel = PIXELS_PER_UNIT / _RELIEF_STEP
        map_x = np.atleast_2d((np.asarray(x) - LEFT) * to_pixel).astype(np.float32)
        map_y = np.atleast_2d((np.asarray(y) - TOP) * to_pixel).astype(np.float32)
        values = cv2.remap(
            self.relief, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return values.reshape(np.shape(x))

    def profile(self, y: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return half width, middle, front and back half depth at neutral heights."""
        identity = self.identity
        half = jaw_half_width(identity, y)
        low = np.clip(y / identity.chin, 0, 1)
        high = np.clip(-y / identity.crown, 0, 1)
        middle = 0.5 * _step((low - 0.32) / 0.68)
        line = 0.95 - 0.14 * _step((high - 0.25) / 0.6) - 0.02 * _step(low)
        cap = (1 - high**2.6) ** 0.45
        front = (line - middle) * np.where(y > 0, (1 - low**9) ** 0.5, cap)
        back = _BACK * np.where(y > 0, (1 - low**2.2) ** 0.8, cap)
        return half, middle, front, back

    def points(self, y: np.ndarray, azimuth: np.ndarray) -> np.ndarray:
        """Return points (..., 3) of neutral heights and azimuths, which broadcast."""
        half, middle, front, back = self.profile(np.asarray(y, float))
        cosine = np.cos(azimuth)
        x = half * np.sin(azimuth)
        z = middle + np.where(cosine > 0, front, back) * cosine
        moved = lower_by_jaw(self.identity, self.expression, y)
        x, moved, z = np.broadcast_arrays(x, moved, z)
        z = z + self.relief_at(x, moved) * _step(cosine / 0.35)
        z = z - 0.25 * (moved - y)
        return np.stack([x, moved, z], -1)

    def lift(self, frontal: np.ndarray) -> np.ndarray:
        """Return points (N, 3) on the surface above frontal points (N, 2)."""
        y = self.neutral_height(frontal[:, 1])
        half = np.maximum(jaw_half_width(self.identity, y), 1e-6)
        azimuth = np.arcsin(np.clip(frontal[:, 0] / half, -1, 1))
        return self.points(y, azimuth)

    def inner_landmarks(self) -> np.ndarray:
        """Return landmarks 17..67 (51, 3) on the surface."""
        return self.lift(frontal_landmarks(self.identity, self.expression))

    def jaw_candidates(self, samples: int = 64) -> np.ndarray:
        """Return the candidates (17, samples, 3) of each contour landmark.

        A contour landmark slides along its candidates while the head turns. The first
        lies well inside the face. The last lies on the edge of the jaw, the widest line
        of the head, beyond which annotators never place the contour.
        """
        heights = self.identity.chin * np.append(JAW_HEIGHTS, JAW_HEIGHTS[-2::-1])
        side = np.append(-np.ones(8), np.append(0, np.ones(8)))
        edge = np.stack([side * jaw_half_width(self.identity, heights), heights], -1)
        inside = np.stack(
            [0.35 * edge[:, 0], np.minimum(heights, 0.8 * self.identity.chin)], -1
        )
        fraction = np.sin(np.linspace(0, np.pi / 2, samples))[None, :, None]
        flat = inside[:, None] + fraction * (edge - inside)[:, None]
        half = np.maximum(jaw_half_width(self.identity, flat[..., 1]), 1e-6)
        azimuth = np.arcsin(np.clip(flat[..., 0] / half, -1, 1))
        return self.points(flat[..., 1], azimuth)
