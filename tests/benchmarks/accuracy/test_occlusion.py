"""Clips in which a neighbour's face is followed are not measured."""

import numpy as np
import pytest
from support.faces import drawn_face

from benchmarks.accuracy.occlusion import is_another_face
from strrn_tf.geometry import box_from_landmarks, eye_distance
from strrn_tf.tracking.face import Face


class Finder:
    """A live tracker that finds this shape, or none."""

    def __init__(self, shape):
        self.shape = shape

    def reset(self):
        pass

    def update(self, image, timestamp):
        if self.shape is None:
            return []
        box = box_from_landmarks(self.shape)
        return [Face(0, self.shape, box, 0.9, 0.0, "detected")]


@pytest.mark.parametrize(("away", "is_another"), [(0, False), (0.3, False), (2, True)])
def test_a_face_beside_the_annotated_one_is_another(away, is_another):
    face = drawn_face()
    found = face + np.array([away * eye_distance(face), 0])
    image = np.zeros((315, 315, 3), np.uint8)
    assert is_another_face(Finder(found), image, face) == is_another


def test_no_face_is_no_other_one():
    image = np.zeros((315, 315, 3), np.uint8)
    assert not is_another_face(Finder(None), image, drawn_face())
