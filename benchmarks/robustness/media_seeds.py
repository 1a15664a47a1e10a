"""Whole media files that are mutated: drawn here, encoded in many ways."""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from data_pipeline.animation.sample_clip import sample_frames

FRAMES = 6
SIZE = 192, 144
# Codec, format of pixels, options of the container, by file name.
VIDEOS = {
    "h264.mp4": ("libx264", "yuv420p", {}),
    "faststart.mp4": ("libx264", "yuv420p", {"movflags": "+faststart"}),
    "fragments.mp4": ("libx264", "yuv420p", {"movflags": "frag_keyframe+empty_moov"}),
    "mpeg4.mp4": ("mpeg4", "yuv420p", {}),
    "mjpeg.mov": ("mjpeg", "yuvj420p", {}),
    "h264.mkv": ("libx264", "yuv420p10le", {}),
    "ffv1.mkv": ("ffv1", "yuv420p", {}),
    "vp8.webm": ("libvpx", "yuv420p", {}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {}),
    "mjpeg.avi": ("mjpeg", "yuvj420p", {}),
    "h264.ts": ("libx264", "yuv420p", {}),
    "mpeg2.mpg": ("mpeg2video", "yuv420p", {}),
    "flv1.flv": ("flv", "yuv420p", {}),
    "wmv2.wmv": ("wmv2", "yuv420p", {}),
    "gif.gif": ("gif", "rgb8", {}),
}
PICTURES = "a.jpg", "a.png", "a.webp", "a.bmp", "a.tiff", "a.pgm", "a.ppm", "a.jp2"
ORIENTATIONS = 2, 6, 8


def write_seeds(folder: Path) -> list[Path]:
    """Write all files, unless they are there, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [*VIDEOS, *PICTURES, "deep.png", *map(_exif_name, ORIENTATIONS)]
    paths = [folder / name for name in names]
    if not all(path.exists() for path in paths):
        for path, content in _contents():
            (folder / path).write_bytes(content)
        images = [cv2.resize(image, SIZE) for image in sample_frames(FRAMES)]
        for name, (codec, pix_fmt, options) in VIDEOS.items():
            _encode(folder / name, images, codec, pix_fmt, options)
    return paths


def _contents() -> Iterator[tuple[str, bytes]]:
    image = cv2.resize(next(sample_frames(1)), SIZE)[..., ::-1]
    for name in PICTURES:
        shown = image[..., 0] if name == "a.pgm" else image
        yield name, cv2.imencode(Path(name).suffix, shown)[1].tobytes()
    deep = image.astype(np.uint16) * 16
    yield "deep.png", cv2.imencode(".png", deep)[1].tobytes()
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    for orientation in ORIENTATIONS:
        yield _exif_name(orientation), jpeg[:2] + exif(orientation) + jpeg[2:]


def exif(orientation: int) -> bytes:
    """Return a segment of a JPEG file with an EXIF orientation."""
    entries = b"\1\x12\0\3\0\0\0\1" + orientation.to_bytes(2, "big") + b"\0\0"
    tiff = b"MM\0*\0\0\0\x08\0\1" + entries + bytes(4)
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body


def _exif_name(orientation: int) -> str:
    return f"exif{orientation}.jpg"


def _encode(
    path: Path,
    images: list[np.ndarray],
    codec: str,
    pix_fmt: str,
    options: dict[str, str],
) -> None:
    with av.open(str(path), "w", options=options) as output:
        stream = output.add_stream(codec, rate=25)
        (stream.width, stream.height), stream.pix_fmt = SIZE, pix_fmt
        for image in images:
            frame = av.VideoFrame.from_ndarray(image).reformat(format=pix_fmt)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
