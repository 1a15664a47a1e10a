"""Clips whose face is spoiled for a moment, and clips that are shaken.

The clips are those of ``clip.animate_still``.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from data_pipeline.animation.occluded_clip import Frames
from data_pipeline.augmentation.occlusion import Occluder, paint_occluder
from data_pipeline.synthetic.scene.motion import FRAMES_PER_SECOND
from data_pipeline.synthetic.scene.photograph import motion_blur
from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    box_sides,
    face_size,
    similarity,
)

# From a frame (H, W, 3) uint8 and its landmarks (68, 2) to the spoiled frame.
Spoil = Callable[[np.ndarray, np.ndarray], np.ndarray]
# Frames of a run that is spoiled, and what others are called.
RUN = 6
CLEAN, BEHIND = "clean", "behind"
# Shaking: half ranges in sides of the face box and in radians, and swings per second.
SHAKE, SHAKE_ROLL, SWINGS = 0.35, 0.12, 1.2
# Share of the light that is left, and noise in grey levels.
DARKNESS, GRAIN = 1 / 16, 10.0
# Width of the face in pixels, and length of the motion blur in sides of the face.
SMALL, BLUR = 18, 1 / 3
# Blocks of a mosaic in the width of the face, and factor on the light.
BLOCKS, BRIGHTNESS = 9, 16.0
# Radius of the disc to which a lens that is out of focus spreads a point, in sides of
# the face.
DEFOCUS = 1 / 10
# Contrast that a mist leaves, and its own grey level.
CONTRAST, MIST = 1 / 16, 200.0
# Bands of rows in a side of the face, and standard deviation of their shifts in sides.
BANDS, TEAR = 24, 1 / 8
# Width of the face in pixels, and quality of JPEG.
STALLED, QUALITY = 36, 4


def shaken(rng: np.random.Generator, frames: Frames) -> Frames:
    """Return the frames of a head that is shaken in the picture, with motion blur."""
    size = face_size(box_from_landmarks(frames[0][1]))
    # Not quite the same pace in x, y and roll.
    phases = rng.uniform(0, 2 * np.pi, 3)
    result, before = [], None
    for number, (image, landmarks) in enumerate(frames):
        turns = SWINGS * number / FRAMES_PER_SECOND * np.array([1, 0.8, 1.1])
        swing = np.sin(2 * np.pi * turns + phases)
        height, width = image.shape[:2]
        middle = similarity(1.0, 0.0, np.array([width / 2, height / 2]))
        turn = similarity(
            1.0, SHAKE_ROLL * swing[2], SHAKE * size * swing[:2] * (1, 0.5)
        )
        turn[:, 2] += middle[:, 2] - turn[:, :2] @ middle[:, 2]
        moved = cv2.warpAffine(
            image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE
        )
        places = apply_matrix(turn, landmarks).astype(np.float32)
        shift = np.zeros(2) if before is None else (places - before).mean(0)
        result.append((motion_blur(moved, 0.3 * shift), places))
        before = places
    return result


def _block(rng: np.random.Generator) -> Spoil:
    """Return a function that puts one object before the face."""
    part, place = rng.uniform(0.5, 0.9, 2), rng.uniform(-0.25, 0.25, 2)
    fill = ("colour", "noise")[rng.integers(2)]
    colour = tuple(rng.integers(0, 256, 3).tolist())
    texture = tuple(rng.integers(0, 300, 2).tolist())

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        side = image.shape[0]
        box = box_from_landmarks(landmarks)
        centre = (box[:2] + box[2:]) / 2 + place * box_sides(box)
        axes = part * box_sides(box) / 2 / side
        painted = np.ascontiguousarray(image).copy()
        paint_occluder(
            painted,
            Occluder(tuple(centre / side), tuple(axes), 0.0, 4, fill, colour, texture),
        )
        return painted

    return spoil


def _dark(rng: np.random.Generator) -> Spoil:
    """Return a function that takes light away and adds noise."""

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        # Tones are the 2.2th root of the light.
        dark = image * DARKNESS ** (1 / 2.2) + rng.normal(0, GRAIN, image.shape)
        return np.clip(np.rint(dark), 0, 255).astype(np.uint8)

    return spoil


def _shrunk(image: np.ndarray, landmarks: np.ndarray, face_width: int) -> np.ndarray:
    """Return a picture in which the face is some pixels wide."""
    height, width = image.shape[:2]
    scale = face_width / box_sides(box_from_landmarks(landmarks))[0]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _small(rng: np.random.Generator) -> Spoil:
    """Return a function that leaves a face of few pixels."""

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        small = _shrunk(image, landmarks, SMALL)
        return cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)

    return spoil


def _blur(rng: np.random.Generator) -> Spoil:
    """Return a function that blurs by motion in one direction."""
    angle = rng.uniform(0, np.pi)
    direction = np.array([np.cos(angle), np.sin(angle)])

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        length = BLUR * face_size(box_from_landmarks(landmarks))
        return motion_blur(image, length * direction)

    return spoil


def _mosaic(rng: np.random.Generator) -> Spoil:
    """Return a function that makes a face unrecognisable, as reporters do."""

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        small = _shrunk(image, landmarks, BLOCKS)
        return cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)

    return spoil


def _compressed(rng: np.random.Generator) -> Spoil:
    """Return a function that leaves what a network connection that stalls lets pass."""

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        small = _shrunk(image, landmarks, STALLED)
        code = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
        small = cv2.imdecode(code, cv2.IMREAD_COLOR)
        return cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)

    return spoil


def _overexposed(rng: np.random.Generator) -> Spoil:
    """Return a function that gives a picture too much light."""

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        # Tones are the 2.2th root of the light.
        bright = image * BRIGHTNESS ** (1 / 2.2)
        return np.clip(np.rint(bright), 0, 255).astype(np.uint8)

    return spoil


def _defocus(rng: np.random.Generator) -> Spoil:
    """Return a function that puts a picture out of focus, as a camera that hunts."""

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        radius = DEFOCUS * face_size(box_from_landmarks(landmarks))
        reach = int(np.ceil(radius))
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        disc = (x**2 + y**2 <= radius**2).astype(np.float32)
        return cv2.filter2D(
            image, -1, disc / disc.sum(), borderType=cv2.BORDER_REPLICATE
        )

    return spoil


def _fog(rng: np.random.Generator) -> Spoil:
    """Return a function that looks through a lens in a mist."""

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        return np.rint(CONTRAST * image + MIST).astype(np.uint8)

    return spoil


def _torn(rng: np.random.Generator) -> Spoil:
    """Return a function that shifts bands of rows, as a bad signal to a screen does."""

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        size, torn = face_size(box_from_landmarks(landmarks)), image.copy()
        height = max(1, round(size / BANDS))
        for top in range(0, len(image), height):
            shift = round(rng.normal(0, TEAR * size))
            torn[top : top + height] = np.roll(image[top : top + height], shift, 1)
        return torn

    return spoil


SPOILS: dict[str, Callable[[np.random.Generator], Spoil]] = {
    "block": _block,
    "dark": _dark,
    "small": _small,
    "blur": _blur,
}
# Stronger than anything in the augmentation.
ALL_SPOILS = {
    **SPOILS,
    "mosaic": _mosaic,
    "compressed": _compressed,
    "overexposed": _overexposed,
    "defocus": _defocus,
    "fog": _fog,
    "torn": _torn,
}


def spoil_runs(
    rng: np.random.Generator, frames: Frames, ways: Sequence[str] = tuple(SPOILS)
) -> tuple[list[np.ndarray], list[str]]:
    """Spoil a run of ``RUN`` frames in each of some ways, in random order.

    Args:
        rng: decides the order and what is seen.
        frames: images (H, W, 3) uint8 and landmarks (68, 2), at least 62 for four runs.
        ways: keys of ``ALL_SPOILS``, one for every run.

    Returns:
        The images, and for every frame one of ``ways``, ``BEHIND`` for the ``RUN``
        frames behind a run, or ``CLEAN``.
    """
    images, kinds = [image for image, _ in frames], [CLEAN] * len(frames)
    # The first run leaves time for a template, the last one for the frames behind it.
    starts = np.linspace(10, len(frames) - 2 * RUN - 4, len(ways)).astype(int)
    for kind, start in zip(rng.permutation(list(ways)), starts.tolist(), strict=True):
        spoil = ALL_SPOILS[str(kind)](rng)
        for number in range(start, start + RUN):
            images[number] = spoil(images[number], frames[number][1])
            kinds[number], kinds[number + RUN] = str(kind), BEHIND
    return images, kinds
