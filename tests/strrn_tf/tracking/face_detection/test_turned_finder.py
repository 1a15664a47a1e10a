"""Faces that are turned in the frame: boxes, and how often frames are turned."""

import cv2
import numpy as np
import pytest

from data_pipeline.synthetic import draw_face
from strrn_tf.geometry import (
    apply_matrix,
    compose,
    roll_angle,
    roll_of_parts,
    similarity,
)
from strrn_tf.tracking.face_detection.box_finder import (
    QUARTER_TURNS,
    MtcnnFinder,
    turn_back,
)
from strrn_tf.tracking.face_detection.face_boxes import landmark_box, rolled_boxes
from strrn_tf.tracking.face_detection.face_finder import FoundFace

ROLL = 0.1
IMAGE = np.zeros((90, 160, 3), np.uint8)


class OneTurn(MtcnnFinder):
    """Finds a face only in images of which a marked pixel is at a place."""

    def __init__(self, place, *, turns=True):
        super().__init__(1, 0.1, turns=turns)
        self.place, self.searched = place, []

    def _find(self, image):
        row, column = np.argwhere(image[..., 0])[0]
        self.searched.append((int(row), int(column)))
        box = np.array([column - 4.0, row - 3.0, column + 4.0, row + 5.0])
        return [np.append(box, ROLL)] if (row, column) == self.place else []


def marked(row=20, column=50):
    image = IMAGE.copy()
    image[row, column] = 255
    return image


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_boxes_are_turned_back(turns):
    image = IMAGE.copy()
    image[20:31, 50:71] = 255
    rows, columns, _ = np.nonzero(np.rot90(image, turns))
    box = [columns.min(), rows.min(), columns.max(), rows.max()]
    back = turn_back(np.array([*box, 0.0]), turns, image.shape)
    np.testing.assert_array_equal(back[:4], [50, 20, 70, 30])


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_rolls_are_turned_back(turns):
    eyes, mouth = np.array([[60.0, 20], [80, 26]]), np.array([66.0, 40])
    matrix = {
        0: [[1, 0, 0], [0, 1, 0]],
        1: [[0, 1, 0], [-1, 0, 159]],
        2: [[-1, 0, 159], [0, -1, 89]],
        3: [[0, -1, 89], [1, 0, 0]],
    }[turns]
    seen = roll_of_parts(
        *apply_matrix(np.array(matrix, float), np.array([*eyes, mouth]))
    )
    back = turn_back(np.array([0.0, 0, 9, 9, seen]), turns, IMAGE.shape)[4]
    assert np.exp(1j * back) == pytest.approx(np.exp(1j * roll_of_parts(*eyes, mouth)))


# Where the marked pixel (20, 50) of 90 rows and 160 columns is after `np.rot90`.
PLACES = {0: (20, 50), 1: (109, 20), 2: (69, 109), 3: (50, 69)}


@pytest.mark.parametrize("turns", PLACES)
def test_a_turned_face_is_found_in_the_first_image(turns):
    finder = OneTurn(PLACES[turns])
    [box] = finder(marked())
    assert box[0] < 50 < box[2]
    assert box[1] < 20 < box[3]


def test_an_upright_face_costs_one_search():
    finder = OneTurn(PLACES[0])
    assert len(finder(marked())) == 1
    assert finder.searched == [PLACES[0]]


def test_later_images_are_turned_once_each_and_all_turns_come():
    finder = OneTurn((-1, -1))
    assert finder(marked()) == []
    assert finder.searched == [PLACES[0], *(PLACES[turn] for turn in QUARTER_TURNS)]
    finder.searched.clear()
    for _ in range(3):
        assert finder(marked()) == []
    assert finder.searched[::2] == [PLACES[0]] * 3
    assert sorted(finder.searched[1::2]) == sorted(PLACES[turn] for turn in (1, 2, 3))
    finder.reset()
    finder.searched.clear()
    finder(marked())
    assert len(finder.searched) == 4


def test_models_of_upright_windows_only_search_upright_frames():
    finder = OneTurn(PLACES[2], turns=False)
    assert finder(marked()) == []
    assert finder.searched == [PLACES[0]]


@pytest.mark.parametrize("degrees", [-35, 0, 35, 180])
def test_a_box_has_the_roll_of_the_face(degrees):
    image, landmarks = draw_face(np.random.default_rng(0))
    centre = np.array(image.shape[1::-1]) / 2
    turn = similarity(1.0, np.deg2rad(degrees), centre)
    matrix = compose(turn, similarity(1.0, 0.0, -landmarks.mean(0)))
    turned = cv2.warpAffine(image, matrix, image.shape[1::-1])
    [box, *_] = MtcnnFinder(1, 0.1, turns=True)(turned)
    truth = roll_angle(apply_matrix(matrix, landmarks))
    assert np.cos(box[4] - truth) > np.cos(np.deg2rad(12))


def test_a_roll_that_the_finder_cannot_see_is_none():
    upright = np.array([[-20.0, -20], [20, -20], [0, 0], [-15, 20], [15, 20]])
    box = np.array([-50.0, -50, 50, 50])
    for degrees, seen in {-70: -70, 70: 70, 80: 0, 150: 0, -95: 0}.items():
        turn = similarity(1.0, np.deg2rad(degrees), np.zeros(2))
        face = FoundFace(box, 0.9, apply_matrix(turn, upright))
        [found] = rolled_boxes([face])
        assert found[4] == pytest.approx(np.deg2rad(seen))
        centre = (found[:2] + found[2:4]) / 2
        shift = (landmark_box(box)[:2] + landmark_box(box)[2:]) / 2
        back = similarity(1.0, -np.deg2rad(seen), np.zeros(2))
        np.testing.assert_allclose(apply_matrix(back, centre[None])[0], shift)
