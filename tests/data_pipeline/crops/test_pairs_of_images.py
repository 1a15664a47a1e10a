"""Pairs of folders of images: neighbours by numbers in names, sizes, annotations."""

import numpy as np
import pytest

from data_pipeline.crops.annotated import pack_annotated
from data_pipeline.crops.pairs import PairOptions, cut_pairs
from data_pipeline.datasets.clips import Clip
from data_pipeline.datasets.three_hundred_vw import find_sequence
from data_pipeline.media.images import write_image
from data_pipeline.media.pts import write_pts
from strrn_tf.geometry import apply_matrix, invert_matrix

BOX = np.array([20.0, 15, 44, 35])
SIZE = (60, 80)


def find(image):
    return BOX


def cut(clip, box_finder=find):
    return cut_pairs(clip, PairOptions(20, 0, box_finder))


def folder(path, names, sizes=()):
    for i, name in enumerate(names):
        size = sizes[i] if sizes else SIZE
        write_image(path / f"{name}.png", np.full((*size, 3), 90, np.uint8))
    return Clip("clip", path)


@pytest.mark.parametrize(
    ("names", "last"),
    [
        (["img_0100", "img_0101", "img_0120", "img_0121", "img_0123"], [101, 121]),
        (["1", "2", "3"], [2, 3]),
        (["8", "9", "10"], [9, 10]),
        (["0", "10", "20"], []),  # every tenth frame of a film
        (["a", "b", "c"], [1, 2]),
        (["cam1_3", "cam1_4", "cam2_3", "cam2_4"], [1, 3]),  # two films
    ],
)
def test_pairs_are_of_neighbours_by_the_numbers_of_names(names, last, tmp_path):
    samples, report = cut(folder(tmp_path / "in", names))
    found = samples.names if samples else []
    assert found == [f"clip#{number:06d}" for number in last]
    assert report["pairs"] == len(last)
    assert ("no two consecutive" in report.get("problem", "")) == (not last)


def test_an_image_of_another_size_costs_its_pairs_alone(tmp_path):
    sizes = [SIZE, SIZE, (80, 60), SIZE, SIZE]
    samples, report = cut(folder(tmp_path / "in", "01234", sizes))
    assert samples.names == ["clip#000001", "clip#000004"]
    assert "differ in size" in report["problem"]


@pytest.mark.parametrize("first", [0, 1, 500])
def test_images_of_300vw_are_counted_in_their_order(first, tmp_path):
    home = tmp_path / "001"
    folder(home / "frames", [f"{first + i:06d}" for i in range(4)])
    grid = np.stack(np.meshgrid(np.arange(34.0), [10.25, 30]), -1).reshape(68, 2)
    for i in range(4):
        write_pts(home / "annot" / f"{i + 1:06d}.pts", grid + i)
    sequence = find_sequence(tmp_path, "001")
    samples, _ = cut(sequence, "landmarks")
    assert samples.names == ["001#000001", "001#000002", "001#000003"]
    for i, (landmarks, matrix) in enumerate(
        zip(samples.landmarks, samples.matrix, strict=True)
    ):
        placed = apply_matrix(invert_matrix(matrix), landmarks)
        np.testing.assert_allclose(placed, [grid + i, grid + i + 1], atol=1e-2)
    stills, problems = pack_annotated(sequence, [0, 3], lambda sample: sample.names)
    assert stills == [["001#000000"], ["001#000003"]]
    assert not problems
