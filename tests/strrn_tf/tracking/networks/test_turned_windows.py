"""Which of the answers in windows of several rolls counts."""

from typing import NamedTuple

import numpy as np
import pytest

from data_pipeline.synthetic import draw_face
from strrn_tf.geometry import apply_matrix, roll_angle, similarity
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.networks.face_networks import Crop, Detections, FaceNetworks

CONFIG = TrackingConfig()
AGREES, DIFFERS = CONFIG.upright_disagreement / 2, 5 * CONFIG.upright_disagreement


class Checked(NamedTuple):
    """What a face check sees."""

    score: float
    landmark_offset: float


class Scripted(FaceNetworks):
    """Answers in a window by its roll: degrees of the landmarks, and inconsistency."""

    def __init__(self, answers, seen=None):
        self.any_roll, self._config = True, CONFIG
        self._check_face = seen and (lambda _, shape: Checked(*seen[degrees_of(shape)]))
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

    def found(self, degrees=0, is_known=False):
        roll = np.deg2rad(degrees)
        found = self.detect_consistently(None, None, roll, is_known)
        return found and degrees_of(found.landmarks)


def degrees_of(landmarks):
    return round(np.degrees(float(roll_angle(landmarks))))


SURE, UNSURE, NOTHING = (1.0, 0.02), (0.9, 0.1), (0.1, 0.4)


def test_the_first_roll_is_enough_where_detections_agree():
    networks = Scripted({30: (33, AGREES)})
    assert networks.found(30) == 33
    assert networks.tried == [30]


def test_without_a_face_check_an_answer_has_to_be_consistent():
    answers = {0: (5, 0.2), 180: (178, DIFFERS), 90: (80, 0.1), -90: (-80, 0.3)}
    networks = Scripted(answers)
    assert networks.found() is None
    assert networks.tried == [0, 180, 90, -90]
    assert Scripted(answers | {90: (80, AGREES)}).found() == 80
    assert Scripted(answers | {0: (5, DIFFERS / 2)}).found() == 5


@pytest.mark.parametrize("looks", [(0.4, 0.02), (1.0, 0.2)])
def test_a_face_counts_before_what_is_more_consistent(looks):
    """Upside down, the network is often sure of itself."""
    answers = {0: (5, AGREES), 180: (178, 0.07), 90: (80, 0.12), -90: (-88, 0.04)}
    seen = {5: looks, 178: NOTHING, 80: NOTHING, -88: SURE}
    assert Scripted(answers).found() == 5
    networks = Scripted(answers, seen)
    assert networks.found() == -88
    assert networks.tried == [0, 180, 90, -90]
    assert degrees_of(networks.detect(None, None)) == -88


def test_an_answer_beyond_doubt_ends_the_search():
    answers = {0: (5, DIFFERS), 180: (178, AGREES), 90: (80, AGREES)}
    seen = {5: UNSURE, 178: SURE, 80: SURE}
    networks = Scripted(answers, seen)
    assert networks.found() == 178
    assert networks.tried == [0, 180]


def test_a_doubtful_answer_counts_near_the_likeliest_roll_only():
    answers = {0: (5, DIFFERS), 180: (178, 0.2), 90: (80, 0.2), -90: (-80, 0.2)}
    seen = {5: UNSURE, 178: NOTHING, 80: NOTHING, -80: NOTHING, 44: UNSURE, 46: UNSURE}
    assert Scripted(answers, seen).found() == 5
    assert Scripted(answers | {0: (44, DIFFERS)}, seen).found() == 44
    assert Scripted(answers | {0: (46, DIFFERS)}, seen).found() is None
    assert Scripted(answers, seen | {5: NOTHING, -80: UNSURE}).found() is None


def test_upside_down_a_doubtful_answer_has_to_be_known():
    answers = {180: (178, DIFFERS), 360: (5, 0.2), 270: (-80, 0.2), 90: (80, 0.2)}
    seen = {178: UNSURE, 5: NOTHING, 80: NOTHING, -80: NOTHING}
    assert Scripted(answers, seen).found(180) is None
    assert Scripted(answers, seen).found(180, is_known=True) == 178


def test_a_known_face_that_came_back_turned_is_found():
    answers = {0: (5, DIFFERS), 180: (178, 0.2), 90: (88, AGREES), -90: (-80, 0.2)}
    seen = {5: UNSURE, 178: NOTHING, 88: SURE, -80: NOTHING}
    assert Scripted(answers, seen).found(is_known=True) == 88


def test_in_a_box_a_turned_answer_must_be_clearly_better():
    answers = {0: (5, 0.1), 180: (178, 0.1), 90: (80, 0.2), -90: (-80, 0.2)}
    seen = {5: (0.5, 0.1), 178: (0.8, 0.05), 80: NOTHING, -80: NOTHING}
    assert degrees_of(Scripted(answers, seen).detect(None, None)) == 5
    # Beyond doubt, and much better.
    sure = answers | {180: (178, 0.05)}, seen | {178: SURE}
    assert degrees_of(Scripted(*sure).detect(None, None)) == 178
    much = seen | {5: (0.1, 0.3), 178: (0.8, 0.05)}
    assert degrees_of(Scripted(answers, much).detect(None, None)) == 178
