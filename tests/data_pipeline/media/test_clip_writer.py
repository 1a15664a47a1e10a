"""A clip is written whole or not at all."""

import numpy as np
import pytest

from data_pipeline.media.clip_writer import write_clip
from data_pipeline.media.video import open_video

FRAME = np.full((32, 48, 3), 90, np.uint8), np.full((68, 2), 20.0)


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def test_a_clip_replaces_another(tmp_path):
    for count in (3, 2):
        write_clip(tmp_path / "114", [FRAME] * count, 25)
    assert names(tmp_path) == [
        "114", "114/annot", "114/annot/000001.pts", "114/annot/000002.pts",
        "114/vid.avi",
    ]  # fmt: skip
    assert len(list(open_video(tmp_path / "114" / "vid.avi"))) == 2


def test_a_failure_leaves_the_clip_of_before(tmp_path):
    def frames():
        yield FRAME
        raise MemoryError

    write_clip(tmp_path / "114", [FRAME] * 3, 25)
    before = names(tmp_path)
    with pytest.raises(MemoryError):
        write_clip(tmp_path / "114", frames(), 25)
    assert names(tmp_path) == before


def test_a_clip_without_frames_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one frame"):
        write_clip(tmp_path / "114", [], 25)
    assert names(tmp_path) == []
