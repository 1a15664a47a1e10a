"""Reliability as a probability, and what it depends on."""

import dataclasses

import numpy as np
import pytest
from support.faces import drawn_face

from strrn_tf.tracking.confidence.reliability import Reliability, features, turn
from strrn_tf.tracking.face import Face

SHAPE = drawn_face()
BOX = np.array([*SHAPE.min(0), *SHAPE.max(0)])
SEEN = {"disagreement": 0.04, "face_score": 0.9, "landmark_offset": 0.02}
TRACKED = Face(0, SHAPE, BOX, 0.0, 0.01, "tracked", **SEEN)
DETECTED = Face(0, SHAPE, BOX, 0.0, np.nan, "detected", **SEEN)


def test_it_is_the_logistic_function_of_the_features():
    weights = Reliability(
        (1.0, -0.5, 2.0, 3.0, -4.0, 0.2, 0.3), (-1.0, 0.25, 0.5, 2.0, 0.3, -0.7)
    )
    side = max(BOX[2] - BOX[0], BOX[3] - BOX[1])
    right, left = (np.linalg.norm(SHAPE[i] - SHAPE[30]) for i in (1, 15))
    distance, size = np.log10(0.05), np.log10(side / 100)
    turned = abs(np.log(right / left))
    odds, offset = np.log(9), np.log10(0.03)
    score = 1 - 0.5 * np.log10(0.011) + 2 * distance + 3 * turned - 4 * size
    score += 0.2 * odds + 0.3 * offset
    assert weights(TRACKED) == pytest.approx(1 / (1 + np.exp(-score)), rel=1e-5)
    score = -1 + 0.25 * distance + 0.5 * turned + 2 * size
    score += 0.3 * odds - 0.7 * offset
    assert weights(DETECTED) == pytest.approx(1 / (1 + np.exp(-score)), rel=1e-5)


def test_without_calibration_it_falls_with_all_errors():
    weights = Reliability()
    for name in ("cycle_error", "disagreement", "landmark_offset"):
        values = [
            weights(dataclasses.replace(TRACKED, **{name: error}))
            for error in (0.0, 0.005, 0.02, 0.1, 1.0)
        ]
        assert (np.diff(values) < 0).all()
        assert 0 < min(values) < max(values) < 1
    assert weights(dataclasses.replace(DETECTED, disagreement=np.inf)) == 0


def test_it_rises_with_the_face_score_which_may_be_certain():
    values = [
        Reliability()(dataclasses.replace(DETECTED, face_score=score))
        for score in (0.0, 0.3, 0.9, 1.0)
    ]
    assert (np.diff(values) > 0).all()


def test_a_turned_head():
    assert turn(SHAPE * (-1, 1)) == pytest.approx(turn(SHAPE), abs=1e-6)
    side = SHAPE.copy()
    side[30] = side[1]
    assert turn(side) == 2
    assert features(DETECTED).shape == (5,)


def test_a_model_brings_its_own():
    entry = {"of_tracked": [1, 2, 3, 4, 5, 6, 7], "of_detected": [1] * 6}
    own = Reliability.of_model({"reliability": entry})
    assert list(own.of_tracked) == [1, 2, 3, 4, 5, 6, 7]
    assert Reliability.of_model({}) == Reliability()


@pytest.mark.parametrize(
    "entry",
    [
        {},
        [],
        "high",
        {"of_tracked": [1] * 7},
        {"of_tracked": [1] * 5, "of_detected": [1] * 4},
        {"of_tracked": [*[1] * 6, np.nan], "of_detected": [1] * 6},
        {"of_tracked": ["a"] * 7, "of_detected": [1] * 6},
    ],
)
def test_damaged_entries(entry):
    with pytest.raises(ValueError, match="damaged"):
        Reliability.of_model({"reliability": entry})
