"""The list of all annotations: corrected ones, the pose, old outputs, other tools."""

import contextlib
import io
import json
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from pycocotools.coco import COCO
from support.faces import drawn_face

from data_pipeline.media.pts import read_pts, write_pts
from strrn_tf.commands.annotate.command import parse
from strrn_tf.commands.annotate.criteria import RatedFace
from strrn_tf.commands.annotate.folder import face_key, write_face
from strrn_tf.commands.annotate.listing import check_list, facts_of, write_list
from strrn_tf.geometry import box_from_landmarks
from strrn_tf.geometry.head_pose import Camera
from strrn_tf.tracking.face import Face

SHAPE = (480, 640, 3)
CAMERA = Camera.of_image(SHAPE)
CLIPS = "talk.mp4", "Gespräch-000001-0.mp4"


def face(number, yaw, centre=(500.0, 120.0)):
    landmarks = drawn_face(scale=60.0, centre=centre, yaw=yaw)
    box = box_from_landmarks(landmarks)
    return Face(number, landmarks, box, 0.9, 0.01, "tracked", 0.5, camera=CAMERA)


@pytest.fixture
def annotated(tmp_path):
    """Return a folder with the faces of two videos, and the reports of both."""
    reports = {}
    for clip in CLIPS:
        kept = {}
        for index, yaw in ((3, -0.4), (12, 0.4)):
            image = np.full(SHAPE, 90, np.uint8)
            frame = SimpleNamespace(index=index, timestamp=index / 25, image=image)
            rated = RatedFace(frame, face(0, yaw), "accepted")
            write_face(tmp_path / "annotations", clip, rated)
            kept[face_key(rated)] = facts_of(rated)
        # As it comes back from the report of a video.
        reports[clip] = json.loads(json.dumps({"kept": kept}))
    return tmp_path, reports


def pictures(folder):
    return sorted(p.name for p in (folder / "annotations").glob("*.jpg"))


def test_every_row_is_a_picture_with_its_landmarks(annotated):
    folder, reports = annotated
    path = write_list(folder, reports, "csv", pose=True)
    assert path == folder / "annotations-csv.csv"
    table = pd.read_csv(path)
    assert table.source.tolist() == [f"annotations/{n}" for n in pictures(folder)]
    assert table.frame.tolist() == [0, 1, 2, 3]
    assert table.time.tolist() == [0.12, 0.48] * 2
    assert table.reliability.tolist() == [0.9] * 4
    for _, row in table.iterrows():
        expected = read_pts((folder / row.source).with_suffix(".pts"))
        found = [[row[f"x{i}"], row[f"y{i}"]] for i in range(68)]
        np.testing.assert_allclose(found, expected, atol=6e-4)


def test_the_pose_is_that_in_the_frame_not_in_the_crop(annotated):
    folder, reports = annotated
    table = pd.read_csv(write_list(folder, reports, "csv", pose=True))
    expected = [face(0, yaw).pose.yaw for yaw in (-0.4, 0.4)] * 2
    np.testing.assert_allclose(table.yaw, expected, atol=0.05)
    # OpenFace's place is in the camera of the video, too.
    table = pd.read_csv(write_list(folder, reports, "openface", pose=False))
    assert (table.pose_Tx > 100).all()
    np.testing.assert_allclose(-np.degrees(table.pose_Ry), expected, atol=2)


def test_landmarks_that_were_corrected_or_deleted_are_so_in_the_list(annotated):
    folder, reports = annotated
    first, second, *_ = pictures(folder)
    path = (folder / "annotations" / first).with_suffix(".pts")
    write_pts(path, read_pts(path) + 1.5)
    (folder / "annotations" / second).with_suffix(".pts").unlink()
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO(str(write_list(folder, reports, "coco", pose=False)))
    names = [image["file_name"] for image in data.imgs.values()]
    kept = [name for name in pictures(folder) if name != second]
    assert names == [f"annotations/{name}" for name in kept]
    points = np.reshape(data.anns[1]["keypoints"], (68, 3))
    np.testing.assert_allclose(points[:, :2], read_pts(path), atol=6e-4)
    assert data.imgs[0]["width"] == data.imgs[0]["height"] > 100


def test_annotations_for_deeplabcut_and_cvat(annotated):
    folder, reports = annotated
    path = write_list(folder, reports, "deeplabcut", pose=False)
    assert path.name == "CollectedData_strrn.csv"
    table = pd.read_csv(path, header=[0, 1, 2], index_col=0)
    assert table.index.tolist() == [f"annotations/{n}" for n in pictures(folder)]
    assert table.columns.unique(2).tolist() == ["x", "y"]
    root = ElementTree.parse(write_list(folder, reports, "cvat", pose=False))
    assert len(root.findall("image/points")) == 4


def test_outputs_of_earlier_versions_have_lists_too(annotated):
    """Their reports say neither time nor reliability nor camera."""
    folder, _ = annotated
    reports = {clip: {} for clip in CLIPS}
    for wanted in ("csv", "jsonl", "openface", "coco", "cvat", "deeplabcut"):
        write_list(folder, reports, wanted, pose=False)
    table = pd.read_csv(folder / "annotations-csv.csv")
    assert table[["time", "reliability"]].isna().all(axis=None)
    assert table.x30.notna().all()
    assert pd.read_csv(folder / "annotations-openface.csv").success.tolist() == [1] * 4


@pytest.mark.parametrize("words", [
    ["--pose"],
    ["--pose", "--format", "deeplabcut"],
    ["--pose", "--format", "openface"],
    ["--focal-length", "-3", "--format", "csv"],
    ["--focal-length", "nan"],
])  # fmt: skip
def test_options_that_do_not_go_together(words):
    options = parse(["videos", *words])
    with pytest.raises(ValueError, match=r"--(pose needs|focal-length must)"):
        check_list(options.format, options.pose, options.focal_length)
