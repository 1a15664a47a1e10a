"""YouTube Faces (Wolf et al. 2011) as it is distributed.

::

    root/frame_images_DB/
      Alicia_Witt.labeled_faces.txt      one line per frame, see `read_boxes`
      Alicia_Witt/5/5.2247.jpg ...       clip 5, frame 2247 of the original video

Frame numbers do not begin at 0, are not padded, and have gaps.
"""

from pathlib import Path, PureWindowsPath
from typing import NamedTuple

import numpy as np

from data_pipeline.media.frame_reader import FrameReader
from data_pipeline.media.image_folder import ImageFolder
from data_pipeline.media.images import natural_key

FRAMES = "frame_images_DB"
BOXES_SUFFIX = ".labeled_faces.txt"
# Published numbers.
NUM_PEOPLE, NUM_CLIPS = 1595, 3425
# Shifts of the sides from a Viola-Jones box to the tight box of the 68 landmarks, in
# widths of the first. They are medians over 363 faces of 300-W's training images that
# OpenCV's frontal cascade finds (`benchmarks/models/fit_face_boxes.py
# --finder viola-jones`). Median errors are 8 % of the face for the centre and 6 % for
# the size. The boxes of the data set are assumed to be of that kind.
SIDE_SHIFTS = (0.085, 0.232, -0.075, 0.059)


class FacesClip(NamedTuple):
    """One clip: `Alicia_Witt/5`, its folder of images, the boxes of the person."""

    name: str
    video_path: Path
    boxes_path: Path | None


def list_faces_clips(root: str | Path) -> list[FacesClip]:
    """Return the clips, sorted by person and number.

    Args:
        root: folder with ``frame_images_DB/``, or that folder itself.

    Raises:
        ValueError: there is no clip.
    """
    root = Path(root)
    base = root / FRAMES if (root / FRAMES).is_dir() else root
    clips = [
        FacesClip(f"{person.name}/{folder.name}", folder, _boxes_path(base, person))
        for person in _folders(base)
        for folder in _folders(person)
    ]
    if not clips:
        raise ValueError(
            f"{root}: no clip of YouTube Faces is here. Expected: "
            f"{FRAMES}/<person>/<clip>/<clip>.<frame>.jpg"
        )
    return clips


def read_boxes(clip: FacesClip, reader: FrameReader) -> dict[int, np.ndarray]:
    r"""Return the landmark boxes (4,) that come with the data, by number of the frame.

    A line is ``Alicia_Witt\5\5.2247.jpg,ignored,x,y,w,h,ignored,ignored`` with the
    *centre* of the face at x, y. Lines of another form are skipped, and their frames
    have no box here.

    Args:
        clip: clip of the boxes.
        reader: reader of the clip, which gives the number of each file.
    """
    if clip.boxes_path is None or not isinstance(reader, ImageFolder):
        return {}
    names = [path.name for path in reader.images]
    numbers = dict(zip(names, reader.numbers(len(names)), strict=True))
    folder = clip.video_path.name
    boxes = {}
    try:
        text = clip.boxes_path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    for line in text.splitlines():
        name, *words = line.split(",")
        path = PureWindowsPath(name.strip())  # knows both kinds of slash
        if path.name in numbers and path.parent.name in ("", folder):
            box = _landmark_box(words[1:5])
            if box is not None:
                boxes[numbers[path.name]] = box
    return boxes


def _landmark_box(words: list[str]) -> np.ndarray | None:
    try:
        x, y, width, height = (float(word) for word in words)
    except ValueError:
        return None
    centre, half = np.array([x, y]), np.array([width, height]) / 2
    if not (np.isfinite([*centre, *half]).all() and (half > 0).all()):
        return None
    return from_viola_jones(np.concatenate([centre - half, centre + half]))


def from_viola_jones(boxes: np.ndarray) -> np.ndarray:
    """Predict the landmark boxes (..., 4) of Viola-Jones boxes (..., 4).

    Args:
        boxes: (x0, y0, x1, y1) in pixels.
    """
    widths = boxes[..., 2:3] - boxes[..., :1]
    return boxes + np.asarray(SIDE_SHIFTS) * widths


def _boxes_path(base: Path, person: Path) -> Path | None:
    name = f"{person.name}{BOXES_SUFFIX}"
    return next((p for p in (base / name, person / name) if p.is_file()), None)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = [p for p in folder.iterdir() if p.is_dir() and p.name[0] != "."]
    return sorted(found, key=lambda path: natural_key(path.name))
