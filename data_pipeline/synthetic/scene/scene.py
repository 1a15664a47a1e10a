"""Backgrounds, and what a camera does to a picture: blur, grain, JPEG."""

import cv2
import numpy as np

from data_pipeline.synthetic.head.outlines import smooth_curve
from data_pipeline.synthetic.head.skin import smooth_noise


def paint_background(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Return an out-of-focus room or street (H, W, 3), linear RGB."""
    height, width = size
    base = rng.uniform(0.04, 0.6) * np.clip(1 + rng.normal(0, 0.14, 3), 0.5, 1.6)
    slope = rng.normal(0, 0.25, 2)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    picture = base * np.clip(1 + slope[0] * x + slope[1] * y, 0.3, 2)[..., None]
    for _ in range(rng.integers(3, 14)):
        _paint_shape(picture, rng)
    picture = picture.astype(np.float32)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.8, 7.0))
    for _ in range(rng.integers(0, 9) if rng.random() < 0.35 else 0):
        _paint_lamp(picture, rng)
    grain = 0.02 * smooth_noise(rng, size, 9) + 0.01 * smooth_noise(rng, size, 2)
    return picture * (1 + grain[..., None])


def _paint_shape(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Paint a board, a window, a trunk or a blob of one colour."""
    height, width = picture.shape[:2]
    chroma = rng.normal(0, 0.1 if rng.random() < 0.75 else 0.35, 3)
    colour = np.clip(rng.uniform(0.02, 0.8) * np.exp(chroma), 0.005, 0.95)
    centre = rng.uniform((0, 0), (width, height))
    half = rng.uniform(0.04, 0.4, 2) * (width, height)
    kind = rng.integers(3)
    if kind == 0:
        half[rng.integers(2)] *= 0.2
    if kind == 2:
        turn = np.linspace(0, 2 * np.pi, 8)
        wobble = 1 + 0.2 * rng.standard_normal((8, 1))
        wobble[-1] = wobble[0]
        corners = np.stack([np.cos(turn), np.sin(turn)], -1) * wobble
        corners = smooth_curve(corners, 8)
    else:
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)
        corners = corners + rng.normal(0, 0.03, (4, 2))
    points = np.round(centre + corners * half).astype(np.int32)
    cv2.fillPoly(picture, [points], colour.tolist(), cv2.LINE_AA)


def _paint_lamp(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Paint an out-of-focus light."""
    height, width = picture.shape[:2]
    place = np.round(rng.uniform((0, 0), (width, height))).astype(int)
    mask = np.zeros(picture.shape[:2], np.float32)
    radius = int(rng.integers(3, 14))
    cv2.circle(mask, place.tolist(), radius, 1.0, -1, cv2.LINE_AA)
    mask = cv2.GaussianBlur(mask, (0, 0), 1)[..., None] * rng.uniform(0.3, 0.9)
    picture += mask * (rng.uniform(0.4, 1.0, 3).astype(np.float32) - picture)


def expose(picture: np.ndarray, exposure: float) -> np.ndarray:
    """Return light after the exposure, with soft highlights, in [0, 1]."""
    exposed = np.maximum(picture * exposure, 0)
    return np.minimum(exposed * (1 + exposed / 4) / (1 + 0.75 * exposed), 1)


def motion_blur(picture: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the picture smeared along ``shift`` (2,) pixels, half each way."""
    length = float(np.hypot(*shift))
    if length < 0.8:
        return picture
    side = int(np.ceil(length)) // 2 * 2 + 3
    kernel = np.zeros((side, side), np.float32)
    middle = side // 2
    for share in np.linspace(-0.5, 0.5, 4 * side):
        x, y = middle + share * shift[0], middle + share * shift[1]
        kernel[round(y), round(x)] += 1
    return cv2.filter2D(picture, -1, kernel / kernel.sum())


def develop(
    picture: np.ndarray,
    rng: np.random.Generator,
    *,
    exposure: float = 1.0,
    blur: float = 0.0,
    shrink: float = 1.0,
    grain: float = 0.01,
    quality: int = 92,
) -> np.ndarray:
    """Return the uint8 RGB photograph of linear light (H, W, 3).

    Args:
        picture: linear light.
        rng: source of the grain.
        exposure: factor before the tone curve.
        blur: standard deviation of the defocus, pixels.
        shrink: the sensor's resolution as a fraction of the picture's.
        grain: standard deviation of the noise after the tone curve, of full scale.
        quality: JPEG quality, 1 to 100.
    """
    height, width = picture.shape[:2]
    light = expose(picture, exposure)
    if blur > 0.2:
        light = cv2.GaussianBlur(light, (0, 0), blur)
    tones = light ** np.float32(1 / 2.2)
    small = max(8, round(width * shrink)), max(8, round(height * shrink))
    if shrink < 1:
        tones = cv2.resize(tones, small, interpolation=cv2.INTER_AREA)
    tones = tones + grain * rng.standard_normal(tones.shape, dtype=np.float32)
    pixels = np.clip(tones * 255 + 0.5, 0, 255).astype(np.uint8)
    _, code = cv2.imencode(
        ".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
    )
    pixels = cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]
    if shrink < 1:
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(pixels)
