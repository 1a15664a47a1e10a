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
AGREES, DIFFERS = CONFIG.upright_disagreement / 2, 5 * CONFIG.upright_disagreement


class Seen(NamedTuple):
    """What a face check sees."""

    score: float
    landmark_offset: float


class Scripted(FaceNetworks):
    """Answers in a window by its roll: degrees of the landmarks, and inconsistency."""

    def __init__(self, answers, seen=None):
        self.any_roll, self._config = True, CONFIG
        self._check_face = seen and (lambda _, shape: Seen(*seen[degrees_of(shape)]))
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
    networks = Scripted({30: (33, AGREES)})
    assert networks.found([np.deg2rad(30), np.deg2rad(210)]) == 33
    assert networks.tried == [30]


def test_the_most_consistent_answer_counts_without_a_face_check():
    answers = {0: (5, 0.2), 180: (178, DIFFERS), 90: (80, 0.1), -90: (-80, 0.3)}
    networks = Scripted(answers)
    assert networks.found() == 178
    assert networks.tried == [0, 180, 90, -90]


@pytest.mark.parametrize(
    "looks", [{-88: (1.0, 0.02), 5: (0.4, 0.02)}, {-88: (1.0, 0.02), 5: (1.0, 0.2)}]
)
def test_a_face_counts_before_what_is_more_consistent(looks):
    """Upside down, the network is often sure of itself."""
    answers = {0: (5, AGREES), 180: (178, 0.07), 90: (80, 0.12), -90: (-88, 0.04)}
    seen = {178: (0.02, 0.3), 80: (0.1, 0.3)} | looks
    assert Scripted(answers).found() == 5
    networks = Scripted(answers, seen)
    assert networks.found() == -88
    assert networks.tried == [0, 180, 90, -90]
    assert degrees_of(networks.detect(None, None)) == -88


def test_an_answer_beyond_doubt_ends_the_search():
    answers = {0: (5, DIFFERS), 180: (178, AGREES), 90: (80, AGREES)}
    seen = {5: (1.0, 0.05), 178: (1.0, 0.05), 80: (1.0, 0.01)}
    networks = Scripted(answers, seen)
    assert networks.found() == 178
    assert networks.tried == [0, 180]


@pytest.mark.parametrize("limit", [44, -44])
def test_a_known_face_turns_by_less_than_half_a_quarter(limit):
    assert Scripted({100: (100 + limit, 0.2)}).found([np.deg2rad(100)]) is not None
    turned = Scripted({100: (100 + 1.1 * limit, AGREES)})
    assert turned.found([np.deg2rad(100)]) is None


def test_a_doubtful_answer_counts_at_the_likeliest_roll_only():
    answers = {0: (5, DIFFERS), 180: (178, 0.2), 90: (80, 0.2), -90: (-80, 0.2)}
    seen = {5: (0.9, 0.1), 178: (0.9, 0.4), 80: (0.9, 0.4), -80: (0.9, 0.4)}
    assert Scripted(answers, seen).found() == 5
    seen |= {5: (0.1, 0.1), -80: (1.0, 0.0)}
    networks = Scripted(answers, seen)
    assert networks.found() is None
    # With a box alone, as in `align`, there always is a face.
    assert degrees_of(networks.detect(None, None)) == -80
    networks = Scripted({180: (178, 0.1), 0: (5, 0.2)}, {178: (0.9, 0.1), 5: (0, 1)})
    assert networks.found([np.pi, 0.0]) is None
