"""Real processes of ``strrn track`` that a system ends."""

import csv
import errno
import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios

import numpy as np
import pytest
from support.places import ROOT
from support.waiting import soon

from data_pipeline.media.video import write_video
from data_pipeline.media.video_file import VideoFile
from data_pipeline.synthetic import draw_face

SIDE = 160


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A drawn face for longer than the tests take."""
    picture = draw_face(np.random.default_rng(3), 1)[0]
    top, left = (np.array(picture.shape[:2]) - SIDE) // 2
    cut = picture[top : top + SIDE, left : left + SIDE]
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_video(path, (cut for _ in range(4000)), 25)
    return path


def being_written(folder):
    return {*folder.glob(".*.tmp.rows.csv"), *folder.glob(".*.tmp.*/frames.csv")}


class Tracking:
    """A process that has written some rows.

    Args:
        folder: it works in.
        words: arguments behind the source.
        options: of ``Popen``.
    """

    def __init__(self, clip, folder, *words, **options):
        self.folder, self.before = folder, being_written(folder)
        words = [str(clip), "--model", "strrn-mdm", "--no-check-faces", *words]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "strrn_tf", "track", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options},
        )
        assert soon(lambda: self.num_rows() > 5, 60)

    def num_rows(self):
        """Return the number of rows in the file that is being written."""
        assert self.process.poll() is None
        found = being_written(self.folder) - self.before
        # The first line is the header.
        return max((len(p.read_text().splitlines()) - 1 for p in found), default=0)

    def end(self, number):
        """Send a signal; return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def rows(path):
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in found] == list(range(len(found)))
    return found


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_sigterm_leaves_rows_and_an_overlay_of_the_same_length(clip, tmp_path):
    words = "--landmarks", "rows.csv", "--output", "o.mp4"
    assert Tracking(clip, tmp_path, *words).end(signal.SIGTERM) == 143
    assert names(tmp_path) == ["o.mp4", "rows.csv"]
    found = rows(tmp_path / "rows.csv")
    assert len(found) > 5
    assert found[-1]["x67"]
    assert len(list(VideoFile(tmp_path / "o.mp4"))) == len(found)


def test_a_terminal_that_is_closed_leaves_rows(clip, tmp_path):
    terminal, end = pty.openpty()

    def begin():
        os.setsid()
        fcntl.ioctl(end, termios.TIOCSCTTY, 0)

    streams = dict.fromkeys(("stdin", "stdout", "stderr"), end)
    tracking = Tracking(
        clip, tmp_path, "--landmarks", "rows.csv", preexec_fn=begin, **streams
    )
    os.close(end)
    os.close(terminal)
    assert tracking.process.wait(60) == 129
    assert names(tmp_path) == ["rows.csv"]
    assert len(rows(tmp_path / "rows.csv")) > 5


def test_after_nohup_a_closed_terminal_ends_nothing(clip, tmp_path):
    def begin():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    tracking = Tracking(clip, tmp_path, "--landmarks", "rows.csv", preexec_fn=begin)
    tracking.process.send_signal(signal.SIGHUP)
    before = tracking.num_rows()
    assert soon(lambda: tracking.num_rows() > before + 5)
    assert tracking.end(signal.SIGINT) == 130
    assert len(rows(tmp_path / "rows.csv")) > before


def test_what_a_kill_leaves_is_removed_by_the_next_start(clip, tmp_path):
    words = "--landmarks", "points", "--output", "o.mp4"
    (tmp_path / ".mine.tmp.o.mp4").touch()
    assert Tracking(clip, tmp_path, *words).end(signal.SIGKILL) == -signal.SIGKILL
    left = [name for name in names(tmp_path) if ".tmp." in name]
    assert len(left) == 5  # folder and video, each with its lock, and that of others
    assert not (tmp_path / "points").exists()
    assert Tracking(clip, tmp_path, *words).end(signal.SIGTERM) == 143
    assert names(tmp_path) == [".mine.tmp.o.mp4", "o.mp4", "points"]
    found = rows(tmp_path / "points" / "frames.csv")
    assert len(list((tmp_path / "points").glob("*.pts"))) == len(found)


def test_a_limit_of_the_system_on_files_leaves_whole_rows(clip, tmp_path):
    import resource

    def begin():
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    command = [sys.executable, "-m", "strrn_tf", "track", str(clip)]
    done = subprocess.run(
        [*command, "--model", "strrn-mdm", "--landmarks", "rows.csv"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=begin,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == f"strrn: rows.csv: {os.strerror(errno.EFBIG)}\n"
    assert 5 < len(rows(tmp_path / "rows.csv")) < 200
    assert names(tmp_path) == ["rows.csv"]
