"""Weights and networks that version 0.1.0 saved, with its names, still load."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from support.places import ROOT
from support.toy_models import toy_mean_shape
from support.weights import SMALL, numpy, randomise

from strrn_tf.models.mdm import MDM
from strrn_tf.training.trainers import DetectorTrainer

FRAMES = np.random.default_rng(0).uniform(0, 1, (1, 315, 315, 3)).astype("float32")


@pytest.fixture
def mdm():
    """Return a small MDM with a global context branch and random weights."""
    settings = {**SMALL, "steps": 1, "global_context": (2, 3)}
    return randomise(MDM(toy_mean_shape().tolist(), **settings))


def datasets(path):
    """Return the names of all arrays in a file of weights."""
    names = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: names.append(name) if hasattr(item, "shape") else None
        )
    return names


def with_old_names(path, folder):
    """Return a .keras file as version 0.1.0 wrote it, made of one of today."""
    old = folder / "old.keras"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(old, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                assert b'"global_context"' in content
                content = content.replace(b'"global_context"', b'"glance"')
            target.writestr(name, content)
    return old


def test_weights_keep_their_names_in_files(mdm, tmp_path):
    path = tmp_path / "detector-00.weights.h5"
    DetectorTrainer(mdm).save_weights(path)
    branch = [n for n in datasets(path) if "glance" in n or "global_context" in n]
    parts = ("convolutions/conv2d", "convolutions/conv2d_1", "dense", "norm")
    expected = [f"detector/glance/{part}/vars/{i}" for part in parts for i in (0, 1)]
    assert sorted(branch) == sorted(expected)
    # The other parts are stored by their order.
    dense = ("dense", "dense_1", "dense_2", "dense_3")
    heads = {f"detector/layers/{name}/vars/{i}" for name in dense for i in (0, 1)}
    assert heads <= set(datasets(path))


def test_old_keras_files_load(mdm, tmp_path):
    mdm.save(tmp_path / "new.keras")
    old = with_old_names(tmp_path / "new.keras", tmp_path)
    network = keras.models.load_model(old, compile=False)
    assert network.settings == mdm.settings
    expected, received = (numpy(m(FRAMES)["refinements"]) for m in (mdm, network))
    np.testing.assert_array_equal(received, expected)


def test_the_shipped_detector_is_read_whole():
    path = ROOT / "saved_models/strrn-mdm/detector.keras"
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    assert config["registered_name"] == "strrn_tf>MDM"
    assert config["config"]["glance"] == [24, 48, 96, 128]
    network = keras.models.load_model(path, compile=False)
    assert network.settings["global_context"] == [24, 48, 96, 128]
    # Zero before the training, so they were read.
    for layer in (network.shape_head, network.state_head, network.regress):
        assert np.abs(numpy(layer.kernel)).max() > 0.01
