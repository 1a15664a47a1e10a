"""Occluders: rectangles and ellipses that hide a part of the face.

Lengths and positions are fractions of the side of the crop, so an occluder fits crops
of any resolution. NumPy and OpenCV.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

BANK_SIDE = 768
BANK_SIGMA = 32.0
FILLS = ("colour", "noise", "picture")
# Side of a block that hides a face with hair and chin, in larger sides of its box.
COVER = 1.8
# cv2.fillConvexPoly takes coordinates in 1 / 2**SHIFT pixels.
SHIFT = 4


@dataclass(frozen=True)
class Occluder:
    """One block in front of a face.

    Attributes:
        centre: xy, as fractions of the side of the crop.
        axes: half width and half height, as fractions of the side of the crop.
        angle: rotation in radians.
        corners: 4 for a rectangle. An ellipse is a polygon of more corners.
        fill: one colour, coloured noise, or the same picture turned upside down.
        colour: RGB in [0, 255].
        texture: xy offset into the noise bank, in pixels.
    """

    centre: tuple[float, float]
    axes: tuple[float, float]
    angle: float
    corners: int
    fill: Literal["colour", "noise", "picture"]
    colour: tuple[int, int, int]
    texture: tuple[int, int] = (0, 0)

    def moved(self, shift: np.ndarray) -> "Occluder":
        """Return the same block moved by ``shift`` (xy, fractions of the side)."""
        x, y = self.centre
        return replace(self, centre=(x + float(shift[0]), y + float(shift[1])))


def sample_occluder(rng: np.random.Generator, largest: float) -> Occluder:
    """Sample a block whose half axes are at most ``largest`` of the side.

    Its centre lies in the middle three fifths of the crop, where the face is.
    """
    x, y, width, height, angle = rng.random(5).tolist()
    # Hands, hair and microphones seldom have a saturated colour.
    grey, saturation = rng.integers(0, 256), rng.random() ** 2
    colour = grey + saturation * (rng.integers(0, 256, 3) - grey)
    red, green, blue = colour.astype(int).tolist()
    return Occluder(
        centre=(0.2 + 0.6 * x, 0.2 + 0.6 * y),
        axes=(largest * (0.3 + 0.7 * width), largest * (0.3 + 0.7 * height)),
        angle=np.pi * angle,
        corners=4 if rng.random() < 0.5 else 24,
        fill=FILLS[rng.integers(len(FILLS))],
        colour=(red, green, blue),
        texture=tuple(rng.integers(0, BANK_SIDE // 2, 2).tolist()),
    )


def paint_occluder(crop: np.ndarray, occluder: Occluder) -> None:
    """Paint one block on a crop (side, side, 3) uint8, in place."""
    side = crop.shape[0]
    outline = _outline(occluder, side)
    if occluder.fill == "colour":
        cv2.fillConvexPoly(crop, outline, occluder.colour, cv2.LINE_AA, SHIFT)
        return
    mask = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(mask, outline, 255, cv2.LINE_8, SHIFT)
    if occluder.fill == "noise":
        offset = np.subtract(occluder.colour, 128).tolist()
        # Offsets are sampled for crops. Pictures of animated clips are larger.
        last = BANK_SIDE - side
        corner = tuple(min(start, last) for start in occluder.texture)
        texture = cv2.add(noise_window(side, corner), (*offset, 0))
    else:
        texture = cv2.flip(crop, -1)
    cv2.copyTo(texture, mask, crop)


def _outline(occluder: Occluder, side: int) -> np.ndarray:
    """Return the polygon (corners, 2) int32 in pixels / 2**SHIFT."""
    turns = np.arange(occluder.corners) / occluder.corners
    angles = 2 * np.pi * turns + (np.pi / 4 if occluder.corners == 4 else 0.0)
    # The corners of a rectangle lie sqrt(2) times as far out as the ends of its axes.
    reach = np.sqrt(2) if occluder.corners == 4 else 1.0
    points = reach * np.stack([np.cos(angles), np.sin(angles)], 1) * occluder.axes
    cosine, sine = np.cos(occluder.angle), np.sin(occluder.angle)
    points = points @ np.array([[cosine, sine], [-sine, cosine]]) + occluder.centre
    return np.round((points * side - 0.5) * 2**SHIFT).astype(np.int32)


@lru_cache(maxsize=1)
def noise_bank() -> np.ndarray:
    """Return Gaussian noise (768, 768, 3) uint8, mean 128, deviation BANK_SIGMA.

    New noise for every crop would take longer than all other changes. Windows of one
    bank at random offsets differ enough. The channels share half of the variance, as
    in pictures of real cameras after demosaicing.
    """
    rng = np.random.default_rng(0)
    common = rng.standard_normal((BANK_SIDE, BANK_SIDE, 1), np.float32)
    own = rng.standard_normal((BANK_SIDE, BANK_SIDE, 3), np.float32)
    noise = 128 + BANK_SIGMA * np.sqrt(0.5) * (common + own)
    return np.clip(np.round(noise), 0, 255).astype(np.uint8)


def noise_window(side: int, offset: tuple[int, int]) -> np.ndarray:
    """Return a (side, side, 3) view of the noise bank; offsets up to 768 - side."""
    x, y = offset
    return noise_bank()[y : y + side, x : x + side]


def covering_block(box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last xy of the block that hides a face; never negative.

    Args:
        box: (4,) tight box of the landmarks.
    """
    half = COVER * (box[2:] - box[:2]).max() / 2
    centre = (box[:2] + box[2:]) / 2
    start, stop = (np.rint(centre + side * half) for side in (-1, 1))
    return np.maximum(start, 0).astype(int), np.maximum(stop, 0).astype(int)
