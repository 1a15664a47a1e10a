"""Text that waits on the disk."""

import tracemalloc

import numpy as np
import pytest

from strrn_tf.commands.track.formats import spool
from strrn_tf.commands.track.formats.frames import FacesOfFrame, Layout
from strrn_tf.commands.track.formats.opening import open_format
from strrn_tf.tracking.face import Face


def test_every_key_has_its_own_text_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "_OF_ONE", 64)
    monkeypatch.setattr(spool, "_OF_ALL", 300)
    rng = np.random.default_rng(0)
    expected = {}
    with spool.spooling(tmp_path) as waiting:
        for number in range(500):
            key = f"k{rng.integers(40)}"
            text = f"{number}ü" * int(rng.integers(1, 9))
            waiting.add(key, text)
            expected[key] = expected.get(key, "") + text
        assert list(waiting) == list(expected)
        assert len(waiting) == len(expected)
        for key, text in expected.items():
            assert "".join(waiting.read(key)) == text
        assert list(waiting.read("another")) == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wanted", ["coco", "cvat"])
def test_memory_does_not_grow_with_the_video(wanted, tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "_OF_ONE", 1 << 13)
    monkeypatch.setattr(spool, "_OF_ALL", 1 << 15)
    points = np.random.default_rng(0).uniform(0, 500, (68, 2)).astype(np.float32)
    path, peaks = tmp_path / "a", []
    for count in (50, 400):
        tracemalloc.start()
        with open_format(path, wanted, Layout(max_faces=2)) as write:
            for i in range(count):
                # New faces again and again.
                faces = [
                    Face(i // 30 + k, points, points[0], 0.5, 0.0, "tracked")
                    for k in (0, 1)
                ]
                write(FacesOfFrame(i, i / 25, faces, (640, 480)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert path.stat().st_size > 700_000
    assert peaks[1] - peaks[0] < 70_000
