"""Animates one annotated still: a moving face before a moving, imperfect camera."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from data_pipeline.augmentation.facial_motion import FacialMotion, animate_landmarks
from data_pipeline.augmentation.occlusion import (
    Occluder,
    paint_occluder,
    sample_occluder,
)
from data_pipeline.augmentation.warp import Warp, find
from data_pipeline.synthetic.scene.conditions import (
    RANGES,
    Camera,
    Ranges,
    sample_camera,
)
from data_pipeline.synthetic.scene.motion import expression_track, smooth_track
from data_pipeline.synthetic.scene.photograph import develop, linear_light, motion_blur
from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    compose,
    crop_matrix,
    similarity,
)
from strrn_tf.tracking.networks.crop import cut

# The frames are squares in which the face takes 40 % of the side. The still is cut
# wider by a factor, so that it covers moved frames.
SIDE, _MARGIN = 400, 2.5
_WIDE = 1.4


def animate_still(
    rng: np.random.Generator,
    image: np.ndarray,
    landmarks: np.ndarray,
    category: int,
    frames: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the frames (400, 400, 3) uint8 of a clip with their landmarks (68, 2).

    Args:
        rng: decides everything.
        image: still (H, W, 3) uint8.
        landmarks: (68, 2) in pixels of the still.
        category: 1 is well lit. 2 has changing light and larger motion. 3 has objects
            before the face, darkness, blur, low resolution and large turns.
        frames: number of frames, at 25 per second.
    """
    ranges, camera = RANGES[category], sample_camera(rng, category)
    still, landmarks = _cut_out(image, landmarks)
    motions = facial_motion_track(rng, frames, ranges)
    matrices = _matrices(rng, frames, ranges, landmarks.mean(0))
    lights = _lights(rng, frames, camera)
    occluders = _occluders(rng, frames, camera)
    before = None
    for motion, matrix, light, blocks in zip(
        motions, matrices, lights, occluders, strict=True
    ):
        wanted = animate_landmarks(landmarks, motion)
        maps = Warp(landmarks, wanted).maps(matrix, SIDE)
        seen = find(maps, landmarks, apply_matrix(matrix, wanted))
        picture = cv2.remap(
            still, maps, None, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
        )
        for block in blocks:
            paint_occluder(picture, block)
        shift = np.zeros(2) if before is None else (seen - before).mean(0)
        before = seen
        lit = motion_blur(linear_light(picture) * light, camera.motion_blur * shift)
        yield _develop(lit, camera, rng), seen.astype(np.float32)


def facial_motion_track(
    rng: np.random.Generator, frames: int, ranges: Ranges
) -> list[FacialMotion]:
    """Sample the facial motion of every frame of a clip."""
    sway = np.radians([0.7 * ranges.sway, 0.7 * ranges.pitch])
    pace = ranges.turn_seconds * rng.uniform(0.8, 1.4)
    turns = smooth_track(rng, frames, sway, pace)
    shown = expression_track(rng, frames, ranges.expression_strength)
    # The still has a smile of its own, so the added smile averages zero.
    smile = float(np.mean([e.smile for e in shown]))
    return [
        FacialMotion(
            yaw=float(yaw),
            pitch=float(pitch),
            mouth_open=e.mouth_open,
            smile=e.smile - smile,
            pucker=e.pucker,
            brows=sum(e.brows) / 2,
            skew=e.skew,
            lids_closed=max(0.0, 1 - e.lids[0]),
        )
        for (yaw, pitch), e in zip(turns, shown, strict=True)
    ]


def _cut_out(image: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a square cut with the face in its middle, and the landmarks in it."""
    side = round(SIDE * _WIDE)
    box = box_from_landmarks(landmarks)
    matrix = crop_matrix(box, side, _MARGIN * _WIDE)
    return cut(image, matrix, side), apply_matrix(matrix, landmarks)


def _matrices(
    rng: np.random.Generator, frames: int, ranges: Ranges, centre: np.ndarray
) -> list[np.ndarray]:
    """Sample the matrix (2, 3) from the still to every frame."""
    roll = np.radians(smooth_track(rng, frames, 0.8 * ranges.roll, 1.3))
    size = np.exp(smooth_track(rng, frames, 0.25 * ranges.drift, 1.5))
    path = smooth_track(rng, frames, np.full(2, 0.18 * ranges.drift * SIDE), 1.4)
    return [
        compose(
            similarity(size[t], roll[t], np.full(2, SIDE / 2) + path[t]),
            similarity(1.0, 0.0, -centre),
        )
        for t in range(frames)
    ]


def _lights(rng: np.random.Generator, frames: int, camera: Camera) -> list[np.ndarray]:
    """Sample for every frame the factor (400, 400, 3) of the light."""
    change = camera.exposure * np.exp(smooth_track(rng, frames, camera.flicker, 0.8))
    slope = smooth_track(rng, frames, np.full(2, 0.9 * camera.light_turn), 1.2)
    tint = smooth_track(rng, frames, 0.12 * camera.light_turn, 1.0)
    along = np.linspace(-0.5, 0.5, SIDE, dtype=np.float32)
    lights = []
    for t in range(frames):
        plane = slope[t, 0] * along[None, :, None] + slope[t, 1] * along[:, None, None]
        colour = np.array([1 + tint[t], 1.0, 1 - tint[t]])
        lights.append((change[t] * colour * np.exp(plane)).astype(np.float32))
    return lights


def _occluders(
    rng: np.random.Generator, frames: int, camera: Camera
) -> list[list[Occluder]]:
    """Sample the blocks before the face in every frame. They come and go."""
    if not camera.props:
        return [[] for _ in range(frames)]
    block = replace(sample_occluder(rng, 0.1), angle=float(rng.uniform(0, np.pi)))
    path = smooth_track(rng, frames, np.full(2, 0.12), 1.0)
    arrives = rng.uniform(-0.2, 0.5) * frames
    leaves = arrives + rng.uniform(0.4, 1.2) * frames
    t = np.arange(frames)
    # The block slides in from below and out again within half a second.
    away = np.clip((arrives - t) / 12, 0, 1) + np.clip((t - leaves) / 12, 0, 1)
    shift = path + np.stack([np.zeros(frames), away], -1)
    return [[block.moved(s)] for s in shift]


def _develop(
    picture: np.ndarray, camera: Camera, rng: np.random.Generator
) -> np.ndarray:
    return develop(
        picture,
        rng,
        blur=camera.blur,
        shrink=camera.shrink,
        grain=camera.grain,
        quality=camera.quality,
    )
