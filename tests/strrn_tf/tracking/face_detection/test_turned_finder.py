"""Faces that are turned in the frame: boxes, and how often frames are turned."""

import numpy as np
import pytest

from strrn_tf.tracking.face_detection.box_finder import (
    QUARTER_TURNS,
    MtcnnFinder,
    turn_back,
)

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
        return [box] if (row, column) == self.place else []


def marked(row=20, column=50):
    image = IMAGE.copy()
    image[row, column] = 255
    return image


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_boxes_are_turned_back(turns):
    image = IMAGE.copy()
    image[20:31, 50:71] = 255
    rows, columns, _ = np.nonzero(np.rot90(image, turns))
    box = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
    np.testing.assert_array_equal(turn_back(box, turns, image.shape), [50, 20, 70, 30])


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
