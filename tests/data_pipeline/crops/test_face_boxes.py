"""Choice of a face, the cache, and one search with MTCNN itself."""

import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from data_pipeline.crops.face_boxes import (
    BoxCache,
    choose_face,
    find_face_boxes,
    find_mtcnn_boxes,
)
from data_pipeline.synthetic import draw_face
from strrn_tf.geometry import apply_matrix, box_from_landmarks, overlap, roll_angle
from strrn_tf.tracking.face_detection.face_boxes import landmark_box, mtcnn_box

LARGE_LEFT = (0.0, 0.0, 60.0, 80.0)
SMALL_MIDDLE = (90.0, 40.0, 120.0, 70.0)
TALL_RIGHT = (150.0, 0.0, 170.0, 99.0)
BOXES = np.array([SMALL_MIDDLE, TALL_RIGHT, LARGE_LEFT])


@pytest.mark.parametrize(
    ("rule", "expected"), [("largest", LARGE_LEFT), ("central", SMALL_MIDDLE)]
)
def test_one_face_of_three(rule, expected):
    np.testing.assert_array_equal(choose_face(BOXES, (200, 100), rule), expected)


def test_width_and_height_are_not_mixed_up():
    # In a portrait image of 100 x 400 the middle is at (49.5, 199.5).
    boxes = np.array([(40, 190, 60, 210), (190, 40, 210, 60)])
    np.testing.assert_array_equal(choose_face(boxes, (100, 400), "central"), boxes[0])


def test_from_mtcnn_and_back():
    for box in BOXES:
        np.testing.assert_allclose(mtcnn_box(landmark_box(box)), box, atol=1e-9)
    with pytest.raises(ValueError, match="`landmark_box` must be finite"):
        mtcnn_box((5, 0, 1, 9))


@pytest.mark.parametrize("boxes", [None, [], np.empty((0, 4))])
def test_no_face_is_none(boxes):
    assert choose_face(boxes, (200, 100)) is None


def test_one_box_is_itself():
    np.testing.assert_array_equal(choose_face(LARGE_LEFT, (200, 100)), LARGE_LEFT)


def test_the_roll_stays_with_its_box():
    faces = np.column_stack([BOXES, np.arange(len(BOXES))])
    chosen = choose_face(faces, (200, 100))
    np.testing.assert_array_equal(chosen[:4], choose_face(BOXES, (200, 100)))
    np.testing.assert_array_equal(faces[int(chosen[4])], chosen)


@pytest.mark.parametrize("degrees", [-25, 0, 20])
def test_turned_boxes_have_the_roll_of_the_face(degrees):
    image, landmarks = draw_face(np.random.default_rng(3))
    centre = landmarks.mean(0).tolist()
    # OpenCV's positive angles turn against the clock.
    turn = cv2.getRotationMatrix2D(centre, -degrees, 0.5)
    image = cv2.warpAffine(image, turn, image.shape[1::-1], borderMode=1)
    truth = apply_matrix(turn, landmarks)
    (found,) = find_face_boxes(image)
    assert found[4] == pytest.approx(roll_angle(truth), abs=0.1)
    assert overlap(found[:4], box_from_landmarks(truth)) > 0.5


def test_unknown_rule_is_named():
    with pytest.raises(ValueError, match="'smallest'"):
        choose_face(BOXES, (200, 100), "smallest")


def test_boxes_without_area_are_dropped():
    class Fake:
        def find(self, image):
            box = np.array([19.5, 39.5, 219.5, 279.5], np.float32)
            empty = np.array([50, 50, 50, 60], np.float32)
            return [SimpleNamespace(box=box), SimpleNamespace(box=empty)]

    found = find_mtcnn_boxes(np.zeros((480, 960, 3), np.uint8), Fake())
    np.testing.assert_array_equal(found, [(19.5, 39.5, 219.5, 279.5)])


def test_cache_keeps_boxes_and_absences(tmp_path):
    path = tmp_path / "index" / "boxes.json"
    asked = []

    def finder(image):
        asked.append(image.shape)
        return np.array(LARGE_LEFT) if image.any() else None

    dark, light = np.zeros((4, 4, 3), np.uint8), np.ones((4, 4, 3), np.uint8)
    with BoxCache(path) as cache:
        np.testing.assert_array_equal(cache.find("a.jpg", light, finder), LARGE_LEFT)
        assert cache.find("b.jpg", dark, finder) is None
    again = BoxCache(path)
    np.testing.assert_array_equal(again.find("a.jpg", light, finder), LARGE_LEFT)
    assert again.find("b.jpg", dark, finder) is None
    assert len(asked) == 2
    assert len(again) == 2
    assert "c.jpg" not in again


def test_cache_is_saved_while_it_grows(tmp_path):
    cache = BoxCache(tmp_path / "boxes.json", save_every=0)
    cache["a.jpg"] = np.array(LARGE_LEFT)
    assert "a.jpg" in BoxCache(tmp_path / "boxes.json")


def test_an_entry_may_have_several_faces(tmp_path):
    path = tmp_path / "boxes.json"
    with BoxCache(path) as cache:
        cache["a"], cache["b"] = np.array([LARGE_LEFT, SMALL_MIDDLE]), np.empty((0, 4))
    again = BoxCache(path)
    np.testing.assert_array_equal(again["a"], [LARGE_LEFT, SMALL_MIDDLE])
    assert again["b"].size == 0


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "nul"),
        *(f'{{"boxes": {{"a": {entry}}}}}' for entry in ("[1, 2]", "0", "[[[1]]]")),
    ],
)
def test_foreign_cache_file_is_named(tmp_path, text):
    path = tmp_path / "boxes.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"boxes\.json.*Delete it"):
        BoxCache(path)


def test_importing_does_not_import_tensorflow():
    import subprocess

    code = (
        "import sys, data_pipeline.stores.store; assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_mtcnn_itself_finds_nothing_in_noise():
    image = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)
    assert find_mtcnn_boxes(image).shape == (0, 4)
    assert find_mtcnn_boxes(np.zeros((9, 9, 3), np.uint8)).shape == (0, 4)
