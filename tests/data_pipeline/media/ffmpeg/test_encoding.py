"""Overlays: sizes, failing disks, errors in one line."""

import subprocess
import sys

import numpy as np
import pytest
from support.encoded import counted, numbers_of, plain
from support.places import ROOT

from data_pipeline.media.ffmpeg.encoding import encode
from data_pipeline.media.video import open_video, write_video


@pytest.mark.parametrize(
    "size",
    [(480, 16000), (16000, 480), (480, 8192), (1, 64), (64, 1), (1, 1)],
)
def test_a_size_that_no_overlay_has_is_one_clear_line(tmp_path, size, capfd):
    words = rf"o\.mp4: no overlay.* {size[1]} x {size[0]} pixels.*landmarks are"
    with pytest.raises(ValueError, match=words):
        write_video(tmp_path / "o.mp4", [plain(90, size)] * 2, 25)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("size", [(2, 2), (16, 8190), (47, 63), (1080, 1920), (33, 9)])
def test_other_sizes_are_written(tmp_path, size, capfd):
    write_video(tmp_path / "o.mp4", [plain(90, size)] * 2, 25)
    image = next(iter(open_video(tmp_path / "o.mp4"))).image
    assert image.shape == (size[0] // 2 * 2, size[1] // 2 * 2, 3)
    assert np.abs(image.astype(int) - 90).max() < 4
    assert capfd.readouterr() == ("", "")


LIMITED = """
import resource, signal, sys
from support.encoded import counted
from data_pipeline.media.video import write_video
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    write_video(sys.argv[1], counted(12, (96, 128), 7), 25)
except OSError as error:
    print(error.filename, error.strerror, sep="|")
"""


@pytest.mark.parametrize("most", [0, 20, 9000, 15000])
def test_a_full_disk_is_named_and_what_was_there_is_kept(tmp_path, most):
    pytest.importorskip("resource")
    path = tmp_path / "o.mp4"
    write_video(path, counted(12, (96, 128), 7), 25)
    assert path.stat().st_size > 15000
    before = path.read_bytes()
    run = subprocess.run(
        [sys.executable, "-B", "-c", LIMITED, str(path), str(most)],
        capture_output=True,
        text=True,
        cwd=ROOT / "tests",
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )
    assert run.stdout == f"{path}|File too large\n", run
    assert run.stderr == ""
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["o.mp4"]


def test_frames_may_fail_to_come(tmp_path):
    def frames():
        yield from counted(3)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_video(tmp_path / "o.mp4", frames(), 25)
    assert not list(tmp_path.iterdir())


def test_the_same_frames_give_the_same_bytes(tmp_path):
    for name in "ab":
        write_video(tmp_path / f"{name}.mp4", counted(12), 25)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert numbers_of(open_video(tmp_path / "a.mp4")) == list(range(12))


def test_a_full_disk_is_one_clear_line(tmp_path):
    place = tmp_path / ".0a1b2c3d.tmp.o.mp4"
    place.symlink_to("/dev/full")
    noise = np.random.default_rng(0).integers(0, 256, (9, 240, 320, 3), np.uint8)
    with pytest.raises(OSError, match="No space left on device") as error:
        encode(place, "o.mp4", noise, 25)
    assert error.value.filename == "o.mp4"
