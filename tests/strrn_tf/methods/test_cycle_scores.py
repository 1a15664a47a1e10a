"""Cycle scores of detector and tracker, assignment, and the report of a round."""

from dataclasses import replace

import numpy as np
import pytest
from support.clips import EYES, STEP, BlobDetector, BlobTracker, moving_clip
from support.reference import losses as twins

from strrn_tf.config import AlgorithmConfig
from strrn_tf.methods.cycle_scores import CycleScores, assign, score_cycles
from strrn_tf.methods.round_report import summarise_round

CONFIG = AlgorithmConfig()


class TestCycleScores:
    def test_only_l_det_exposes_the_identity(self, identity):
        pairs = [moving_clip(2, STEP), moving_clip(1, STEP)]
        result = score_cycles(BlobDetector(), identity, pairs, CONFIG)
        np.testing.assert_array_equal(result.l_tck, 0)
        np.testing.assert_allclose(result.l_det, 5 / EYES, rtol=1e-3)
        # 4.2 % of the eye distance is above T.
        assert not result.accepted.any()

    def test_a_clip_that_stands_still_exposes_nothing(self, identity):
        still = [moving_clip(2, (0.0, 0.0))]
        result = score_cycles(BlobDetector(), identity, still, CONFIG)
        np.testing.assert_array_equal(result.l_tck, 0)
        np.testing.assert_allclose(result.l_det, 0, atol=1e-6)
        assert result.teaches_detector.all()

    def test_a_perfect_tracker_is_trusted(self):
        result = score_cycles(
            BlobDetector(), BlobTracker(), [moving_clip(3, STEP)], CONFIG
        )
        np.testing.assert_allclose(result.l_det, 0, atol=1e-6)
        np.testing.assert_allclose(result.l_tck, 0, atol=1e-6)
        assert result.accepted.all()
        moved = result.detected - result.detected_before
        np.testing.assert_allclose(moved, np.broadcast_to(STEP, moved.shape), atol=1e-2)

    def test_every_pass_runs_between_the_right_frames(self):
        # The tracker notes what it is asked, and adds 1, 2 and 4 px in turn.
        calls = []

        class Notes:
            def predict_on_batch(self, inputs):
                calls.append(inputs)
                return inputs["start"] + 2.0 ** (len(calls) - 1)

        pair = moving_clip(1, STEP)
        result = score_cycles(BlobDetector(), Notes(), [pair], CONFIG)
        forward, from_detected, from_tracked = calls
        for call, frame, start in (
            (forward, 1, result.detected_before),
            (from_detected, 0, result.detected),
            (from_tracked, 0, result.tracked),
        ):
            np.testing.assert_array_equal(call["frames"], pair[:, frame])
            np.testing.assert_array_equal(call["start"], start)
        np.testing.assert_array_equal(result.tracked, result.detected_before + 1)
        # 1 px forward and 4 px backward; (4, -3) + 2 px.
        eyes = twins.eye_distance(result.detected_before[0])
        np.testing.assert_allclose(result.l_tck, np.hypot(5, 5) / eyes, rtol=1e-6)
        np.testing.assert_allclose(result.l_det, np.hypot(6, -1) / eyes, rtol=1e-3)

    def test_without_the_temporal_module_agreement_decides(self, identity):
        config = replace(CONFIG, temporal=False)
        clips = [moving_clip(2, STEP), moving_clip(2, (1.0, 0.0))]
        result = score_cycles(BlobDetector(), identity, clips, config)
        # Tracked and detected are 5 px, then 1 px apart; T is 2.4 px.
        expected = [False, False, True, True]
        np.testing.assert_array_equal(result.teaches_detector, expected)
        np.testing.assert_array_equal(result.teaches_tracker, expected)

    def test_saving(self, tmp_path):
        result = score_cycles(BlobDetector(), BlobTracker(), [moving_clip(2)], CONFIG)
        result.save(tmp_path / "criticism.npz")
        again = CycleScores.load(tmp_path / "criticism.npz")
        for name, value in vars(result).items():
            np.testing.assert_array_equal(getattr(again, name), value)
            assert getattr(again, name).dtype == value.dtype

    def test_a_file_of_version_0_1_0_is_read(self, tmp_path):
        shapes = np.arange(3 * 2 * 68 * 2, dtype=np.float32).reshape(3, 2, 68, 2)
        np.savez(
            tmp_path / "criticism.npz",
            detected_before=shapes[0],
            detected=shapes[1],
            tracked=shapes[2],
            l_det=np.array([0.01, 0.03], np.float32),
            l_tck=np.array([0.02, 0.04], np.float32),
            teaches_detector=np.array([False, True]),
            teaches_tracker=np.array([True, False]),
        )
        scores = CycleScores.load(tmp_path / "criticism.npz")
        np.testing.assert_array_equal(scores.tracked, shapes[2])
        np.testing.assert_array_equal(scores.l_det, np.float32([0.01, 0.03]))
        assert scores.teaches_tracker.tolist() == [True, False]
        assert scores.accepted.all()


class TestAssignment:
    #            l_det, l_tck, exclusive (D_det, D_tck), literal (D_det, D_tck)
    table = (
        (0.010, 0.005, (True, False), (True, False)),
        (0.005, 0.010, (False, True), (True, True)),
        (0.010, 0.010, (True, False), (True, False)),
        (0.010, 0.030, (False, False), (False, False)),
        (0.030, 0.010, (False, False), (False, False)),
        (0.030, 0.040, (False, False), (False, False)),
        # "Below T" is strict, for both.
        (0.020, 0.010, (False, False), (False, False)),
        (0.010, 0.020, (False, False), (False, False)),
        (np.nan, 0.010, (False, False), (False, False)),
    )

    @pytest.mark.parametrize(("kind", "column"), [("exclusive", 2), ("literal", 3)])
    def test_truth_table(self, kind, column):
        l_det, l_tck = np.array([row[:2] for row in self.table]).T
        config = AlgorithmConfig(threshold=0.02, assignment=kind)
        to_detector, to_tracker = assign(l_det, l_tck, config)
        expected = np.array([row[column] for row in self.table])
        np.testing.assert_array_equal(np.stack([to_detector, to_tracker], 1), expected)

    def test_exclusive_means_exclusive(self):
        l_det, l_tck = np.random.default_rng(0).uniform(0, 0.04, (2, 500))
        to_detector, to_tracker = assign(l_det, l_tck, AlgorithmConfig())
        assert not (to_detector & to_tracker).any()
        trusted = (l_det < 0.02) & (l_tck < 0.02)
        np.testing.assert_array_equal(to_detector | to_tracker, trusted)
        assert 0 < to_tracker.sum() < trusted.sum()

    @pytest.mark.parametrize(
        ("weights", "trusted"),
        [
            ({"l_det_weight": 0.0}, [True, False, True]),
            ({"l_tck_weight": 0.0}, [True, True, False]),
            ({"l_det_weight": 0.0, "l_tck_weight": 0.0}, [True, True, True]),
        ],
    )
    def test_an_error_without_a_loss_is_not_asked(self, weights, trusted):
        l_det, l_tck = np.array([0.01, 0.01, 0.05]), np.array([0.005, 0.05, 0.01])
        both = assign(l_det, l_tck, AlgorithmConfig(**weights))
        np.testing.assert_array_equal(both, [trusted, trusted])

    def test_the_threshold_is_a_fraction_of_the_eye_distance(self, identity):
        # 5 px of 120: trusted at 4.3 %, not at 4.1 %.
        for threshold, is_trusted in ((0.043, True), (0.041, False)):
            config = AlgorithmConfig(threshold=threshold)
            clip = [moving_clip(1, STEP)]
            result = score_cycles(BlobDetector(), identity, clip, config)
            assert result.accepted.all() == is_trusted


def test_the_report_tells_the_two_collapses_apart(identity):
    clip = [moving_clip(3, STEP)]
    config = AlgorithmConfig(threshold=1.0)
    report = summarise_round(score_cycles(BlobDetector(), identity, clip, config))
    assert report["tracked_from_start_median"] == 0
    assert report["detected_from_start_median"] == pytest.approx(100 * 5 / EYES, 0.01)
    assert report["agreement_median"] == pytest.approx(100 * 5 / EYES, 0.01)
    report = summarise_round(score_cycles(BlobDetector(), BlobTracker(), clip, config))
    assert report["agreement_median_accepted"] == 0
    assert report["tracked_from_start_median"] == pytest.approx(100 * 5 / EYES, 0.01)
