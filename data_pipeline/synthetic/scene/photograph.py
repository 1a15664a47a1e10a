"""Photographs of linear light: exposure, blur, grain and JPEG."""

import cv2
import numpy as np


def expose(picture: np.ndarray, exposure: float) -> np.ndarray:
    """Return tones in [0, 1] of linear light after exposure, with soft highlights."""
    exposed = np.maximum(picture * exposure, 0)
    return np.minimum(exposed * (1 + exposed / 4) / (1 + 0.75 * exposed), 1)


def linear_light(picture: np.ndarray) -> np.ndarray:
    """Return the linear light of a photograph (H, W, 3) uint8; inverts `develop`.

    The exposure is taken as 1. Blur, noise and compression stay.
    """
    tone = (picture.astype(np.float32) / 255) ** np.float32(2.2)
    # tone = x (1 + x / 4) / (1 + 3 x / 4), solved for x.
    half = 2 - 1.5 * tone
    return np.sqrt(half**2 + 4 * tone) - half


def motion_blur(picture: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the picture blurred along ``shift`` (2,) pixels, half to each side."""
    length = float(np.hypot(*shift))
    if length < 0.8:
        return picture
    side = int(np.ceil(length)) // 2 * 2 + 3
    kernel = np.zeros((side, side), np.float32)
    middle = side // 2
    for fraction in np.linspace(-0.5, 0.5, 4 * side):
        x, y = middle + fraction * shift[0], middle + fraction * shift[1]
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
        shrink: resolution of the sensor, as a fraction of that of the picture.
        grain: standard deviation of the noise after the tone curve; full scale is 1.
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
