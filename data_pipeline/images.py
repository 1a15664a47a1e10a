"""Image files and crops of images. RGB outside this file; OpenCV's BGR stays inside."""

import os
import re
from pathlib import Path

import cv2
import numpy as np

from data_pipeline.atomic import replacing
from strrn_tf.geometry import compose, invert_matrix, similarity

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")

_QUALITY = {
    ".jpg": cv2.IMWRITE_JPEG_QUALITY,
    ".jpeg": cv2.IMWRITE_JPEG_QUALITY,
    ".webp": cv2.IMWRITE_WEBP_QUALITY,
}

# Below this scale bilinear sampling skips pixels enough to alias visibly.
SHRINK_FIRST_BELOW = 0.75


def is_image(path: str | Path) -> bool:
    """Return whether the name is that of an image (by suffix, hidden files are not)."""
    path = Path(path)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def list_images(folder: str | Path) -> list[Path]:
    """Return the images of a folder, numbers compared as numbers (2 before 10).

    Raises:
        ValueError: the folder cannot be read or holds no image.
    """
    try:
        images = [p for p in Path(folder).iterdir() if is_image(p)]
    except OSError as error:
        raise ValueError(f"{folder}: cannot be read ({error.strerror})") from error
    if not images:
        raise ValueError(f"{folder}: there is no image in this folder")
    return sorted(images, key=lambda path: natural_key(path.name))


def natural_key(name: str) -> tuple[str | int, ...]:
    """Return a sort key that compares runs of digits as numbers."""
    parts = re.split(r"([0-9]+)", name)
    return tuple(int(part) if i % 2 else part for i, part in enumerate(parts))


def frame_number(path: str | Path) -> int | None:
    """Return the last number in a file name, None when there is none."""
    numbers = re.findall(r"[0-9]+", Path(path).stem)
    return int(numbers[-1]) if numbers else None


def read_image(path: str | Path) -> np.ndarray:
    """Return an image (H, W, 3), uint8 RGB, turned as its EXIF orientation says.

    Raises:
        ValueError: the file is missing, empty or not an image OpenCV can decode.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    if not content:
        raise ValueError(f"{path}: an image must not be empty. Received: 0 bytes")
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # raised for absurd sizes in the header
        image = None
    if image is None:
        raise ValueError(
            f"{path}: must be an image OpenCV can decode. Received: {len(content)} "
            "bytes that are not (is the file cut off?)"
        )
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def write_image(path: str | Path, image: np.ndarray, quality: int = 95) -> None:
    """Write an RGB image atomically; the suffix says the format.

    Args:
        path: file to write; its folder is made when it is missing.
        image: (H, W, 3) uint8 RGB.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        ValueError: the image is not (H, W, 3) uint8 or the format is unknown.
    """
    image = check_image(image)
    suffix = Path(path).suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        raise ValueError(
            f"{path}: the suffix must be one of {', '.join(IMAGE_SUFFIXES)}. "
            f"Received: {suffix!r}"
        )
    options = [_QUALITY[suffix], quality] if suffix in _QUALITY else []
    _, content = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def check_image(image: np.ndarray) -> np.ndarray:
    """Return the image or raise a ``ValueError`` that says what is wrong with it."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] != 3 or not image.size:
        raise ValueError(f"`image` must be (H, W, 3). Received: shape {image.shape}")
    if image.dtype != np.uint8:
        raise ValueError(f"`image` must be uint8 RGB. Received: {image.dtype}")
    return image


def resize_matrix(image_size: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Return the matrix (2, 3) of a resize from (width, height) to (width, height).

    With pixel centres at integers, resizing by s maps x to (x + 0.5) s - 0.5.
    """
    scale = np.divide(size, image_size)
    return np.column_stack([np.diag(scale), scale / 2 - 0.5])


def warp_crop(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Return the square crop (size, size, 3) of an image by an image-to-crop matrix.

    Bilinear, with the border pixels repeated outside the image. When the crop is much
    smaller than its part of the image, that part is first shrunk by area averaging, so
    that no detail is skipped (bilinear sampling alone would alias).

    Args:
        image: (H, W, 3) uint8.
        matrix: similarity (2, 3), crop = matrix[:, :2] @ xy + matrix[:, 2].
        size: side of the crop in pixels.
    """
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if scale < SHRINK_FIRST_BELOW:
        image, matrix = _cut_out(image, matrix, size, padding=int(np.ceil(2 / scale)))
        width, height = image.shape[1], image.shape[0]
        small = max(1, round(width * scale)), max(1, round(height * scale))
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        shrink = resize_matrix((width, height), small)
        matrix = compose(matrix, invert_matrix(shrink))
    return cv2.warpAffine(
        image,
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _cut_out(
    image: np.ndarray, matrix: np.ndarray, size: int, padding: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of the image that the crop shows, and the matrix from it.

    Shrinking a whole photograph to cut one face out of it would waste most of the
    work. At the image's own border the part ends there too, so that repeated border
    pixels stay the same.
    """
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]]) - 0.5
    inverse = invert_matrix(matrix)
    corners = corners @ inverse[:, :2].T + inverse[:, 2]
    limit = np.array([image.shape[1], image.shape[0]])
    start = np.floor(corners.min(0)).astype(int) - padding
    stop = np.ceil(corners.max(0)).astype(int) + padding + 1
    start, stop = np.clip(start, 0, limit - 1), np.clip(stop, 1, limit)
    stop = np.maximum(stop, start + 1)
    part = image[start[1] : stop[1], start[0] : stop[0]]
    return part, compose(matrix, similarity(1.0, 0.0, start))
