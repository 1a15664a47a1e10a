"""Reliability as a probability, and what it depends on."""

import dataclasses

import numpy as np
import pytest
from faces import drawn_face

from strrn_tf.tracking.face import Face
from strrn_tf.tracking.reliability import Reliability, features, turn

SHAPE = drawn_face()
BOX = np.array([*SHAPE.min(0), *SHAPE.max(0)])
TRACKED = Face(0, SHAPE, BOX, 0.0, 0.01, "tracked", disagreement=0.04)
DETECTED = Face(0, SHAPE, BOX, 0.0, np.nan, "detected", disagreement=0.04)


def test_it_is_the_logistic_function_of_the_features():
    weights = Reliability((1.0, -0.5, 2.0, 3.0, -4.0), (-1.0, 0.25, 0.5, 2.0))
    side = max(BOX[2] - BOX[0], BOX[3] - BOX[1])
    right, left = (np.linalg.norm(SHAPE[i] - SHAPE[30]) for i in (1, 15))
    distance, size = np.log10(0.05), np.log10(side / 100)
    turned = abs(np.log(right / left))
    score = 1 - 0.5 * np.log10(0.011) + 2 * distance + 3 * turned - 4 * size
    assert weights(TRACKED) == pytest.approx(1 / (1 + np.exp(-score)), rel=1e-5)
    score = -1 + 0.25 * distance + 0.5 * turned + 2 * size
    assert weights(DETECTED) == pytest.approx(1 / (1 + np.exp(-score)), rel=1e-5)


def test_without_calibration_it_falls_with_both_errors():
    weights = Reliability()
    for name in ("cycle_error", "disagreement"):
        values = [
            weights(dataclasses.replace(TRACKED, **{name: error}))
            for error in (0.0, 0.005, 0.02, 0.1, 1.0)
        ]
        assert (np.diff(values) < 0).all()
        assert 0 < min(values) < max(values) < 1
    assert weights(dataclasses.replace(DETECTED, disagreement=np.inf)) == 0


def test_a_turned_head():
    assert turn(SHAPE * (-1, 1)) == pytest.approx(turn(SHAPE), abs=1e-6)
    side = SHAPE.copy()
    side[30] = side[1]
    assert turn(side) == 2
    assert features(DETECTED).shape == (3,)


def test_a_model_brings_its_own():
    entry = {"of_tracked": [1, 2, 3, 4, 5], "of_detected": [1, 2, 3, 4]}
    own = Reliability.of_model({"reliability": entry})
    assert list(own.of_tracked) == [1, 2, 3, 4, 5]
    assert Reliability.of_model({}) == Reliability()


@pytest.mark.parametrize(
    "entry",
    [
        {},
        [],
        "high",
        {"of_tracked": [1, 2, 3, 4, 5]},
        {"of_tracked": [1, 2, 3, 4], "of_detected": [1, 2, 3, 4]},
        {"of_tracked": [1, 2, 3, 4, np.nan], "of_detected": [1, 2, 3, 4]},
        {"of_tracked": ["a"] * 5, "of_detected": [1, 2, 3, 4]},
    ],
)
def test_damaged_entries(entry):
    with pytest.raises(ValueError, match="damaged"):
        Reliability.of_model({"reliability": entry})
