"""``strrn prepare``: from a source to its shards and report."""

import json

import numpy as np
import pytest

from data_pipeline.datasets.clips import Clip
from data_pipeline.media.video import write_video
from data_pipeline.preparation import Preparation, prepare_source
from data_pipeline.preparation.shards import read_shard
from data_pipeline.preparation.work import report_path
from data_pipeline.stores.store import build_pair_store

BOX = np.array([20.0, 15.0, 84.0, 75.0])


class Finder:
    """Returns its answers in turn, and one box after the last of them."""

    def __init__(self, *answers):
        self.answers, self.calls = list(answers), 0

    def __call__(self, image):
        self.calls += 1
        return self.answers.pop(0) if self.answers else BOX


def prepare(clip, output, *answers, **options):
    finder = Finder(*answers)
    return prepare_source(clip, Preparation(**options), output, box_finder=finder)


def write_clip(path, count=9, shape=(96, 128, 3)):
    """Write a clip whose frames are smooth and get brighter."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    ramp = np.stack([x, y, x + y], -1) / 2
    frames = [(ramp + 10 * i).clip(0, 255).astype(np.uint8) for i in range(count)]
    write_video(path, frames, fps=25)
    return Clip(path.name, path)


def samples_of(report, kind, output):
    return list(read_shard(output / "shards" / report["shards"][kind][0]))


def test_a_shard_holds_what_the_store_of_the_original_holds(tmp_path):
    clip, output = write_clip(tmp_path / "a.mp4"), tmp_path / "out"
    report = prepare(clip, output, pairs_per_clip=3, seed=4)
    samples = samples_of(report, "pairs", output)
    store = build_pair_store(
        tmp_path / "store", [clip], pairs_per_clip=3, seed=4,
        box_finder=lambda image: BOX,
    )  # fmt: skip
    assert [s.names[0] for s in samples] == list(store.names)
    frames = np.concatenate([s.frames for s in samples])
    assert np.abs(frames.astype(int) - store.frames).max() <= 8  # JPEG
    matrix = np.concatenate([s.matrix for s in samples])
    np.testing.assert_allclose(matrix, store.matrix, rtol=1e-6)
    assert all(np.isnan(s.landmarks).all() for s in samples)
    written = output / "sources" / report_path("a.mp4", output).name
    assert json.loads(written.read_text()) == report
    assert report["face"] == 64.0


def test_finished_sources_are_not_prepared_again(tmp_path):
    clip, output = write_clip(tmp_path / "a.mp4"), tmp_path / "out"
    first = prepare(clip, output)
    finder = Finder()
    assert prepare_source(clip, Preparation(), output, box_finder=finder) == first
    assert not finder.calls
    # Other options, other files, a shard that is cut off: done again.
    other = prepare(clip, output, pairs_per_clip=2)
    assert len(other["samples"]["pairs"]) == 2
    write_clip(tmp_path / "a.mp4", 3)
    changed = prepare(clip, output)
    assert len(changed["samples"]["pairs"]) == 2
    shard = output / "shards" / changed["shards"]["pairs"][0]
    content = shard.read_bytes()
    shard.write_bytes(content[:-5])
    with pytest.raises(ValueError, match="damaged shard"):
        list(read_shard(shard))
    prepare(clip, output)
    assert shard.read_bytes() == content


def test_small_and_rare_faces_are_left_out_with_the_reason(tmp_path):
    clip, output = write_clip(tmp_path / "a.mp4"), tmp_path / "out"
    report = prepare(clip, output, min_face=65)
    assert report["left_out"] == "faces of 64 pixels (median), below 65"
    assert set(report["shards"]) == {"left_out"}
    assert len(samples_of(report, "left_out", output)) == 1
    answers = [BOX, *[None] * 5]
    report = prepare(clip, output, *answers, min_found=0.4)
    assert report["left_out"] == "a face in 3 of 8 frames searched, below 40%"
    assert not prepare(clip, output, *answers, min_found=0.3)["left_out"]
