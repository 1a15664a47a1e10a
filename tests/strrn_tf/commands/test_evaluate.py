"""Where ``strrn evaluate`` writes without --output: never over another evaluation."""

import json
from pathlib import Path

import pytest

from strrn_tf.commands.evaluate import default_output

SETTINGS = {
    "model": "a/mine",
    "data_root": "data",
    "dataset": "300vw",
    "category": "3",
    "boxes": "gt",
    "protocol": "all",
    "max_frames": None,
    "cycle_limit": 0.05,
}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(settings):
    folder = default_output(settings)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(settings))
    return folder


def test_the_name_tells_model_data_and_boxes():
    folder = default_output(SETTINGS)
    assert folder == Path("runs/evaluation/mine-300vw-3-gt")
    stills = default_output(SETTINGS | {"dataset": "300w"})
    assert stills.name == "mine-300w-gt"


@pytest.mark.parametrize(
    "other",
    [
        {"model": "b/mine"},
        {"data_root": "other"},
        {"protocol": "track"},
        {"max_frames": 5},
        {"cycle_limit": 0.1},
    ],
)
def test_another_evaluation_gets_a_folder_of_its_own(other):
    folders = [write(SETTINGS), write(SETTINGS | other)]
    assert folders[0] != folders[1]
    assert folders[1].name.startswith("mine-300vw-3-gt-")
    assert [write(SETTINGS), write(SETTINGS | other)] == folders


def test_the_same_evaluation_by_another_path_is_the_same():
    folder = write(SETTINGS)
    assert write(SETTINGS | {"model": "./a/../a/mine"}) == folder


def test_a_report_that_cannot_be_read_is_kept():
    folder = write(SETTINGS)
    (folder / "metrics.json").write_text("{")
    assert default_output(SETTINGS) != folder
