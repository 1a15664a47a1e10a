"""The confidence of single landmarks."""

from dataclasses import replace

import numpy as np
import pytest
from support.faces import drawn_face

from strrn_tf.geometry.head_pose import Camera
from strrn_tf.tracking.confidence.evidence import Evidence
from strrn_tf.tracking.confidence.landmark_confidence import (
    LandmarkConfidence,
    Weights,
    features,
    signed_turn,
)
from strrn_tf.tracking.face import Face

SHAPE = drawn_face()
BOX = np.array([*SHAPE.min(0), *SHAPE.max(0)])
LITTLE = np.full(68, 0.01, np.float32)
JUDGE = LandmarkConfidence()


def face(state="tracked", reliability=0.8, **evidence):
    known = dict.fromkeys(("cycle", "flow", "disagreement"), LITTLE)
    known = Evidence(**known | {"resemblance": np.full(68, 0.9)} | evidence)
    return Face(0, SHAPE, BOX, reliability, 0.01, state, evidence=known, judge=JUDGE)


def one(value, at=7, rest=0.01):
    values = np.full(68, rest, np.float32)
    values[at] = value
    return values


@pytest.mark.parametrize(
    "evidence",
    [
        {"cycle": one(0.2)},
        {"flow": one(0.2)},
        {"flow": one(np.nan)},
        {"disagreement": one(0.2)},
        {"resemblance": one(0.1, rest=0.9)},
    ],
)
def test_what_speaks_against_one_landmark_lowers_its_confidence_alone(evidence):
    sure, doubtful = face().landmark_confidence, face(**evidence).landmark_confidence
    assert doubtful[7] < sure[7]
    np.testing.assert_array_equal(np.delete(doubtful, 7), np.delete(sure, 7))


def test_an_unreliable_face_has_less_of_it_everywhere():
    low = face(reliability=0.2).landmark_confidence
    assert (low < face().landmark_confidence).all()


@pytest.mark.parametrize("state", ["tracked", "detected"])
def test_it_is_a_probability_whatever_is_known(state):
    for some in (Evidence(), Evidence(disagreement=np.full(68, np.inf))):
        for reliability in (0.0, 1.0):
            seen = replace(face(state, reliability), evidence=some)
            sure = seen.landmark_confidence
            assert sure.shape == (68,)
            assert sure.dtype == np.float32
            assert ((sure >= 0) & (sure <= 1)).all()


@pytest.mark.parametrize("state", ["tracked", "detected"])
def test_outside_the_picture_it_is_halved(state):
    # The picture ends at the tip of the nose.
    height, width = np.ceil(SHAPE[30, ::-1]).astype(int) + 1
    seen = face(state)
    cut = replace(seen, camera=Camera.of_image((height, width, 3)))
    is_outside = ([width - 0.5, height - 0.5] < SHAPE).any(-1)
    assert 0 < is_outside.sum() < 68
    share = np.where(is_outside, np.float32(0.5), 1)
    expected = share * seen.landmark_confidence
    np.testing.assert_allclose(cut.landmark_confidence, expected)
    assert cut.landmark_confidence.dtype == np.float32
    # To the left of the picture and above it.
    away = replace(cut, landmarks=SHAPE - SHAPE.max(0) - 1)
    np.testing.assert_allclose(away.landmark_confidence, seen.landmark_confidence / 2)


def test_lost_faces_have_none_and_faces_of_no_tracker_have_nan():
    lost = replace(face("lost"), landmarks=np.full((68, 2), np.nan))
    np.testing.assert_array_equal(lost.landmark_confidence, 0)
    assert np.isnan(replace(face(), judge=None).landmark_confidence).all()


def test_a_constant_is_of_one_landmark_and_a_slope_of_all():
    flat = Weights(np.zeros(68), [0.0] * 4)
    judge = LandmarkConfidence(Weights(one(2.0, rest=0.0), [0, 0, 0, 1.0, 0, 0]), flat)
    expected = 1 / (1 + np.exp(-(one(2.0, rest=0.0) + 0.9)))
    np.testing.assert_allclose(judge(face()), expected, rtol=1e-5)
    np.testing.assert_array_equal(judge(face("detected")), 0.5)


def test_the_turn_counts_for_one_side_and_against_the_other():
    turned = drawn_face(yaw=0.5)
    assert abs(signed_turn(SHAPE)) < 0.1
    assert signed_turn(turned) == pytest.approx(
        -signed_turn(drawn_face(yaw=-0.5)), rel=1e-4
    )
    column = features(replace(face(), landmarks=turned))[:, -1]
    assert np.sign(column[0]) == -np.sign(column[16]) != 0
    assert column[8] == 0


def test_weights_of_a_model_and_of_one_without():
    assert LandmarkConfidence.of_model({}) == LandmarkConfidence()
    entry = {
        "of_tracked": {"constants": [1.0] * 68, "slopes": [0.0] * 6},
        "of_detected": {"constants": [2.0] * 68, "slopes": [0.0] * 4},
    }
    judge = LandmarkConfidence.of_model({"landmark_confidence": entry})
    np.testing.assert_allclose(judge(face()), 1 / (1 + np.exp(-1)), rtol=1e-5)
    np.testing.assert_allclose(judge(face("detected")), 1 / (1 + np.exp(-2)), rtol=1e-5)


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: entry.pop("of_detected"),
        lambda entry: entry["of_tracked"]["constants"].pop(),
        lambda entry: entry["of_tracked"]["slopes"].append(0.0),
        lambda entry: entry["of_detected"].update(slopes=[np.nan] * 4),
        lambda entry: entry.update(of_tracked="much"),
    ],
)
def test_damaged_weights_are_named(damage):
    entry = {
        "of_tracked": {"constants": [1.0] * 68, "slopes": [0.0] * 6},
        "of_detected": {"constants": [2.0] * 68, "slopes": [0.0] * 4},
    }
    damage(entry)
    with pytest.raises(ValueError, match=r"`landmark_confidence` of model.json is da"):
        LandmarkConfidence.of_model({"landmark_confidence": entry})
