"""Every layer and model: configuration, shapes, saving, graph, gradients, TFLite."""

import importlib
import pkgutil

import keras
import pytest
from support import conformance
from support.conformance import CASES, prepare

import strrn_tf.layers
import strrn_tf.models


@pytest.fixture(params=CASES, ids=[case.name for case in CASES], scope="module")
def subject(request):
    return prepare(request.param)


def test_config(subject):
    conformance.check_config(subject)


def test_shapes(subject):
    conformance.check_shapes(subject)


def test_saving(subject, tmp_path):
    conformance.check_saving(subject, tmp_path / "model.keras")


def test_graph(subject):
    conformance.check_graph(subject)


def test_gradients(subject):
    conformance.check_gradients(subject)


def test_tflite(subject, tmp_path):
    conformance.check_tflite(subject, tmp_path / "model.tflite")


def test_no_layer_is_missing():
    for package in (strrn_tf.layers, strrn_tf.models):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    registered = {
        name
        for name in keras.saving.get_custom_objects()
        if name.startswith("strrn_tf>") and not name.endswith("Trainer")
    }
    tested = {keras.saving.get_registered_name(type(case.make())) for case in CASES}
    assert registered == tested
