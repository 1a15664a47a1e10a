"""The parameters of a face: identity, expression and pose.

Lengths are in *head units*: half the width of the face between the ears is 1. In the
head frame x points to the right of the picture, y down and z towards the viewer. Its
origin lies between the eyes at the depth of the ears. The mean proportions are those of
an average adult face.
"""

from dataclasses import dataclass, field, replace

import numpy as np

# sRGB, from light to dark.
_SKIN = np.array(
    [
        (236, 200, 176),
        (228, 186, 158),
        (219, 172, 140),
        (196, 145, 110),
        (160, 110, 80),
        (122, 82, 60),
        (92, 62, 46),
    ],
    float,
)
_HAIR = np.array(
    [(20, 17, 16), (42, 30, 24), (80, 54, 36), (125, 88, 55), (190, 155, 105)], float
)
_GREY_HAIR = np.array((165, 162, 158), float)
_EYES = np.array([(70, 42, 24), (98, 66, 36), (92, 104, 66), (86, 122, 150)], float)
_LIPS = np.array((178, 82, 84), float)


def to_linear(colour: np.ndarray) -> np.ndarray:
    """Return linear light in [0, 1] of sRGB values in 0..255 (gamma 2.2)."""
    return (np.clip(np.asarray(colour, np.float32), 0, 255) / 255.0) ** 2.2


@dataclass(frozen=True)
class Identity:
    """A person: shape in head units, colours in linear RGB.

    The geometry is symmetric. Asymmetry is part of the ``Expression``.
    """

    seed: int
    chin: float = 1.58
    jaw_power: float = 2.4
    jaw_square: float = 1.7
    crown: float = 1.55
    eye_centre: float = 0.45
    eye_width: float = 0.36
    eye_height: float = 0.105
    eye_slant: float = 0.02
    brow_y: float = -0.32
    brow_arch: float = 0.05
    brow_thickness: float = 0.075
    nose_length: float = 0.64
    nose_width: float = 0.21
    nose_depth: float = 0.33
    mouth_y: float = 0.91
    mouth_width: float = 0.38
    upper_lip: float = 0.085
    lower_lip: float = 0.125
    cheek: float = 0.05
    wrinkles: float = 0.3
    freckles: float = 0.0
    stubble: float = 0.0
    beard: float = 0.0
    moustache: float = 0.0
    skin: np.ndarray = field(default_factory=lambda: to_linear(_SKIN[1]))
    lips: np.ndarray = field(default_factory=lambda: to_linear(_LIPS))
    hair: np.ndarray = field(default_factory=lambda: to_linear(_HAIR[1]))
    iris: np.ndarray = field(default_factory=lambda: to_linear(_EYES[1]))
    clothes: np.ndarray = field(default_factory=lambda: to_linear((60, 80, 120)))
    hair_style: str = "short"
    hair_thickness: float = 0.16
    glasses: str = "none"


@dataclass(frozen=True)
class Expression:
    """The expression of a face. All zeros with ``lids`` (1, 1) is the neutral face.

    Pairs are (image left, image right) of the unturned face, ``gaze`` is (x, y).
    """

    mouth_open: float = 0.0
    smile: float = 0.0
    pucker: float = 0.0
    skew: float = 0.0
    lids: tuple[float, float] = (1.0, 1.0)
    brows: tuple[float, float] = (0.0, 0.0)
    frown: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)

    def mirrored(self) -> "Expression":
        """Return the expression seen in a mirror."""
        return replace(
            self,
            skew=-self.skew,
            lids=self.lids[::-1],
            brows=self.brows[::-1],
            gaze=(-self.gaze[0], self.gaze[1]),
        )


@dataclass(frozen=True)
class Pose:
    """The pose of a head: angles in radians, ``scale`` in pixels per head unit.

    Positive yaw turns the nose to the right of the picture. Positive pitch lowers the
    nose. Positive roll is clockwise. ``centre`` is the pixel of the head's origin.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 60.0
    centre: tuple[float, float] = (160.0, 120.0)

    def mirrored(self, width: int) -> "Pose":
        """Return the pose in the mirrored picture of ``width`` pixels."""
        centre = (width - 1 - self.centre[0], self.centre[1])
        return replace(self, yaw=-self.yaw, roll=-self.roll, centre=centre)


def _between(rng: np.random.Generator, colours: np.ndarray) -> np.ndarray:
    """Sample a colour on the polyline through ``colours`` (N, 3), in linear light."""
    position = rng.uniform(0, len(colours) - 1)
    index = min(int(position), len(colours) - 2)
    fraction = position - index
    return to_linear(colours[index] * (1 - fraction) + colours[index + 1] * fraction)


def _colours(rng: np.random.Generator) -> dict:
    """Sample colours of skin, lips, hair, iris and clothes that occur together."""
    skin = _between(rng, _SKIN)
    darkness = 1.0 - float(skin.mean()) / 0.65
    hair = _between(rng, _HAIR[: 5 if darkness < 0.55 else 2])
    if rng.random() < 0.15:
        hair = hair * 0.3 + 0.7 * to_linear(_GREY_HAIR)
    iris = _between(rng, _EYES[: 4 if darkness < 0.5 else 2])
    redness = rng.uniform(0.3, 0.75)
    lips = skin * (1 - redness) + redness * to_linear(_LIPS) * (0.4 + skin.mean())
    clothes = to_linear(rng.uniform(20, 225) + rng.normal(0, 35, 3).clip(-60, 60))
    clothes = np.clip(clothes, 0.005, 0.85)
    return {"skin": skin, "lips": lips, "hair": hair, "iris": iris, "clothes": clothes}


def _hair(rng: np.random.Generator) -> dict:
    """Sample hair style, facial hair and glasses."""
    bearded = rng.random() < 0.45
    styles = ("short", "side", "receding", "bald", "fringe")
    if not bearded:
        styles = ("short", "side", "fringe", "bob", "long", "tied")
    beard = rng.uniform(0.45, 0.95) if bearded and rng.random() < 0.35 else 0.0
    return {
        "hair_style": str(rng.choice(styles)),
        "hair_thickness": rng.uniform(0.1, 0.24),
        "stubble": rng.uniform(0.1, 0.6) if bearded else 0.0,
        "beard": beard,
        "moustache": max(beard, rng.choice([0, 0, 0, 0.8])) if bearded else 0.0,
        "glasses": "clear" if rng.random() < 0.18 else "none",
    }


def sample_identity(rng: np.random.Generator) -> Identity:
    """Sample a person."""

    def vary(mean: float, spread: float) -> float:
        return mean + spread * float(np.clip(rng.normal(), -2, 2))

    return Identity(
        seed=int(rng.integers(2**31)),
        chin=vary(1.57, 0.08),
        jaw_power=vary(2.45, 0.18),
        jaw_square=vary(1.72, 0.13),
        crown=vary(1.52, 0.07),
        eye_centre=vary(0.45, 0.018),
        eye_width=vary(0.355, 0.018),
        eye_height=vary(0.117, 0.013),
        eye_slant=vary(0.022, 0.013),
        brow_y=vary(-0.315, 0.025),
        brow_arch=vary(0.045, 0.02),
        brow_thickness=vary(0.085, 0.018),
        nose_length=vary(0.64, 0.035),
        nose_width=vary(0.21, 0.018),
        nose_depth=vary(0.33, 0.03),
        mouth_y=vary(0.915, 0.03),
        mouth_width=vary(0.375, 0.025),
        upper_lip=vary(0.085, 0.018),
        lower_lip=vary(0.125, 0.02),
        cheek=vary(0.05, 0.02),
        wrinkles=float(rng.beta(1.2, 2.5)),
        freckles=float(rng.random() ** 3),
        **_hair(rng),
        **_colours(rng),
    )
