"""Which of the answers in windows of several rolls counts."""

from typing import NamedTuple

import numpy as np
import pytest

from data_pipeline.synthetic import draw_face
from strrn_tf.geometry import apply_matrix, roll_angle, similarity
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.networks.face_networks import (
    TURNS,
    Crop,
    Detections,
    FaceNetworks,
)

CONFIG = TrackingConfig()
AGREES, DIFFERS = CONFIG.turned_disagreement / 2, 2 * CONFIG.turned_disagreement


class Score(NamedTuple):
    """Of a face check."""

    score: float


class Scripted(FaceNetworks):
    """Answers in a window by its roll: degrees of the landmarks, and inconsistency."""

    def __init__(self, answers, scores=None):
        self.any_roll, self._config = True, CONFIG
        self._check_face = scores and (
            lambda _, shape: Score(scores[degrees_of(shape)])
        )
        self.answers, self.tried = answers, []
        landmarks = draw_face(np.random.default_rng(3))[1]
        upright = similarity(1.0, -float(roll_angle(landmarks)), np.zeros(2))
        self.face = apply_matrix(upright, landmarks)

    def _settle(self, image, box, roll):
        degrees = round(np.degrees(roll))
        self.tried.append(degrees)
        found, inconsistency = self.answers[degrees]
        turn = similarity(1.0, np.deg2rad(found), np.zeros(2))
        landmarks = apply_matrix(turn, self.face)
        crop = Crop(np.eye(2, 3), None, None, None)
        return Detections(landmarks, np.full(68, inconsistency), crop)

    def found(self, rolls=TURNS):
        found = self.detect_consistently(None, None, rolls)
        return found and degrees_of(found.landmarks)


def degrees_of(landmarks):
    return round(np.degrees(float(roll_angle(landmarks))))


def test_the_first_roll_is_enough_where_detections_agree():
    networks = Scripted({30: (33, 0.01)})
    assert networks.found([np.deg2rad(30), np.deg2rad(210)]) == 33
    assert networks.tried == [30]


def test_a_turned_face_counts_where_its_detections_agree_well():
    answers = {0: (5, DIFFERS), 180: (178, AGREES), 90: (80, 0.2), -90: (-80, 0.2)}
    assert Scripted(answers).found() == 178


def test_a_face_askew_does_not_count_where_they_agree_less():
    worse = 2 * DIFFERS
    answers = {0: (5, worse), 180: (170, DIFFERS), 90: (80, worse), -90: (-58, DIFFERS)}
    networks = Scripted(answers)
    assert networks.found() == 5
    assert networks.tried == [0, 180, 90, -90]
    # With a box alone, as in `align`, there is no expected roll.
    assert degrees_of(networks.detect(None, None)) == 170


def test_there_is_no_face_where_all_are_askew():
    answers = {0: (60, DIFFERS), 180: (170, 0.1), 90: (99, 0.1), -90: (-58, DIFFERS)}
    assert Scripted(answers).found() is None


@pytest.mark.parametrize("limit", [44, -44])
def test_a_face_may_turn_by_less_than_half_a_quarter(limit):
    assert Scripted({100: (100 + limit, DIFFERS)}).found([np.deg2rad(100)]) is not None
    turned = Scripted({100: (100 + 1.1 * limit, DIFFERS)})
    assert turned.found([np.deg2rad(100)]) is None


def test_of_doubtful_answers_that_of_a_face_counts():
    answers = {0: (5, 0.11), 180: (178, 0.07), 90: (80, 0.12), -90: (-88, 0.09)}
    scores = {5: 0.7, 178: 0.02, 80: 0.1, -88: 0.95}
    networks = Scripted(answers, scores)
    assert degrees_of(networks.detect(None, None)) == -88
    assert degrees_of(Scripted(answers).detect(None, None)) == 178
    # Two detections that agree need no face check.
    assert (
        degrees_of(Scripted(answers | {180: (178, 0.01)}, scores).detect(None, None))
        == 178
    )
