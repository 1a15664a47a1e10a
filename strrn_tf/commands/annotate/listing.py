"""All annotations of ``strrn annotate`` in one file, in a format of other tools.

The landmarks are read from the `.pts` files, so what was corrected or deleted by hand
is corrected or deleted in the list. The rest comes from the reports of the videos.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from data_pipeline.media.image_formats.size import read_size
from data_pipeline.media.pts import read_pts
from strrn_tf.commands.annotate.criteria import RatedFace
from strrn_tf.commands.annotate.folder import FACE_FILE, crop_of
from strrn_tf.commands.track.formats.frames import FacesOfFrame, Layout
from strrn_tf.commands.track.formats.names import (
    SUFFIXES,
    WITHOUT_MEASURES,
    check_focal_length,
)
from strrn_tf.commands.track.formats.opening import open_format
from strrn_tf.geometry import box_from_landmarks
from strrn_tf.geometry.head_pose import Camera
from strrn_tf.system.file_names import file_name
from strrn_tf.tracking.face import Face

ListFormat = Literal["csv", "jsonl", "openface", "coco", "cvat", "deeplabcut"]
# Of DeepLabCut's name for annotations made by hand, with the scorer.
_NAMES = {"deeplabcut": "CollectedData_strrn"}


def check_list(
    wanted: ListFormat | None, pose: bool, focal_length: float | None
) -> None:
    """Raise a ``ValueError`` for options of a list that are wrong."""
    if pose and wanted in (None, *WITHOUT_MEASURES):
        raise ValueError(
            "--pose needs a list with columns for it: --format csv, jsonl, coco or cvat"
        )
    check_focal_length(focal_length)


def facts_of(rated: RatedFace) -> dict[str, Any]:
    """Return what the report of a video keeps of an accepted face, as plain values.

    ``camera`` is that of the crop: focal length and centre in its pixels, which may lie
    far outside, and the limit of ``Camera``.
    """
    face = rated.face
    facts = {"time": rated.frame.timestamp, "reliability": round(face.reliability, 4)}
    if face.camera is not None:
        matrix, _ = crop_of(face)
        scale, shift = float(matrix[0, 0]), matrix[:, 2]
        focal, centre, nearest = face.camera
        x, y = (scale * np.array(centre) + shift).tolist()
        facts["camera"] = [scale * focal, [x, y], nearest]
    return facts


def write_list(
    output: Path,
    reports: Mapping[str, Mapping[str, Any]],
    wanted: ListFormat,
    pose: bool,
) -> Path:
    """Write the list of all annotations beside their folder; return its path.

    Args:
        output: folder of ``strrn annotate``.
        reports: of every video, by its name.
        wanted: the format.
        pose: whether rows have the head's pose and the openings of eyes and mouth.
    """
    name = _NAMES.get(wanted, f"annotations-{wanted}")
    path = output / f"{name}.{SUFFIXES[wanted]}"
    with open_format(path, wanted, Layout(True, 1, pose, tracked=False)) as write:
        for frame in _annotated(output / "annotations", reports):
            write(frame)
    return path


def _annotated(
    folder: Path, reports: Mapping[str, Mapping[str, Any]]
) -> Iterator[FacesOfFrame]:
    """Yield every picture that has landmarks, numbered by the order of names."""
    kept = {file_name(clip): r.get("kept", {}) for clip, r in reports.items()}
    count = 0
    for path in sorted(folder.glob("[!.]*.jpg")):
        found = FACE_FILE.fullmatch(path.name)
        if not found or not path.with_suffix(".pts").exists():
            continue
        facts = kept.get(found["clip"], {}).get(f"{found['frame']}-{found['id']}", {})
        landmarks = read_pts(path.with_suffix(".pts"))
        face = Face(
            int(found["id"]),
            landmarks,
            box_from_landmarks(landmarks),
            facts.get("reliability", np.nan),
            np.nan,
            "tracked",
            camera=Camera(*facts["camera"]) if "camera" in facts else None,
        )
        picture = f"{folder.name}/{path.name}"
        size = read_size(path.read_bytes())
        seconds = facts.get("time", np.nan)
        yield FacesOfFrame(count, seconds, [face], size, picture)
        count += 1
