"""Mapping files, tables, COCO keypoints and `.pts` files of another markup."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.faces import drawn_face

from data_pipeline.annotations.annotation import Annotation
from data_pipeline.annotations.coco import read_faces
from data_pipeline.annotations.mapping import read_mapping
from data_pipeline.annotations.reading import (
    Labels,
    check_inside,
    place_of,
    read_annotation,
)
from strrn_tf.landmarks import REGIONS

FACE = drawn_face()
FIVE = {"leye": REGIONS["left_eye"], "reye": REGIONS["right_eye"], "nose": (30,)}


def write(path, content):
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


def mapped(tmp_path, **content):
    return write(tmp_path / "mapping.json", content)


class TestMapping:
    def test_points_means_and_options(self, tmp_path):
        path = mapped(tmp_path, points=3, to_ibug68={"0": 17, "2": [37, 38]})
        markup = read_mapping(path)
        assert markup.targets == {"0": (17,), "2": (37, 38)}
        assert (markup.points, markup.first_pixel) == (3, None)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("{", "must be JSON"),
            ([], "to_ibug68"),
            ({"to_ibug68": [1]}, "to_ibug68"),
            ({"to_ibug68": {}}, "one point or more"),
            ({"to_ibug68": {"0": 68}}, "point '0'.*Received: 68"),
            ({"to_ibug68": {"0": -1}}, "0 to 67"),
            ({"to_ibug68": {"0": "17"}}, "landmark"),
            ({"to_ibug68": {"0": True}}, "landmark"),
            ({"to_ibug68": {"0": []}}, "landmark"),
            ({"to_ibug68": {"0": [3, 3]}}, "different"),
            ({"to_ibug68": {"0": 5, "1": 5}}, "both be landmark 5"),
            ({"to_ibug68": {"0": 5}, "point": 1}, "`point` is not a key"),
            ({"to_ibug68": {"0": 5}, "points": 0}, "`points`"),
            ({"to_ibug68": {"0": 5}, "first_pixel": 2}, "`first_pixel`"),
            ({"to_ibug68": {"0": 5}, "columns": ["x", "y"]}, "`columns`"),
            ({"to_ibug68": {"0": 5}, "table": 3}, "`table`"),
        ],
    )
    def test_broken_mappings_are_named(self, tmp_path, content, words):
        path = write(tmp_path / "m.json", content)
        with pytest.raises(ValueError, match=words) as error:
            read_mapping(path)
        assert str(path) in str(error.value)

    def test_a_missing_mapping_is_named(self, tmp_path):
        with pytest.raises(ValueError, match=r"gone\.json: cannot be read"):
            read_mapping(tmp_path / "gone.json")


class TestPts:
    def labels(self, tmp_path, **more):
        path = mapped(
            tmp_path, points=3, to_ibug68={"0": 17, "1": 26, "2": [37, 38]}, **more
        )
        return Labels(mapping=path)

    def test_points_and_means_from_0(self, tmp_path):
        path = write(tmp_path / "a.pts", "n_points: 3\n{\n11 21\n31 41\n51 61\n}\n")
        found = read_annotation(path, self.labels(tmp_path))
        assert found.landmarks[[17, 26]].tolist() == [[10, 20], [30, 40]]
        assert found.means == (((37, 38), (50.0, 60.0)),)
        assert found.known.sum() == 2

    @pytest.mark.parametrize("mark", ["0 0", "-1 -1", "nan nan", "-999 -999", "? ?"])
    def test_missing_points_and_means(self, tmp_path, mark):
        path = write(tmp_path / "a.pts", f"{{\n11 21\n{mark}\n{mark}\n}}\n")
        labels = self.labels(tmp_path)._replace(mark=mark.split()[0])
        found = read_annotation(path, labels)
        assert np.flatnonzero(found.known).tolist() == [17]
        assert found.means == ()
        text = f"2 of 3 points are not annotated: `{mark}`, from line 3"
        assert found.remark == text

    def test_the_mark_may_stand_in_the_mapping(self, tmp_path):
        path = write(tmp_path / "a.pts", "{\n11 21\n-5 -5\n51 61\n}\n")
        found = read_annotation(path, self.labels(tmp_path, missing_mark=-5))
        assert np.flatnonzero(found.known).tolist() == [17]

    def test_files_may_count_from_0(self, tmp_path):
        path = write(tmp_path / "a.pts", "{\n11 21\n31 41\n51 61\n}\n")
        found = read_annotation(path, self.labels(tmp_path, first_pixel=0))
        assert found.landmarks[17].tolist() == [11, 21]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{\n11 21\n}\n", r"line 2: there must be 3 landmarks"),
            ("n_points: 68\n{\n11 21\n}\n", r"line 1: `n_points` must be 3"),
            ("{\n11 21\nx y\n51 61\n}\n", r"line 3: a landmark must be two numbers"),
        ],
    )
    def test_broken_files_are_named_with_rule_and_line(self, tmp_path, text, words):
        path = write(tmp_path / "a.pts", text)
        with pytest.raises(ValueError, match=words):
            read_annotation(path, self.labels(tmp_path))


class TestTable:
    HEADER = "name,leye_x,leye_y,reye_x,reye_y,nose_x,nose_y,pose"
    ROW = "a/1,11,21,31,21,21,36,3"

    def read(self, tmp_path, *rows, mark=None, header=HEADER, entry="2"):
        write(tmp_path / "labels.csv", "\n".join([header, *rows]) + "\n")
        to_ibug68 = {k: list(v) if len(v) > 1 else v[0] for k, v in FIVE.items()}
        path = mapped(
            tmp_path,
            table="labels.csv",
            image="name",
            first_pixel=1,
            to_ibug68=to_ibug68,
        )
        labels = Labels(entry=entry, mapping=path, mark=mark)
        return read_annotation(tmp_path / "labels.csv", labels)

    def test_points_and_means_from_0(self, tmp_path):
        found = self.read(tmp_path, self.ROW)
        assert found.landmarks[30].tolist() == [20, 35]
        assert [m.place for m in found.means] == [(10, 20), (30, 20)]

    @pytest.mark.parametrize("delimiter", [";", "\t"])
    def test_other_delimiters(self, tmp_path, delimiter):
        header, row = (line.replace(",", delimiter) for line in (self.HEADER, self.ROW))
        found = self.read(tmp_path, row, header=header)
        assert found.landmarks[30].tolist() == [20, 35]

    @pytest.mark.parametrize("cells", [",", "0,0", "-1,-1.0", "nan,NaN", "-999,-999"])
    def test_missing_points(self, tmp_path, cells):
        row = f"a/1,{cells},31,21,{cells},3"
        found = self.read(tmp_path, row, mark="-999")
        assert not found.known.any()
        assert len(found.means) == 1
        assert found.remark.startswith("2 of 3 points are not annotated")
        assert "line 2, `leye`" in found.remark

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ("a/1,x,21,31,21,21,36,3", "line 2, `leye`: a landmark must be two"),
            ("a/1,11,21,31,21,nan,36,3", "line 2, `nose`: coordinates must be finite"),
            ("a/1,11,21,31,21,21,1e9,3", "line 2, `nose`: coordinates must be finite"),
            ("a/1,11,21,31", "line 2, `reye`: a landmark must be two"),
        ],
    )
    def test_broken_rows_are_named_with_rule_and_line(self, tmp_path, row, words):
        with pytest.raises(ValueError, match=words) as error:
            self.read(tmp_path, row)
        assert "labels.csv" in str(error.value)

    def test_a_missing_column_is_named(self, tmp_path):
        with pytest.raises(ValueError, match=r"column `nose_x`\. Received: name, leye"):
            self.read(tmp_path, self.ROW, header=self.HEADER.replace("nose_x", "n"))


def coco(points, **more):
    """Return the content of a COCO file of one annotation of points (N, 3)."""
    annotation = {
        "id": 7, "image_id": 3, "category_id": 1,
        "keypoints": np.ravel(points).tolist(),
    }  # fmt: skip
    return {
        "images": [{"id": 3, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "keypoints": more.pop("names", [])}],
        "annotations": [annotation | more],
    }


class TestCoco:
    WHOLE = np.column_stack([FACE, np.full(68, 2)])

    def test_68_points_need_no_mapping(self, tmp_path):
        path = write(tmp_path / "c.json", coco(self.WHOLE))
        found = read_annotation(path, Labels(entry="7"))
        assert found.is_whole
        np.testing.assert_allclose(found.landmarks, FACE, rtol=1e-6)

    def test_v_0_is_missing_and_v_1_is_not(self, tmp_path):
        points = self.WHOLE.copy()
        points[3, 2], points[5, 2] = 0, 1
        path = write(tmp_path / "c.json", coco(points))
        found = read_annotation(path, Labels(entry="7"))
        assert np.flatnonzero(~found.known).tolist() == [3]
        assert found.remark.endswith("`v = 0`, from annotation 7, point 3")

    @pytest.mark.parametrize(
        "mark", [[0, 0, 2], [0.0, 0.0, 1], [-1, -1, 2], [None, None, 2], [-9, -9, 2]]
    )
    def test_marks_beside_v(self, tmp_path, mark):
        content = coco(self.WHOLE)
        content["annotations"][0]["keypoints"][9:12] = mark
        path = write(tmp_path / "c.json", content)
        found = read_annotation(path, Labels(entry="7", mark="-9"))
        assert np.flatnonzero(~found.known).tolist() == [3]

    def test_points_go_by_name_or_number(self, tmp_path):
        names = ["nose", "left_eye", "right_eye"]
        content = coco([[1, 2, 2], [3, 4, 2], [5, 6, 2]], names=names)
        path = write(tmp_path / "c.json", content)
        to_ibug68 = {"nose": 30, "left_eye": [42, 43, 44], "2": 36}
        labels = Labels(entry="7", mapping=mapped(tmp_path, to_ibug68=to_ibug68))
        found = read_annotation(path, labels)
        assert found.landmarks[[30, 36]].tolist() == [[1, 2], [5, 6]]
        assert found.means == (((42, 43, 44), (3.0, 4.0)),)

    def test_another_key_holds_the_face(self, tmp_path):
        content = coco([[1, 2, 2]] * 17, face_kpts=np.ravel(self.WHOLE).tolist())
        path = write(tmp_path / "c.json", content)
        to_ibug68 = {str(i): i for i in range(68)}
        mapping = mapped(tmp_path, keypoints="face_kpts", to_ibug68=to_ibug68)
        assert read_annotation(path, Labels(entry="7", mapping=mapping)).is_whole

    @pytest.mark.parametrize(
        ("keypoints", "words"),
        [
            ([1, 2], "list of x, y, v.*2 numbers"),
            ("1 2 2", "list of x, y, v.*no list"),
            ([1, 2, 2], "there must be 68 points. Received: 1"),
            ([1, 2, 3] * 68, "point 0: v must be 0, 1 or 2. Received: 3"),
            (["a", 2, 2] * 68, "point 0: a landmark must be two numbers"),
            ([1e9, 2, 2] * 68, "point 0: coordinates must be finite"),
        ],
    )
    def test_broken_annotations_are_named(self, tmp_path, keypoints, words):
        content = coco(self.WHOLE)
        content["annotations"][0]["keypoints"] = keypoints
        path = write(tmp_path / "c.json", content)
        with pytest.raises(ValueError, match=words) as error:
            read_annotation(path, Labels(entry="7"))
        assert "annotation 7" in str(error.value)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("{", "must be JSON"),
            ([], "`images` and `annotations`"),
            ({"images": []}, "`images` and `annotations`"),
            ({"images": [], "annotations": []}, "no annotation has `keypoints`"),
            (coco([[1, 2, 2]], image_id=9), "annotation 7: `image_id` must .*: 9"),
            (coco([]) | {"images": [{"id": 3, "file_name": None}]}, "`file_name`"),
            (coco([]) | {"annotations": 2 * coco([])["annotations"]}, "two of 7"),
            ("[" * 100_000, "must be JSON"),
        ],
    )
    def test_broken_files_are_named(self, tmp_path, content, words):
        path = write(tmp_path / "c.json", content)
        with pytest.raises(ValueError, match=words) as error:
            read_faces(path)
        assert "c.json" in str(error.value)


@pytest.mark.parametrize(
    ("name", "entry", "place"),
    [
        ("a.pts", "", "a.pts"),
        ("labels.csv", "12", "labels.csv, line 12"),
        ("coco.json", "7", "coco.json, annotation 7"),
    ],
)
def test_messages_name_the_place_in_a_file_of_many_faces(name, entry, place):
    assert place_of(Path("d", name), Labels(entry)) == str(Path("d", place))
    assert place_of(Path("d", name), None) == str(Path("d", name))


class TestInside:
    SIZE = (320, 280)

    def check(self, shape):
        check_inside(Annotation(shape.astype(np.float32)), self.SIZE, "a.pts")

    @pytest.mark.parametrize("shift", [(0, 0), (-70, 0), (0, 60)])
    def test_a_shape_in_its_picture(self, shift):
        self.check(FACE + shift)

    @pytest.mark.parametrize(
        "change",
        [
            lambda face: face - (400, 0),
            lambda face: face - (0, -300),
            lambda face: face - (-150, 0),
            lambda face: face * 3,
            lambda face: face[:, ::-1] * 1.6,
        ],
    )
    def test_a_shape_outside_its_picture(self, change):
        with pytest.raises(ValueError, match=r"a\.pts: .* of 68 in a picture of 320"):
            self.check(change(FACE))

    @pytest.mark.parametrize("count", [1, 2, 40])
    def test_a_mark_that_was_not_named(self, count):
        face = FACE.copy()
        face[:count] = -1000
        with pytest.raises(ValueError, match=rf"--missing-mark.*{count} at \(-1000"):
            self.check(face)

    @pytest.mark.parametrize("place", [(0, 0), (-2, -2), (319, 279)])
    def test_a_mark_in_or_beside_the_picture_that_was_not_named(self, place):
        face = FACE.copy()
        face[:3] = place
        with pytest.raises(ValueError, match=r"a\.pts: .*--missing-mark.*3 at \("):
            self.check(face)
        face[2] = FACE[2]
        self.check(face)

    def test_points_of_a_closed_mouth_may_be_one(self):
        face = FACE.copy()
        face[61:64] = face[65:68] = face[66]
        self.check(face)

    def test_one_point_that_is_wrong(self):
        face = FACE.copy()
        face[3], face[4] = (900, 100), (-800, 20)
        with pytest.raises(ValueError, match=r"the others near it\. Received: 66"):
            self.check(face)
