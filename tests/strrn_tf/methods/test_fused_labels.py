"""Fused labels: weights, the offset of mirrored answers, windows, sampling."""

import cv2
import numpy as np
import pytest
from support.faces import drawn_face

from strrn_tf.geometry import apply_matrix, crop_matrix, invert_matrix
from strrn_tf.landmarks import MIRROR
from strrn_tf.methods.fused_config import FusedConfig
from strrn_tf.methods.fused_labels import (
    FusedLabels,
    SomePictures,
    ask,
    first_windows,
    fuse,
    label_pictures,
    put_right,
    question_matrix,
    questions,
    sampling,
    trust,
)

FACE = np.add(drawn_face(), (30, 60))
BOX = np.concatenate([FACE.min(0), FACE.max(0)])


def picture(shift=(0, 0)):
    """Return a grey picture with one white dot, which marks where the face is."""
    image = np.full((420, 400, 3), 40, np.uint8)
    centre = (FACE.mean(0) + shift).round().astype(int).tolist()
    return cv2.circle(image, centre, 6, (250, 250, 250), -1)


def detector(lean=0.0):
    """Return a detector that puts the whole face where the dot is in the crop.

    It knows neither scale nor turn, so its answer is the face in the usual window. It
    leans to the right of the crop, whatever the crop shows.
    """
    shape = apply_matrix(crop_matrix(BOX), FACE)
    shape = shape - shape.mean(0)

    def detect(crops):
        found = []
        for crop in crops:
            rows, columns = np.nonzero(crop[..., 0] > 150)
            dot = np.array([columns.mean(), rows.mean()])
            found.append(shape + dot + [lean, 0])
        return np.array(found, np.float32)

    return detect


class TestQuestions:
    def test_every_second_one_is_mirrored_and_windows_differ(self):
        asked = questions(6)
        assert [q.mirrored for q in asked] == [False, True] * 3
        assert len({q[:4] for q in asked}) > 3

    def test_a_mirrored_window_shows_the_same_part(self):
        plain, mirrored = (question_matrix(BOX, 0.3, q) for q in questions(2))
        points = apply_matrix(plain, FACE)
        other = apply_matrix(mirrored, FACE)
        np.testing.assert_allclose(other[:, 0], 314 - points[:, 0], atol=1e-9)
        np.testing.assert_allclose(other[:, 1], points[:, 1], atol=1e-9)

    def test_answers_come_back_to_the_upright_crop(self):
        asked = questions(5)
        window = (BOX, 0.0)
        answers = ask(detector(), [picture(), picture((8, -5))], [window] * 2, asked)
        assert answers.shape == (5, 2, 68, 2)
        expected = apply_matrix(crop_matrix(BOX), FACE).mean(0)
        # The dot is found wherever the window lies. Mirrored answers come back too,
        # though the mirrored order of the points turns the answer round.
        scale = np.linalg.norm(crop_matrix(BOX)[0, :2])
        np.testing.assert_allclose(answers[:, 0].mean(1), [expected] * 5, atol=1)
        moved = answers[:, 1].mean(1) - answers[:, 0].mean(1)
        np.testing.assert_allclose(moved, [scale * np.array([8, -5])] * 5, atol=1.5)

    def test_a_mirrored_answer_has_its_points_in_their_order(self):
        (_, mirrored) = asked = questions(2)
        truth = apply_matrix(question_matrix(BOX, 0.0, mirrored), FACE)

        def knows(crops):
            # The points of a mirrored face, in the order of what the crop shows.
            return np.repeat(truth[None, list(MIRROR)], len(crops), 0)

        answers = ask(knows, [picture()], [(BOX, 0.0)], asked[1:])
        expected = apply_matrix(crop_matrix(BOX), FACE)
        np.testing.assert_allclose(answers[0, 0], expected, atol=1e-3)


class TestMirror:
    def test_the_mean_offset_is_put_right(self):
        rng = np.random.default_rng(0)
        truth = rng.normal(0, 50, (1, 1, 40, 68, 2))
        lean = rng.normal(0, 3, (68, 2))
        answers = np.repeat(truth, 4, 1) + rng.normal(0, 0.1, (1, 4, 40, 68, 2))
        mirrored = np.array([False, True, False, True])
        answers[:, mirrored] += lean
        right = put_right(answers, mirrored)
        np.testing.assert_allclose(right, np.repeat(truth, 4, 1), atol=0.7)
        np.testing.assert_array_equal(right[:, ~mirrored], answers[:, ~mirrored])
        offset = (right[:, mirrored] - truth).mean((0, 1, 2))
        assert np.abs(offset).max() < 0.1 < np.abs(lean).mean()

    def test_a_face_that_is_lost_in_the_mirror_moves_no_other(self):
        answers = np.zeros((1, 2, 9, 68, 2))
        answers[0, 1, 4] = 500
        right = put_right(answers, np.array([False, True]))
        np.testing.assert_array_equal(right, answers)

    def test_without_mirrored_answers_nothing_changes(self):
        answers = np.ones((1, 2, 3, 68, 2))
        assert put_right(answers, np.array([False, False])) is answers


class TestFusion:
    def test_the_steadier_detector_counts_more(self):
        answers = np.zeros((2, 2, 30, 68, 2))
        answers[1] = 10.0
        label, _ = fuse(answers)
        np.testing.assert_allclose(label, 5)
        # The second detector's answers about landmark 3 of face 7 lie 40 px apart.
        answers[1, 0, 7, 3, 0] -= 20
        answers[1, 1, 7, 3, 0] += 20
        label, spread = fuse(answers)
        assert label[7, 3, 0] < 1
        others = np.delete(label[7, :, 0], 3)
        np.testing.assert_allclose(others, 5)
        assert spread[7, 3] < spread[7, 4] * 3

    def test_usual_detectors_count_nearly_alike(self):
        rng = np.random.default_rng(1)
        answers = rng.normal(0, 1, (2, 4, 500, 68, 2))
        answers[1] += 100
        label, _ = fuse(answers)
        assert np.quantile(label[..., 0], 0.99) < 75
        assert abs(label[..., 0].mean() - 50) < 1

    def test_a_detector_that_has_lost_the_face_hardly_counts(self):
        rng = np.random.default_rng(2)
        answers = rng.normal(0, 1, (2, 4, 20, 68, 2))
        # It has lost four of twenty faces, and finds other places in every window.
        answers[1, :, :4] += 100 * rng.normal(0, 1, (4, 4, 1, 2))
        label, spread = fuse(answers)
        assert np.abs(label[:4]).mean() < 2
        assert np.abs(answers[:, :, :4].mean((0, 1))).mean() > 10
        assert spread[:4].mean() > 1.5 * spread[4:].mean()

    def test_trust_falls_with_the_spread_of_a_landmark_against_its_kind(self):
        spread = np.ones((9, 68))
        spread[:, 0] = 5  # the jaw always spreads more
        spread[3, 0], spread[3, 40] = 15, 3
        weight = trust(spread)
        assert weight[0, 0] == weight[0, 40] == 1
        np.testing.assert_allclose([weight[3, 0], weight[3, 40]], 0.2)

    def test_labels_come_back_to_the_picture(self, tmp_path):
        pictures = [picture(), picture((8, -5)), picture((-4, 6))]
        both = [detector(), detector(lean=4)]
        labels = label_pictures(both, pictures, [BOX] * 3, questions(2))
        inverse = invert_matrix(crop_matrix(BOX))
        assert labels.landmarks.shape == (3, 68, 2)
        middle = labels.landmarks.mean(1)
        expected = np.add(FACE.mean(0), [(0, 0), (8, -5), (-4, 6)])
        # Half of the lean of one detector remains: a quarter of 4 crop pixels or two.
        assert np.abs(middle - expected).max() < 4 * np.abs(inverse[0, 0]) + 1
        assert (labels.disagreement > 0).all()
        labels.save(tmp_path / "labels.npz")
        again = FusedLabels.load(tmp_path / "labels.npz")
        np.testing.assert_array_equal(again.trust, labels.trust)


class TestWindows:
    def test_a_window_follows_the_face(self):
        ((box, roll),) = first_windows([detector()], [picture((8, -5))], [BOX])
        np.testing.assert_allclose(box - BOX, [8, -5, 8, -5], atol=1.5)
        assert abs(roll) < 0.1

    @pytest.mark.parametrize("factor", [0.1, 4.0])
    def test_a_shape_that_is_no_face_moves_no_window(self, factor):
        def wrong(crops):
            found = detector()(crops)
            return (found - found.mean(1)[:, None]) * factor + found.mean(1)[:, None]

        ((box, roll),) = first_windows([wrong], [picture()], [BOX])
        np.testing.assert_array_equal(box, BOX)
        assert roll == 0


def test_labels_of_parts_are_those_of_the_pictures():
    pictures = [picture((shift, 0)) for shift in (-12, 0, 8)]
    boxes, asked = [BOX] * 3, questions(2)
    whole = label_pictures([detector()], pictures, boxes, asked)
    parts = [
        label_pictures(
            [detector()], SomePictures(pictures, rows), boxes[: len(rows)], asked
        )
        for rows in (range(1), range(1, 3))
    ]
    joined = parts[0].followed_by(parts[1])
    np.testing.assert_allclose(joined.landmarks, whole.landmarks, atol=1e-4)
    assert joined.trust.shape == whole.trust.shape == (3, 68)
    assert joined.disagreement.shape == (3,)


class TestSampling:
    def test_clips_share_alike_and_disputed_pictures_come_more_often(self):
        disagreement = np.array([1, 1, 1, 9, 1, 1.0])
        group = np.array([0, 0, 0, 0, 1, 1])
        share = sampling(disagreement, group, 3.0)
        np.testing.assert_allclose(share.sum(), 1)
        np.testing.assert_allclose(np.bincount(group, share), 0.5)
        # Nine times the usual distance counts three times, and nothing is left out.
        np.testing.assert_allclose(share[3], 3 * share[0])
        assert (share > 0).all()

    def test_a_cap_of_one_samples_all_alike(self):
        share = sampling(np.array([1, 5, 50.0]), np.zeros(3, int), 1.0)
        np.testing.assert_allclose(share, 1 / 3)


@pytest.mark.parametrize(
    "wrong",
    [{"questions": 1}, {"human_end": 1.0}, {"label_share": 0.0}, {"held_out": 0.0}],
)
def test_settings_that_leave_nothing_to_learn_are_refused(wrong):
    (name, value), *_ = wrong.items()
    option = f"--fused.{name.replace('_', '-')} must"
    with pytest.raises(ValueError, match=f"^{option} .*Received: {value}$"):
        FusedConfig(**wrong)
