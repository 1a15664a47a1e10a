"""Which stills are annotated and which are only pictures, by the seed."""

import pytest
from support.layouts import write_300w

from benchmarks.learning.few_labels import Options, draw


@pytest.fixture
def folders(tmp_path):
    """Return the options of nine stills and a test of two."""
    write_300w(tmp_path, {"stills": 9, "test": 2})
    return {"stills": tmp_path / "stills", "test": tmp_path / "test"}


def names(stills):
    """Return the names of stills."""
    return [still.name for still in stills]


def test_annotated_stills_and_pictures_are_disjoint_and_sorted(folders):
    found = draw(Options(**folders, count=3, unlabelled=4), 0)
    annotated, pictures = names(found.annotated), names(found.pictures)
    assert (len(annotated), len(pictures)) == (3, 4)
    assert not set(annotated) & set(pictures)
    assert annotated == sorted(annotated)
    assert pictures == sorted(pictures)
    assert names(found.test) == found.owners == ["image_0000.jpg", "image_0001.jpg"]


def test_the_seed_decides_and_fewer_pictures_keep_the_stills(folders):
    found = draw(Options(**folders, count=3), 0)
    again, other = (draw(Options(**folders, count=3), seed) for seed in (0, 1))
    assert again[:2] == found[:2]
    assert other.annotated != found.annotated
    # The most that there are: all others.
    assert len(found.annotated) + len(found.pictures) == 9
    fewer = draw(Options(**folders, count=3, unlabelled=2), 0)
    assert fewer.annotated == found.annotated
    assert set(fewer.pictures) < set(found.pictures)
