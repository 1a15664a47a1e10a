"""Animated stills: clips in the 300VW layout, with exact landmarks."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from data_pipeline.animation.dataset import animate_dataset
from data_pipeline.datasets.three_hundred_vw import list_sequences, read_annotation
from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.media.images import write_image
from data_pipeline.media.pts import write_pts
from data_pipeline.media.video import open_video
from data_pipeline.synthetic import draw_face


@pytest.fixture(scope="module")
def stills(tmp_path_factory):
    root = tmp_path_factory.mktemp("stills")
    for number in range(4):
        image, landmarks = draw_face(np.random.default_rng(number), 1)
        write_image(root / f"{number}.png", image)
        write_pts(root / f"{number}.pts", landmarks)
    return root


SMALL = {"clips_per_category": 1, "num_training_clips": 1, "frames_per_clip": 4}


@pytest.fixture(scope="module")
def animated(stills, tmp_path_factory):
    root = tmp_path_factory.mktemp("animated") / "set"
    return animate_dataset(root, list_stills(stills), workers=1, **SMALL)


class TestDataset:
    def test_is_read_as_300vw(self, animated):
        for split in ("train", 1, 2, 3):
            (sequence,) = list_sequences(animated / "300vw", split)
            frames = list(open_video(sequence.video_path).frames())
            assert [f.image.shape for f in frames] == [(400, 400, 3)] * 4
            shapes = np.stack([read_annotation(sequence, i) for i in range(4)])
            assert np.isfinite(shapes).all()
            assert 0 < np.abs(np.diff(shapes, axis=0)).max() < 40
            # The face is in the picture, and its size is what was asked for.
            assert 120 < np.ptp(shapes, axis=1).max(-1).mean() < 200

    def test_a_second_call_continues_or_returns(self, animated, stills):
        clip = next((animated / "300vw").iterdir())
        before = (clip / "vid.avi").read_bytes()
        shutil.rmtree(clip)
        (animated / "animated.json").rename(animated / "animated.started.json")
        animate_dataset(animated, list_stills(stills), workers=1, **SMALL)
        assert (clip / "vid.avi").read_bytes() == before
        with pytest.raises(ValueError, match=r"seed.*Delete the folder"):
            animate_dataset(animated, list_stills(stills), seed=1, **SMALL)

    def test_numbers_are_checked(self, stills, tmp_path):
        found = list_stills(stills)
        with pytest.raises(ValueError, match="3 clips need as many stills"):
            animate_dataset(tmp_path / "a", found[:2], clips_per_category=1)
        with pytest.raises(ValueError, match="`clips_per_category` must be 0 to 14"):
            animate_dataset(tmp_path / "a", found, clips_per_category=15)
        with pytest.raises(ValueError, match="`frames_per_clip` must be positive"):
            animate_dataset(tmp_path / "a", found, frames_per_clip=0)

    def test_command_line(self, stills, tmp_path):
        run = [sys.executable, "-m", "strrn_tf", "animate"]
        few = ["--clips-per-category", "1", "--frames", "2"]
        done = subprocess.run(
            [*run, stills, tmp_path / "out", *few], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert str(tmp_path / "out") in done.stdout
        assert len(list((tmp_path / "out" / "300vw").iterdir())) == 3
        wrong = subprocess.run(
            [*run, tmp_path / "none", tmp_path / "out2"], capture_output=True, text=True
        )
        assert wrong.returncode == 2
        assert "Traceback" not in wrong.stderr
        assert wrong.stderr.count("\n") == 1
