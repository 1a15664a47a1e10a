"""Two evaluations, frame by frame."""

import numpy as np
import pytest

from benchmarks.learning.compare_evaluations import (
    Options,
    common_frames,
    main,
    read_errors,
    run,
)

HEAD = "category,sequence,frame,protocol,nme_interpupil\n"


def evaluation(folder, errors):
    """Write the frames of stills with these errors, by the number of the still."""
    folder.mkdir()
    rows = [f"testset,{i}.jpg,0,detect,{error}" for i, error in errors.items()]
    (folder / "frames.csv").write_text(HEAD + "\n".join(rows) + "\n")
    return folder


def test_frames_that_one_has_lost_are_left_out(tmp_path):
    before = evaluation(tmp_path / "a", {1: 4.0, 2: 6.0, 3: "", 4: 5.0})
    after = evaluation(tmp_path / "b", {4: 4.0, 2: 3.0, 3: 1.0, 1: ""})
    found = common_frames(read_errors(before), read_errors(after))
    assert found["sequence"].tolist() == ["2.jpg", "4.jpg"]
    np.testing.assert_array_equal(found[["before", "after"]], [[6.0, 3.0], [5.0, 4.0]])


def test_the_table_has_the_change(tmp_path, capsys):
    before = evaluation(tmp_path / "a", {i: 4.0 + i for i in range(10)})
    after = evaluation(tmp_path / "b", {i: 0.9 * (4.0 + i) for i in range(10)})
    run(Options((before, after)))
    text = capsys.readouterr().out
    assert "-10.0 % (interval" in text
    assert "8.50" in text
    assert "7.65" in text


def test_mistakes_are_one_line(tmp_path, capsys):
    before = evaluation(tmp_path / "a", {1: 4.0})
    assert main([str(before), str(tmp_path)]) != 0
    assert "no frames.csv" in capsys.readouterr().err
    after = evaluation(tmp_path / "b", {2: 4.0})
    with pytest.raises(ValueError, match="no frame in common"):
        run(Options((before, after)))
