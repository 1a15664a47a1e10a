"""Clips with a hidden face: by an object, a whole cover, the border, or by leaving.

The clips are those of ``clip.animate_still``. Areas of objects are shares of the *face
area*, the convex hull of the 68 landmarks.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np

from data_pipeline.augmentation.occlusion import (
    BANK_SIDE,
    covering_block,
    noise_window,
)
from data_pipeline.synthetic.scene.motion import smooth_track
from strrn_tf.geometry import box_from_landmarks, similarity

Frames = Sequence[tuple[np.ndarray, np.ndarray]]
Fill = Literal["colour", "noise", "picture"]
FILLS: tuple[Fill, ...] = ("colour", "noise", "picture")
# The path of the object's centre around that of the face, half range in sides of its
# box, and mean seconds between two turning points.
WANDER, WANDER_SECONDS = 0.45, 1.0
# Largest ratio of the axes of the ellipse.
ELONGATION = 1.6
# Frames in which a cover slides over the face.
SLIDE_FRAMES = 8


class OccludedFrame(NamedTuple):
    """One frame of an occluded clip.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        landmarks: (68, 2) in its pixels, those behind the object too.
        hidden: (68,) bool, whether the object is before the landmark.
        covered: share of the face area that is behind it.
    """

    image: np.ndarray
    landmarks: np.ndarray
    hidden: np.ndarray
    covered: float


def wander(
    rng: np.random.Generator, frames: Frames, share: float
) -> list[OccludedFrame]:
    """Let one ellipse with a texture of its own wander over the face of a clip.

    Args:
        rng: decides shape, texture and path.
        frames: images (H, W, 3) uint8 and landmarks (68, 2).
        share: area of the ellipse, a share of the face area. 0: no object.
    """
    texture = _texture(rng, frames[0][0], FILLS[rng.integers(len(FILLS))])
    ratio, angle = np.exp(rng.uniform(-1, 1) * np.log(ELONGATION)), rng.uniform(0, 180)
    spread = np.full(2, WANDER)
    path = smooth_track(rng, len(frames), spread, WANDER_SECONDS)
    result = []
    for (image, landmarks), place in zip(frames, path, strict=True):
        mask = np.zeros(image.shape[:2], np.uint8)
        box = box_from_landmarks(landmarks)
        centre = (box[:2] + box[2:]) / 2 + place * (box[2:] - box[:2])
        radius = np.sqrt(share * cv2.contourArea(_hull(landmarks)) / np.pi)
        axes = (float(2 * radius * ratio), float(2 * radius / ratio))
        if share:
            cv2.ellipse(mask, (centre.tolist(), axes, angle), 255, -1, cv2.LINE_AA)
        result.append(_occluded(image, landmarks, mask, _moved(texture, centre)))
    return result


def cover(
    rng: np.random.Generator, frames: Frames, first: int, *, slides: bool
) -> list[OccludedFrame]:
    """Put something before the whole face of a clip, from a frame to the end.

    Args:
        rng: decides what it is, and from where it comes.
        frames: images (H, W, 3) uint8 and landmarks (68, 2).
        first: frame from which the face is covered entirely.
        slides: whether the cover slides in over ``SLIDE_FRAMES`` frames, or is there at
            once.
    """
    texture = _texture(rng, frames[0][0], FILLS[rng.integers(len(FILLS))])
    towards = np.array([(1, 0), (-1, 0), (0, 1), (0, -1)])[rng.integers(4)]
    result = []
    for number, (image, landmarks) in enumerate(frames):
        away = (
            max(0, first - number) / SLIDE_FRAMES if slides else float(number < first)
        )
        start, stop = covering_block(box_from_landmarks(landmarks))
        shift = np.rint(away * towards * (stop - start)).astype(int)
        mask = np.zeros(image.shape[:2], np.uint8)
        if away < 1:
            start, stop = np.maximum(start + shift, 0), np.maximum(stop + shift, 0)
            mask[start[1] : stop[1], start[0] : stop[0]] = 255
        result.append(_occluded(image, landmarks, mask, _moved(texture, shift)))
    return result


def cut_off(
    rng: np.random.Generator, frames: Frames, share: float
) -> list[OccludedFrame]:
    """Let the picture of a clip end in the face, at a random side.

    Args:
        rng: decides the side.
        frames: images (H, W, 3) uint8 and landmarks (68, 2).
        share: of the box of the first landmarks that is cut off. 0: nothing.
    """
    height, width = frames[0][0].shape[:2]
    x0, y0, x1, y1 = box_from_landmarks(frames[0][1])
    across, down = share * (x1 - x0), share * (y1 - y0)
    left, top, right, bottom = np.rint([
        (x0 + across, 0, width, height),
        (0, y0 + down, width, height),
        (0, 0, x1 - across, height),
        (0, 0, width, y1 - down),
    ]).astype(int)[rng.integers(4)] if share else (0, 0, width, height)  # fmt: skip
    result = []
    for image, landmarks in frames:
        part = np.ascontiguousarray(image[top:bottom, left:right])
        places = (landmarks - np.array([left, top])).astype(np.float32)
        last = np.array(part.shape[1::-1]) - 1
        outside = ((places < 0) | (places > last)).any(-1)
        result.append(OccludedFrame(part, places, outside, float(outside.mean())))
    return result


def leave(frames: Frames, first: int) -> list[OccludedFrame]:
    """Let the face of a clip leave the picture to the right.

    Args:
        frames: images (H, W, 3) uint8 and landmarks (68, 2).
        first: frame from which the whole head is outside. The way takes
            ``SLIDE_FRAMES`` frames.
    """
    result = []
    for number, (image, landmarks) in enumerate(frames):
        height, width = image.shape[:2]
        way = 1 - np.clip((first - number) / SLIDE_FRAMES, 0, 1)
        start, _ = covering_block(box_from_landmarks(landmarks))
        shift = way * (width - start[0])
        matrix = similarity(1.0, 0.0, np.array([shift, 0.0]))
        moved = cv2.warpAffine(
            image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE
        )
        places = (landmarks + np.array([shift, 0])).astype(np.float32)
        outside = places[:, 0] > width - 1
        result.append(OccludedFrame(moved, places, outside, float(outside.mean())))
    return result


def _texture(rng: np.random.Generator, image: np.ndarray, fill: Fill) -> np.ndarray:
    """Return the surface (H, W, 3) uint8 of an object."""
    grey, saturation = rng.integers(0, 256), rng.random() ** 2
    colour = grey + saturation * (rng.integers(0, 256, 3) - grey)
    if fill == "picture":
        # Half a picture away from itself, so that no face is in its middle.
        height, width = image.shape[:2]
        return np.roll(cv2.flip(image, -1), (height // 2, width // 2), (0, 1))
    if fill == "colour":
        return np.broadcast_to(colour, image.shape).astype(np.uint8)
    side = max(image.shape[:2])
    corner = tuple(rng.integers(0, BANK_SIDE - side, 2).tolist())
    noise = noise_window(side, corner)[: image.shape[0], : image.shape[1]]
    return np.clip(noise + (colour - 128), 0, 255).astype(np.uint8)


def _moved(texture: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the texture moved by whole pixels; it repeats itself."""
    x, y = np.rint(shift).astype(int).tolist()
    return np.roll(texture, (y, x), axis=(0, 1))


def _occluded(
    image: np.ndarray, landmarks: np.ndarray, mask: np.ndarray, texture: np.ndarray
) -> OccludedFrame:
    weight = mask[..., None].astype(np.float32) / 255
    mixed = np.rint(image + weight * (texture.astype(np.float32) - image))
    x, y = np.rint(landmarks).astype(int).T
    height, width = mask.shape
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    hidden = mask[y.clip(0, height - 1), x.clip(0, width - 1)] > 127
    face = np.zeros_like(mask)
    cv2.fillConvexPoly(face, np.rint(_hull(landmarks)).astype(np.int32), 255)
    covered = float((mask[face > 0] > 127).mean()) if face.any() else 0.0
    return OccludedFrame(mixed.astype(np.uint8), landmarks, hidden & inside, covered)


def _hull(landmarks: np.ndarray) -> np.ndarray:
    return cv2.convexHull(np.asarray(landmarks, np.float32))
