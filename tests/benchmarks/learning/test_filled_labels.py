"""Which filled frames count as labelled, and their errors."""

import re

import numpy as np
import pytest
from support.layouts import write_300w
from support.toy_models import toy_mean_shape

from benchmarks.learning import filled_labels
from benchmarks.learning.filled_labels import Options, run
from data_pipeline.crops.filled import Model
from data_pipeline.crops.samples import Samples
from strrn_tf.evaluation.metrics import nme_interpupil
from strrn_tf.geometry import apply_matrix
from strrn_tf.system.file_names import frame_name

KIND, FRAMES, SPOILED = "blur", 10, (3, 4, 5)
# From images to crops: twice as large, and turned by 90 degrees.
MATRIX = np.array([[0.0, -2.0, 300.0], [2.0, 0.0, 0.0]])


def labelled(frames):
    """Return filled samples of some frames, labelled 1 px of the image aside."""
    label = apply_matrix(MATRIX, toy_mean_shape() + np.float32((1.0, 0.0)))
    count = len(frames)
    pictures = np.zeros((count, 1, 4, 4, 3), np.uint8)
    shapes = np.tile(label, (count, 1, 1, 1)).astype(np.float32)
    names = [frame_name("x.mp4", frame) for frame in frames]
    matrices = np.tile(MATRIX, (count, 1, 1))
    return Samples(names=names, frames=pictures, landmarks=shapes, matrix=matrices)


@pytest.fixture
def table(tmp_path, monkeypatch, capsys):
    """Return a function from the filled frames of every clip to the table's cells."""
    stills = write_300w(tmp_path, {"stills": 3}) / "stills"
    monkeypatch.setenv("COLUMNS", "120")
    image = np.zeros((4, 4, 3), np.uint8)
    frames = [(image, toy_mean_shape())] * FRAMES
    kinds = [KIND if n in SPOILED else "" for n in range(FRAMES)]
    stubs = {
        "moments": lambda *_: (frames, [image] * FRAMES, kinds),
        "spoiled_clips": lambda folder, *_: folder,
        # The one answer of the model is 4 px aside.
        "open_model": lambda name: Model(
            None, lambda *_: toy_mean_shape() + np.float32((4.0, 0.0))
        ),
    }
    for name, stub in stubs.items():
        monkeypatch.setattr(filled_labels, name, stub)

    def cells(filled):
        clips = iter(filled)
        monkeypatch.setattr(filled_labels, "cut_filled", lambda *_: next(clips))
        run(Options(stills, kinds=(KIND,), output=tmp_path / "output"))
        [line] = re.findall(rf"│ {KIND}.*", capsys.readouterr().out)
        return [cell.strip() for cell in line.split("│")[2:-1]]

    return cells


def test_only_spoiled_frames_have_errors(table):
    found = table([labelled([3, 4, 8]), None, labelled([0, 5])])
    assert found[:3] == ["9", "3", "2"]
    shape = toy_mean_shape()
    unit = float(nme_interpupil(shape + np.float32((1.0, 0.0)), shape))
    assert found[3:5] == [f"{unit:.2f}", f"{4 * unit:.2f}"]
    assert found[5] == "-75.0 % (interval -75.0 to -75.0)"


def test_without_a_label_there_is_no_error(table):
    assert table([None, None, labelled([1])]) == ["9", "0", "1", "", "", ""]


def test_other_clips_lie_in_another_folder(tmp_path, monkeypatch):
    stills = write_300w(tmp_path, {"stills": 3}) / "stills"
    folders = []
    monkeypatch.setattr(filled_labels, "open_model", lambda _: None)
    monkeypatch.setattr(filled_labels, "cut_filled", lambda *_: None)
    monkeypatch.setattr(filled_labels, "moments", lambda *_: ([], [], []))
    monkeypatch.setattr(
        filled_labels,
        "spoiled_clips",
        lambda folder, *_: folders.append(folder) or folder,
    )
    for changed in ({}, {}, {"seed": 1}, {"clips": 2}):
        run(Options(stills, kinds=(KIND,), output=tmp_path / "output", **changed))
    assert folders[0] == folders[1]
    assert len(set(folders)) == 3
