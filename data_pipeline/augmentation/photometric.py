"""Photometric augmentation: light, colour, blur, noise, JPEG, resolution, occluders.

Parameters are sampled first (`sample_photometric`) and applied afterwards
(`apply_photometric`), so both frames of a pair can share them. They are applied at the
resolution of the imagined camera, and the crop is enlarged last. Noise and compression
of a small face therefore have the grain that they have in a video. NumPy and OpenCV,
uint8.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from data_pipeline.augmentation.occlusion import (
    BANK_SIDE,
    BANK_SIGMA,
    Occluder,
    noise_window,
    paint_occluder,
    sample_occluder,
)
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE

# Luma weights of ITU-R BT.601, as in cv2.COLOR_RGB2GRAY.
LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class PhotometricStrength:
    """Probabilities and strengths of the photometric augmentation of a crop.

    Attributes:
        colour_probability: of a new brightness, contrast, gamma and white balance.
        brightness: largest offset, as a fraction of the range.
        contrast: largest absolute logarithm of the contrast.
        gamma: largest absolute logarithm of the exponent.
        white_balance: largest relative change of a channel.
        saturation_probability: of a saturation between 0.3 and 1.7.
        grey_probability: of a grey picture.
        light_probability: of light that varies over the picture (shadows).
        light: largest relative change of such light.
        blur_probability: of blur, half defocus and half motion.
        blur: largest extent of blur, as a fraction of the face size.
        low_resolution_probability: of a small face.
        low_resolution: smallest and largest size of a small face in pixels.
        noise_probability: of Gaussian noise.
        noise: largest standard deviation of noise, as a fraction of the range.
        jpeg_probability: of JPEG compression.
        jpeg_quality: smallest and largest quality.
        occlusion_probability: of one to three occluders.
        occlusion: largest half axis of an occluder, as a fraction of the crop.
        border_probability: of one colour outside the stored picture. Otherwise its
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
    occlusion_probability: float = 0.4
    occlusion: float = 0.24
    border_probability: float = 0.2

    @classmethod
    def none(cls) -> "PhotometricStrength":
        """Return the strengths that leave every pixel as it is."""
        return cls().rarer(0.0)

    def rarer(self, fraction: float) -> "PhotometricStrength":
        """Return the strengths with all probabilities times ``fraction`` in [0, 1]."""
        names = [n for n in self.__dataclass_fields__ if n.endswith("_probability")]
        return replace(self, **{n: fraction * getattr(self, n) for n in names})


@dataclass(frozen=True, eq=False)
class PhotometricParams:
    """One sampled photometric augmentation. None and 0 leave pixels unchanged.

    Attributes:
        side: side of the crop during the augmentation, in pixels.
        border: RGB outside the stored picture; None repeats its edge.
        colour: affine map (3, 4) of RGB.
        gamma: lookup table (256,) uint8.
        light: coarse picture (4, 4, 3) uint8 of the light; 128 is unchanged.
        blur: kernel (k, k) float32.
        noise: standard deviation in [0, 255].
        jpeg: quality; 0 for no compression.
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


def sample_photometric(
    rng: np.random.Generator, strength: PhotometricStrength
) -> PhotometricParams:
    """Sample the parameters of one crop."""
    chance = zip(_EVENTS, rng.random(len(_EVENTS)), strict=True)
    events = {e for e, x in chance if x < getattr(strength, f"{e}_probability")}
    side = CROP_SIZE
    if "low_resolution" in events:
        low, high = np.log(strength.low_resolution)
        side = min(round(CROP_MARGIN * np.exp(rng.uniform(low, high))), CROP_SIZE)
    blocks = int(rng.integers(1, 4)) if "occlusion" in events else 0
    extent = strength.blur * side / CROP_MARGIN
    low, high = strength.jpeg_quality
    return PhotometricParams(
        side=side,
        border=_sample_border(rng) if "border" in events else None,
        colour=_sample_colour(rng, strength, events),
        gamma=_sample_gamma(rng, strength) if "colour" in events else None,
        light=_sample_light(rng, strength) if "light" in events else None,
        blur=sample_blur(rng, extent) if "blur" in events else None,
        # The square makes weak noise the usual case.
        noise=255 * strength.noise * rng.random() ** 2 if "noise" in events else 0.0,
        jpeg=int(rng.integers(low, high + 1)) if "jpeg" in events else 0,
        occluders=tuple(
            sample_occluder(rng, strength.occlusion) for _ in range(blocks)
        ),
    )


_EVENTS = tuple(
    name.removesuffix("_probability")
    for name in PhotometricStrength.__dataclass_fields__
    if name.endswith("_probability")
)


def _sample_border(rng: np.random.Generator) -> tuple[int, int, int]:
    """Sample a border: black, as decoders give, half of the time, else a colour."""
    if rng.random() < 0.5:
        return 0, 0, 0
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def _sample_colour(
    rng: np.random.Generator, strength: PhotometricStrength, events: set[str]
) -> np.ndarray | None:
    """Sample the affine map (3, 4) of saturation, contrast, balance, brightness."""
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


def _sample_gamma(
    rng: np.random.Generator, strength: PhotometricStrength
) -> np.ndarray:
    """Sample the lookup table (256,) uint8 of a gamma exponent."""
    exponent = np.exp(strength.gamma * rng.uniform(-1, 1))
    table = 255 * (np.arange(256) / 255) ** exponent
    return np.round(table).astype(np.uint8)


def _sample_light(
    rng: np.random.Generator, strength: PhotometricStrength
) -> np.ndarray:
    """Sample a coarse picture (4, 4, 3) uint8 of smooth, slightly coloured light."""
    grid = rng.uniform(-1, 1, (4, 4, 1)) + 0.15 * rng.uniform(-1, 1, (4, 4, 3))
    change = np.exp(strength.light * rng.random() * grid)
    return np.clip(np.round(128 * change), 0, 255).astype(np.uint8)


def sample_blur(rng: np.random.Generator, extent: float) -> np.ndarray | None:
    """Sample a kernel of defocus or motion, at most ``extent`` pixels wide."""
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


def apply_photometric(
    crop: np.ndarray, params: PhotometricParams, rng: np.random.Generator
) -> np.ndarray:
    """Return the augmented crop (315, 315, 3) uint8.

    Args:
        crop: (params.side, params.side, 3) uint8. It may be overwritten.
        params: changes to apply.
        rng: offset into the noise bank. Nothing else is random here.
    """
    if params.colour is not None:
        crop = cv2.transform(crop, params.colour)
    if params.gamma is not None:
        crop = cv2.LUT(crop, params.gamma)
    for occluder in params.occluders:
        paint_occluder(crop, occluder)
    if params.light is not None:
        light = cv2.resize(params.light, (params.side, params.side))
        crop = cv2.multiply(crop, light, scale=1 / 128)
    if params.blur is not None:
        crop = cv2.filter2D(crop, -1, params.blur, borderType=cv2.BORDER_REPLICATE)
    if params.noise > 0:
        offset = rng.integers(0, BANK_SIDE - params.side, 2)
        weight = params.noise / BANK_SIGMA
        noise = noise_window(params.side, tuple(offset.tolist()))
        crop = cv2.addWeighted(crop, 1.0, noise, weight, -128 * weight)
    if params.jpeg:
        # The codec keeps the order of the channels, so RGB needs no conversion.
        code = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, params.jpeg])[1]
        crop = cv2.imdecode(code, cv2.IMREAD_COLOR)
    if params.side != CROP_SIZE:
        crop = cv2.resize(crop, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_LINEAR)
    return crop
