"""The report of a run on what its rounds have changed."""

import json

import numpy as np
import pytest
from support.faces import drawn_face

from strrn_tf.drawing import FAULTY, RELIABLE
from strrn_tf.methods.cycle_scores import CycleScores
from strrn_tf.methods.gain_report import (
    FRAMES_SHOWN,
    describe_gain,
    most_changed,
    write_gain,
)
from strrn_tf.training.run_folder import RunFolder

FACE = drawn_face()
EYES = np.linalg.norm(FACE[45] - FACE[36])
NAMES = ["a.mp4#000001", "a.mp4#000009", "x/b#1 é.mp4#000001"]


class Data:
    """Names and pictures of pairs: frame t-1 is black, frame t grey."""

    def __init__(self, names):
        self.names = names

    def images(self, index):
        return np.stack([np.full((315, 315, 3), shade, np.uint8) for shade in (0, 99)])

    def write_picture(self, path, picture):
        self.path, self.picture = path, picture


def cycle_scores(
    detected, tracked=(3, 3, 3), cycle_errors=(0.01, 0.02), accepted=(1, 1, 1)
):
    """Return scores of pairs, whose shapes lie so many pixels to the right."""

    def shapes(shift):
        return FACE + np.multiply.outer(
            np.array(shift, float), np.tile([1, 0], (68, 1))
        )

    count, accepted = len(detected), np.array(accepted, bool)
    l_det, l_tck = (np.full(count, error) for error in cycle_errors)
    return CycleScores(
        *(shapes(np.zeros(count)), shapes(detected), shapes(tracked), l_det, l_tck),
        *(accepted, accepted & False),
    )


def percent(pixels):
    return 100 * pixels / EYES


@pytest.fixture
def written(tmp_path):
    """Return the printed text, the written report, and the data with the picture."""
    data, folder = Data(NAMES), RunFolder(tmp_path)
    before = cycle_scores([4, 4, 4], accepted=[1, 0, 0])
    after = cycle_scores([2, 3.5, 4], [3, 3, 2], (0.02, 0.03), [1, 1, 0])
    write_gain(folder, before, after, data)
    return describe_gain(folder), json.loads(folder.report.read_text()), data


class TestNumbers:
    def test_before_and_after(self, written):
        text, *_ = written
        lines = text.splitlines()
        assert lines[0].startswith("3 pairs")
        found = [line.split()[-2:] for line in lines[1:4]]
        apart = [f"{percent(1):.2f}"] * 2
        assert found[0] == ["33.33", "66.67"]
        assert found[1] == ["2.00", "3.00"]
        assert found[2] == apart
        ways = [[float(word) for word in line.split()[-2:]] for line in lines[4:6]]
        expected = [[percent(4), percent(3.5)], [percent(3), percent(3)]]
        np.testing.assert_allclose(ways, expected, atol=0.006)
        assert f"moved by {percent(0.5):.2f} % (median)" in lines[-1]
        assert not any("stands still" in line for line in lines)

    def test_of_every_clip(self, written):
        clips = written[1]["clips"]
        assert clips.keys() == {"a.mp4", "x/b#1 é.mp4"}
        assert (clips["a.mp4"]["pairs"], clips["a.mp4"]["accepted"]) == (2, [1, 2])
        assert clips["a.mp4"]["moved_median"] == pytest.approx(percent(1.25), abs=1e-3)
        last = {"pairs": 1, "accepted": [0, 0], "moved_median": 0}
        assert clips["x/b#1 é.mp4"] == last

    def test_change_is_a_share_of_the_eye_distance_before(self, tmp_path):
        folder, before = RunFolder(tmp_path), cycle_scores([0, 0, 0])
        after = cycle_scores([0, 0, 0])
        after.detected[:] *= 1.1
        write_gain(folder, before, after, Data(NAMES))
        moved = json.loads(folder.report.read_text())["detector_moved_median"]
        expected = 100 * np.linalg.norm(0.1 * FACE, axis=-1).mean() / EYES
        assert moved == pytest.approx(expected, abs=1e-3)

    def test_a_tracker_that_stands_still_is_named(self, tmp_path):
        folder = RunFolder(tmp_path)
        identity = cycle_scores([4, 4, 4], [0, 0, 0], (0.03, 0))
        write_gain(folder, cycle_scores([4, 4, 4]), identity, Data(NAMES))
        assert "the tracker stands still" in describe_gain(folder)


class TestPicture:
    def test_frame_t_twice_before_and_after(self, written):
        text, report, data = written
        assert report["shown"] == NAMES
        assert data.path.name == "report.png"
        assert str(data.path) in text
        tiles = np.hsplit(data.picture, 6)
        assert all(tile.shape == (315, 315, 3) for tile in tiles)
        for number, tile in enumerate(tiles):
            assert (tile[:40] == 99).all()
            for colour, is_here in ((FAULTY, number % 2 == 0), (RELIABLE, number % 2)):
                assert (tile == colour).all(-1).any() == is_here
        # The first face has gone to the left by 2 pixels, and those are enlarged.
        ends = [
            np.flatnonzero((tile == colour).all(-1).any(0))[-1]
            for tile, colour in ((tiles[0], FAULTY), (tiles[1], RELIABLE))
        ]
        assert 1.5 <= ends[0] - ends[1] <= 3.5

    def test_without_the_picture_there_is_no_report(self, tmp_path):
        class Full(Data):
            def write_picture(self, path, picture):
                raise OSError("disk full")

        folder, some = RunFolder(tmp_path), cycle_scores([0, 0, 0])
        with pytest.raises(OSError, match="disk full"):
            write_gain(folder, some, some, Full(NAMES))
        assert not folder.report.exists()

    def test_every_clip_is_shown_before_one_is_shown_twice(self):
        names = [f"long.mp4#{i:06d}" for i in range(40)]
        names += [f"{clip}.mp4#000003" for clip in "abcde"]
        moved = np.array([*range(50, 90), 3, 1, 5, 2, 4], float)
        chosen = most_changed(moved, names)
        long = FRAMES_SHOWN - 5
        assert chosen == [*range(39, 39 - long, -1), 42, 44, 40, 43, 41]
