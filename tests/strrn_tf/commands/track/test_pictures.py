"""``strrn track`` on pictures and folders of pictures: names, numbers, sizes."""

import csv
import json
from itertools import pairwise

import numpy as np
import pytest

from data_pipeline.media.frame_reader import VideoFrame
from data_pipeline.media.images import write_image
from data_pipeline.media.video import open_video, write_video
from strrn_tf.commands.track import command
from strrn_tf.commands.track.video import fitted, overlays
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


# Numbers ------------------------------------------------------------------------------


def numbers_and_times(path):
    rows = header_and_rows(path)[1]
    return [(int(row["frame"]), float(row["time"])) for row in rows]


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["img_0100", "img_0101", "img_0120"], [100, 101, 120]),
        (["0", "5"], [0, 5]),  # two
        (["9", "10", "11"], [9, 10, 11]),
        (["cam1_7_left", "cam1_8_left", "cam1_12_left"], [7, 8, 12]),
        (["f0003-v2", "f0001-v2"], [1, 3]),
        (["2026-11-28 1", "2026-11-28 3"], [1, 3]),
        # No number, or no single one.
        (["a", "b", "c"], [0, 1, 2]),
        (["1"], [0]),
        (["a_3", "b_7"], [0, 1]),
        (["title", "shot_3", "shot_4"], [0, 1, 2]),
        (["cam1_3", "cam1_4", "cam2_3"], [0, 1, 2]),
        (["1689786543123456789", "1689786543223456789"], [0, 1]),  # nanoseconds
    ],
)
def test_frames_have_the_numbers_and_times_of_their_names(names, numbers, tmp_path):
    for name in names:
        write_image(tmp_path / "in" / f"{name}.png", picture())
    out = tmp_path / "o.csv"
    assert track(tmp_path / "in", "--landmarks", out, "--fps", 10) == 0
    expected = [(n, pytest.approx((n - numbers[0]) / 10)) for n in numbers]
    assert numbers_and_times(out) == expected


def test_pictures_of_one_number_are_counted(tmp_path):
    write_image(tmp_path / "in" / "7.png", picture())
    write_image(tmp_path / "in" / "7.jpg", picture())
    assert track(tmp_path / "in", "--landmarks", tmp_path / "o.csv") == 0
    assert numbers_and_times(tmp_path / "o.csv") == [(0, 0), (1, 0.04)]


def test_a_single_picture_is_frame_0_with_its_name(tmp_path):
    write_image(tmp_path / "selfie_17.jpg", picture())
    write_image(tmp_path / "selfie_18.jpg", picture())  # is not its second frame
    out = tmp_path / "o.csv"
    assert track(tmp_path / "selfie_17.jpg", "--landmarks", out) == 0
    (row,) = header_and_rows(out)[1]
    assert (row["frame"], row["time"], row["source"]) == ("0", "0.0", "selfie_17.jpg")


# Sizes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes",
    [
        [(48, 64), (64, 48), (48, 64)],
        [(48, 64), (48, 64), (96, 128), (96, 128)],
        [(48, 64), (24, 32)],
        [(40, 40), (8, 200), (200, 8)],
        [(48, 64), (49, 64), (48, 65)],
        [(47, 63), (48, 64)],
    ],
)
def test_pictures_of_other_sizes_begin_again(sizes, tmp_path, capsys):
    for i, size in enumerate(sizes):
        write_image(tmp_path / "in" / f"{i}.png", picture(90, size))
    out, overlay = tmp_path / "o.csv", tmp_path / "o.mp4"
    words = [tmp_path / "in", "--landmarks", out, "--output", overlay]
    assert track(*words) == 0
    rows = header_and_rows(out)[1]
    assert [row["state"] for row in rows] == ["tracked"] * len(sizes)
    changes = [a != b for a, b in pairwise(sizes)]
    ids = [int(row["id"]) for row in rows]
    assert [b > a for a, b in pairwise(ids)] == changes
    note = f"the frames differ in size (changes: {sum(changes)})"
    assert note in capsys.readouterr().err
    frames = list(open_video(overlay))
    assert len(frames) == len(sizes)
    assert len({frame.image.shape for frame in frames}) == 1


def test_the_overlay_of_a_picture_of_another_size_is_fitted_into_the_first():
    first, wide = picture(10, (40, 60)), picture(200, (40, 120))
    frames = [VideoFrame(0, 0.0, first), VideoFrame(1, 0.1, wide)]
    _, second = overlays([(frame, []) for frame in frames])
    assert second.shape == first.shape
    assert (second[:10] == 0).all()  # black bars
    assert (second[11:19] == 200).all()
    assert fitted(first, first.shape) is first
    assert fitted(picture(9, (1, 5000)), (48, 64, 3)).max() == 9


# What is passed over ------------------------------------------------------------------


def test_what_is_passed_over_is_named(folder, tmp_path, capsys):
    for name in ("a.heic", "b.HEIC", "notes.txt", "film.mov", "Makefile", "1.pts"):
        (folder / name).write_bytes(b"")
    (folder / ".hidden").write_bytes(b"")
    assert track(folder, "--landmarks", tmp_path / "o.csv") == 0
    (note,) = capsys.readouterr().err.splitlines()
    assert note == (
        f"note: {folder}: 5 files are passed over "
        "(2 .heic, 1 without suffix, 1 .mov, others): Makefile, a.heic, b.HEIC, ..."
    )


def test_a_folder_of_videos_says_what_to_do(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "cam.MTS").write_bytes(b"")
    assert track(tmp_path / "in", "--landmarks", tmp_path / "o.csv") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no image in this folder but cam.MTS. Name videos themselves" in line
