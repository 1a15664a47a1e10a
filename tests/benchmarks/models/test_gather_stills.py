"""Every third picture of babies by name is kept out, and nothing else."""

import shutil

import pytest
from support.layouts import write_300w

from benchmarks.learning.domain_shift import divide_pictures
from benchmarks.models.gather_stills import Options, main, run
from benchmarks.models.label_photographs import _label
from data_pipeline.datasets.three_hundred_w import list_stills


@pytest.fixture
def data(tmp_path):
    """Return a folder of data with photographs that were labelled."""
    counts = {"300w/afw": 1, "300w/helen/trainset": 2, "300w/helen/testset": 2}
    return write_300w(tmp_path, {**counts, "infants": 7, "people/ytf/trainset": 3})


def numbers(folder):
    return sorted(int(path.stem[-4:]) for path in folder.glob("*.jpg"))


def test_every_third_picture_is_kept_out(data, tmp_path, capsys):
    output = tmp_path / "gathered"
    assert main([str(data), "--output", str(output)]) == 0
    assert "5 learnt, 2 kept out" in capsys.readouterr().out
    assert numbers(output / "infants-kept-out") == [2, 5]
    assert numbers(output / "human/infants/trainset") == [0, 1, 3, 4, 6]
    assert len(list_stills(output / "human")) == 1 + 2 + 5
    assert not (output / "all").exists()
    # The pictures are files of this folder, so it can be divided like others.
    assert len(divide_pictures(output / "human/infants/trainset")[1]) == 1


def test_labelled_photographs_stand_beside_the_others(data, tmp_path):
    options = Options(data, tmp_path / "gathered", data / "people")
    run(options)
    run(options)
    names = [still.name for still in list_stills(options.output / "all")]
    assert len(names) == 1 + 2 + 5 + 3
    assert "ytf/trainset/image_0002.jpg" in names
    assert len(list_stills(options.output / "human")) == 1 + 2 + 5


def test_another_folder_in_the_way_is_an_error(data, tmp_path, capsys):
    output = tmp_path / "gathered"
    (output / "human" / "afw").mkdir(parents=True)
    assert main([str(data), "--output", str(output)]) == 2
    assert "is another folder" in capsys.readouterr().err
    (output / "human" / "afw").rmdir()
    run(Options(data, output))
    # A link to data that have moved is made anew.
    moved = tmp_path / "moved"
    shutil.move(data / "300w", moved / "300w")
    shutil.move(data / "infants", moved / "infants")
    run(Options(moved, output))
    assert len(list_stills(output / "human")) == 1 + 2 + 5


def test_a_label_that_is_there_stays(tmp_path):
    (tmp_path / "a.1.pts").write_text("labelled before")
    assert _label([], tmp_path / "a.1", tmp_path / "no.jpg", 0.1) == "labelled"
    assert _label([], tmp_path / "a.2", tmp_path / "no.jpg", 0.1) == "unreadable"
