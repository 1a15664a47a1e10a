"""The export: what is written equals Keras, or nothing is written."""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from support.toy_models import (
    GAIN,
    ToyDetector,
    WideDetector,
    toy_mean_shape,
    toy_models,
    toy_samples,
)

from strrn_tf.config import RunConfig
from strrn_tf.export import tflite
from strrn_tf.export.description import default_card
from strrn_tf.export.tflite import PARITY_LIMITS, ExportError, export_models
from strrn_tf.models.build import build_networks
from strrn_tf.tracking.networks import model_folder
from strrn_tf.tracking.networks.litert import LiteRTModel


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    target = tmp_path_factory.mktemp("export") / "toy"
    samples = toy_samples()
    samples["info"] |= {"backbone": "toy", "accuracy": {"nme": np.float32(4.5)}}
    export_models(*toy_models(), target, **samples, saved_model=True)
    return target


def tiny_networks(backbone):
    """Return detector and tracker whose last layers, zero at first, do something."""
    config = RunConfig(backbone=backbone, preset="tiny")
    return [awake(model) for model in build_networks(config, toy_mean_shape())]


def awake(model):
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if "regress" in variable.path and variable.path.endswith("kernel"):
            variable.assign(rng.normal(0, 0.05, variable.shape))
    return model


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_card_shows_what_lies_in_what():
    description = {
        "parity": {},
        "weights": "float32",
        "training_data": {"stills": 3, "started from": {"name": "a", "stills": 2}},
        "accuracy": [{"dataset": "300w", "nme": 4.5}],
    }
    card = default_card(description)
    assert "\n- stills: 3\n- started from:\n  - name: a\n  - stills: 2\n" in card
    assert "\n- dataset 300w, nme 4.5\n" in card


def test_the_folder_says_everything(toy):
    files = {"MODEL_CARD.md", "detector.keras", "detector.tflite", "model.json"}
    assert files <= set(leftovers(toy))
    description = model_folder.load(toy).description
    assert description["format_version"] == 1
    assert description["backbone"] == "toy"
    assert description["accuracy"] == {"nme": 4.5}
    assert description["crop"]["size"] == 315
    assert "scale = size / (margin * max" in description["crop"]["formula"]
    np.testing.assert_allclose(description["mean_shape"], toy_mean_shape())
    assert set(description["files"]) == {
        path.relative_to(toy).as_posix()
        for path in toy.rglob("*")
        if path.is_file() and path.name != "model.json"
    }
    for name, network in description["networks"].items():
        model = LiteRTModel(toy / network["file"])
        inputs = {entry["name"]: tuple(entry["shape"]) for entry in network["inputs"]}
        assert model.inputs == inputs
        assert model.outputs == ("landmarks",)
        assert description["parity"][name]["max_px"] < 1e-3
    card = (toy / "MODEL_CARD.md").read_text()
    assert "nme: 4.5" in card
    assert "not stated" in card
    assert leftovers(toy.parent) == ["toy"]


def test_the_last_refinement_is_the_answer(toy):
    frames = np.zeros((1, 315, 315, 3), np.float32)
    landmarks = LiteRTModel(toy / "detector.tflite")(frames=frames)["landmarks"]
    np.testing.assert_allclose(landmarks, toy_mean_shape()[None], atol=1e-4)


def test_the_saved_model_takes_any_batch(toy):
    served = tf.saved_model.load(str(toy / "saved_model" / "tracker"))
    frames = np.stack([np.zeros((315, 315, 3)), np.ones((315, 315, 3))])
    start = np.stack([toy_mean_shape()] * 2)
    landmarks = served.signatures["serving_default"](
        frames=tf.constant(frames, tf.float32), start=tf.constant(start)
    )["landmarks"]
    moved = start + np.array([[[0, 0]], [[GAIN, 0]]])
    np.testing.assert_allclose(landmarks, moved, atol=1e-3)


def test_the_keras_files_load(toy):
    tracker = keras.saving.load_model(toy / "tracker.keras")
    np.testing.assert_allclose(tracker.gain, [GAIN, 0])


@pytest.mark.parametrize("backbone", ["mdm", "hgn"])
def test_a_real_detector_equals_keras(tmp_path, backbone):
    detector = tiny_networks(backbone)[0]
    samples = toy_samples()
    folder = export_models(detector, toy_models()[1], tmp_path / "real", **samples)
    frames = samples["crops"][:1]
    received = LiteRTModel(folder / "detector.tflite")(frames=frames)["landmarks"]
    expected = detector(frames, training=False)["refinements"][:, -1]
    np.testing.assert_allclose(received, expected, atol=1e-3)
    assert_builtins_only(folder / "detector.tflite")


def test_the_real_tracker_equals_keras(tmp_path):
    tracker = tiny_networks("mdm")[1]
    samples = toy_samples()
    folder = export_models(toy_models()[0], tracker, tmp_path / "real", **samples)
    given = {"frames": samples["crops"][:1], "start": samples["starts"][:1]}
    received = LiteRTModel(folder / "tracker.tflite")(**given)["landmarks"]
    np.testing.assert_allclose(received, tracker(given), atol=1e-3)
    # It did something, so the comparison can fail.
    assert np.abs(received - given["start"]).max() > 0.1
    assert_builtins_only(folder / "tracker.tflite")


def assert_builtins_only(path):
    interpreter = Interpreter(
        str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    names = {entry["op_name"] for entry in interpreter._get_ops_details()}
    assert len(names) > 2
    # Variables that were not frozen would leave the weights out of the file.
    assert not [n for n in names if n.startswith("Flex") or "VAR" in n or n == "CUSTOM"]


def test_coarser_weights_make_smaller_files(tmp_path):
    detector = WideDetector()
    detector.build((None, 315, 315, 3))
    sizes, errors = {}, {}
    for precision in PARITY_LIMITS:
        folder, tracker = tmp_path / precision, toy_models()[1]
        export_models(detector, tracker, folder, **toy_samples(), precision=precision)
        sizes[precision] = (folder / "detector.tflite").stat().st_size
        description = model_folder.load(folder).description
        assert description["weights"] == precision
        errors[precision] = description["parity"]["detector"]["max_px"]
        # One kind of file to the runtime: float32 in, float32 out.
        assert_builtins_only(folder / "detector.tflite")
    assert sizes["float16"] < 0.55 * sizes["float32"]
    assert sizes["int8"] < 0.3 * sizes["float32"]
    # What was measured is what coarser weights cost, not nothing.
    assert 1e-5 < errors["float16"] < errors["int8"] < 0.5
    assert errors["float32"] < errors["float16"]


# Refusals ---------------------------------------------------------------------------


class Different(ToyDetector):
    """Differs by one pixel between a traced function and an eager call."""

    def call(self, frames):
        answer = super().call(frames)["refinements"]
        return {"refinements": answer + (0 if tf.executing_eagerly() else 1)}


class NotANumber(ToyDetector):
    def call(self, frames):
        return {"refinements": super().call(frames)["refinements"] * np.nan}


class NeedsSelect(ToyDetector):
    def call(self, frames):
        answer = super().call(frames)["refinements"]
        extra = tf.linalg.det(frames[:, :3, :3, 0])[:, None, None, None]
        return {"refinements": answer + extra}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            Different,
            r"detector differs between TFLite and Keras by 1\.41 px",
        ),
        (NotANumber, "detector differs between TFLite and Keras by nan px"),
        (NeedsSelect, "detector cannot be written with TFLite's builtin operators: "),
    ],
)
def test_a_model_that_must_not_be_shipped(toy, tmp_path, kind, words):
    detector = kind()
    detector.build((None, 315, 315, 3))
    _, tracker = toy_models()
    target = shutil.copytree(toy, tmp_path / "model")
    before = (target / "model.json").read_bytes()
    with pytest.raises(ExportError, match=words) as error:
        export_models(detector, tracker, target, **toy_samples())
    assert "\n" not in str(error.value)
    if kind is NeedsSelect:
        assert "MatrixDeterminant" in str(error.value)
    # The older export is as it was, and nothing lies beside it.
    assert (target / "model.json").read_bytes() == before
    assert leftovers(tmp_path) == ["model"]


def test_a_full_disk_loses_nothing(toy, tmp_path, monkeypatch):
    target = shutil.copytree(toy, tmp_path / "model")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tflite, "seal", full)
    with pytest.raises(OSError, match="No space left"):
        export_models(*toy_models(), target, **toy_samples())
    assert leftovers(tmp_path) == ["model"]
    assert model_folder.load(target).description["name"] == "toy"


def test_a_kill_between_the_renames_is_mended_by_the_next_export(toy, tmp_path):
    # The process has moved the old export aside and died.
    shutil.copytree(toy, tmp_path / ".old.tmp.model")
    detector = NotANumber()
    detector.build((None, 315, 315, 3))
    _, tracker = toy_models()
    with pytest.raises(ExportError):
        export_models(detector, tracker, tmp_path / "model", **toy_samples())
    assert leftovers(tmp_path) == ["model"]
    assert model_folder.load(tmp_path / "model").description["name"] == "toy"


def test_an_older_export_is_replaced_and_other_folders_are_not(toy, tmp_path):
    target = shutil.copytree(toy, tmp_path / "model")
    samples = toy_samples()
    samples["info"]["name"] = "newer"
    export_models(*toy_models(), target, **samples, card="my own words")
    assert model_folder.load(target).description["name"] == "newer"
    assert not (target / "saved_model").exists()
    assert (target / "MODEL_CARD.md").read_text() == "my own words"
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").touch()
    with pytest.raises(ValueError, match="is not overwritten"):
        export_models(*toy_models(), tmp_path / "thesis", **samples)
    assert leftovers(tmp_path) == ["model", "thesis"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"crops": np.zeros((0, 315, 315, 3))}, r"`crops` must be \(n, 315, 315, 3\)"),
        ({"starts": np.zeros((3, 68, 2))}, r"`starts` must be \(n, 68, 2\)"),
        ({"crops": np.full((2, 315, 315, 3), 255.0)}, "divide uint8 crops by 255"),
        ({"info": {}}, r"`info\['mean_shape'\]`"),
        (
            {"info": {"mean_shape": toy_mean_shape(), "crop": 1}},
            "must not have the keys",
        ),
        ({"info": {"mean_shape": toy_mean_shape(), "x": np.nan}}, "writable as JSON"),
        ({"info": {"mean_shape": toy_mean_shape(), "x": keras}}, "writable as JSON"),
        ({"precision": "int4"}, "`precision` must be one of float32, float16, int8"),
    ],
)
def test_arguments_are_checked_before_anything_is_written(tmp_path, change, words):
    with pytest.raises(ValueError, match=words):
        export_models(*toy_models(), tmp_path / "model", **(toy_samples() | change))
    assert leftovers(tmp_path) == []
