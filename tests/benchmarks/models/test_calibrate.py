"""The arithmetic of calibrating, and what comes before faces."""

import numpy as np
import pytest
from support.faces import drawn_face

from benchmarks.models.calibrate import fall, fit
from benchmarks.models.calibration_error import area_under_curve, calibration_error
from benchmarks.models.calibration_samples import (
    COVERS,
    Sample,
    covered,
    tracked,
    with_covers,
)
from benchmarks.models.landmark_calibration import upright_offsets
from strrn_tf.geometry import apply_matrix, eye_distance, similarity
from strrn_tf.tracking.face import Face

SHAPE = drawn_face()
NOTHING_HIDDEN = np.zeros(68, bool)
BOX = np.array([*SHAPE.min(0), *SHAPE.max(0)])


def sample(face, error, spread=0.0, hidden=NOTHING_HIDDEN):
    """Return a sample whose landmarks have an error, the last of them more."""
    errors = error + np.linspace(-spread, spread, 68)
    return Sample(face, errors, hidden, "somebody", 1)


def test_calibration_error_is_the_mean_gap_of_the_bins():
    predicted = np.array([0.05, 0.05, 0.95, 0.95])
    # One of two is good where 0.05 was predicted, both where 0.95 was.
    good = np.array([True, False, True, True])
    assert calibration_error(predicted, good) == pytest.approx((0.45 + 0.05) / 2)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0


def test_area_under_the_curve_counts_pairs_and_half_of_equal_ones():
    score = np.array([1.0, 2.0, 2.0, 3.0])
    positive = np.array([False, True, False, True])
    # Of four pairs three are in order and one is equal.
    assert area_under_curve(score, positive) == pytest.approx(3.5 / 4)
    assert area_under_curve(-score, positive) == pytest.approx(0.5 / 4)


def test_fall_without_the_tenth_that_is_last_in_order():
    errors = np.array([1.0] * 9 + [11.0])
    assert fall(errors, errors) == pytest.approx(0.5)
    assert fall(errors, -errors) == pytest.approx(1 - (19 / 9) / 2)


def test_fitting_learns_what_tells_and_never_rises_with_an_error():
    rng = np.random.default_rng(0)
    samples = []
    for state in ("tracked", "detected"):
        for _ in range(300):
            apart, cycle, score = (
                rng.uniform(0, 0.1),
                rng.uniform(0, 0.05),
                rng.random(),
            )
            face = Face(0, SHAPE, BOX, 0.0, cycle, state, None, apart, score, 0.05)
            # Good where the detector agrees and, perversely, backward tracking fails.
            error = 0.04 + apart - 0.06 - 0.5 * cycle + 0.01 * rng.standard_normal()
            samples.append(sample(face, error + 0.05))
    weights = fit(samples)
    assert weights.of_tracked[1] == 0
    assert weights.of_tracked[2] < -1
    assert weights.of_detected[1] < -1
    assert min(weights.of_tracked[5], weights.of_detected[4]) >= 0


@pytest.mark.parametrize("kind", COVERS)
def test_a_cover_hides_its_part_and_nothing_else(kind):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    before = image.copy()
    start, stop = np.array([10, 20]), np.array([30, 99])
    seen = covered(image, start, stop, kind, np.array([9, 8, 7]), rng)
    np.testing.assert_array_equal(image, before)
    changed = (seen != image).any(-1)
    assert changed[20:, 10:30].mean() > 0.9
    changed[20:, 10:30] = False
    assert not changed.any()


def test_a_part_of_the_clip_is_covered_and_truths_stay():
    ramp = np.uint8(np.arange(400 * 400 * 3).reshape(400, 400, 3) // 2000)
    clip = [(ramp, SHAPE) for _ in range(20)]
    for seed in range(4):
        seen = with_covers(clip, np.random.default_rng(seed))
        changed = [
            bool((a != b).any()) for (a, _), (b, _) in zip(seen, clip, strict=True)
        ]
        assert 5 <= sum(changed) <= 6
        assert not changed[0]
        assert all(truth is SHAPE for _, truth in seen)


class Script:
    """A tracker whose face is in these states; its detector sees it moved by 5 px."""

    def __init__(self, states):
        self.states = list(states)

    def reset(self):
        self.boxes = []

    def update(self, image, boxes):
        self.boxes.append(len(boxes))
        state = self.states.pop(0)
        shape = SHAPE if state != "lost" else np.full_like(SHAPE, np.nan)
        return [Face(0, shape, BOX, 0.5 * (state != "lost"), 0.01, state)]

    def align(self, image, box):
        np.testing.assert_array_equal(box, BOX)
        return SHAPE + 5


def test_a_lost_face_is_reported_with_the_detectors_landmarks():
    states = ["lost", "detected", "tracked", "lost", "lost"]
    tracker = Script(states)
    frames = [(np.zeros((9, 9, 3), np.uint8), SHAPE)] * len(states)
    reported = [face for face, _ in tracked(tracker, frames, np.random.default_rng(0))]
    assert [face.state for face in reported] == ["tracked", "lost", "lost"]
    assert [face.reliability for face in reported] == [0.5, 0, 0]
    np.testing.assert_array_equal(reported[2].landmarks, SHAPE + 5)
    # A box is given until the face is seen, and again after it was lost.
    assert tracker.boxes == [1, 1, 0, 0, 1]


def test_offsets_are_those_of_the_face_as_it_stands_upright():
    apart = np.array([0.3, -0.2])
    moved = SHAPE + apart * eye_distance(SHAPE)
    turn = similarity(1.7, 0.8, np.array([40.0, -9.0]))
    found = upright_offsets(*(apply_matrix(turn, s) for s in (moved, SHAPE, SHAPE)))
    level = upright_offsets(moved, SHAPE, SHAPE)
    np.testing.assert_allclose(level, np.tile(level[0], (68, 1)), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(level[0]), np.hypot(0.3, 0.2), atol=1e-5)
    np.testing.assert_allclose(found, level, atol=1e-5)


def test_a_model_that_finds_no_face_has_no_reliability():
    with pytest.raises(ValueError, match="no face was tracked"):
        fit([])
