"""Who is learnt and who is tested, and a test that lost a still."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from support.layouts import write_300w

from benchmarks.learning.domain_shift import Options, divide
from benchmarks.learning.experiment import Experiment
from benchmarks.learning.trainings import Material
from data_pipeline.datasets.three_hundred_w import Still


@pytest.fixture
def folders(tmp_path):
    """Return folders of stills, of other pictures and of a test."""
    return write_300w(tmp_path, {"stills": 2, "pictures": 6, "test": 2})


def options(folders, **others):
    """Return the options of the stills and the other pictures."""
    given = {"stills": folders / "stills", "pictures": folders / "pictures"}
    return Options(**given, **others)


def places(stills):
    """Return the folder and the number of every still."""
    paths = [still.image_path for still in stills]
    return [(path.parent.name, int(path.stem.rpartition("_")[2])) for path in paths]


def test_every_third_picture_is_kept_out(folders):
    found = divide(options(folders), 0)
    assert places(found.annotated) == [("stills", 0), ("stills", 1)]
    assert places(found.test) == [("pictures", 2), ("pictures", 5)]
    assert places(found.pictures) == [("pictures", i) for i in (0, 1, 3, 4)]


def test_all_pictures_are_learnt_when_others_are_the_test(folders):
    found = divide(options(folders, test=folders / "test"), 0)
    assert len(found.pictures) == 6
    assert places(found.test) == [("test", 0), ("test", 1)]
    assert len(found.owners) == 2


def test_owners_are_those_of_the_stills_that_are_scored():
    stills = [Still(name, Path(name), Path(name)) for name in "abc"]
    material = Material([], [], stills, ["one", "two", "three"])
    experiment = Experiment(None, material, 0)
    # The store leaves out what cannot be used.
    experiment.__dict__["test_store"] = SimpleNamespace(names=["a", "c"])
    assert experiment.owners == ["one", "three"]
