"""``strrn track --offline``: rows, overlays, what ends a run, what is refused."""

import csv
import json
import signal

import numpy as np
import pytest
from support.mp4 import destroy_frames

from data_pipeline.media.images import write_image
from data_pipeline.media.video import open_video, write_video
from data_pipeline.synthetic import draw_face
from strrn_tf.commands.track import command
from strrn_tf.system.command_line import exit_code
from strrn_tf.tracking.face import Face

PICTURE, SHAPE = draw_face(np.random.default_rng(3), 1)
GAP = range(10, 16)
COUNT = 120
BOX = np.array([60.0, 60, 240, 240], np.float32)


def face(state="tracked"):
    shape = SHAPE if state != "lost" else np.full_like(SHAPE, np.nan)
    return Face(0, shape, BOX, 0.75, 0.01, state)


class Scripted:
    """A tracker that loses its face in a gap; a signal may come at a frame."""

    def __init__(self, interrupted_at=None):
        self.interrupted_at = interrupted_at
        self.reset()

    def reset(self):
        self.count = 0

    def update(self, frame, timestamp=None):
        self.count += 1
        if self.count - 1 == self.interrupted_at:
            signal.raise_signal(signal.SIGINT)
        return [face("lost" if self.count - 1 in GAP else "tracked")]


def track(*words, tracker=None):
    """Run ``strrn track`` with a scripted tracker; return the exit code."""

    def run():
        options = command.parse([str(word) for word in words])
        command.run(options, lambda options: tracker or Scripted())

    return exit_code("strrn", run)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    pictures = (
        PICTURE // 8 if number in GAP else PICTURE + np.uint8(number % 2)
        for number in range(COUNT)
    )
    write_video(path, pictures, 25)
    return path


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_losses_are_filled_in_rows_and_overlay(clip, tmp_path):
    plain, filled = tmp_path / "plain.jsonl", tmp_path / "filled.jsonl"
    overlay = tmp_path / "overlay.mp4"
    assert track(clip, "--landmarks", plain) == 0
    words = ["--landmarks", filled, "--output", overlay, "--confidence"]
    assert track(clip, "--offline", *words) == 0
    before, after = rows(plain), rows(filled)
    assert [row["frame"] for row in after] == list(range(COUNT))
    assert {row["id"] for row in after} == {0}
    for key, states in ((before, {"lost"}), (after, {"filled"})):
        assert {key[i]["state"] for i in GAP} == states
    assert {row["state"] for i, row in enumerate(after) if i not in GAP} == {"tracked"}
    for number in GAP:
        assert after[number]["time"] == before[number]["time"]
        apart = np.linalg.norm(after[number]["landmarks"] - SHAPE, axis=-1)
        assert apart.mean() < 1.0
    pictures = [frame.image for frame in open_video(overlay)]
    assert len(pictures) == COUNT
    # Pictures belong to their frames: those of the gap are dark.
    dark = [i for i, picture in enumerate(pictures) if picture[:40].mean() < 40]
    assert dark == list(GAP)


@pytest.mark.parametrize("format_", ["csv", "openface", "deeplabcut", "coco", "cvat"])
def test_all_formats_take_a_filled_face_for_a_seen_one(clip, tmp_path, format_):
    for name in ("plain", "offline"):
        options = ["--offline"] if name == "offline" else []
        words = ["--landmarks", tmp_path / name, "--format", format_, *options]
        assert track(clip, *words) == 0
    plain, offline = (
        next((tmp_path / name).iterdir()).read_text() for name in ("plain", "offline")
    )
    assert offline != plain
    if format_ == "openface":
        table = list(csv.DictReader(offline.splitlines(), skipinitialspace=True))
        assert {row["success"] for row in table} == {"1"}
    if format_ == "coco":
        assert len(json.loads(offline)["annotations"]) == COUNT


def test_after_ctrl_c_all_rows_so_far_are_there(clip, tmp_path):
    out = tmp_path / "rows.jsonl"
    tracker = Scripted(interrupted_at=30)
    words = [clip, "--offline", "--landmarks", out]
    assert track(*words, tracker=tracker) == 130
    assert [row["frame"] for row in rows(out)] == list(range(31))
    assert {rows(out)[i]["state"] for i in GAP} == {"filled"}


def test_broken_frames_keep_their_rows_and_places(clip, tmp_path):
    broken, out = tmp_path / "broken.mp4", tmp_path / "rows.jsonl"
    broken.write_bytes(clip.read_bytes())
    destroy_frames(broken, {0, 30, COUNT - 2})
    words = [broken, "--offline", "--landmarks", out, "--output", tmp_path / "o.mp4"]
    assert track(*words) == 0
    read = rows(out)
    assert [row["frame"] for row in read] == list(range(len(read)))
    states = [row["state"] for row in read]
    assert [i for i, s in enumerate(states) if s == "broken"] == [0, 30, COUNT - 2]
    assert len(list(open_video(tmp_path / "o.mp4"))) == len(read)


def test_pictures_of_other_sizes_begin_anew(tmp_path, capsys):
    folder, out = tmp_path / "pictures", tmp_path / "rows.jsonl"
    for number in range(6):
        picture = PICTURE if number < 3 else PICTURE[:-20]
        write_image(folder / f"{number}.png", picture)
    assert track(folder, "--offline", "--landmarks", out) == 0
    assert [row["id"] for row in rows(out)] == [0, 0, 0, 1, 1, 1]
    assert "the frames differ in size (changes: 1)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("0", "0"),
        ("-", "standard input"),
        ("rtsp://user:secret@camera/live", "rtsp://camera/live"),
    ],
)
def test_what_has_no_frames_to_come_is_refused(source, name, capsys):
    words = ["--offline", "--landmarks", "rows.csv", "--allow-network"]
    assert track(source, *words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--offline looks at the frames to come and needs a file" in error
    assert name in error
    assert "secret" not in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--longest-gap", "1"], "--longest-gap is for --offline"),
        (["--offline", "--longest-gap", "11"], r"must be 0 to 10 seconds"),
        (["--offline", "--longest-gap", "nan"], r"must be 0 to 10 seconds"),
    ],
)
def test_wrong_gaps_are_named(clip, words, message, capsys):
    assert track(clip, *words, "--landmarks", "rows.csv") == 2
    assert message in capsys.readouterr().err
