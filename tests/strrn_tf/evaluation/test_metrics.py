"""Metrics against closed forms and against a twin in plain Python loops."""

import math

import numpy as np
import pytest

from strrn_tf.evaluation import metrics


def face(rng=None, eyes=100.0):
    """A shape whose eye points sit at (0, 0) and (eyes, 0), corners 1.4 times apart."""
    rng = rng or np.random.default_rng(0)
    shape = rng.uniform(0, 100, (68, 2))
    shape[36:42] = 0.0, 0.0
    shape[42:48] = eyes, 0.0
    # Corners move out, their opposite points move in: the means stay.
    shape[36, 0] -= 0.2 * eyes
    shape[39, 0] += 0.2 * eyes
    shape[45, 0] += 0.2 * eyes
    shape[42, 0] -= 0.2 * eyes
    return shape


def loop_nme(predicted, true, normaliser):
    """The definition, point by point, in percent."""
    total = 0.0
    for (px, py), (tx, ty) in zip(predicted.tolist(), true.tolist(), strict=True):
        total += math.hypot(px - tx, py - ty)
    if normaliser == "interocular":
        (ax, ay), (bx, by) = true[36].tolist(), true[45].tolist()
    else:
        ax = sum(true[i][0] for i in range(36, 42)) / 6
        ay = sum(true[i][1] for i in range(36, 42)) / 6
        bx = sum(true[i][0] for i in range(42, 48)) / 6
        by = sum(true[i][1] for i in range(42, 48)) / 6
    return 100 * total / 68 / math.hypot(bx - ax, by - ay)


def test_a_shift_of_3_4_is_5_pixels_and_5_percent():
    true = face()
    predicted = np.add(true, [3.0, 4.0])
    assert metrics.point_error(predicted, true) == pytest.approx(5)
    assert metrics.interpupil(true) == pytest.approx(100)
    assert metrics.interocular(true) == pytest.approx(140)
    assert metrics.nme_interpupil(predicted, true) == pytest.approx(5)
    assert metrics.nme_interocular(predicted, true) == pytest.approx(5 / 1.4)


def test_point_error_is_a_mean_of_distances_not_an_rms():
    true = np.zeros((68, 2))
    predicted = np.zeros((68, 2))
    predicted[0] = 68.0, 0.0
    assert metrics.point_error(predicted, true) == pytest.approx(1)


@pytest.mark.parametrize("normaliser", ["interpupil", "interocular"])
def test_nme_agrees_with_loops(normaliser):
    rng = np.random.default_rng(1)
    true = rng.uniform(0, 300, (5, 68, 2))
    predicted = true + rng.normal(0, 4, true.shape)
    expected = [
        loop_nme(p, t, normaliser) for p, t in zip(predicted, true, strict=True)
    ]
    result = metrics.nme(predicted, true, normaliser)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, expected, rtol=1e-12)


def test_float32_input_is_measured_in_float64():
    true = (face() + 4000).astype(np.float32)
    predicted = true + np.float32(0.25)
    expected = loop_nme(predicted.astype(float), true.astype(float), "interpupil")
    assert metrics.nme_interpupil(predicted, true) == pytest.approx(expected, rel=1e-12)


def test_a_lost_frame_is_infinitely_wrong():
    true = np.stack([face(), face()])
    predicted = true.copy()
    predicted[1, 5, 0] = np.nan
    assert metrics.nme_interpupil(predicted, true).tolist() == [0, np.inf]


def test_missing_ground_truth_is_refused():
    true = face()
    true[37] = np.nan
    with pytest.raises(ValueError, match="`true` must have a point"):
        metrics.nme_interpupil(face(), true)
    with pytest.raises(ValueError, match=r"`predicted` must be landmarks.*\(49, 2\)"):
        metrics.nme_interpupil(np.zeros((49, 2)), face())


def test_auc_accuracy_and_failure_of_known_errors():
    errors = np.array([2.0, 4.0, 6.0, 10.0])
    # Areas under the steps: (8 - 2) + (8 - 4) + (8 - 6) + 0, over 4 frames and 8.
    assert metrics.auc(errors, 8) == pytest.approx(12 / 32)
    assert metrics.accuracy(errors, 8) == 0.75
    assert metrics.failure_rate(errors, 8) == 0.25
    assert metrics.accuracy(errors, 6) == 0.5  # below, not up to
    assert metrics.failure_rate(errors, 6) == 0.5
    assert metrics.ced(errors, np.array([0, 4, 9, 10])).tolist() == [0, 0.5, 0.75, 1]


def test_auc_is_the_area_under_the_ced():
    errors = np.random.default_rng(2).gamma(2.0, 2.5, 300)
    grid = (np.arange(200_000) + 0.5) * 8 / 200_000
    assert metrics.auc(errors, 8) == pytest.approx(
        metrics.ced(errors, grid).mean(), abs=1e-5
    )


def test_lost_frames_count_as_failures():
    errors = np.array([1.0, np.inf])
    assert metrics.auc(errors, 8) == pytest.approx((7 / 8) / 2)
    assert metrics.failure_rate(errors, 8) == 0.5


def test_the_papers_two_columns_cannot_both_be_areas():
    """AUC@8 <= 1 - (5 / 8)(1 - AUC@5) for any errors; fractions obey no such bound."""
    errors = np.random.default_rng(3).gamma(3.0, 2.0, 1000)
    assert metrics.auc(errors, 8) <= 1 - 5 / 8 * (1 - metrics.auc(errors, 5))
    errors = np.full(10, 6.0)
    assert (metrics.accuracy(errors, 5), metrics.accuracy(errors, 8)) == (0, 1)


@pytest.mark.parametrize("errors", [[], [1.0, np.nan], [[1.0]]])
def test_errors_that_are_not_one_number_per_frame_are_refused(errors):
    with pytest.raises(ValueError, match="one number per frame"):
        metrics.auc(np.array(errors), 8)


def test_jitter_of_an_alternating_offset():
    """+-1 px in x every frame: second difference 4 px on a distance of 100 px."""
    true = np.stack([face()] * 10)
    predicted = true.copy()
    predicted[::2, :, 0] += 1
    predicted[1::2, :, 0] -= 1
    assert metrics.jitter(predicted, true) == pytest.approx(4)
    assert metrics.jitter(predicted) == pytest.approx(4)
    assert metrics.jitter(predicted, true, normaliser="interocular") == pytest.approx(
        4 / 1.4
    )


def test_jitter_of_some_points_does_not_look_at_the_others():
    predicted = np.stack([face()] * 6)
    predicted[::2, 30, 0] += 2
    predicted[:, :17] = np.nan
    one = metrics.jitter(predicted, normaliser="interocular", points=[30])
    assert one == pytest.approx(4 / 1.4)
    assert metrics.jitter(predicted, normaliser="interocular", points=[33]) == 0
    assert math.isnan(metrics.jitter(predicted))


def test_jitter_ignores_offset_drift_and_the_motion_of_the_face():
    time = np.arange(12.0)[:, None, None]
    true = face() + 0.5 * time**2
    predicted = true + 3 + 0.7 * time
    assert metrics.jitter(predicted, true) == pytest.approx(0, abs=1e-9)
    # Without ground truth the face's own acceleration is seen: sqrt(2) px.
    assert metrics.jitter(true) == pytest.approx(math.sqrt(2))


def test_jitter_is_not_measured_across_lost_frames_and_gaps():
    true = np.stack([face()] * 9)
    predicted = true.copy()
    predicted[5:] += 50  # a jump, hidden behind the lost frame 4
    predicted[4] = np.nan
    assert metrics.jitter_terms(predicted, true).tolist() == pytest.approx([0.0] * 4)
    predicted[4] = true[4]
    frames = [0, 1, 2, 3, 4, 9, 10, 11, 12]  # the jump falls into the gap
    assert metrics.jitter(predicted, true, frames=frames) == pytest.approx(0)
    assert metrics.jitter(predicted, true) > 1
    assert math.isnan(metrics.jitter(predicted[:2], true[:2]))


def test_summary():
    errors = {
        "interpupil": np.array([2.0, 4.0, 9.0, np.inf, np.inf]),
        "interocular": np.array([1.0, 3.0, 6.0, np.inf, np.inf]),
    }
    jitters = {"interpupil": np.array([1.0, 3.0]), "interocular": np.array([])}
    summary = metrics.summarise(errors, ["a", "a", "b", "b", "c"], jitters)
    expected = {
        "frames": 5,
        "sequences": 3,
        "lost_frames": 2,
        "lost_sequences": 1,
        "nme_interpupil": 5,
        "nme_interpupil_median": 4,
        "nme_interpupil_sequences": (3 + 9) / 2,
        "auc_008": (6 + 4) / 40,
        "acc_008": 0.4,
        "failure_008": 0.6,
        "auc_005": (3 + 1) / 25,
        "acc_005": 0.4,
        "failure_005": 0.6,
        "jitter": 2,
        "nme_interocular": 10 / 3,
        "nme_interocular_sequences": (2 + 6) / 2,
        "auc_008_interocular": (7 + 5 + 2) / 40,
        "acc_008_interocular": 0.6,
    }
    for name, value in expected.items():
        assert summary[name] == pytest.approx(value), name
    assert math.isnan(summary["jitter_interocular"])


def test_summary_of_nothing_but_lost_frames():
    lost = np.full(3, np.inf)
    summary = metrics.summarise({"interpupil": lost, "interocular": lost}, "aab")
    assert math.isnan(summary["nme_interpupil"])
    assert summary["failure_008"] == 1
    assert summary["lost_sequences"] == 2


def test_lost_frames_hold_the_last_landmarks():
    shapes = np.arange(6.0)[:, None, None] + np.zeros((68, 2))
    lost = shapes.copy()
    lost[[0, 2, 3]] = np.nan
    np.testing.assert_array_equal(metrics.held(lost), shapes[[1, 1, 1, 1, 4, 5]])
    np.testing.assert_array_equal(metrics.held(shapes), shapes)
    assert np.isnan(metrics.held(np.full((3, 68, 2), np.nan))).all()
