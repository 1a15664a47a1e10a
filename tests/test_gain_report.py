"""What a run says of its rounds when they are over."""

import json

import numpy as np
from faces import drawn_face

from strrn_tf.omni.criticism import Criticism
from strrn_tf.omni.gain_report import most_changed, write_gain
from strrn_tf.omni.round_report import SHEET_COLUMNS, SHEET_ROWS
from strrn_tf.omni.run_folder import RunFolder

FACE = drawn_face()
SHEET = SHEET_ROWS * SHEET_COLUMNS


class Data:
    """Names and grey pictures of pairs; remembers the last picture."""

    def __init__(self, names):
        self.names = names

    def images(self, index):
        return np.full((2, 315, 315, 3), 100, np.uint8)

    def write_picture(self, path, picture):
        self.path, self.picture = path, picture


def criticism(shift, errors, accepted):
    """Return what is said of pairs whose detected shapes (N,) are off by so much."""
    shapes = FACE[None] + np.asarray(shift, float)[:, None, None]
    errors, accepted = np.asarray(errors, float), np.asarray(accepted, bool)
    return Criticism(
        FACE[None].repeat(len(shapes), 0),
        shapes,
        FACE[None].repeat(len(shapes), 0),
        errors,
        errors,
        accepted,
        accepted & False,
    )


def test_numbers_before_and_after(tmp_path):
    data = Data(["a.mp4#000001", "a.mp4#000009", "b#1.mp4#000001"])
    before = criticism([4, 4, 4], [0.01, 0.03, 0.03], [True, False, False])
    after = criticism([2, 1, 0], [0.01, 0.01, 0.03], [True, True, False])
    said = write_gain(RunFolder(tmp_path), before, after, data)
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["before"]["accepted"], report["after"]["accepted"]) == (1, 2)
    assert report["clips_before"]["a.mp4"] == {"pairs": 2, "accepted": 1}
    assert report["clips_after"]["a.mp4"] == {"pairs": 2, "accepted": 2}
    assert report["clips_after"]["b#1.mp4"] == {"pairs": 1, "accepted": 0}
    eyes = np.linalg.norm(FACE[45] - FACE[36])
    expected = 100 * 3 * np.sqrt(2) / eyes
    assert np.isclose(report["detector_moved_median"], expected, atol=0.001)
    assert "33.33 -> 66.67" in said
    assert "3.00 -> 1.00" in said
    assert str(data.path) in said
    assert data.path == tmp_path / "report.png"


def test_the_sheet_has_both_shapes_of_the_most_changed(tmp_path):
    data = Data(["a.mp4#000001", "b.mp4#000001"])
    before, after = (criticism(shift, [0, 0], [1, 1]) for shift in ([0, 0], [1, 20]))
    write_gain(RunFolder(tmp_path), before, after, data)
    assert data.picture.shape[1:] == (2 * 315, 3)
    # The first tile has changed more: more of it is drawn upon.
    drawn = [(data.picture[:280, k : k + 315] != 100).any(-1).sum() for k in (0, 315)]
    assert drawn[0] > 1.3 * drawn[1]


def test_every_clip_is_shown_before_one_is_shown_twice():
    names = [f"long.mp4#{i:06d}" for i in range(40)]
    names += [f"{clip}.mp4#000003" for clip in "abcde"]
    moved = np.array([*range(50, 90), 3, 1, 5, 2, 4], float)
    chosen = most_changed(moved, names)
    assert len(chosen) == SHEET
    assert chosen[-5:] == [42, 44, 40, 43, 41]
    assert chosen[:-5] == list(range(39, 39 - (SHEET - 5), -1))
