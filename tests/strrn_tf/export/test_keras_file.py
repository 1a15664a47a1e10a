"""A .keras file in half precision: half the size, the same networks."""

import keras
import numpy as np
import pytest
from support.toy_models import toy_models, toy_samples

from benchmarks.models.lighten_model import lighten
from data_pipeline.media.images import write_image
from strrn_tf.export.keras_file import halve_kernels
from strrn_tf.export.tflite import export_models
from strrn_tf.tracking.networks.model_folder import verify


def network(scale=1.0):
    """Return a small network whose normalisation has large statistics."""
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(64, 3),
            keras.layers.BatchNormalization(),
            keras.layers.Conv2D(64, 3),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    rng = np.random.default_rng(0)
    for variable in model.weights:
        spread = scale * 0.1 if len(variable.shape) > 1 else 1e5
        variable.assign(np.abs(rng.normal(0, spread, variable.shape)))
    return model


@pytest.fixture
def path(tmp_path):
    network().save(tmp_path / "network.keras")
    return tmp_path / "network.keras"


def test_kernels_are_rounded_and_everything_else_is_exact(path):
    before, size = keras.models.load_model(path), path.stat().st_size
    assert halve_kernels(path)
    after = keras.models.load_model(path)
    assert path.stat().st_size < 0.6 * size
    assert after.get_config() == before.get_config()
    rounded = 0
    for old, new in zip(before.weights, after.weights, strict=True):
        assert (new.path, new.dtype) == (old.path, "float32")
        old, new = np.asarray(old), np.asarray(new)
        if old.ndim < 2:
            np.testing.assert_array_equal(new, old)
        else:
            np.testing.assert_array_equal(new, old.astype(np.float16))
            rounded += (new != old).sum()
    assert rounded > 1000


def test_a_second_call_changes_nothing(path):
    halve_kernels(path)
    content = path.read_bytes()
    assert not halve_kernels(path)
    assert path.read_bytes() == content


def test_a_kernel_that_float16_cannot_hold_stays(tmp_path):
    path = tmp_path / "large.keras"
    model = network(scale=1e7)
    model.save(path)
    assert not halve_kernels(path)


def test_a_lightened_folder_is_sealed_and_its_tflite_files_are_as_they_were(tmp_path):
    folder = export_models(*toy_models(), tmp_path / "toy", **toy_samples())
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    write_image(folder / "failures.jpg", noise)
    (folder / "MODEL_CARD.md").write_text("edited by hand")
    kept = {path: path.read_bytes() for path in folder.glob("*.tflite")}
    size = (folder / "failures.jpg").stat().st_size
    lighten(folder, ["detector"])
    assert (folder / "failures.jpg").stat().st_size < 0.9 * size
    assert verify(folder).description["keras_kernels"] == {"detector": "float16"}
    assert kept == {path: path.read_bytes() for path in folder.glob("*.tflite")}
    # Once more: nothing is left to save.
    contents = {path: path.read_bytes() for path in folder.iterdir()}
    lighten(folder, ["detector"])
    assert contents == {path: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_with_a_changed_network_is_not_sealed(tmp_path):
    folder = export_models(*toy_models(), tmp_path / "toy", **toy_samples())
    with (folder / "tracker.tflite").open("ab") as file:
        file.write(b"changed")
    before = (folder / "model.json").read_bytes()
    with pytest.raises(ValueError, match=r"tracker\.tflite has"):
        lighten(folder)
    assert (folder / "model.json").read_bytes() == before
