"""Stills that act: what faces do, the warp of the picture, and exact landmarks."""

import shutil
import subprocess
import sys
from dataclasses import fields

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.faces import drawn_face

from data_pipeline.animation.dataset import animate_dataset
from data_pipeline.augmentation.facial_motion import (
    FacialMotion,
    MotionStrength,
    animate_landmarks,
    sample_facial_motions,
)
from data_pipeline.augmentation.head import lift
from data_pipeline.augmentation.warp import Warp, find
from data_pipeline.datasets.three_hundred_vw import list_sequences, read_annotation
from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.media.images import write_image
from data_pipeline.media.pts import write_pts
from data_pipeline.media.video import open_video
from data_pipeline.synthetic import draw_face
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


class TestPerform:
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
        # The drawn head itself, turned in three dimensions and drawn in perspective.
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
        performance = FacialMotion().plus(np.array(values))
        matrix = similarity(scale, angle, 100 * np.array(shift))
        moved = animate_landmarks(apply_matrix(matrix, FACE), performance)
        expected = apply_matrix(matrix, animate_landmarks(FACE, performance))
        np.testing.assert_allclose(moved, expected, atol=1e-6 * scale * 300)


class TestDraw:
    def test_first_and_step_have_the_sizes_asked_for(self):
        rng = np.random.default_rng(0)
        lively = MotionStrength(probability=1.0)
        names = [f.name for f in fields(FacialMotion)]
        drawn = [sample_facial_motions(rng, lively) for _ in range(3000)]
        rows = np.array([[[getattr(p, n) for n in names] for p in d] for d in drawn])
        spread = rows[:, 0].std(0)
        np.testing.assert_allclose(spread, 0.955 * np.array(lively.first), rtol=0.06)
        step = (rows[:, 1] - rows[:, 0]).std(0)
        ratio = step / lively.step
        assert ((ratio > 0.7) & (ratio < 1.05)).all()

    def test_the_same_seed_acts_alike(self):
        first, second = (
            sample_facial_motions(np.random.default_rng(5), MotionStrength())
            for _ in range(2)
        )
        assert first == second

    def test_so_many_act_at_all(self):
        rng = np.random.default_rng(0)
        lively = MotionStrength(probability=0.3)
        acting = [
            sample_facial_motions(rng, lively) != (None, None) for _ in range(2000)
        ]
        assert 0.27 < np.mean(acting) < 0.33


class TestWarp:
    def wanted(self, seed=0, lively=None):
        rng = np.random.default_rng(seed)
        lively = lively or MotionStrength(probability=1.0)
        return animate_landmarks(FACE, sample_facial_motions(rng, lively)[0])

    def test_landmarks_come_from_where_they_were(self):
        for seed in range(5):
            target = self.wanted(seed)
            assert np.abs(target - FACE).max() > 3
            np.testing.assert_allclose(Warp(FACE, target)(target), FACE, atol=0.5)

    def test_nothing_moves_without_a_performance(self):
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


@pytest.fixture(scope="module")
def stills(tmp_path_factory):
    root = tmp_path_factory.mktemp("stills")
    for number in range(4):
        image, landmarks = draw_face(np.random.default_rng(number), 1)
        write_image(root / f"{number}.png", image)
        write_pts(root / f"{number}.pts", landmarks)
    return root


SMALL = {"clips_per_category": 1, "num_training_clips": 1, "frames_per_clip": 4}


@pytest.fixture(scope="module")
def animated(stills, tmp_path_factory):
    root = tmp_path_factory.mktemp("animated") / "set"
    return animate_dataset(root, list_stills(stills), workers=1, **SMALL)


class TestDataset:
    def test_is_read_as_300vw(self, animated):
        for split in ("train", 1, 2, 3):
            (sequence,) = list_sequences(animated / "300vw", split)
            frames = list(open_video(sequence.video_path).frames())
            assert [f.image.shape for f in frames] == [(400, 400, 3)] * 4
            shapes = np.stack([read_annotation(sequence, i) for i in range(4)])
            assert np.isfinite(shapes).all()
            assert 0 < np.abs(np.diff(shapes, axis=0)).max() < 40
            # The face is in the picture, and its size is what was asked for.
            assert 120 < np.ptp(shapes, axis=1).max(-1).mean() < 200

    def test_a_second_call_continues_or_returns(self, animated, stills):
        clip = next((animated / "300vw").iterdir())
        before = (clip / "vid.avi").read_bytes()
        shutil.rmtree(clip)
        (animated / "animated.json").rename(animated / "animated.started.json")
        animate_dataset(animated, list_stills(stills), workers=1, **SMALL)
        assert (clip / "vid.avi").read_bytes() == before
        with pytest.raises(ValueError, match=r"seed.*Delete the folder"):
            animate_dataset(animated, list_stills(stills), seed=1, **SMALL)

    def test_numbers_are_checked(self, stills, tmp_path):
        found = list_stills(stills)
        with pytest.raises(ValueError, match="3 clips need as many stills"):
            animate_dataset(tmp_path / "a", found[:2], clips_per_category=1)
        with pytest.raises(ValueError, match="`clips_per_category` must be 0 to 14"):
            animate_dataset(tmp_path / "a", found, clips_per_category=15)
        with pytest.raises(ValueError, match="`frames_per_clip` must be positive"):
            animate_dataset(tmp_path / "a", found, frames_per_clip=0)

    def test_command_line(self, stills, tmp_path):
        run = [sys.executable, "-m", "strrn_tf", "animate"]
        few = ["--clips-per-category", "1", "--frames", "2"]
        done = subprocess.run(
            [*run, stills, tmp_path / "out", *few], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert str(tmp_path / "out") in done.stdout
        assert len(list((tmp_path / "out" / "300vw").iterdir())) == 3
        wrong = subprocess.run(
            [*run, tmp_path / "none", tmp_path / "out2"], capture_output=True, text=True
        )
        assert wrong.returncode == 2
        assert "Traceback" not in wrong.stderr
        assert wrong.stderr.count("\n") == 1


class TestLift:
    @pytest.mark.parametrize("yaw", [-0.4, 0.0, 0.3])
    @pytest.mark.parametrize("roll", [0.0, 0.5])
    def test_pose_of_a_drawn_head(self, yaw, roll):
        found, pitch = lift(drawn_face(yaw=yaw, roll=roll)).angles
        # The contour slides when a head turns, which the fit takes for a part of it.
        np.testing.assert_allclose(found, yaw, atol=0.06)
        np.testing.assert_allclose(pitch, 0, atol=0.06)

    def test_nodding(self):
        np.testing.assert_allclose(lift(drawn_face(pitch=0.2)).angles[1], 0.2, atol=0.1)
