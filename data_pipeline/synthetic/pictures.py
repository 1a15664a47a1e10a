"""Synthetic stills and clips with exact landmarks, in memory."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from data_pipeline.synthetic.head.face_model import (
    Expression,
    Identity,
    Pose,
    sample_identity,
)
from data_pipeline.synthetic.head.patch import Patch, moved, rotation
from data_pipeline.synthetic.head.person import Person
from data_pipeline.synthetic.scene.background import paint_background
from data_pipeline.synthetic.scene.conditions import RANGES, Shot, sample_still
from data_pipeline.synthetic.scene.motion import expression_track, sample_expression
from data_pipeline.synthetic.scene.photograph import develop, motion_blur
from data_pipeline.synthetic.scene.props import PROPS
from data_pipeline.synthetic.scene.renderer import render
from data_pipeline.synthetic.scene.shots import clip_shots

STILL_SIZE = (300, 300)
CLIP_SIZE = (240, 320)


def draw_face(
    rng: np.random.Generator,
    category: int | None = 1,
    size: tuple[int, int] = STILL_SIZE,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one face of a new person.

    Args:
        rng: decides everything. The same state gives the same picture.
        category: 1 is well lit. 2 has difficult light. 3 is covered, dark, blurred or
            turned far. None has the variety of annotated photographs.
        size: (H, W) of the picture in pixels.

    Returns:
        The image (H, W, 3) uint8 RGB and its landmarks (68, 2) float32.

    Raises:
        ValueError: the category is unknown, or the size is too small.
    """
    _check(category, size)
    identity = _with_cover(rng, sample_identity(rng), category)
    shot = sample_still(rng, size, category)
    expression = sample_expression(rng)
    background = paint_background(rng, size)
    props = _prop_patches(identity, shot.prop, rng)
    return _photograph(Person(identity), expression, shot, background, props, rng)


def draw_turned_face(
    rng: np.random.Generator, pose: Pose, size: tuple[int, int] = STILL_SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one well lit face in a known pose.

    Args:
        rng: decides everything else. With the same state it is the same person before
            the same background, so several poses make a clip.
        pose: of the head, in pixels of the picture.
        size: (H, W) of the picture in pixels.

    Returns:
        The image (H, W, 3) uint8 RGB and its landmarks (68, 2) float32.

    Raises:
        ValueError: the size is too small.
    """
    _check(1, size)
    person = Person(sample_identity(rng))
    shot = replace(sample_still(rng, size, 1), pose=pose, prop=None)
    expression = sample_expression(rng)
    background = paint_background(rng, size)
    return _photograph(person, expression, shot, background, [], rng)


def draw_clip(
    rng: np.random.Generator,
    category: int = 1,
    frames: int = 60,
    size: tuple[int, int] = CLIP_SIZE,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the frames of a clip of a new person, each like a return of `draw_face`.

    Identity, background and the kind of disturbance stay the same. Pose, expression,
    light and occluders change smoothly.

    Args:
        rng: decides everything.
        category: 1, 2 or 3, see `draw_face`.
        frames: number of frames, at 25 per second.
        size: (H, W) of the frames in pixels.

    Raises:
        ValueError: the category is unknown, or the size is too small.
    """
    _check(category, size)
    identity = _with_cover(rng, sample_identity(rng), category)
    person = Person(identity)
    shots, shutter = clip_shots(rng, frames, size, category)
    expressions = expression_track(rng, frames, RANGES[category].expression_strength)
    background = paint_background(rng, size)
    props = _prop_patches(identity, shots[0].prop, rng)
    before = None
    for shot, expression in zip(shots, expressions, strict=True):
        shift = np.zeros(2)
        if before is not None:
            shift = shutter * _nose_shift(before, shot.pose)
        before = shot.pose
        yield _photograph(person, expression, shot, background, props, rng, shift=shift)


def _check(category: int | None, size: tuple[int, int]) -> None:
    """Raise a ``ValueError`` for an unknown category or a wrong size."""
    if category not in (None, 1, 2, 3):
        raise ValueError(f"`category` must be 1, 2 or 3. Received: {category!r}")
    if len(size) != 2 or min(size) < 48:
        raise ValueError(f"`size` must be (H, W) of 48 or more. Received: {size!r}")


def _with_cover(
    rng: np.random.Generator, identity: Identity, category: int | None
) -> Identity:
    """Return the identity; in category 3 some get sunglasses or a fringe."""
    if category != 3:
        return identity
    if rng.random() < 0.2:
        return replace(identity, glasses="dark")
    if rng.random() < 0.2:
        return replace(identity, hair_style="fringe", beard=0.0)
    return identity


def _prop_patches(
    identity: Identity, prop: str | None, rng: np.random.Generator
) -> list[Patch]:
    """Return the patches of an object held in the hand, around the origin."""
    return PROPS[prop](identity, rng) if prop else []


def _nose_shift(before: Pose, now: Pose) -> np.ndarray:
    """Return the movement (2,) of the middle of the face, in pixels."""
    turn = np.array([now.yaw - before.yaw, now.pitch - before.pitch])
    return np.subtract(now.centre, before.centre) + now.scale * turn


def _photograph(
    person: Person,
    expression: Expression,
    shot: Shot,
    background: np.ndarray,
    props: list[Patch],
    rng: np.random.Generator,
    shift: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture (H, W, 3) uint8 of a shot, and its landmarks (68, 2)."""
    patches = person.patches(expression, shot.pose, shot.light)
    if shot.prop:
        tilt = rotation(Pose(roll=shot.prop_angle, pitch=-0.2))
        patches += [moved(patch, tilt, shot.prop_position) for patch in props]
    picture = render(patches, shot.pose, shot.light, background)
    if shift is not None:
        picture = motion_blur(picture, shift)
    image = develop(
        picture,
        rng,
        exposure=shot.exposure,
        blur=shot.blur,
        shrink=shot.shrink,
        grain=shot.grain,
        quality=shot.quality,
    )
    return image, person.landmarks(expression, shot.pose)
