"""Model folders are found by name from anywhere, and verified byte by byte."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import ROOT
from support.toy_models import toy_models, toy_samples

from strrn_tf.models.build import load_networks
from strrn_tf.tracking.networks import model_folder
from strrn_tf.tracking.tracker import FaceTracker


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from strrn_tf.export.tflite import export_models

    target = tmp_path_factory.mktemp("models") / "toy"
    return export_models(*toy_models(), target, **toy_samples())


@pytest.fixture
def copy(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def change_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["detector.tflite", "tracker.tflite"])
def test_a_changed_byte_is_found_before_tracking(copy, name):
    change_a_byte(copy / name)
    with pytest.raises(ValueError, match=name) as error:
        FaceTracker.from_pretrained(copy)
    assert "again" in str(error.value)


@pytest.mark.parametrize("name", ["tracker.keras", "MODEL_CARD.md"])
def test_files_that_tracking_does_not_open_are_verified_where_they_are(copy, name):
    change_a_byte(copy / name)
    model_folder.load(copy)
    for open_folder in (model_folder.verify, load_networks):
        with pytest.raises(ValueError, match=name):
            open_folder(copy)


@pytest.mark.parametrize("packages", [".", "lib/python3/site-packages"])
def test_models_are_found_wherever_pip_has_installed(folder, tmp_path, packages):
    """With --target, and with --user or --prefix, outside the environment."""
    shutil.copytree(ROOT / "strrn_tf", tmp_path / packages / "strrn_tf")
    shutil.copytree(folder, tmp_path / "share" / "strrn" / "saved_models" / "toy")
    program = "from strrn_tf.tracking.networks import model_folder; import sys;"
    program += "print(model_folder.find('toy'))"
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / packages,
        capture_output=True,
        text=True,
    )
    found = tmp_path / "share" / "strrn" / "saved_models" / "toy"
    assert run.stdout == f"{found}\n", run.stderr


def test_a_shorter_and_a_missing_file_are_found(copy):
    path = copy / "tracker.tflite"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"tracker\.tflite has \d+ bytes"):
        model_folder.load(copy)
    path.unlink()
    with pytest.raises(ValueError, match=r"tracker\.tflite is missing"):
        model_folder.load(copy)


def test_a_changed_description_is_found(copy):
    path = copy / "model.json"
    text = path.read_text()
    path.write_text(text.replace('"margin": 1.6', '"margin": 1.7'))
    with pytest.raises(ValueError, match=r"model\.json was changed"):
        model_folder.load(copy)
    path.write_text(text[: len(text) // 2])
    with pytest.raises(ValueError, match=r"model\.json is not valid JSON"):
        model_folder.load(copy)
    path.write_text(json.dumps({**json.loads(text), "format_version": 99}))
    with pytest.raises(ValueError, match="format version 99"):
        model_folder.load(copy)
    path.write_text(text.replace("\n", "\r\n"))
    assert model_folder.load(copy).crop_margin == 1.6


def test_a_folder_can_be_sealed_again(copy):
    (copy / "MODEL_CARD.md").write_text("corrected")
    with pytest.raises(ValueError, match=r"MODEL_CARD\.md"):
        model_folder.verify(copy)
    model_folder.seal(copy, json.loads((copy / "model.json").read_text()))
    assert model_folder.verify(copy).description["name"] == "toy"


def test_models_are_found_by_name_from_anywhere(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STRRN_MODELS", str(folder.parent))
    assert model_folder.load("toy").path == folder
    (tmp_path / "run" / "export").parent.mkdir()
    shutil.copytree(folder, tmp_path / "run" / "export")
    assert model_folder.load("run").path == Path("run/export")


def test_an_unknown_name_says_where_it_was_searched(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("STRRN_MODELS", str(folder.parent))
    with pytest.raises(ValueError, match="no model 'nobody'") as error:
        FaceTracker.from_pretrained("nobody")
    for place in (*model_folder.search_places(), "toy"):
        assert str(place) in str(error.value)
    assert str(ROOT / "saved_models") in str(error.value)
    with pytest.raises(ValueError, match="is not an exported model"):
        model_folder.load(tmp_path)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("strrn-mdm", "strrn-mdm"),
        ("runs/mdm", "mdm"),
        ("runs/mdm/export", "mdm"),
        ("runs/mdm/rounds/00/export", "mdm-round-00"),
    ],
)
def test_models_of_a_run_and_of_its_rounds_have_different_names(model, name):
    assert model_folder.name_of(model) == name
