"""``strrn track`` on pipes, addresses, names and frames of unusual kinds."""

import csv
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from support.encoded import encode, plain
from support.mp4 import set_matrix
from support.servers import http_server

from data_pipeline.media.video import open_video
from strrn_tf.commands.track import command
from strrn_tf.system.command_line import exit_code
from strrn_tf.tracking.face import Face

COUNT = 5


class CornerTracker:
    """Puts the face into the brightest quarter of a frame."""

    def reset(self):
        pass

    def update(self, frame, timestamp):
        place = (
            np.argwhere(frame[..., 1] > 150).mean(0)[::-1] if frame.any() else [0, 0]
        )
        points = np.stack(np.meshgrid(np.arange(34.0), [0, 1]), -1).reshape(68, 2)
        points = (points - points.mean(0) + place).astype(np.float32)
        return [Face(0, points, np.zeros(4), 0.75, 0.01, "tracked")]


def track(*words):
    def run():
        options = command.parse([str(word) for word in words])
        command.run(options, lambda options: CornerTracker())

    return exit_code("strrn", run)


def centres(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        tuple(np.mean([float(row[f"{axis}{i}"]) for i in range(68)]) for axis in "xy")
        for row in rows
    ]


def spotted(size=(48, 64)):
    """Return images with a bright spot around (12, 8)."""
    image = plain(20, size)
    image[4:13, 8:17] = 230
    return [image] * COUNT


@pytest.mark.skipif(os.name == "nt", reason="needs pipes with names")
def test_outputs_of_a_pipe(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    encode(tmp_path / "clip.mkv", spotted(), "libx264")
    content = (tmp_path / "clip.mkv").read_bytes()
    reading, writing = os.pipe()
    threading.Thread(target=lambda: _fill(writing, content), daemon=True).start()
    assert track(f"/dev/fd/{reading}") == 0
    os.close(reading)
    assert len(centres("stdin-landmarks.csv")) == COUNT
    assert len(list(open_video("stdin-overlay.mp4"))) == COUNT


def _fill(descriptor, content):
    with open(descriptor, "wb") as pipe:
        pipe.write(content)


def test_an_address_needs_its_option(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    content = encode(tmp_path / "a.mkv", spotted(), "libx264").read_bytes()
    with http_server([(content, len(content))]) as (name, asked):
        secret = name.replace("//", "//me:secret@") + "?key=secret"
        assert track(secret) == 2
        assert asked == []
        error = capsys.readouterr().err
        assert "--allow-network" in error
        assert error.count("\n") == 1
        assert track(secret, "--allow-network", "--landmarks", "rows.csv") == 0
        assert track(secret, "--allow-network") == 0
    assert len(centres("rows.csv")) == COUNT
    assert Path("clip-overlay.mp4").exists()
    captured = capsys.readouterr()
    assert "secret" not in captured.out + captured.err + error


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses these names")
@pytest.mark.parametrize(
    "name", ["2026-11-28T20:43:10.mp4", "concat:a|b.mp4", "%03d.mp4", "-x.mp4"]
)
def test_names_of_files(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    encode(Path(name), spotted())
    words = ["--output", "12:30 o.mp4", "--landmarks", "12:30 %d.csv"]
    assert track(f"./{name}", *words) == 0
    assert len(centres("12:30 %d.csv")) == COUNT
    assert len(list(open_video("12:30 o.mp4"))) == COUNT


def test_a_frame_that_no_overlay_can_have_gives_its_rows(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    encode(tmp_path / "wide.mkv", spotted((32, 16000)), "ffv1")
    assert track("wide.mkv") == 2
    assert len(centres("wide-landmarks.csv")) == COUNT
    assert not Path("wide-overlay.mp4").exists()
    (line,) = [x for x in capfd.readouterr().err.splitlines() if "frames/s" not in x]
    assert "no overlay can have frames of 16000 x 32 pixels" in line


@pytest.mark.parametrize(
    ("matrix", "shape", "centre"),
    [
        ((1, 0, 0, 1), None, (12, 8)),
        ((-1, 0, 0, 1), None, (51, 8)),
        ((0, 1, -1, 0), None, (39, 12)),
        ((0, -1, -1, 0), None, (39, 51)),
        ((1, 0, 0, 1), (2, 1), (24.5, 8)),
        ((1, 0, 0, 1), (1, 2), (12, 16.5)),
        ((-1, 0, 0, 1), (2, 1), (102.5, 8)),
    ],
)
def test_landmarks_and_overlay_are_in_shown_pixels(
    tmp_path, monkeypatch, matrix, shape, centre
):
    monkeypatch.chdir(tmp_path)
    set_matrix(encode(tmp_path / "a.mp4", spotted(), shape=shape), *matrix)
    assert track("a.mp4") == 0
    found = centres("a-landmarks.csv")
    assert len(found) == COUNT
    np.testing.assert_allclose(found, [centre] * COUNT, atol=0.8)
    overlay = next(iter(open_video("a-overlay.mp4"))).image
    assert overlay.shape == next(iter(open_video("a.mp4"))).image.shape
