"""Every format of ``strrn track`` is read back by the tools that it is for."""

import contextlib
import io
import json
import os
import re
import subprocess
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from pycocotools.coco import COCO
from support.faces import drawn_face

from strrn_tf.commands.track.formats.deeplabcut import Places
from strrn_tf.commands.track.formats.frames import FacesOfFrame, Layout
from strrn_tf.commands.track.formats.names import BY_SUFFIX, SUFFIXES
from strrn_tf.commands.track.formats.openface import COLUMNS, euler_angles
from strrn_tf.commands.track.formats.opening import open_format
from strrn_tf.commands.track.outputs import plan
from strrn_tf.geometry.head_pose import HEAD_TO_OPENCV, Camera, HeadPose, place_head
from strrn_tf.geometry.head_pose import rotation_matrix as rotation
from strrn_tf.landmarks import CONTOURS
from strrn_tf.tracking.face import Face

SIZE = (320, 240)
CAMERA = Camera.of_image(SIZE[::-1])
POINTS = drawn_face(scale=50.0, centre=(160.0, 110.0), yaw=0.3, pitch=0.1, roll=-0.2)
NAN = np.full((68, 2), np.nan, np.float32)
FILES = list(SUFFIXES)
MEASURES = ["yaw", "pitch", "roll", "left_eye", "right_eye", "mouth"]


def face(number=0, shift=0.0, state="tracked", reliability=0.75):
    landmarks = NAN if state == "lost" else POINTS + np.float32(shift)
    box = np.zeros(4, np.float32)
    known = 0.0 if state == "lost" else reliability
    return Face(number, landmarks, box, known, 0.01, state, camera=CAMERA)


def frame(index, faces, name=None):
    size = None if faces is None else SIZE
    return FacesOfFrame(index, index / 25, faces, size, name)


# Frame 1 is broken, in frame 2 there is nobody, in frame 4 face 0 is lost.
TALK = [
    frame(0, [face()]),
    frame(1, None),
    frame(2, []),
    frame(3, [face(), face(1, 20)]),
    frame(4, [face(state="lost"), face(1, 21)]),
    frame(5, [face(0, 3), face(1, 22)]),
]
ONE = [frame(0, [face()]), frame(1, None), frame(2, []), frame(3, [face(0, 5)])]
PICTURES = [
    frame(0, [face()], "ä & <1>.jpg"),
    frame(1, None, "broken.jpg"),
    frame(2, [], 'no"body.png'),
    frame(3, [face(0, 5), face(7, 50)], "\udcff.png"),
]


def write(path, wanted, frames, **layout):
    with open_format(path, wanted, Layout(**layout)) as add:
        for one in frames:
            add(one)
    return path


def near(points, expected):
    np.testing.assert_allclose(points, expected, atol=6e-4)


# OpenFace -----------------------------------------------------------------------------


def test_openface_has_its_columns_in_its_order(tmp_path):
    table = pd.read_csv(write(tmp_path / "a.csv", "openface", TALK))
    assert list(table) == list(COLUMNS)
    assert list(table)[:12] == [
        *("frame", "face_id", "timestamp", "confidence", "success"),
        *("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz", "x_0"),
    ]
    assert list(table)[-137:-134] == ["pose_Rz", "x_0", "x_1"]
    assert list(table)[-69:-66] == ["x_67", "y_0", "y_1"]
    # It counts frames from 1.
    assert table.frame.tolist() == [1, 2, 3, 4, 4, 5, 5, 6, 6]
    assert table.face_id.tolist() == [0, 0, 0, 0, 1, 0, 1, 0, 1]
    assert table.success.tolist() == [1, 0, 0, 1, 1, 0, 1, 1, 1]
    assert table.timestamp.tolist()[-1] == 0.2
    lost = table[table.success == 0]
    assert (lost[list(COLUMNS[3:])] == 0).all(axis=None)
    seen = table.iloc[0]
    assert seen.confidence == 0.75
    near(seen[[f"x_{i}" for i in range(68)]].tolist(), POINTS[:, 0])
    near(seen[[f"y_{i}" for i in range(68)]].tolist(), POINTS[:, 1])


def test_openface_has_its_signs(tmp_path):
    """pose_Ry is positive to the picture's left, against yaw here."""
    seen = pd.read_csv(write(tmp_path / "a.csv", "openface", ONE)).iloc[0]
    yaw, pitch, roll = np.radians(place_head(POINTS, CAMERA).pose)
    assert yaw > 0.2
    assert seen.pose_Ry < -0.2
    assert np.sign(seen.pose_Rx) == np.sign(pitch) == 1
    assert np.sign(seen.pose_Rz) == np.sign(roll) == -1
    assert abs(seen.pose_Tx) < 40
    assert 400 < seen.pose_Tz < 900


@pytest.mark.parametrize("pose", [(30, 0, 0), (0, 20, 0), (0, 0, -40), (35, -15, 25)])
def test_openface_angles_make_the_rotation(pose):
    """R = Rx @ Ry @ Rz in a camera whose z points away from it."""
    turn = rotation(HeadPose(*pose))
    angles = euler_angles(turn)
    (a, b, c), (d, e, f) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, a, -d], [0, d, a]])
    about_y = np.array([[b, 0, e], [0, 1, 0], [-e, 0, b]])
    about_z = np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]])
    expected = HEAD_TO_OPENCV @ turn @ HEAD_TO_OPENCV
    np.testing.assert_allclose(about_x @ about_y @ about_z, expected, atol=1e-9)


def test_openface_names_pictures_in_a_last_column(tmp_path):
    path = write(tmp_path / "a.csv", "openface", PICTURES[:3], named=True)
    table = pd.read_csv(path)
    assert list(table)[-1] == "source"
    assert table.source.tolist() == ["ä & <1>.jpg", "broken.jpg", 'no"body.png']


# COCO ---------------------------------------------------------------------------------


def read_coco(path):
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def test_coco_is_read_by_pycocotools(tmp_path):
    data = read_coco(write(tmp_path / "a.json", "coco", TALK))
    (category,) = data.loadCats(data.getCatIds())
    assert len(category["keypoints"]) == len(set(category["keypoints"])) == 68
    lines = sum(len(points) - 1 + closed for points, closed in CONTOURS)
    assert len(category["skeleton"]) == lines
    assert np.unique(category["skeleton"]).tolist() == list(range(1, 69))
    # A frame that cannot be decoded is no image.
    assert sorted(data.getImgIds()) == [0, 2, 3, 4, 5]
    image = data.loadImgs([3])[0]
    assert (image["width"], image["height"]) == SIZE
    assert image["file_name"] == "frame_000003.png"
    found = data.loadAnns(data.getAnnIds(imgIds=[3]))
    assert [one["track_id"] for one in found] == [0, 1]
    assert [len(data.getAnnIds(imgIds=[i])) for i in (0, 2, 4)] == [1, 0, 1]
    one = found[0]
    keypoints = np.reshape(one["keypoints"], (68, 3))
    near(keypoints[:, :2], POINTS)
    assert (keypoints[:, 2] == 2).all()
    assert one["num_keypoints"] == 68
    near(one["bbox"][:2], POINTS.min(0))
    near(one["bbox"][2:], np.ptp(POINTS, 0))
    assert (one["score"], one["iscrowd"]) == (0.75, 0)
    assert sorted(data.anns) == list(range(1, 7))


def test_coco_evaluation_runs_on_it(tmp_path):
    """An answer equal to the truth has an average precision of 1."""
    from pycocotools.cocoeval import COCOeval

    truth = read_coco(write(tmp_path / "a.json", "coco", TALK))
    answer = [
        {key: one[key] for key in ("image_id", "category_id", "keypoints", "score")}
        for one in truth.loadAnns(truth.getAnnIds())
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        run = COCOeval(truth, truth.loadRes(answer), "keypoints")
        run.params.kpt_oks_sigmas = np.full(68, 0.05)
        run.evaluate()
        run.accumulate()
        run.summarize()
    assert run.stats[0] == pytest.approx(1)


def test_coco_flags_points_outside_the_picture_and_unknown_ones(tmp_path):
    landmarks = POINTS.copy()
    landmarks[0], landmarks[1], landmarks[2] = (-5, 50), (319.4, 10), np.nan
    part = Face(0, landmarks, np.zeros(4), 0.5, 0.01, "tracked")
    path = write(tmp_path / "a.json", "coco", [frame(0, [part])])
    (one,) = read_coco(path).anns.values()
    keypoints = np.reshape(one["keypoints"], (68, 3))
    assert keypoints[:4, 2].tolist() == [1, 2, 0, 2]
    assert keypoints[2].tolist() == [0, 0, 0]
    assert one["num_keypoints"] == 67


def test_coco_names_pictures(tmp_path):
    path = write(tmp_path / "a.json", "coco", PICTURES, named=True, max_faces=2)
    names = [image["file_name"] for image in read_coco(path).imgs.values()]
    assert names == ["ä & <1>.jpg", 'no"body.png', "\udcff.png"]


# CVAT ---------------------------------------------------------------------------------


def shapes(parent):
    return [
        [[float(v) for v in pair.split(",")] for pair in shape.get("points").split(";")]
        for shape in parent.iter("points")
    ]


def test_cvat_has_a_track_for_every_face_of_a_video(tmp_path):
    root = ElementTree.parse(write(tmp_path / "a.xml", "cvat", TALK)).getroot()
    assert root.findtext("version") == "1.1"
    assert root.findtext("meta/task/size") == "6"
    size = root.find("meta/task/original_size")
    assert (size.findtext("width"), size.findtext("height")) == ("320", "240")
    first, second = root.findall("track")
    assert [t.get("id") for t in (first, second)] == ["0", "1"]
    assert {t.get("label") for t in (first, second)} == {
        root.findtext("meta/task/labels/label/name")
    }
    stays = [(s.get("frame"), s.get("outside")) for s in first.iter("points")]
    # Nothing is known of the broken frame 1; nobody is there in 2; lost in 4.
    assert stays == [("0", "0"), ("2", "1"), ("3", "0"), ("4", "1"), ("5", "0")]
    assert [s.get("frame") for s in second.iter("points")] == ["3", "4", "5"]
    # CVAT counts from the corner of the first pixel.
    near(np.array(shapes(first)[0]) - 0.5, POINTS)
    near(np.array(shapes(second)[2]) - 0.5, POINTS + 22)
    assert first.find("points/attribute").text == "0.75"


def test_cvat_has_an_image_for_every_picture(tmp_path):
    path = write(tmp_path / "a.xml", "cvat", PICTURES, named=True, max_faces=2)
    images = ElementTree.parse(path).getroot().findall("image")
    # XML cannot hold the last name as it is.
    names = ["ä & <1>.jpg", 'no"body.png', "?.png"]
    assert [image.get("name") for image in images] == names
    assert [image.get("id") for image in images] == ["0", "2", "3"]
    assert {(i.get("width"), i.get("height")) for i in images} == {("320", "240")}
    assert [len(shapes(image)) for image in images] == [1, 0, 2]
    numbers = [a.text for a in images[2].iter("attribute") if a.get("name") == "id"]
    assert numbers == ["0", "7"]
    near(np.array(shapes(images[2])[1]) - 0.5, POINTS + 50)


# DeepLabCut ---------------------------------------------------------------------------


def test_deeplabcut_has_three_header_rows(tmp_path):
    path = write(tmp_path / "a.csv", "deeplabcut", ONE)
    table = pd.read_csv(path, header=[0, 1, 2], index_col=0)
    assert table.columns.names == ["scorer", "bodyparts", "coords"]
    assert table.index.tolist() == [0, 1, 2, 3]
    (scorer,) = table.columns.unique(0)
    assert table.dtypes.unique().tolist() == [np.float64]
    points = table[scorer].loc[3].unstack()
    order = [f"face-{i}" for i in range(68)]
    near(points.loc[order, ["x", "y"]], POINTS + 5)
    assert (points.likelihood == 0.75).all()
    gone = table[scorer].loc[1].unstack()
    assert gone[["x", "y"]].isna().all(axis=None)
    assert (gone.likelihood == 0).all()


def test_deeplabcut_of_several_faces_has_individuals(tmp_path):
    path = write(tmp_path / "a.csv", "deeplabcut", TALK, max_faces=2)
    table = pd.read_csv(path, header=[0, 1, 2, 3], index_col=0)
    names = ["scorer", "individuals", "bodyparts", "coords"]
    assert table.columns.names == names
    places = table["strrn"].xs("x", axis=1, level="coords").xs("face-8", 1, 1)
    expected = POINTS[8, 0] + np.array(
        [[0, np.nan], [np.nan] * 2, [np.nan] * 2, [0, 20], [np.nan, 21], [3, 22]]
    )
    np.testing.assert_allclose(places, expected, atol=6e-4)


def test_deeplabcut_names_pictures_and_annotations_have_no_likelihood(tmp_path):
    path = write(
        tmp_path / "a.csv", "deeplabcut", PICTURES[:3], named=True, tracked=False
    )
    table = pd.read_csv(path, header=[0, 1, 2], index_col=0)
    assert table.index.tolist() == ["ä & <1>.jpg", "broken.jpg", 'no"body.png']
    assert table.columns.unique(2).tolist() == ["x", "y"]


def test_a_face_keeps_its_place_until_another_needs_it():
    places = Places(2)

    def of(*faces):
        return [None if one is None else one.id for one in places.of(faces)]

    def lost(number):
        return face(number, state="lost")

    assert of(face(4)) == [4, None]
    assert of(lost(4), face(5)) == [None, 5]
    assert of(face(4), face(5)) == [4, 5]
    # There are two places: the lost face gives its own away.
    assert of(lost(4), face(5), face(6)) == [6, 5]
    assert of(face(6)) == [6, None]
    assert of(face(6), face(9)) == [6, 9]


# All formats --------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["csv", "jsonl", "coco", "cvat"])
def test_pose_is_added_where_it_is_wanted(wanted, tmp_path):
    plain = write(tmp_path / f"a.{SUFFIXES[wanted]}", wanted, TALK).read_text()
    path = write(tmp_path / f"b.{SUFFIXES[wanted]}", wanted, TALK, pose=True)
    assert not any(f'"{name}"' in plain or f",{name}" in plain for name in MEASURES)
    if wanted == "csv":
        table = pd.read_csv(path)
        assert list(table)[-6:] == MEASURES
        assert table.yaw.isna().tolist() == [0, 1, 1, 0, 0, 1, 0, 0, 0]
        row = table.iloc[0]
    elif wanted == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert [row["roll"] is None for row in rows] == [0, 1, 1, 0, 0, 1, 0, 0, 0]
        row = rows[0]
    elif wanted == "coco":
        row = read_coco(path).anns[1]
    else:
        first = ElementTree.parse(path).getroot().find("track/points")
        row = {a.get("name"): float(a.text) for a in first.iter("attribute")}
    one = face()
    expected = [*one.pose, *one.eye_opening, one.mouth_opening]
    np.testing.assert_allclose([row[name] for name in MEASURES], expected, atol=6e-3)


@pytest.mark.parametrize("wanted", ["csv", "jsonl", "pts"])
def test_confidence_is_added_where_it_is_wanted(wanted, tmp_path):
    sure = np.linspace(0, 1, 68, dtype=np.float32)
    seen = replace(face(), judge=lambda _: sure)
    frames = [frame(0, [seen]), frame(1, [face(state="lost")]), frame(2, [])]
    path = write(tmp_path / "b", wanted, frames, confidence=True)
    fields = [f"c{i}" for i in range(68)]
    if wanted == "jsonl":
        table = pd.read_json(path, lines=True)
    else:
        table = pd.read_csv(path / "frames.csv" if wanted == "pts" else path)
    assert list(table)[-68:] == fields
    np.testing.assert_allclose(table[fields].iloc[0].astype(float), sure, atol=6e-4)
    assert (table[fields].iloc[1] == 0).all()
    assert table[fields].iloc[2].isna().all()
    plain = write(tmp_path / "a", wanted, frames)
    plain = plain / "frames.csv" if wanted == "pts" else plain
    assert "c67" not in plain.read_text()


@pytest.mark.parametrize("wanted", FILES)
def test_a_document_is_whole_wherever_it_ends(wanted, tmp_path):
    for count in range(len(TALK) + 1):
        path = write(tmp_path / "a", wanted, TALK[:count], max_faces=2, pose=True)
        text = path.read_text(encoding="utf-8")
        if wanted == "cvat":
            ElementTree.fromstring(text)
        elif wanted == "coco":
            assert len(json.loads(text)["images"]) == len(
                [one for one in TALK[:count] if one.faces is not None]
            )
        else:
            assert text.endswith("\n") or not (count or text)
        assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("wanted", FILES)
def test_numbers_are_plain_and_odd_ones_are_left_out(wanted, tmp_path):
    odd = Face(0, POINTS.copy(), np.zeros(4), np.nan, np.nan, "tracked")
    odd.landmarks[3] = np.inf
    frames = [FacesOfFrame(0, np.nan, [odd], SIZE), frame(1, [face(np.int64(3))])]
    text = write(tmp_path / "a", wanted, frames, pose=True).read_text()
    assert not re.search(r"\b(nan|inf|infinity|np)\b|\de-?\d", text, re.IGNORECASE)


def test_suffixes_choose_formats(tmp_path):
    assert BY_SUFFIX == {"csv": "csv", "jsonl": "jsonl", "json": "coco", "xml": "cvat"}
    for suffix, wanted in BY_SUFFIX.items():
        (outputs,) = plan(["a.mp4"], None, tmp_path / f"a.{suffix}", None)
        assert outputs.format == wanted
    (outputs,) = plan(["a.mp4"], None, tmp_path / "a.csv", "openface")
    assert outputs.format == "openface"
    for wanted, suffix in SUFFIXES.items():
        (outputs,) = plan(["a.mp4"], None, tmp_path, wanted)
        assert outputs.landmarks == tmp_path / f"a-landmarks.{suffix}"
    with pytest.raises(ValueError, match=r"a\.csv: contradicts --format coco"):
        plan(["a.mp4"], None, tmp_path / "a.csv", "coco")
    with pytest.raises(
        ValueError, match=r"as \.csv, \.jsonl, \.json or \.xml, or into a"
    ):
        plan(["a.mp4"], None, tmp_path / "a.txt", None)


# Datumaro -----------------------------------------------------------------------------

# Prints what Datumaro reads from a file, as JSON.
READ_WITH_DATUMARO = """
import json, sys
import datumaro
for item in datumaro.Dataset.import_from(sys.argv[1], "cvat"):
    shapes = [[a.attributes, a.points] for a in item.annotations]
    print(json.dumps([item.id, item.attributes["frame"], shapes]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("frames", [TALK, PICTURES[:3]], ids=["tracks", "images"])
def test_datumaro_reads_cvat(frames, tmp_path):
    """Datumaro needs an older pandas than this project's, so it has its own Python."""
    python = os.environ.get("DATUMARO_PYTHON")
    if not python:
        pytest.skip("name a Python with Datumaro: DATUMARO_PYTHON")
    named = frames[0].name is not None
    path = write(tmp_path / "a.xml", "cvat", frames, named=named, max_faces=2)
    for one in frames if named else ():
        image = tmp_path / "images" / one.picture
        image.parent.mkdir(exist_ok=True)
        image.write_bytes(b"")
    command = [python, "-c", READ_WITH_DATUMARO, str(path)]
    lines = subprocess.check_output(command, text=True).splitlines()
    found = {frame: (name, shapes) for name, frame, shapes in map(json.loads, lines)}
    expected = {one.index: one for one in frames if one.faces is not None}
    assert set(found) == set(expected)
    for index, (name, shapes) in found.items():
        assert name == expected[index].picture.rpartition(".")[0]
        kept = [points for notes, points in shapes if not notes.get("outside")]
        seen = [face.landmarks for face in expected[index].seen]
        assert len(kept) == len(seen)
        for points, landmarks in zip(kept, seen, strict=True):
            read = np.reshape(points, (68, 2)) - 0.5
            # It rounds to hundredths.
            np.testing.assert_allclose(read, landmarks, atol=6e-3)
