"""`strrn export`: a model written again, and what it keeps and refuses."""

import json

import keras
import numpy as np
import pytest
from support.toy_models import WideDetector, toy_mean_shape, toy_models, toy_samples

from data_pipeline.synthetic.crops import draw_crops
from strrn_tf.commands.cli import main
from strrn_tf.export.tflite import export_models
from strrn_tf.models.averaging import average
from strrn_tf.models.build import load_networks
from strrn_tf.tracking.networks.model_folder import load, verify


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run folder with an exported toy."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    _, tracker = toy_models()
    detector = WideDetector()
    detector.build((None, 315, 315, 3))
    detector.shape.assign(toy_mean_shape())
    samples = toy_samples(1)
    samples["info"] |= {"licence": "mine", "accuracy": {"nme": 5.0}, "seed": 3}
    export_models(detector, tracker, folder / "export", **samples)
    return folder


def test_int8_beside_the_model(run, capsys):
    assert main(["export", str(run), "--precision", "int8"]) == 0
    folder = run / "export-int8"
    assert str(folder) in capsys.readouterr().out
    new, old = verify(folder).description, load(run).description
    assert new["weights"] == "int8"
    for key in ("name", "licence", "accuracy", "seed", "mean_shape"):
        assert new[key] == old[key]
    sizes = [(f / "detector.tflite").stat().st_size for f in (folder, run / "export")]
    assert sizes[0] < 0.5 * sizes[1]
    assert not (folder / "saved_model").exists()


def test_saved_models_where_asked(run, tmp_path):
    argv = ["export", str(run / "export"), "--saved-model"]
    assert main([*argv, "--output", str(tmp_path / "served")]) == 0
    for name in ("detector", "tracker"):
        assert (tmp_path / "served/saved_model" / name / "saved_model.pb").is_file()
    kept = json.loads((tmp_path / "served" / "model.json").read_text())
    assert kept["weights"] == "float32"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--precision", "int4"), "int4"),
        (("--output", "{run}/export"), "is the model itself"),
        (("--output", "{run}"), "is not an exported model"),
        (("--tracker", "{run}/none"), "There is no model"),
        (("--tracker", "{run}", "--average", "{run}"), "leave --tracker out"),
    ],
)
def test_mistakes(run, capsys, more, words):
    argv = [word.format(run=run) for word in more]
    before = (run / "export" / "model.json").read_bytes()
    assert main(["export", str(run), *argv]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("strrn: ")
    assert words in message
    assert (run / "export" / "model.json").read_bytes() == before


def test_the_mean_of_two_models(run, tmp_path):
    other, _ = load_networks(run / "export")
    other.set_weights([w + 2 for w in other.get_weights()])
    samples = toy_samples(1)
    export_models(other, toy_models()[1], tmp_path / "other", **samples)
    argv = ["export", str(run), "--average", str(tmp_path / "other")]
    assert main([*argv, "--output", str(tmp_path / "mean")]) == 0
    first, _ = load_networks(run / "export")
    mean, _ = load_networks(tmp_path / "mean")
    for ours, its in zip(mean.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_allclose(ours, its + 1, rtol=1e-5, atol=1e-5)
    described = load(tmp_path / "mean").description
    assert described["averaged_with"] == [str(tmp_path / "other")]
    assert "accuracy" not in described


def test_the_tracker_of_another_model(run, tmp_path):
    detector, tracker = toy_models()
    tracker.set_weights([w + 2 for w in tracker.get_weights()])
    export_models(detector, tracker, tmp_path / "other", **toy_samples(1))
    argv = ["export", str(run), "--tracker", str(tmp_path / "other")]
    assert main([*argv, "--output", str(tmp_path / "mixed")]) == 0
    mixed = load_networks(tmp_path / "mixed")
    for ours, its in zip(
        mixed, (load_networks(run / "export")[0], tracker), strict=True
    ):
        for weights, expected in zip(
            ours.get_weights(), its.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(weights, expected)
    described = load(tmp_path / "mixed").description
    assert described["tracker_of"] == str(tmp_path / "other")
    assert "accuracy" not in described
    # Written again, it still says of what it was made.
    again = ["export", str(tmp_path / "mixed"), "--output", str(tmp_path / "again")]
    assert main(again) == 0
    assert load(tmp_path / "again").description["tracker_of"] == str(tmp_path / "other")


def test_models_of_other_sizes_have_no_mean():
    detectors = [
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(n)]) for n in (2, 3)
    ]
    with pytest.raises(ValueError, match="same sizes"):
        average(detectors)


def test_no_model(capsys, tmp_path):
    assert main(["export", str(tmp_path / "nothing")]) == 2
    assert "There is no model" in capsys.readouterr().err


def test_faces_for_the_comparison():
    crops = draw_crops(4)
    assert crops.shape == (4, 315, 315, 3)
    assert crops.dtype == np.float32
    assert 0 <= crops.min() < crops.max() <= 1
    assert crops.std((1, 2)).min() > 0.02  # pictures, and no two alike
    assert np.abs(crops[0] - crops[1]).mean() > 0.02
