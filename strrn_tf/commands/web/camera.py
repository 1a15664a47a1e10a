"""Draws what a browser's fake camera shows, and tracks the frames that it has shown.

    python -m strrn_tf.commands.web.camera draw FOLDER
    python -m strrn_tf.commands.web.camera track FOLDER MODEL < FRAMES > LANDMARKS
    python -m strrn_tf.commands.web.camera convert VIDEO CLIP.y4m RATE

``draw`` writes ``camera.y4m``, ``clip.webm`` and ``picture.png``. Every frame of
``camera.y4m`` has its number in it, as digits and as black and white squares. The
clip goes forth and back, so that a camera that begins again shows no jump. It shows
four frames a second, so that a slow machine drops few. ``track`` reads numbers of
frames with their times as JSON, and prints their landmarks as JSON. ``convert`` makes
a clip for measurements of the first frames of a video, with RATE frames a second.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np

from data_pipeline.media.images import write_image
from data_pipeline.synthetic.pictures import draw_clip
from strrn_tf.tracking.tracker import FaceTracker

SIZE, FRAMES, RATE = (480, 640), 60, 25.0
MOST_CONVERTED = 300
# Squares of the number, the lowest bit first, along the upper edge.
BITS, SIDE = 8, 24
CLIP, HEADER, FRAME = "camera.y4m", b"YUV4MPEG2 W%d H%d F%d:1 Ip C420\n", b"FRAME\n"
SLOW = 4


def draw(folder: Path) -> None:
    """Write the files of the fake camera, and a video and a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = draw_clip(np.random.default_rng(4), 1, FRAMES, SIZE)
    frames = [frame for frame, _ in drawn]
    numbered = [_numbered(f, i) for i, f in enumerate(_both_ways(frames))]
    _write_y4m(folder / CLIP, numbered, SLOW)
    _write_webm(folder / "clip.webm", frames[:30])
    write_image(folder / "picture.png", frames[0])


def convert(video: str, clip: Path, rate: int) -> None:
    """Write frames of a video for the fake camera, 640 x 480.

    Raises:
        ValueError: the video cannot be read.
    """
    reader, frames = cv2.VideoCapture(video), []
    while len(frames) < MOST_CONVERTED:
        is_there, frame = reader.read()
        if not is_there:
            break
        resized = cv2.resize(frame, SIZE[::-1], interpolation=cv2.INTER_AREA)
        frames.append(cv2.cvtColor(resized, cv2.COLOR_BGR2RGB))
    if not frames:
        raise ValueError(f"{video} cannot be read as a video.")
    _write_y4m(clip, _both_ways(frames), rate)


def track(folder: Path, model: str, shown: list[tuple[int, float]]) -> list:
    """Return the landmarks of the first face in frames that a camera has shown.

    Args:
        folder: that ``draw`` has filled.
        model: name or folder of the model.
        shown: number and seconds of every frame.

    Returns:
        A flat list x, y, ... for every frame; None where no face is seen.
    """
    height, width = SIZE
    length = len(FRAME) + height * width * 3 // 2
    data = np.fromfile(folder / CLIP, np.uint8)[len(HEADER % (width, height, SLOW)) :]
    planes = data.reshape(-1, length)[:, len(FRAME) :].reshape(
        -1, height * 3 // 2, width
    )
    tracker = FaceTracker.from_pretrained(model)
    results = []
    for number, seconds in shown:
        faces = tracker.update(_to_rgb(planes[number]), seconds)
        seen = [face.landmarks for face in faces if face.state != "lost"]
        results.append(seen[0].ravel().tolist() if seen else None)
    return results


def _both_ways(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [*frames, *frames[-2:0:-1]]


def _write_y4m(path: Path, frames: list[np.ndarray], rate: int) -> None:
    with path.open("wb") as file:
        file.write(HEADER % (*SIZE[::-1], rate))
        for frame in frames:
            file.write(FRAME + _to_yuv(frame).tobytes())


def _numbered(frame: np.ndarray, number: int) -> np.ndarray:
    frame = frame.copy()
    for bit in range(BITS):
        frame[:SIDE, bit * SIDE : (bit + 1) * SIDE] = 255 * (number >> bit & 1)
    place, white = (12, SIZE[0] - 16), (255, 255, 255)
    return cv2.putText(frame, str(number), place, cv2.FONT_HERSHEY_PLAIN, 2, white, 2)


def _write_webm(path: Path, frames: list[np.ndarray]) -> None:
    """Write a video that browsers decode; they do not know the project's own codec."""
    codec = cv2.VideoWriter_fourcc(*"VP80")
    writer = cv2.VideoWriter(str(path), codec, RATE, SIZE[::-1])
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()


def _to_yuv(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420)


def _to_rgb(planes: np.ndarray) -> np.ndarray:
    """Return the RGB image (H, W, 3) of planes, with Chromium's rounding.

    OpenCV's differs by one level in 4 % of the pixels. That moves landmarks by up to
    half a pixel.
    """
    height, width = SIZE
    values = planes.ravel().astype(np.int64)
    luma, chroma = np.split(values, [height * width])
    chroma = chroma.reshape(2, height // 2, width // 2) - 128
    u, v = chroma.repeat(2, axis=1).repeat(2, axis=2)
    base = (luma.reshape(SIZE) * 257 * 18997 >> 16) - 1160
    channels = base + 102 * v, base - 25 * u - 52 * v, base + 128 * u
    return np.clip(np.stack(channels, -1) >> 6, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    mode, place = sys.argv[1], Path(sys.argv[2])
    if mode == "draw":
        draw(place)
    elif mode == "convert":
        convert(str(place), Path(sys.argv[3]), int(sys.argv[4]))
    else:
        json.dump(track(place, sys.argv[3], json.load(sys.stdin)), sys.stdout)
