"""Facial motion: moved landmarks, the warp of the picture, and exact landmarks."""

from dataclasses import fields

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.faces import drawn_face

from data_pipeline.augmentation.facial_motion import (
    FacialMotion,
    MotionStrength,
    animate_landmarks,
    sample_facial_motions,
)
from data_pipeline.augmentation.head import lift
from data_pipeline.augmentation.warp import Warp, find
from data_pipeline.synthetic.head.face_model import Expression
from strrn_tf.geometry import apply_matrix, similarity

FACE = drawn_face().astype(np.float64)
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])
NOSE, MOUTH_TOP, MOUTH_BOTTOM = 30, 62, 66
amount = st.floats(-1, 1)


def eyes(shape):
    return shape[36:48].mean(0)


def size(shape):
    return np.ptp(shape, 0).max()


class TestAnimateLandmarks:
    def test_nothing_changes_nothing(self):
        np.testing.assert_allclose(
            animate_landmarks(FACE, FacialMotion()), FACE, atol=1e-9
        )

    def test_directions(self):
        turned = animate_landmarks(FACE, FacialMotion(yaw=0.2))
        assert (turned[NOSE] - eyes(turned))[0] > 10
        nodded = animate_landmarks(FACE, FacialMotion(pitch=0.2))
        before, after = (s[NOSE] - eyes(s) for s in (FACE, nodded))
        assert after[1] > before[1] + 5
        raised = animate_landmarks(FACE, FacialMotion(brows=1.0))
        assert (raised[17:27, 1] < FACE[17:27, 1] - 2).all()
        smiling = animate_landmarks(FACE, FacialMotion(smile=1.0))
        assert smiling[54, 0] - smiling[48, 0] > FACE[54, 0] - FACE[48, 0] + 5

    @pytest.mark.parametrize("angles", [{"yaw": 0.25}, {"yaw": -0.25}, {"pitch": 0.15}])
    def test_turns_as_a_head_does(self, angles):
        # The synthetic head itself, turned in space and projected in perspective.
        real = drawn_face(**angles).astype(np.float64)
        ours = animate_landmarks(FACE, FacialMotion(**angles))
        inner = slice(17, 68)
        error = np.linalg.norm(ours - real, axis=1)[inner].mean()
        unmoved = np.linalg.norm(FACE - real, axis=1)[inner].mean()
        assert unmoved > 5
        assert error < 0.25 * unmoved

    def test_opens_the_mouth_as_a_head_does(self):
        real = drawn_face(expression=Expression(mouth_open=0.3))
        ours = animate_landmarks(FACE, FacialMotion(mouth_open=0.3))
        assert np.abs(ours - real)[17:].max() < 0.02 * size(FACE)

    def test_lips_and_lids_do_not_cross(self):
        open_mouth = drawn_face(expression=Expression(mouth_open=0.3))
        shut = animate_landmarks(
            open_mouth, FacialMotion(mouth_open=-5.0, lids_closed=5.0)
        )
        assert shut[MOUTH_BOTTOM, 1] > shut[MOUTH_TOP, 1]
        gap = open_mouth[MOUTH_BOTTOM, 1] - open_mouth[MOUTH_TOP, 1]
        assert shut[MOUTH_BOTTOM, 1] - shut[MOUTH_TOP, 1] < 0.5 * gap
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
            opening = open_mouth[lower, 1] - open_mouth[upper, 1]
            assert 0 < shut[lower, 1] - shut[upper, 1] < 0.5 * opening

    def test_faces_are_not_turned_away(self):
        far = animate_landmarks(FACE, FacialMotion(yaw=2.0))
        np.testing.assert_allclose(
            far, animate_landmarks(FACE, FacialMotion(yaw=0.7)), atol=1e-9
        )
        # One that is turned that far stays as it is, and can come back.
        np.testing.assert_allclose(
            animate_landmarks(far, FacialMotion(yaw=0.3)), far, atol=1.0
        )
        back = animate_landmarks(far, FacialMotion(yaw=-0.3))
        assert (back[NOSE] - eyes(back))[0] < (far[NOSE] - eyes(far))[0] - 5

    @given(
        st.lists(amount, min_size=8, max_size=8),
        st.floats(0.2, 5),
        amount,
        st.tuples(amount, amount),
    )
    def test_does_not_depend_on_size_place_or_roll(self, values, scale, angle, shift):
        motion = FacialMotion().plus(np.array(values))
        matrix = similarity(scale, angle, 100 * np.array(shift))
        moved = animate_landmarks(apply_matrix(matrix, FACE), motion)
        expected = apply_matrix(matrix, animate_landmarks(FACE, motion))
        np.testing.assert_allclose(moved, expected, atol=1e-6 * scale * 300)


class TestSampleFacialMotions:
    def test_first_and_step_have_the_sizes_asked_for(self):
        rng = np.random.default_rng(0)
        strength = MotionStrength(probability=1.0)
        names = [f.name for f in fields(FacialMotion)]
        drawn = [sample_facial_motions(rng, strength) for _ in range(3000)]
        rows = np.array([[[getattr(p, n) for n in names] for p in d] for d in drawn])
        spread = rows[:, 0].std(0)
        np.testing.assert_allclose(spread, 0.955 * np.array(strength.first), rtol=0.06)
        step = (rows[:, 1] - rows[:, 0]).std(0)
        ratio = step / strength.step
        assert ((ratio > 0.7) & (ratio < 1.05)).all()

    def test_the_same_seed_gives_the_same_motion(self):
        first, second = (
            sample_facial_motions(np.random.default_rng(5), MotionStrength())
            for _ in range(2)
        )
        assert first == second

    def test_the_probability_of_motion(self):
        rng = np.random.default_rng(0)
        strength = MotionStrength(probability=0.3)
        moving = [
            sample_facial_motions(rng, strength) != (None, None) for _ in range(2000)
        ]
        assert 0.27 < np.mean(moving) < 0.33


class TestWarp:
    def wanted(self, seed=0, strength=None):
        rng = np.random.default_rng(seed)
        strength = strength or MotionStrength(probability=1.0)
        return animate_landmarks(FACE, sample_facial_motions(rng, strength)[0])

    def test_landmarks_come_from_where_they_were(self):
        for seed in range(5):
            target = self.wanted(seed)
            assert np.abs(target - FACE).max() > 3
            np.testing.assert_allclose(Warp(FACE, target)(target), FACE, atol=0.5)

    def test_nothing_moves_without_facial_motion(self):
        maps = Warp(FACE, FACE).maps(IDENTITY)
        y, x = np.mgrid[:315, :315]
        np.testing.assert_allclose(maps, np.stack([x, y], -1), atol=0.01)

    def test_the_background_stands_still(self):
        far = FACE.mean(0) + 1.15 * size(FACE) * np.array(
            [[1, 0], [0, -1], [-0.7, 0.7]]
        )
        came = Warp(FACE, self.wanted())(far)
        assert np.abs(came - far).max() < 0.05 * size(FACE)

    @pytest.mark.parametrize("seed", range(6))
    def test_found_landmarks_are_exact_for_the_picture(self, seed):
        matrix = similarity(0.9, 0.2, [10, -30])
        target = self.wanted(seed)
        maps = Warp(FACE, target).maps(matrix)
        guess = apply_matrix(matrix, target)
        found = find(maps, FACE, guess)
        at = found.astype(np.float32)[:, None]
        came = cv2.remap(maps, at, None, cv2.INTER_LINEAR)[:, 0]
        error = np.linalg.norm(came - FACE, axis=1)
        assert np.median(error) < 0.05
        assert np.percentile(error, 95) < 0.5
        assert np.linalg.norm(found - guess, axis=1).mean() < 2


class TestLift:
    @pytest.mark.parametrize("yaw", [-0.4, 0.0, 0.3])
    @pytest.mark.parametrize("roll", [0.0, 0.5])
    def test_pose_of_a_synthetic_head(self, yaw, roll):
        found, pitch = lift(drawn_face(yaw=yaw, roll=roll)).angles
        # The contour slides when a head turns, which the fit takes for a part of it.
        np.testing.assert_allclose(found, yaw, atol=0.06)
        np.testing.assert_allclose(pitch, 0, atol=0.06)

    def test_nodding(self):
        np.testing.assert_allclose(lift(drawn_face(pitch=0.2)).angles[1], 0.2, atol=0.1)
