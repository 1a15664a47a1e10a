"""Stills of any markup: which are listed, by which file, and what is left out."""

import json

import numpy as np
import pytest
from support.faces import drawn_face
from support.layouts import picture, pts

from data_pipeline.crops.stills import cut_still
from data_pipeline.datasets.ground_truth import read_stills
from data_pipeline.datasets.labelled_stills import list_labelled
from data_pipeline.datasets.three_hundred_w import list_stills, read_landmarks
from data_pipeline.media.images import write_image

FACE = drawn_face()
THREE = {"points": 3, "to_ibug68": {"0": 36, "1": 45, "2": 8}}


def put(root, name, text):
    write_image(root / f"{name}.jpg", picture(height=240, width=320))
    (root / f"{name}.pts").write_text(text)


def three(*rows):
    return "{\n" + "\n".join(rows) + "\n}\n"


def partial(mark, count=20):
    lines = pts(FACE).decode().splitlines()
    lines[3 : 3 + count] = [mark] * count
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("mark", ["0 0", "0.000 0.000", "-1 -1", "nan nan", "NA NA"])
def test_missing_points_of_300w_are_taken_only_where_they_may_be(tmp_path, mark):
    put(tmp_path, "a", partial(mark))
    put(tmp_path, "b", pts(FACE).decode())
    stills = list_labelled(tmp_path)
    remark = f"20 of 68 points are not annotated: `{mark}`, from line 4"
    assert [still.remark for still in stills] == [f"a.pts: {remark}", ""]
    assert np.isnan(read_landmarks(stills[0])[:20]).all()
    assert np.isfinite(read_landmarks(stills[0])[20:]).all()
    whole = list_stills(tmp_path)
    assert [still.name for still in whole] == ["b.jpg"]
    assert "all points must be annotated" in whole.problems[0].reason
    assert remark in whole.problems[0].reason


@pytest.mark.parametrize("sides", [(0, 0), (0, 1), (1, 0)])
def test_a_whole_shape_has_a_width_and_a_height(tmp_path, sides):
    put(tmp_path, "a", pts(FACE * sides + 50).decode())
    put(tmp_path, "b", pts(FACE).decode())
    stills = list_labelled(tmp_path)
    assert [still.name for still in stills] == ["b.jpg"]
    assert "a.pts: annotated points must not all lie in one place or on one line" in (
        stills.problems[0].reason
    )


def test_an_option_names_another_mark(tmp_path):
    put(tmp_path, "a", partial("-999 -999"))
    assert not list_labelled(tmp_path)[0].remark
    still = list_labelled(tmp_path, mark="-999")[0]
    assert np.isnan(read_landmarks(still)[:20]).all()


def test_pts_files_of_another_markup_at_any_depth(tmp_path):
    put(tmp_path / "p" / "q", "1", three("11 21", "31 21", "21 51"))
    put(tmp_path / "p" / "q", "2", three("0 0", "31 21", "21 51"))
    put(tmp_path, "x", three("11 21", "31 21"))
    (tmp_path / "mapping.json").write_text(json.dumps(THREE))
    stills = list_labelled(tmp_path)
    assert [still.name for still in stills] == ["p/q/1.jpg"]
    assert read_landmarks(stills[0])[[36, 45, 8]].tolist() == [
        [10, 20], [30, 20], [20, 50],
    ]  # fmt: skip
    reasons = dict(stills.problems)
    assert "at least 3 annotated points. Received: 2 (1 of 3" in reasons["p/q/2.jpg"]
    assert "line 3: there must be 3 landmarks" in reasons["x.jpg"]


def test_a_named_mapping_goes_before_the_one_beside(tmp_path):
    put(tmp_path, "1", three("11 21", "31 21", "21 51"))
    (tmp_path / "mapping.json").write_text("{")
    other = tmp_path / "other.json"
    other.write_text(json.dumps(THREE))
    assert len(list_labelled(tmp_path, mapping=other)) == 1
    with pytest.raises(ValueError, match=r"mapping\.json: a mapping must be JSON"):
        list_labelled(tmp_path)


def test_rows_of_a_table(tmp_path):
    write_image(tmp_path / "a" / "10.jpg", picture())
    rows = "a/10,1,2,3,2,2,4\na/9,1,2,3,2,2,4\na/10,1,2,3,2,,\n"
    header = "image,l_x,l_y,r_x,r_y,c_x,c_y\n"
    (tmp_path / "t.csv").write_text(header + rows)
    mapping = {
        "table": "t.csv", "suffix": ".jpg", "to_ibug68": {"l": 36, "r": 45, "c": 8},
    }  # fmt: skip
    (tmp_path / "mapping.json").write_text(json.dumps(mapping))
    stills = list_labelled(tmp_path)
    assert [still.name for still in stills] == ["a/9.jpg", "a/10.jpg"]
    assert stills[1].image_path == tmp_path / "a" / "10.jpg"
    assert read_landmarks(stills[1])[36].tolist() == [1, 2]
    assert stills.problems[0].name == "a/10.jpg~2"
    assert "t.csv, line 4: a face needs at least 3" in stills.problems[0].reason


@pytest.mark.parametrize("by", ["file", "mapping"])
def test_a_file_of_coco_keypoints(tmp_path, by):
    values = np.column_stack([FACE, np.full(68, 2)])
    hidden = np.column_stack([FACE, np.arange(68) % 2])
    faces = [(1, values), (2, hidden), (3, 0 * hidden)]
    content = {
        "images": [{"id": 5, "file_name": "a.jpg"}],
        "annotations": [
            {"id": number, "image_id": 5, "keypoints": points.ravel().tolist()}
            for number, points in faces
        ],
    }
    root = tmp_path / "faces.json"
    root.write_text(json.dumps(content))
    if by == "mapping":
        root = tmp_path
        everything = {str(i): i for i in range(68)}
        mapping = {"coco": "faces.json", "images": ".", "to_ibug68": everything}
        (root / "mapping.json").write_text(json.dumps(mapping))
    stills = list_labelled(root)
    assert [still.name for still in stills] == ["a.jpg", "a.jpg~2"]
    assert {still.image_path for still in stills} == {tmp_path / "a.jpg"}
    assert np.isfinite(read_landmarks(stills[1])).all(-1).sum() == 34
    assert "faces.json, annotation 3: a face needs" in stills.problems[0].reason
    assert "Received: 0 (68 of 68 points" in stills.problems[0].reason


def test_a_face_outside_its_picture_is_named_by_its_place_in_the_file(tmp_path):
    write_image(tmp_path / "a.jpg", picture())
    content = {
        "images": [{"id": 5, "file_name": "a.jpg"}],
        "annotations": [{
            "id": 7, "image_id": 5,
            "keypoints": np.column_stack([FACE - 900, np.full(68, 2)]).ravel().tolist(),
        }],
    }  # fmt: skip
    (tmp_path / "faces.json").write_text(json.dumps(content))
    (still,) = list_labelled(tmp_path / "faces.json")
    with pytest.raises(ValueError, match=r"faces\.json, annotation 7: three quarters"):
        cut_still(still, "landmarks")
    problems = []
    assert not list(read_stills([still], problems))
    assert "faces.json, annotation 7: three quarters" in problems[0].reason


def test_nothing_usable_is_one_line(tmp_path):
    path = tmp_path / "m.json"
    path.write_text(json.dumps(THREE))
    with pytest.raises(ValueError, match="no such folder of stills"):
        list_labelled(tmp_path / "gone", mapping=path)
    put(tmp_path, "x", three("11 21"))
    with pytest.raises(ValueError, match=r"no usable still \(1 images, first problem"):
        list_labelled(tmp_path, mapping=tmp_path / "m.json")
