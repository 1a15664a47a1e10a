"""What happens to the pixels: light, colour, blur, noise, JPEG, resolution, occlusion.

An augmentation is drawn first (`draw_look`) and applied afterwards (`apply_look`), so
that two frames of one pair can share a look. The look is applied on a crop of the
resolution of the imagined camera, which is enlarged at the end: noise and compression
of a small face then have the grain they have in a video. NumPy and OpenCV, uint8.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from data_pipeline.augmentation.occlusion import (
    BANK_SIDE,
    BANK_SIGMA,
    Occluder,
    draw_occluder,
    noise_window,
    paint_occluder,
)
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE

# Luma weights of ITU-R BT.601, as in cv2.COLOR_RGB2GRAY.
LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Photometric:
    """Probabilities (of a crop) and strengths of the photometric augmentations.

    Attributes:
        colour_probability: of a new brightness, contrast, gamma and white balance.
        brightness: largest offset, fraction of the range.
        contrast: largest absolute logarithm of the contrast.
        gamma: largest absolute logarithm of the exponent.
        white_balance: largest relative change of a channel.
        saturation_probability: of a saturation between 0.3 and 1.7.
        grey_probability: of a grey picture.
        light_probability: of light that varies over the picture (shadows).
        light: largest relative change of such light.
        blur_probability: of blur, half defocus and half motion.
        blur: largest extent of blur, fraction of the face size.
        low_resolution_probability: of a small face.
        low_resolution: smallest and largest size of a small face in pixels.
        noise_probability: of Gaussian noise.
        noise: largest standard deviation of noise, fraction of the range.
        jpeg_probability: of JPEG compression.
        jpeg_quality: smallest and largest quality.
        occlusion_probability: of one block or more.
        occlusion: largest half axis of a block, fraction of the crop.
        border_probability: of one colour outside the stored picture; otherwise its
            edge is repeated.
    """

    colour_probability: float = 0.8
    brightness: float = 0.15
    contrast: float = 0.4
    gamma: float = 0.4
    white_balance: float = 0.12
    saturation_probability: float = 0.3
    grey_probability: float = 0.1
    light_probability: float = 0.25
    light: float = 0.6
    blur_probability: float = 0.25
    blur: float = 0.05
    low_resolution_probability: float = 0.3
    low_resolution: tuple[float, float] = (40.0, 100.0)
    noise_probability: float = 0.4
    noise: float = 0.06
    jpeg_probability: float = 0.35
    jpeg_quality: tuple[int, int] = (20, 90)
    occlusion_probability: float = 0.35
    occlusion: float = 0.16
    border_probability: float = 0.2

    @classmethod
    def none(cls) -> "Photometric":
        """Return the strengths that leave every pixel as it is."""
        return cls().rarer(0.0)

    def rarer(self, share: float) -> "Photometric":
        """Return what has all probabilities times ``share`` in [0, 1]."""
        names = [n for n in self.__dataclass_fields__ if n.endswith("_probability")]
        return replace(self, **{n: share * getattr(self, n) for n in names})


@dataclass(frozen=True, eq=False)
class Look:
    """One drawn photometric augmentation; None and 0 mean "leave as it is".

    Attributes:
        side: side in pixels of the crop to which the look is applied.
        border: RGB outside the stored picture, None to repeat its edge.
        colour: affine map (3, 4) of RGB.
        gamma: table (256,) uint8.
        light: coarse picture (4, 4, 3) uint8 of the light, 128 = unchanged.
        blur: kernel (k, k) float32.
        noise: standard deviation in [0, 255].
        jpeg: quality, 0 for none.
        occluders: blocks in front of the face.
    """

    side: int = CROP_SIZE
    border: tuple[int, int, int] | None = None
    colour: np.ndarray | None = None
    gamma: np.ndarray | None = None
    light: np.ndarray | None = None
    blur: np.ndarray | None = None
    noise: float = 0.0
    jpeg: int = 0
    occluders: tuple[Occluder, ...] = ()


def draw_look(rng: np.random.Generator, strength: Photometric) -> Look:
    """Draw one look."""
    chance = zip(_EVENTS, rng.random(len(_EVENTS)), strict=True)
    events = {e for e, x in chance if x < getattr(strength, f"{e}_probability")}
    side = CROP_SIZE
    if "low_resolution" in events:
        low, high = np.log(strength.low_resolution)
        side = min(round(CROP_MARGIN * np.exp(rng.uniform(low, high))), CROP_SIZE)
    blocks = int(rng.integers(1, 4)) if "occlusion" in events else 0
    extent = strength.blur * side / CROP_MARGIN
    low, high = strength.jpeg_quality
    return Look(
        side=side,
        border=_draw_border(rng) if "border" in events else None,
        colour=_draw_colour(rng, strength, events),
        gamma=_draw_gamma(rng, strength) if "colour" in events else None,
        light=_draw_light(rng, strength) if "light" in events else None,
        blur=draw_blur(rng, extent) if "blur" in events else None,
        # Squared: weak noise is the usual case.
        noise=255 * strength.noise * rng.random() ** 2 if "noise" in events else 0.0,
        jpeg=int(rng.integers(low, high + 1)) if "jpeg" in events else 0,
        occluders=tuple(draw_occluder(rng, strength.occlusion) for _ in range(blocks)),
    )


_EVENTS = tuple(
    name.removesuffix("_probability")
    for name in Photometric.__dataclass_fields__
    if name.endswith("_probability")
)


def _draw_border(rng: np.random.Generator) -> tuple[int, int, int]:
    """Return black half of the time, as decoders put there, else a colour."""
    if rng.random() < 0.5:
        return 0, 0, 0
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def _draw_colour(
    rng: np.random.Generator, strength: Photometric, events: set[str]
) -> np.ndarray | None:
    """Return the affine map (3, 4) of saturation, contrast, balance and brightness."""
    matrix, offset = np.eye(3), np.zeros(3)
    if "grey" in events:
        matrix = np.tile(LUMA, (3, 1))
    elif "saturation" in events:
        saturation = rng.uniform(0.3, 1.7)
        matrix = saturation * matrix + (1 - saturation) * LUMA
    elif "colour" not in events:
        return None
    if "colour" in events:
        contrast = np.exp(strength.contrast * rng.uniform(-1, 1))
        gain = 1.0
        if "grey" not in events:
            gain = 1 + strength.white_balance * rng.uniform(-1, 1, 3)
        brightness = 255 * strength.brightness * rng.uniform(-1, 1)
        matrix = contrast * np.reshape(gain, (-1, 1)) * matrix
        offset = offset + 128 * (1 - contrast) + brightness
    return np.column_stack([matrix, offset]).astype(np.float32)


def _draw_gamma(rng: np.random.Generator, strength: Photometric) -> np.ndarray:
    """Return the table (256,) uint8 of a random exponent."""
    exponent = np.exp(strength.gamma * rng.uniform(-1, 1))
    table = 255 * (np.arange(256) / 255) ** exponent
    return np.round(table).astype(np.uint8)


def _draw_light(rng: np.random.Generator, strength: Photometric) -> np.ndarray:
    """Return a coarse picture (4, 4, 3) uint8 of smooth, slightly coloured light."""
    grid = rng.uniform(-1, 1, (4, 4, 1)) + 0.15 * rng.uniform(-1, 1, (4, 4, 3))
    change = np.exp(strength.light * rng.random() * grid)
    return np.clip(np.round(128 * change), 0, 255).astype(np.uint8)


def draw_blur(rng: np.random.Generator, extent: float) -> np.ndarray | None:
    """Return a kernel of defocus or of motion, ``extent`` pixels wide at most."""
    width = extent * rng.random()
    size = 2 * int(np.ceil(width / 2)) + 1
    if size == 1:
        return None
    if rng.random() < 0.5:
        # A Gaussian whose full width at half maximum is about the extent.
        line = cv2.getGaussianKernel(size, 0.4 * width, cv2.CV_32F)
        return line @ line.T
    kernel = np.zeros((size, size), np.float32)
    angle = np.pi * rng.random()
    reach = width / 2 * np.array([np.cos(angle), np.sin(angle)])
    ends = np.round((size // 2 + np.stack([-reach, reach])) * 16).astype(int)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 1.0, 1, cv2.LINE_8, 4)
    return kernel / kernel.sum()


def apply_look(crop: np.ndarray, look: Look, rng: np.random.Generator) -> np.ndarray:
    """Return the crop (315, 315, 3) uint8 as the look shows it.

    Args:
        crop: (look.side, look.side, 3) uint8; may be written to.
        look: what to do.
        rng: where the noise comes from. Other than that nothing is random here.
    """
    if look.colour is not None:
        crop = cv2.transform(crop, look.colour)
    if look.gamma is not None:
        crop = cv2.LUT(crop, look.gamma)
    for occluder in look.occluders:
        paint_occluder(crop, occluder)
    if look.light is not None:
        light = cv2.resize(look.light, (look.side, look.side))
        crop = cv2.multiply(crop, light, scale=1 / 128)
    if look.blur is not None:
        crop = cv2.filter2D(crop, -1, look.blur, borderType=cv2.BORDER_REPLICATE)
    if look.noise > 0:
        offset = rng.integers(0, BANK_SIDE - look.side, 2)
        weight = look.noise / BANK_SIGMA
        noise = noise_window(look.side, tuple(offset.tolist()))
        crop = cv2.addWeighted(crop, 1.0, noise, weight, -128 * weight)
    if look.jpeg:
        # Channel order is of no interest here: the codec gives back what it was given.
        code = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, look.jpeg])[1]
        crop = cv2.imdecode(code, cv2.IMREAD_COLOR)
    if look.side != CROP_SIZE:
        crop = cv2.resize(crop, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_LINEAR)
    return crop
