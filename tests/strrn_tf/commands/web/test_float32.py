"""The networks of recorded cases: the shipped weights, without 8-bit arithmetic."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from data_pipeline.synthetic.pictures import draw_clip
from strrn_tf.commands.web.float32 import write_folder
from strrn_tf.tracking.networks.model_folder import load
from strrn_tf.tracking.tracker import FaceTracker

MODEL = "strrn-mdm"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("float32") / MODEL
    write_folder(MODEL, path)
    return path


def test_the_folder_is_a_model_folder(folder):
    assert load(folder).path == folder
    assert load(folder).crop_size == load(MODEL).crop_size


@pytest.mark.parametrize("name", ["detector.tflite", "tracker.tflite"])
def test_no_weight_has_8_bits(folder, name):
    def types(path):
        interpreter = Interpreter(str(path / name), num_threads=1)
        return {detail["dtype"] for detail in interpreter.get_tensor_details()}

    assert np.int8 in types(load(MODEL).path)
    assert np.int8 not in types(folder)


def test_the_answers_are_nearly_those_of_the_shipped_networks(folder):
    (image, truth), (moved, _) = draw_clip(np.random.default_rng(1), 1, 2)
    box = np.concatenate([truth.min(0), truth.max(0)])
    answers = []
    for model in (MODEL, folder):
        tracker = FaceTracker.from_pretrained(model)
        found = tracker.align(image, box)
        answers.append([found, tracker.step(image, moved, truth)[0]])
    distances = np.linalg.norm(np.subtract(*answers), axis=-1).mean(axis=-1)
    assert np.all(distances > 0)
    assert np.all(distances < 1)
