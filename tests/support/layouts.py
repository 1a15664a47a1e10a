"""Writes data sets in the layouts in which they are distributed, to the byte."""

import io
import zipfile

import cv2
import numpy as np
from scipy.io import savemat

from data_pipeline.media.images import write_image

FACE = np.array([40.0, 30.0, 104.0, 90.0])  # of every picture, before it moves


def shape_at(shift=0.0):
    """Return landmarks (68, 2) that fill the face."""
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 17), [0, 0.4, 0.8, 1.0]), -1)
    return FACE[:2] + shift + grid.reshape(68, 2) * (FACE[2:] - FACE[:2])


def picture(number=0, height=120, width=160):
    """Return a smooth picture (H, W, 3); each number gives another one."""
    y, x = np.mgrid[:height, :width].astype(float)
    waves = [np.sin((x + 3 * number) / 17), np.cos(y / 13), np.sin((x + y) / 29)]
    return (127 + 100 * np.stack(waves, -1)).astype(np.uint8)


def pts(landmarks, spaces=" "):
    """Return the bytes of a `.pts` file; iBUG's have two spaces after the colon."""
    rows = "".join(f"{x + 1:.3f} {y + 1:.3f}\n" for x, y in landmarks)
    return f"version: 1\nn_points:{spaces}68\n{{\n{rows}}}\n".encode()


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def write_300w(root, counts):
    """Write so many images into each folder, such as ``{"afw": 3}``."""
    for folder, count in counts.items():
        for number in range(count):
            path = root / folder / f"image_{number:04d}.jpg"
            write_image(path, picture(number))
            spaces = "  " if folder == "ibug" else " "
            put(path.with_suffix(".pts"), pts(shape_at(number % 5), spaces))
    return root


def write_video(path, count, codec="MJPG", start=0):
    """Write an AVI; Motion-JPEG, because one frame of it does not need another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    code = cv2.VideoWriter_fourcc(*codec)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 25, (160, 120))
    for number in range(count):
        writer.write(picture(start + number)[..., ::-1].copy())
    writer.release()
    return path


def write_sequence(root, name, count):
    """Write ``<id>/vid.avi`` and ``<id>/annot/000001.pts`` onwards."""
    write_video(root / name / "vid.avi", count, start=int(name))
    for number in range(1, count + 1):
        put(root / name / "annot" / f"{number:06d}.pts", pts(shape_at(number % 7)))


def mat(numbers):
    """Return the bytes of `<id>.mat`; the frames count from 1."""
    content = io.BytesIO()
    savemat(content, {"error": np.array([numbers])})
    return content.getvalue()


def write_extra_zip(path, members):
    """Write ``extra.zip`` of names and bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def write_person(root, person, clips, boxes=True):
    """Write one person of YouTube Faces; ``clips`` has the frame numbers of each.

    The boxes are what Viola and Jones' would be: centre, width and height.
    """
    base = root / "frame_images_DB"
    lines = []
    for clip, numbers in clips.items():
        for number in numbers:
            name = f"{clip}.{number}.jpg"
            write_image(base / person / str(clip) / name, picture(number))
            lines.append(f"{person}\\{clip}\\{name},0,72,55,76,76,0,0\n")
    if boxes:
        text = "".join(lines).replace("\n", "\r\n")
        put(base / f"{person}.labeled_faces.txt", text.encode())
