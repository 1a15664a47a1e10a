"""SBR: what optical flow says of landmarks, the loss, and a training that lowers it."""

import json

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from support.reference import losses as twins
from support.toy_models import toy_mean_shape
from support.weights import numpy

from data_pipeline.augmentation.augment import Augmentation
from data_pipeline.batches.training_data import TrainingData
from data_pipeline.crops.window import cut_window
from data_pipeline.stores.store import CropStore
from data_pipeline.synthetic.pictures import draw_clip
from strrn_tf.config import AlgorithmConfig, FitConfig, RunConfig, SbrConfig
from strrn_tf.geometry import box_from_landmarks
from strrn_tf.methods.registration import PUBLISHED_PIXEL, register
from strrn_tf.methods.sbr import (
    RegistrationTrainer,
    SupervisionByRegistration,
    registration_loss,
)
from strrn_tf.methods.training_run import TrainingRun
from strrn_tf.tracking import optical_flow
from strrn_tf.training.run_folder import RunFolder

STEP = np.array([1.5, -1.0])  # crop pixels per frame
SHAPE = toy_mean_shape()


class Fixed(keras.Model):
    """Says the same shape, which is its only weight, of every frame."""

    def build(self, shape):
        self.shape = self.add_weight(shape=(68, 2), name="shape")
        super().build(shape)

    def call(self, frames):
        answer = self.shape[None] + 0 * frames[:, :1, 0, 0, None]
        return {"refinements": keras.ops.stack([answer + 50, answer], axis=1)}


def texture(step=STEP, side=315):
    """Return three frames (1, 3, side, side, 3) of a smooth pattern that moves."""
    noise = np.random.default_rng(0).uniform(0, 1, (side, side)).astype(np.float32)
    first = cv2.normalize(cv2.GaussianBlur(noise, None, 3), None, 0, 1, cv2.NORM_MINMAX)
    frames = []
    for t in range(3):
        matrix = np.hstack([np.eye(2), t * np.array(step)[:, None]])
        moved = cv2.warpAffine(
            first, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE
        )
        frames.append(np.repeat(moved[..., None], 3, -1))
    return np.stack(frames)[None]


def moving_shapes(step=STEP):
    """Return (1, 3, 68, 2) that move with the pattern."""
    return (SHAPE + np.arange(3)[:, None, None] * np.array(step))[None]


class TestRegister:
    def test_follows_the_picture_from_both_sides(self):
        found = register(texture(), moving_shapes(), SbrConfig())
        assert found.kept.mean() > 0.95
        kept = found.kept == 1
        middle = moving_shapes()[:, 1]
        for followed in (found.forward, found.backward):
            assert np.abs(followed - middle)[kept].max() < 0.1

    def test_the_detection_in_the_middle_moves_no_target(self):
        shapes = moving_shapes()
        before = register(texture(), shapes, SbrConfig())
        shapes[:, 1] += 1.0
        after = register(texture(), shapes, SbrConfig())
        np.testing.assert_array_equal(before.forward, after.forward)
        np.testing.assert_array_equal(before.backward, after.backward)

    @pytest.mark.parametrize("frame", [0, 1, 2])
    def test_a_landmark_far_from_the_flow_is_left_out(self, frame):
        shapes = moving_shapes()
        limit = 2 * PUBLISHED_PIXEL
        shapes[0, frame, :10, 0] += limit + 0.2
        shapes[0, frame, 10:20, 0] += limit - 0.2
        before = register(texture(), moving_shapes(), SbrConfig()).kept[0]
        kept = register(texture(), shapes, SbrConfig()).kept[0]
        assert not kept[:10].any()
        np.testing.assert_array_equal(kept[20:], before[20:])
        assert kept[10:20].sum() >= before[10:20].sum() - 1

    def test_what_stands_still_is_left_out_as_published(self):
        found = register(texture((0, 0)), moving_shapes((0, 0)), SbrConfig())
        assert not found.kept.any()

    def test_a_way_back_to_another_place_is_left_out(self):
        frames = texture()
        # The last frame shows something else: the way there is lost, or leads astray.
        frames[0, 2] = np.rot90(frames[0, 2], 1)
        config = SbrConfig(distance=1e6)
        assert register(frames, moving_shapes(), config).kept.mean() < 0.3

    def test_a_landmark_outside_is_left_out(self):
        shapes = moving_shapes()
        shapes[0, :, 5] = (-3, 100)
        found = register(texture(), shapes, SbrConfig())
        assert not found.kept[0, 5]
        assert np.isfinite(found.forward).all()

    def test_what_is_lost_is_left_out_and_stays_a_number(self):
        found = register(0 * texture(), moving_shapes(), SbrConfig())
        assert not found.kept.any()
        assert np.isfinite(found.forward).all()
        assert np.isfinite(found.backward).all()

    def test_flow_has_the_published_settings(self):
        used = []

        def spy(before, after, points, settings):
            used.append(settings)
            return optical_flow.flow_landmarks(before, after, points, settings)

        register(texture(), moving_shapes(), SbrConfig(window=13), spy)
        assert set(used) == {optical_flow.FlowSettings(13, 3, 20, 1e-3)}


class TestLoss:
    def sample(self, seed=0):
        rng = np.random.default_rng(seed)
        shapes = [rng.normal(0, 9, (3, 68, 2)).astype(np.float32) for _ in range(3)]
        return *shapes, (rng.random((3, 68)) < 0.4).astype(np.float32)

    def test_is_that_of_the_twin(self):
        sample = self.sample()
        expected = twins.registration(*sample, PUBLISHED_PIXEL)
        received = float(registration_loss(*sample))
        assert received == pytest.approx(expected, rel=1e-5)

    def test_is_nothing_where_no_point_is_kept(self):
        *shapes, kept = self.sample()
        assert float(registration_loss(*shapes, 0 * kept)) == 0

    def test_the_trainer_adds_it_to_the_loss_on_stills(self):
        config = SbrConfig(weight=0.7, distance=9.0)
        inputs, trainer = self.trained(config)
        answer = numpy(trainer(inputs))
        assert answer["kept"].sum() > 30
        received = float(trainer.compute_loss(x=inputs, y_pred=answer))
        stills = sum(
            twins.wing(answer["refinements"][0, k], inputs["landmarks"][0], 10.0, 2.0)
            for k in range(2)
        )
        names = ("detected", "forward", "backward", "kept")
        clips = twins.registration(*(answer[n] for n in names), PUBLISHED_PIXEL)
        assert received == pytest.approx(stills + 0.7 * clips, rel=1e-4)
        assert clips > 1
        kept = float(trainer.means["kept"].result())
        assert kept == pytest.approx(answer["kept"].mean(), rel=1e-5)

    def test_only_the_middle_detection_learns_from_clips(self):
        config = SbrConfig(weight=1.0, distance=9.0)
        inputs, trainer = self.trained(config)
        with tf.GradientTape() as tape:
            answer = trainer(inputs)
            names = ("detected", "forward", "backward", "kept")
            loss = registration_loss(*(answer[name] for name in names))
        received = numpy(tape.gradient(loss, trainer.detector.shape.value))
        # Of |p - q| to p; the targets, which depend on the same weights, are fixed.
        expected = np.zeros((68, 2))
        answer = numpy(answer)
        for way in ("forward", "backward"):
            gap = answer["detected"][0] - answer[way][0]
            unit = gap / np.linalg.norm(gap, axis=-1, keepdims=True)
            expected += answer["kept"][0][:, None] * unit
        expected /= answer["kept"].sum() * PUBLISHED_PIXEL
        np.testing.assert_allclose(received, expected, atol=1e-5)

    def trained(self, config):
        """Return inputs, and a trainer whose detector does not see the motion."""
        detector = Fixed()
        detector.build((None, 315, 315, 3))
        detector.shape.assign(SHAPE)
        truth = SHAPE[None] + np.float32(2)
        frames = texture().astype(np.float32)
        inputs = {"frames": frames[:, 0], "landmarks": truth, "triplets": frames}
        return inputs, RegistrationTrainer(detector, config)


def drawn_stores(tmp_path, count=6):
    """Return stores of one synthetic clip: the first frames of all triplets, and these.

    The first pixel of every crop is the number of the frame, whatever the triplet.
    """
    clip = list(draw_clip(np.random.default_rng(3), 1, count + 2))
    cut = []
    for i in range(count):
        images, shapes = zip(*clip[i : i + 3], strict=True)
        shapes = np.stack(shapes)
        cut.append(cut_window(list(images), shapes, box_from_landmarks(shapes[0])))
    frames, shapes, matrix = (np.stack(part) for part in zip(*cut, strict=True))
    frames[:, :, 35, 35] = np.arange(3 * count).reshape(count, 3, 1)
    names = tuple(f"a.avi#{i:06d}" for i in range(count))
    triplets = CropStore(tmp_path, frames, shapes, matrix, names)
    stills = CropStore(tmp_path, frames[:, :1], shapes[:, :1], matrix, names)
    return stills, triplets


class Jittery(keras.Model):
    """Knows the truth of every numbered frame, and is off by what it has to unlearn."""

    def __init__(self, truth):
        super().__init__()
        self.truth = keras.ops.convert_to_tensor(truth)
        noise = keras.initializers.RandomNormal(stddev=3.0, seed=0)
        self.offset = self.add_weight(shape=truth.shape, initializer=noise)

    def call(self, frames, training=None):
        number = keras.ops.cast(keras.ops.round(255 * frames[:, 0, 0, 0]), "int32")
        answer = keras.ops.take(self.truth + self.offset, number, axis=0)
        return {"refinements": answer[:, None]}


def test_the_loss_falls_in_training_on_drawn_faces(tmp_path):
    """Jitter in the middle frames goes; at the ends, which have no loss, it stays."""
    stills, triplets = drawn_stores(tmp_path)
    detector = Jittery(triplets.landmarks.reshape(-1, 68, 2) - 35)
    learning = FitConfig(1, 60, batch_size=8, round_learning_rate=0.3)
    config = RunConfig(detector=learning, algorithm=AlgorithmConfig(rounds=1))
    data = TrainingData(stills, triplets, config, Augmentation.none())
    folder = RunFolder(tmp_path / "run")
    folder.start({})
    sbr = SbrConfig(weight=10.0, distance=40.0, forward_backward=3.0)
    batch = next(iter(data.registration_batches(9)(0)))

    def registration():
        answer = RegistrationTrainer(detector, sbr)(batch)
        assert numpy(answer["kept"]).mean() > 0.5
        names = ("detected", "forward", "backward", "kept")
        return float(registration_loss(*(answer[name] for name in names)))

    before, jitter = registration(), numpy(detector.offset).reshape(6, 3, 136)
    tracker = object()  # SBR has none
    run = TrainingRun(config, detector, tracker, data, folder)
    SupervisionByRegistration(run, sbr).run_round(1)
    assert registration() < 0.7 * before
    after = numpy(detector.offset).reshape(6, 3, 136)
    assert np.abs(after[:, 1]).mean() < 0.75 * np.abs(jitter[:, 1]).mean()
    np.testing.assert_allclose(after[:, 2], jitter[:, 2], atol=0.05)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert "registration" in json.loads(lines[-1])
    assert folder.checkpoint("detector-01").is_file()
    assert not folder.checkpoint("tracker-01").exists()


def test_batches_have_three_frames_in_one_window(tmp_path):
    stills, triplets = drawn_stores(tmp_path, 2)
    config = RunConfig(detector=FitConfig(1, 1, batch_size=8))
    data = TrainingData(stills, triplets, config, Augmentation.none())
    batch = next(iter(data.registration_batches(0)(0)))
    assert batch["frames"].shape == (8, 315, 315, 3)
    assert batch["triplets"].shape == (2, 3, 315, 315, 3)
    inside = triplets.frames[:, :, 35:350, 35:350].astype(np.float32) / 255
    order = [0, 1] if np.allclose(batch["triplets"][0], inside[0]) else [1, 0]
    np.testing.assert_allclose(batch["triplets"], inside[order], atol=1e-6)
