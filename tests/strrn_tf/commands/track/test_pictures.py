"""``strrn track`` on pictures and folders of pictures: names, numbers, sizes."""

import csv
import json

import numpy as np
import pytest

from data_pipeline.media.images import write_image
from data_pipeline.media.video import write_video
from strrn_tf.commands.track import command
from strrn_tf.system.command_line import exit_code
from strrn_tf.tracking.face import Face

SIZE = (48, 64)
POINTS = np.stack(np.meshgrid(np.arange(34.0), [10.25, 30]), -1).reshape(68, 2)


def face(number=0, state="tracked"):
    landmarks = POINTS if state != "lost" else np.full_like(POINTS, np.nan)
    return Face(number, landmarks.astype(np.float32), np.zeros(4), 0.75, 0.01, state)


class Tracker:
    """Finds as many faces as it is told, and takes frames of one size until reset."""

    def __init__(self, faces):
        self.faces, self.size, self.times = faces, None, []

    def reset(self):
        self.size = None

    def update(self, frame, timestamp):
        assert self.size in (None, frame.shape)
        self.size = frame.shape
        self.times.append(timestamp)
        return [face(number) for number in range(self.faces)]


def track(*words, faces=1):
    """Run ``strrn track`` with a tracker of the test; return the exit code."""

    def run():
        options = command.parse([str(word) for word in words])
        command.run(options, lambda options: Tracker(faces))

    return exit_code("strrn", run)


def picture(value=0, size=SIZE):
    return np.full((*size, 3), value, np.uint8)


@pytest.fixture
def folder(tmp_path):
    for name in ("img_8.png", "img_9.png", "img_10.jpg"):
        write_image(tmp_path / "frames" / name, picture())
    return tmp_path / "frames"


def header_and_rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return header, [dict(zip(header, row, strict=True)) for row in rows]


# Names --------------------------------------------------------------------------------


def test_rows_of_pictures_name_them_in_the_last_column(folder, tmp_path):
    assert track(folder, "--landmarks", tmp_path / "o.csv") == 0
    header, rows = header_and_rows(tmp_path / "o.csv")
    assert header[:6] == ["frame", "time", "id", "state", "reliability", "x0"]
    assert header[-2:] == ["y67", "source"]
    assert [row["source"] for row in rows] == ["img_8.png", "img_9.png", "img_10.jpg"]
    assert track(folder, "--landmarks", tmp_path / "o.jsonl") == 0
    lines = (tmp_path / "o.jsonl").read_text().splitlines()
    assert [json.loads(line)["source"] for line in lines] == [r["source"] for r in rows]


def test_rows_of_videos_name_nothing(tmp_path):
    write_video(tmp_path / "a.mp4", [picture()] * 2, 25)
    assert track(tmp_path / "a.mp4", "--landmarks", tmp_path / "o.csv") == 0
    assert header_and_rows(tmp_path / "o.csv")[0][-1] == "y67"
    assert track(tmp_path / "a.mp4", "--landmarks", tmp_path / "o.jsonl") == 0
    assert "source" not in (tmp_path / "o.jsonl").read_text()
    assert track(tmp_path / "a.mp4", "--landmarks", tmp_path / "points") == 0
    assert header_and_rows(tmp_path / "points" / "frames.csv")[0][-1] == "reliability"
    assert (tmp_path / "points" / "000001-0.pts").exists()


def test_a_broken_picture_and_one_without_a_face_are_named_too(folder, tmp_path):
    (folder / "img_9.png").write_bytes(b"no picture")
    out = tmp_path / "o.csv"
    track(folder, "--landmarks", out, faces=0)
    rows = header_and_rows(out)[1]
    assert [(row["state"], row["source"]) for row in rows] == [
        ("none", "img_8.png"),
        ("broken", "img_9.png"),
        ("none", "img_10.jpg"),
    ]


def test_landmark_files_are_called_like_their_pictures(folder, tmp_path):
    (folder / "img_9.png").rename(folder / "img_10.png")
    out = tmp_path / "points"
    assert track(folder, "--landmarks", out) == 0
    header, rows = header_and_rows(out / "frames.csv")
    assert header == ["frame", "time", "id", "state", "reliability", "source", "pts"]
    # Two pictures have one name: the second keeps its suffix.
    assert [(row["source"], row["pts"]) for row in rows] == [
        ("img_8.png", "img_8.pts"),
        ("img_10.jpg", "img_10.pts"),
        ("img_10.png", "img_10.png.pts"),
    ]
    assert {p.name for p in out.glob("*.pts")} == {row["pts"] for row in rows}
    assert track(folder, "--landmarks", out) == 0  # and may be written again


def test_landmark_files_of_several_faces_have_numbers(folder, tmp_path):
    out = tmp_path / "points"
    assert track(folder, "--landmarks", out, "--max-faces", 2, faces=2) == 0
    rows = header_and_rows(out / "frames.csv")[1]
    assert [row["source"] for row in rows[:2]] == ["img_8.png"] * 2
    assert [row["pts"][-6:] for row in rows] == ["-0.pts", "-1.pts"] * 3
    assert {p.name for p in out.glob("*.pts")} == {row["pts"] for row in rows}


@pytest.mark.parametrize(
    "name", ["with, comma.png", 'with "quotes".png', "Ä ß 漢字.png", "a.b.c.png"]
)
def test_any_name_survives(name, tmp_path):
    write_image(tmp_path / "in" / name, picture())
    assert track(tmp_path / "in", "--landmarks", tmp_path / "o.csv") == 0
    assert header_and_rows(tmp_path / "o.csv")[1][0]["source"] == name
    assert track(tmp_path / "in", "--landmarks", tmp_path / "points") == 0
    assert (tmp_path / "points" / f"{name[:-4]}.pts").exists()


def test_a_name_that_is_no_text_is_written_with_its_bytes(tmp_path):
    write_image(tmp_path / "in" / "a.png", picture())
    (tmp_path / "in" / "a.png").rename(tmp_path / "in" / "caf\udce9.png")
    assert track(tmp_path / "in", "--landmarks", tmp_path / "o.csv") == 0
    assert header_and_rows(tmp_path / "o.csv")[1][0]["source"] == "caf\\udce9.png"
