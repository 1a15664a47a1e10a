"""Unlabelled photographs: every picture is its own sample, numbered or not."""

import numpy as np
import pytest

from data_pipeline.media.images import write_image
from data_pipeline.stores.photographs import build_photograph_store, list_photographs

TURN = 0.4


def find_faces(image):
    """Return a small face and a large one, turned; none in a black picture."""
    if not image.any():
        return np.zeros((0, 5))
    return np.array([[5, 5, 25, 25, 0.0], [60, 40, 160, 140, TURN]])


@pytest.fixture
def folder(tmp_path):
    """Return a folder with numbered pictures, one of them black."""
    for name, shade in (("a/1", 50), ("a/2", 90), ("b/1", 0)):
        picture = np.full((200, 220, 3), shade, np.uint8)
        write_image(tmp_path / "people" / f"{name}.png", picture)
    (tmp_path / "people" / "notes.txt").write_text("no picture")
    return tmp_path / "people"


def test_the_largest_face_of_every_picture_in_a_window_that_turns(folder, tmp_path):
    found = list_photographs([folder])
    assert [p.name for p in found] == [
        *("people/a/1.png", "people/a/2.png", "people/b/1.png"),
    ]
    store = build_photograph_store(tmp_path / "store", found, find_faces)
    assert store.names == ("people/a/1.png", "people/a/2.png")
    assert store.frames.shape == (2, 1, 385, 385, 3)
    assert store.frames[1, 0, 200, 200, 0] == 90
    assert np.isnan(store.landmarks).all()
    angle = np.arctan2(store.matrix[0, 1, 0], store.matrix[0, 0, 0])
    np.testing.assert_allclose(angle, -TURN, atol=1e-6)
    middle = store.matrix[0] @ [110, 90, 1]
    np.testing.assert_allclose(middle, [192, 192], atol=1e-6)
    (problem,) = store.report["problems"]
    assert "no face was found" in problem["reason"]


def test_mistakes_name_the_folder(tmp_path):
    with pytest.raises(ValueError, match="nowhere: there is no such folder"):
        list_photographs([tmp_path / "nowhere"])
    with pytest.raises(ValueError, match="no photographs in this folder"):
        list_photographs([tmp_path])
