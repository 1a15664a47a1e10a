"""What ``strrn annotate`` keeps of every video: its report, and crops of faces."""

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from data_pipeline.media.images import read_image, write_image
from data_pipeline.media.pts import read_pts, write_pts
from strrn_tf.commands.annotate.criteria import RatedFace
from strrn_tf.drawing import draw_landmarks, tile_sheet
from strrn_tf.geometry import apply_matrix, crop_matrix, face_size
from strrn_tf.system.file_names import file_name
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.networks.crop import cut

# Crops reach twice as far as the face, and larger faces are shrunk.
MARGIN, LARGEST = 2.0, 400
# What `write_face` names its files.
FACE_FILE = re.compile(
    r"(?P<clip>.+)-(?P<frame>\d{6,})-(?P<id>\d+)\.(jpg|pts)", re.DOTALL
)
# Faces of a sheet of the report, and the side of each in pixels.
ROWS, COLUMNS, TILE = 3, 10, 160


def read_report(output: Path, name: str) -> dict[str, Any] | None:
    """Return the report of a video, None where there is none that can be read."""
    try:
        return json.loads(report_path(output, name).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def report_path(output: Path, name: str) -> Path:
    """Return where the report of a video is, or will be."""
    return output / "videos" / f"{file_name(name)}.json"


def write_face(folder: Path, clip: str, rated: RatedFace) -> None:
    """Write the crop of a face and its landmarks."""
    face = rated.face
    matrix, side = crop_of(face)
    path = folder / f"{file_name(clip)}-{face_key(rated)}.jpg"
    write_pts(path.with_suffix(".pts"), apply_matrix(matrix, face.landmarks))
    write_image(path, cut(rated.frame.image, matrix, side))


def crop_of(face: Face) -> tuple[np.ndarray, int]:
    """Return the matrix (2, 3) from the frame to the crop of a face, and its side."""
    side = int(min(LARGEST, np.ceil(MARGIN * face_size(face.box))))
    return crop_matrix(face.box, side, MARGIN), side


def face_key(rated: RatedFace) -> str:
    """Return the part of a file's name that is of the face, not of the video."""
    return f"{rated.frame.index:06d}-{rated.face.id}"


def remove_faces(output: Path, clips: Collection[str]) -> None:
    """Remove the faces of some clips, and of no other: names have dashes too."""
    names = {file_name(clip) for clip in clips}
    if not names:
        return
    for folder in ("annotations", "rejected"):
        for path in (output / folder).glob("*"):
            found = FACE_FILE.fullmatch(path.name)
            if found and found["clip"] in names:
                path.unlink()


def draw_sheet(folder: Path) -> np.ndarray:
    """Return one picture of faces that are spread evenly over a folder, or a strip."""
    paths = [
        p for p in sorted(folder.glob("[!.]*.jpg")) if p.with_suffix(".pts").exists()
    ]
    chosen = np.unique(np.linspace(0, len(paths) - 1, ROWS * COLUMNS).astype(int))
    tiles = []
    for path in [paths[i] for i in chosen] if paths else []:
        image, landmarks = read_image(path), read_pts(path.with_suffix(".pts"))
        scale = TILE / len(image)
        small = cv2.resize(image, (TILE, TILE), interpolation=cv2.INTER_AREA)
        tiles.append(draw_landmarks(small, (landmarks + 0.5) * scale - 0.5))
    if not tiles:
        return np.full((TILE // 4, COLUMNS * TILE, 3), 255, np.uint8)
    return tile_sheet(tiles, COLUMNS)
