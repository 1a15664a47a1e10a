"""Recording conditions: the meaning of the three 300VW categories here.

Category 1 is well lit. Category 2 has changing light and larger motion. Category 3 has
objects before the face, darkness, blur, low resolution and large poses.
"""

from dataclasses import dataclass, field

import numpy as np

from data_pipeline.synthetic.head.face_model import Pose
from data_pipeline.synthetic.head.patch import Light
from data_pipeline.synthetic.scene.props import PROPS


@dataclass(frozen=True)
class Ranges:
    """Ranges of one category.

    Attributes:
        yaw: half range of the mean yaw of a clip, in degrees.
        pitch, roll: half ranges around the means of a clip, in degrees.
        sway: half range of the yaw around its mean, in degrees.
        turn_seconds: mean time between two turning points of the head.
        drift: amount of movement in the picture and of change in size.
        expression_strength: factor on expressions.
    """

    yaw: float
    pitch: float
    roll: float
    sway: float
    turn_seconds: float
    drift: float
    expression_strength: float


RANGES = {
    1: Ranges(18, 9, 7, 18, 1.6, 0.12, 0.8),
    2: Ranges(22, 14, 14, 32, 1.2, 0.4, 1.2),
    3: Ranges(30, 14, 14, 38, 1.2, 0.35, 1.1),
}
STILL_YAW = 35.0


@dataclass(frozen=True)
class Shot:
    """One frame: pose, light, camera settings, and an object before the face."""

    pose: Pose
    light: Light
    exposure: float = 1.0
    blur: float = 0.0
    shrink: float = 1.0
    grain: float = 0.01
    quality: int = 92
    prop: str | None = None
    prop_position: tuple[float, float, float] = (0.0, 0.0, 1.9)
    prop_angle: float = 0.0


@dataclass(frozen=True)
class Camera:
    """Settings that stay the same over a clip."""

    exposure: float = 1.0
    blur: float = 0.0
    shrink: float = 1.0
    grain: float = 0.01
    quality: int = 92
    motion_blur: float = 0.3
    flicker: float = 0.02
    light_turn: float = 0.1
    props: tuple[str, ...] = field(default=())


def sample_light(rng: np.random.Generator, hardness: float = 0.0) -> Light:
    """Sample a light. ``hardness`` 0 is soft and frontal, 1 is a single lamp."""
    side = rng.uniform(0.15, 0.6 + 0.6 * hardness) * rng.choice((-1, 1))
    direction = (side, rng.uniform(-0.75, -0.15), rng.uniform(0.6, 1.0))
    warmth = rng.normal(0, 0.07 + 0.05 * hardness)
    ambient = rng.uniform(0.24, 0.42) * (1 - 0.6 * hardness)
    key = rng.uniform(0.85, 1.15) * (1 + 0.25 * hardness)
    tint = np.array([1 + warmth, 1.0, 1 - 1.2 * warmth])
    sky = rng.normal(0, 0.06, 3)
    return Light(
        direction=direction,
        key=tuple(key * tint),
        ambient=tuple(ambient * (1 + sky)),
        fill=rng.uniform(0.08, 0.25) * (1 - 0.7 * hardness),
    )


def sample_camera(rng: np.random.Generator, category: int) -> Camera:
    """Sample the camera of a clip of a category."""
    if category == 1:
        return Camera(
            exposure=rng.uniform(0.9, 1.2),
            blur=rng.uniform(0, 0.5),
            grain=rng.uniform(0.004, 0.014),
            quality=int(rng.integers(85, 97)),
        )
    if category == 2:
        return Camera(
            exposure=rng.uniform(0.55, 1.25),
            blur=rng.uniform(0, 0.7),
            grain=rng.uniform(0.008, 0.025),
            quality=int(rng.integers(70, 92)),
            motion_blur=0.6,
            flicker=0.22,
            light_turn=1.0,
        )
    dark = rng.random() < 0.5
    low = rng.random() < 0.4
    return Camera(
        exposure=rng.uniform(0.12, 0.35) if dark else rng.uniform(0.5, 1.2),
        blur=rng.uniform(0.3, 1.5),
        shrink=rng.uniform(0.35, 0.6) if low else 1.0,
        grain=rng.uniform(0.02, 0.05) if dark else rng.uniform(0.008, 0.03),
        quality=int(rng.integers(35, 80)),
        motion_blur=rng.uniform(0.5, 1.0),
        flicker=0.12,
        light_turn=0.4,
        props=tuple(PROPS) if rng.random() < 0.75 else (),
    )


def sample_still(
    rng: np.random.Generator, size: tuple[int, int], category: int | None = None
) -> Shot:
    """Sample the shot of a still. Without a category it is like a photograph."""
    height, width = size
    yaw = np.clip(rng.normal(0, 17), -STILL_YAW, STILL_YAW)
    pitch, roll = np.clip(rng.normal(0, (8, 7)), -20, 20)
    if category is not None:
        limit = RANGES[category].yaw
        yaw = rng.uniform(-limit, limit) * (2.0 if category == 3 else 1.0)
    scale = rng.uniform(0.17, 0.255) * min(height, width)
    centre = np.array([width / 2, 0.5 * height]) + rng.normal(0, 0.05, 2) * (
        width,
        height,
    )
    chosen = category or int(rng.choice([1, 1, 2, 2, 3]))
    camera = sample_camera(rng, chosen)
    exposure = camera.exposure if category else max(camera.exposure, 0.45)
    prop = None
    if camera.props and (category or rng.random() < 0.4):
        prop = str(rng.choice(camera.props))
    return Shot(
        pose_from_degrees(yaw, pitch, roll, scale, centre),
        sample_light(rng, 0.0 if chosen == 1 else rng.uniform(0, 1)),
        exposure=exposure,
        blur=camera.blur,
        shrink=camera.shrink if category else 1.0,
        grain=camera.grain,
        quality=max(camera.quality, 70) if category is None else camera.quality,
        prop=prop,
        prop_position=sample_prop_position(rng, prop),
        prop_angle=rng.normal(0, 0.5),
    )


def pose_from_degrees(
    yaw: float, pitch: float, roll: float, scale: float, centre: np.ndarray
) -> Pose:
    """Return a pose from degrees and pixels."""
    angles = (float(np.radians(angle)) for angle in (yaw, pitch, roll))
    return Pose(*angles, float(scale), (float(centre[0]), float(centre[1])))


def sample_prop_position(
    rng: np.random.Generator, prop: str | None
) -> tuple[float, float, float]:
    """Sample the position of a held object, in head units relative to the eyes."""
    low = {"microphone": 1.1, "cup": 1.15, "hand": 0.6}.get(prop or "", 0.0)
    x, y = rng.normal(0, (0.45, 0.2))
    return float(x), float(low + y), 1.75
