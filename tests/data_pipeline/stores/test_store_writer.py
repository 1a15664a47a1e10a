"""The writer of crop stores: little memory, and unfinished stores of any version."""

import json
import tracemalloc

import numpy as np
import pytest

from data_pipeline.crops.samples import Samples
from data_pipeline.stores.store import CropStore
from data_pipeline.stores.store_writer import StoreWriter

SIDE = 385
SHAPE_BYTES = 68 * 2 * 4


def samples(source, count, num_frames=1, seed=0):
    rng = np.random.default_rng(seed)
    landmarks = rng.uniform(0, SIDE, (count, num_frames, 68, 2)).astype(np.float32)
    return Samples(
        [f"{source}#{number:06d}" for number in range(count)],
        np.full((count, num_frames, SIDE, SIDE, 3), seed, np.uint8),
        landmarks,
        rng.uniform(0, 9, (count, 2, 3)),
    )


def test_memory_for_each_sample_is_bounded(tmp_path):
    sources, per_source = 10, 4
    total = sources * per_source
    batches = [samples(f"{k}.mp4", per_source, seed=k) for k in range(sources)]
    writer = StoreWriter(tmp_path / "store", "inputs", 1)
    tracemalloc.start()
    try:
        for number, batch in enumerate(batches):
            writer.append(f"{number}.mp4", batch, {"pairs": per_source})
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        writer.finish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 500 * total
    # One source as text and as lists, and the arrays of all samples.
    assert peak < 150_000 + 2 * SHAPE_BYTES * total
    store = CropStore.open(tmp_path / "store")
    expected = np.concatenate([batch.landmarks for batch in batches])
    np.testing.assert_array_equal(store.landmarks, expected)
    expected = np.concatenate([batch.matrix for batch in batches])
    np.testing.assert_array_equal(store.matrix, expected)
    assert store.names == tuple(name for batch in batches for name in batch.names)


# As the first versions wrote it, with one sample of two frames.
FIRST_PROGRESS = (
    '{"fingerprint": "0123456789abcdef"}\n'
    '{"source": "none.mp4", "report": {"problem": "none.mp4: no face"}, "names": []}\n'
    '{"source": "a.mp4", "report": {"pairs": 1}, "names": ["a.mp4#000001"], '
    f'"landmarks": {json.dumps([[[[n + 0.5, n] for n in range(68)]] * 2])}, '
    '"matrix": [[[1.5, 0.0, 2.0], [0.0, 1.5, 3.0]]]}\n'
)


def write_unfinished(folder, progress):
    """Write an unfinished store with the frames of one pair."""
    folder.mkdir()
    shape = (0, 2, SIDE, SIDE, 3)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with open(folder / "frames.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(np.full(shape[1:], 7, np.uint8).tobytes())
        file.write(b"of a source without a line")
    (folder / "progress.jsonl").write_text(progress)


@pytest.mark.parametrize("tail", ["", '{"source": "b.mp4", "rep', "\0\0\0\n"])
def test_a_store_that_an_earlier_version_began_is_finished(tmp_path, tail):
    write_unfinished(tmp_path / "store", FIRST_PROGRESS + tail)
    writer = StoreWriter(tmp_path / "store", "0123456789abcdef", 2)
    assert writer.done == {"none.mp4", "a.mp4"}
    writer.append("b.mp4", samples("b.mp4", 2, 2, seed=9), {"pairs": 2})
    writer.finish()
    store = CropStore.open(tmp_path / "store")
    assert store.names == ("a.mp4#000001", "b.mp4#000000", "b.mp4#000001")
    assert [int(pair.max()) for pair in store.frames] == [7, 9, 9]
    assert [int(pair.min()) for pair in store.frames] == [7, 9, 9]
    np.testing.assert_array_equal(store.landmarks[0, 1, 3], (3.5, 3))
    np.testing.assert_array_equal(store.matrix[0, 1], (0, 1.5, 3))
    report = store.report
    assert report["problems"] == [{"name": "none.mp4", "reason": "none.mp4: no face"}]
    assert list(report["sources"]) == ["none.mp4", "a.mp4", "b.mp4"]
    assert not (tmp_path / "store" / "progress.jsonl").exists()


def test_a_line_without_its_frames_is_dropped(tmp_path):
    lost = FIRST_PROGRESS.splitlines(keepends=True)[-1].replace("a.mp4", "lost.mp4")
    write_unfinished(tmp_path / "store", FIRST_PROGRESS + lost)
    writer = StoreWriter(tmp_path / "store", "0123456789abcdef", 2)
    assert writer.done == {"none.mp4", "a.mp4"}
    progress = (tmp_path / "store" / "progress.jsonl").read_text()
    assert progress == FIRST_PROGRESS


def test_an_unfinished_store_of_other_inputs_is_begun_again(tmp_path):
    write_unfinished(tmp_path / "store", FIRST_PROGRESS)
    assert not StoreWriter(tmp_path / "store", "fedcba9876543210", 2).done
    header = (tmp_path / "store" / "progress.jsonl").read_text()
    assert json.loads(header) == {"fingerprint": "fedcba9876543210"}
