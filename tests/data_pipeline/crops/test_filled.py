"""Frames of clips in which models fill a face in: which ones, and with which labels."""

import cv2
import numpy as np
import pytest

from data_pipeline.animation.spoiled_clip import SPOILS
from data_pipeline.crops.filled import (
    LEAST_DOUBT,
    MOST_APART,
    FilledOptions,
    Model,
    agreed,
    cut_filled,
    doubt,
)
from data_pipeline.datasets.clips import Clip
from data_pipeline.media.images import write_image
from data_pipeline.stores import filled_frames
from data_pipeline.stores.filled_frames import build_filled_store
from data_pipeline.stores.prepared import PreparedPart
from data_pipeline.synthetic import draw_face
from strrn_tf.geometry import apply_matrix, box_from_landmarks, eye_distance
from strrn_tf.tracking.face import Face

PICTURE, SHAPE = draw_face(np.random.default_rng(3), 1)
SHAPE = SHAPE.astype(np.float32)
UNIT = float(eye_distance(SHAPE))
FILLED = range(4, 9)


class Script:
    """An offline tracker that fills a face in, ``shift`` pixels beside the truth."""

    def __init__(self, shift=0.0, filled=FILLED):
        self.shift, self.filled, self.resets, self.times = shift, filled, 0, []

    def reset(self):
        self.resets += 1

    def track(self, frames):
        # Answers come late, as those of a real one.
        frames = list(frames)
        self.times = [seconds for _, seconds in frames]
        for number in range(len(frames)):
            state = "filled" if number in self.filled else "tracked"
            shape = SHAPE + np.float32([self.shift, 0])
            box = box_from_landmarks(shape)
            yield [Face(0, shape, box, 0.9, 0.01, state)] if number != 2 else []


def model(shift=0.0, filled=FILLED, answer=None):
    """Return a model whose detector is ``answer`` pixels off, by default doubtful."""
    beside = 2 * LEAST_DOUBT * UNIT + shift if answer is None else answer
    return Model(Script(shift, filled), lambda image, box: SHAPE + np.float32(beside))


@pytest.fixture
def clip(tmp_path):
    """Return a clip of 12 numbered pictures, counted from 1."""
    for number in range(1, 13):
        write_image(tmp_path / "clip" / f"{number:03d}.png", PICTURE)
    return Clip("a/clip", tmp_path / "clip")


def test_the_label_is_the_mean_and_lies_on_the_face(clip):
    step = 0.2 * MOST_APART * UNIT
    models = [model(step), model(-step, answer=0.0)]
    samples = cut_filled(clip, models, FilledOptions(60.0))
    assert samples.names == [f"a/clip#{n + 1:06d}" for n in FILLED]
    assert samples.frames.shape == (5, 1, 385, 385, 3)
    for matrix, shape in zip(samples.matrix, samples.landmarks[:, 0], strict=True):
        np.testing.assert_allclose(shape, apply_matrix(matrix, SHAPE), atol=1e-3)


def test_frames_in_which_models_differ_are_left_out(clip):
    models = [model(), model(1.1 * MOST_APART * UNIT, answer=0.0)]
    assert cut_filled(clip, models, FilledOptions(60.0)) is None
    models = [model(), model(filled=(6, 7, 11), answer=0.0)]
    samples = cut_filled(clip, models, FilledOptions(60.0))
    assert [name[-2:] for name in samples.names] == ["07", "08"]
    assert agreed([{1: SHAPE}, {}]) == {}


def test_frames_in_which_detectors_agree_are_left_out(clip):
    less = 0.9 * LEAST_DOUBT * UNIT / np.sqrt(2)
    models = [model(answer=9.0), model(answer=9.0 + less)]
    assert cut_filled(clip, models, FilledOptions(60.0)) is None
    # One model alone, as the judge is, is compared with its label.
    assert cut_filled(clip, [model(answer=less)], FilledOptions(60.0)) is None
    assert cut_filled(clip, [model(answer=1.2 * less)], FilledOptions(60.0))
    found = doubt(PICTURE, SHAPE, [model(answer=1.0), model(answer=0.0)])
    assert found == pytest.approx(np.sqrt(2) / UNIT, rel=1e-5)


def test_only_the_first_seconds_are_tracked(clip):
    one = model()
    samples = cut_filled(clip, [one], FilledOptions(6 / 25))
    assert one.tracker.resets == 1
    np.testing.assert_allclose(one.tracker.times, np.arange(6) / 25)
    assert len(samples.names) == 2


def test_long_losses_give_a_limited_number_of_frames_spread_evenly(clip):
    one = model(filled=range(12))
    samples = cut_filled(clip, [one], FilledOptions(60.0, most=3))
    numbers = [int(name[-2:]) for name in samples.names]
    assert len(numbers) == 3
    # Frame 2 shows no face. One of each third of the others is chosen.
    assert numbers[0] <= 5 < numbers[1] <= 9 < numbers[2]


def test_tracking_ends_where_pictures_change_their_size(clip):
    write_image(clip.video_path / "007.png", PICTURE[:-2])
    one = model()
    assert len(cut_filled(clip, [one], FilledOptions(60.0)).names) == 2
    assert len(one.tracker.times) == 6


def test_shipped_models_fill_a_spoiled_moment(tmp_path):
    numbers = range(30, 36)
    spoil = SPOILS["blur"](np.random.default_rng(1))
    shapes = []
    for number in range(60):
        shift = 0.2 * UNIT * np.sin(2 * np.pi * number / 50)
        matrix = np.array([[1, 0, shift], [0, 1, 0]])
        image = cv2.warpAffine(
            PICTURE, matrix, PICTURE.shape[1::-1], borderMode=cv2.BORDER_REFLECT_101
        )
        shapes.append(SHAPE + np.float32([shift, 0]))
        image = spoil(image, shapes[-1]) if number in numbers else image
        write_image(tmp_path / "clip" / f"{number:03d}.png", image)
    clips, models = [Clip("clip", tmp_path / "clip")], ["strrn-fast", "strrn-mdm"]
    arguments = tmp_path / "store", clips, models, FilledOptions(60.0)
    store = build_filled_store(*arguments)
    found = [int(name[-6:]) for name in store.names]
    assert len(set(numbers) & set(found)) >= 4
    assert len(found) <= 10
    for number, matrix, shape in zip(
        found, store.matrix, store.landmarks[:, 0], strict=True
    ):
        truth = apply_matrix(matrix, shapes[number])
        distance = np.linalg.norm(shape - truth, axis=-1).mean()
        # Drawn faces are not what the models have learnt.
        assert distance < 0.15 * eye_distance(truth)
    # The second call finds the store, without tracking.
    assert build_filled_store(*arguments).names == store.names


def test_stores_of_other_models_and_prepared_clips(clip, tmp_path, monkeypatch):
    opened = []

    def open_one(name):
        opened.append(name)
        return model()

    monkeypatch.setattr(filled_frames, "open_model", open_one)
    prepared = PreparedPart("prepared", tmp_path / "shard", ("x",))
    options = FilledOptions(60.0)
    arguments = tmp_path / "store", [prepared, clip], ["strrn-fast"], options
    store = build_filled_store(*arguments)
    assert {name[:6] for name in store.names} == {"a/clip"}
    other = build_filled_store(tmp_path / "store", [clip], ["strrn-mdm"], options)
    assert other.folder != store.folder
    assert build_filled_store(*arguments).folder == store.folder
    # A complete store needs no model.
    assert opened == ["strrn-fast", "strrn-mdm"]
    assert build_filled_store(tmp_path / "s", [prepared], ["m"], options) is None


def test_a_store_without_a_filled_frame_is_none(clip, tmp_path):
    place, models = tmp_path / "store", ["strrn-fast"]
    assert build_filled_store(place, [clip], models, FilledOptions(60.0)) is None
    assert build_filled_store(place, [clip], models, FilledOptions(60.0)) is None
    assert build_filled_store(place, [], models, FilledOptions(60.0)) is None
