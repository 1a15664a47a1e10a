"""Where ``strrn evaluate`` writes without --output: never over another evaluation."""

import json
from pathlib import Path

import pytest

from strrn_tf.evaluation.report_folder import report_folder

ROOT = Path("runs/evaluation")
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
    folder = report_folder(ROOT, settings)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(settings, default=str))
    return folder


def test_the_name_tells_model_data_and_boxes():
    folder = report_folder(ROOT, SETTINGS)
    assert folder == Path("runs/evaluation/mine-300vw-3-gt")
    stills = report_folder(ROOT, SETTINGS | {"dataset": "300w"})
    assert stills.name == "mine-300w-gt"


@pytest.mark.parametrize(
    "other",
    [
        {"model": "b/mine"},
        {"data_root": "other"},
        {"protocol": "track"},
        {"max_frames": 5},
        {"cycle_limit": 0.1},
        {"mapping": Path("points.json")},
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
    assert report_folder(ROOT, SETTINGS) != folder
