"""The shots of a clip: pose, light and occluding objects, which move smoothly."""

import numpy as np

from data_pipeline.synthetic.head.patch import Light
from data_pipeline.synthetic.scene.conditions import (
    RANGES,
    Camera,
    Shot,
    pose_from_degrees,
    sample_camera,
    sample_light,
    sample_prop_position,
)
from data_pipeline.synthetic.scene.motion import smooth_track


def clip_shots(
    rng: np.random.Generator,
    frames: int,
    size: tuple[int, int],
    category: int,
) -> tuple[list[Shot], float]:
    """Sample the shots of a clip, and the fraction of a frame with an open shutter."""
    height, width = size
    ranges, camera = RANGES[category], sample_camera(rng, category)
    pace = ranges.turn_seconds * rng.uniform(0.8, 1.4)
    limits = np.array([ranges.sway, ranges.pitch, ranges.roll])
    rest = rng.uniform(-1, 1, 3) * (ranges.yaw, 0.5 * ranges.pitch, 0.4 * ranges.roll)
    if category == 3 and rng.random() < 0.5:
        rest[0] = rng.uniform(28, 38) * rng.choice((-1, 1))
    angles = rest + smooth_track(rng, frames, limits * (0.8, 1, 1), pace)
    angles[:, 0] = 62 * np.tanh(angles[:, 0] / 62)
    smaller = min(height, width)
    scale = rng.uniform(0.19, 0.25) * smaller
    scale = scale * (1 + smooth_track(rng, frames, 0.18 * ranges.drift, 1.5))
    reach = np.array(
        [0.5 * width - 1.3 * scale.max(), 0.5 * height - 1.45 * scale.max()]
    )
    reach = np.maximum(reach, 0.04 * smaller) * np.minimum(1, 0.5 + ranges.drift)
    centre = np.array([width, height]) / 2 + smooth_track(
        rng, frames, reach, 1.3 * pace
    )
    lights = _light_track(rng, frames, category, camera)
    props = _prop_track(rng, frames, camera)
    shots = [
        Shot(
            pose_from_degrees(*angles[t], scale[t], centre[t]),
            lights[t][0],
            exposure=lights[t][1],
            blur=camera.blur,
            shrink=camera.shrink,
            grain=camera.grain,
            quality=camera.quality,
            **props[t],
        )
        for t in range(frames)
    ]
    return shots, camera.motion_blur


def _light_track(
    rng: np.random.Generator, frames: int, category: int, camera: Camera
) -> list[tuple[Light, float]]:
    """Sample light and exposure of every frame."""
    light = sample_light(rng, 0.0 if category == 1 else rng.uniform(0.2, 1))
    turn = smooth_track(rng, frames, np.array([0.8, 0.3]) * camera.light_turn, 1.2)
    change = np.exp(smooth_track(rng, frames, 3 * camera.flicker, 0.8))
    tint = smooth_track(rng, frames, 0.12 * camera.light_turn, 1.0)
    track = []
    for t in range(frames):
        x, y, z = light.direction
        direction = (x + turn[t, 0], y + turn[t, 1], z)
        warmth = np.array([1 + tint[t], 1, 1 - tint[t]])
        now = Light(direction, tuple(warmth * light.key), light.ambient, light.fill)
        track.append((now, float(camera.exposure * change[t])))
    return track


def _prop_track(rng: np.random.Generator, frames: int, camera: Camera) -> list[dict]:
    """Sample the object before the face and its position in every frame."""
    if not camera.props:
        return [{}] * frames
    prop = str(rng.choice(camera.props))
    position = np.array(sample_prop_position(rng, prop))
    path = smooth_track(rng, frames, np.array([0.35, 0.25, 0.0]), 1.0)
    # The object comes from below, stays for a while and may leave again.
    arrives = rng.uniform(-0.2, 0.5) * frames
    leaves = arrives + rng.uniform(0.4, 1.2) * frames
    t = np.arange(frames)
    away = np.clip((arrives - t) / 12, 0, 1) + np.clip((t - leaves) / 12, 0, 1)
    away = away * away * (3 - 2 * away) * 3.5
    angle = rng.normal(0, 0.5) + smooth_track(rng, frames, 0.3, 1.0)
    return [
        {
            "prop": prop,
            "prop_position": (
                float(position[0] + path[k, 0]),
                float(position[1] + path[k, 1] + away[k]),
                float(position[2]),
            ),
            "prop_angle": float(angle[k]),
        }
        for k in range(frames)
    ]
