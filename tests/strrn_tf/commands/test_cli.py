"""``strrn``: files it writes, messages, exit codes, interruption."""

import csv
import json
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
from support.places import ROOT
from support.toy_models import export_toys

from data_pipeline.media.video import open_video, write_video
from strrn_tf.commands.cli import COMMANDS, main
from strrn_tf.commands.track import command
from strrn_tf.system.command_line import exit_code
from strrn_tf.tracking.face import Face

SHAPE = (120, 160, 3)
NO_LANDMARKS = np.full((68, 2), np.nan, np.float32)


def points(index):
    """A grid of points that moves one pixel per frame."""
    grid = np.stack(np.meshgrid(np.arange(34), np.arange(2)), -1).reshape(68, 2)
    return (grid * (2, 30) + (40 + index, 40.123456)).astype(np.float32)


def face(index, state="tracked", number=0):
    landmarks = NO_LANDMARKS if state == "lost" else points(index)
    reliability = 0.0 if state == "lost" else 0.75
    return Face(number, landmarks, np.zeros(4), reliability, 0.01, state, index / 10)


class ScriptedTracker:
    """Answers as a function of the frame's number, which it knows by counting."""

    def __init__(self, script):
        self.script, self.count = script, 0

    def reset(self):
        self.count = 0

    def update(self, frame, timestamp=None, boxes=None):
        assert frame.shape == SHAPE
        self.count += 1
        return self.script(self.count - 1)


def track(script, *words):
    """Run ``strrn track`` with a scripted tracker; return the exit code."""

    def run():
        options = command.parse([str(word) for word in words])
        command.run(options, lambda options: ScriptedTracker(script))

    return exit_code("strrn", run)


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    write_video(path, [np.full(SHAPE, 20 * i, np.uint8) for i in range(6)], fps=10)
    return path


def story(index):
    """Nobody, detected, tracked, lost, two faces, tracked."""
    return [
        [],
        [face(1, "detected")],
        [face(2)],
        [face(3, "lost")],
        [face(4), face(4, "detected", 1)],
        [face(5)],
    ][index]


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def left_behind(folder, *expected):
    return {p.name for p in folder.iterdir()} - set(expected)


# What is written --------------------------------------------------------------------


def test_json_lines_have_a_row_per_frame_and_face(clip, tmp_path, capsys):
    target = tmp_path / "out.jsonl"
    assert track(story, clip, "--landmarks", target) == 0
    rows = read_lines(target)
    assert [row["frame"] for row in rows] == [0, 1, 2, 3, 4, 4, 5]
    assert [row["id"] for row in rows] == [None, 0, 0, 0, 0, 1, 0]
    states = ["none", "detected", "tracked", "lost", "tracked", "detected", "tracked"]
    assert [row["state"] for row in rows] == states
    times = [row["time"] for row in rows]
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.5], abs=1e-3)
    assert rows[0]["landmarks"] is None
    assert rows[3]["landmarks"] is None
    np.testing.assert_allclose(rows[2]["landmarks"], points(2), atol=5.1e-4)
    assert rows[2]["reliability"] == 0.75
    assert "6 frames, 2 face(s)" in capsys.readouterr().out
    assert not left_behind(tmp_path, "clip.mp4", "out.jsonl")


def test_csv_has_the_same_rows_with_a_header(clip, tmp_path):
    target = tmp_path / "out.csv"
    assert track(story, clip, "--landmarks", target) == 0
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = list(rows[0])
    assert names[:7] == ["frame", "time", "id", "state", "reliability", "x0", "y0"]
    assert names[-2:] == ["x67", "y67"]
    assert len(rows) == 7
    assert rows[0]["state"] == "none"
    assert rows[0]["id"] == rows[0]["x0"] == rows[3]["y67"] == ""
    assert float(rows[6]["x67"]) == pytest.approx(points(5)[67, 0], abs=5.1e-4)


def test_overlay_shows_the_face_where_it_is(clip, tmp_path):
    def script(index):
        return [face(index)] if index == 3 else []

    target = tmp_path / "overlay.mp4"
    assert track(script, clip, "--output", target) == 0
    plain, drawn = (
        [f.image.astype(int) for f in open_video(path)] for path in (clip, target)
    )
    # Above the caption, compression aside, only frame 3 differs, and where the face is.
    changes = [
        np.abs(a - b)[:100].max(-1) > 60 for a, b in zip(plain, drawn, strict=True)
    ]
    assert [bool(change.any()) for change in changes] == [i == 3 for i in range(6)]
    rows, columns = np.nonzero(changes[3])
    assert 35 < rows.min() < rows.max() < 80
    assert 35 < columns.min() < columns.max() < 120


def test_without_file_names_both_are_written_here(clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert track(story, clip) == 0
    assert not left_behind(
        tmp_path, "clip.mp4", "clip-landmarks.csv", "clip-overlay.mp4"
    )
    assert len(list(open_video(tmp_path / "clip-overlay.mp4"))) == 6


def test_folder_of_images_has_times_by_its_frame_rate(tmp_path):
    def script(index):
        return [face(index)]

    for i in (9, 10, 11):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.zeros(SHAPE, np.uint8))
    target = tmp_path / "out.jsonl"
    assert track(script, tmp_path, "--fps", 50, "--landmarks", target) == 0
    assert [row["time"] for row in read_lines(target)] == [0, 0.02, 0.04]


# Interruption and mistakes ------------------------------------------------------------


def test_ctrl_c_leaves_files_that_are_complete_up_to_there(clip, tmp_path):
    def script(index):
        if index == 2:
            signal.raise_signal(signal.SIGINT)
        return [face(index)]

    before = signal.getsignal(signal.SIGINT)
    rows, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    assert track(script, clip, "--landmarks", rows, "--output", video) == 130
    assert [row["frame"] for row in read_lines(rows)] == [0, 1, 2]
    assert len(list(open_video(video))) == 3
    assert not left_behind(tmp_path, "clip.mp4", "out.jsonl", "out.mp4")
    assert signal.getsignal(signal.SIGINT) == before


def test_failure_leaves_the_file_of_before(clip, tmp_path):
    def script(index):
        if index == 2:
            raise OSError("no space left on device")
        return [face(index)]

    target = tmp_path / "out.jsonl"
    target.write_text("of yesterday\n")
    assert track(script, clip, "--landmarks", target) == 2
    assert target.read_text() == "of yesterday\n"
    assert not left_behind(tmp_path, "clip.mp4", "out.jsonl")


def test_video_without_a_face_is_an_error_and_has_its_rows(clip, tmp_path, capsys):
    def script(index):
        return []

    target = tmp_path / "out.jsonl"
    assert track(script, clip, "--landmarks", target) == 2
    assert [row["state"] for row in read_lines(target)] == ["none"] * 6
    message = capsys.readouterr().err.splitlines()[-1]
    assert "clip.mp4: no face was found in 6 frames" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trak", "x.mp4"], "there is no command 'trak'. Commands: track"),
        (["track", "{tmp}/none.mp4"], "none.mp4: there is no such video file"),
        (["track", "https://a.org/b.mp4"], "https://a.org/b.mp4: a network address"),
        (["track", "{tmp}/empty.mp4"], "empty.mp4: a video must not be empty"),
        (
            ["track", "{clip}", "--output", "x.gif"],
            "x.gif: the overlay can be written as",
        ),
        (
            ["track", "{clip}", "--landmarks", "x.txt"],
            "x.txt: the landmarks can be written",
        ),
        (["track", "{clip}", "--output", "{clip}"], "clip.mp4 is the source"),
        (["track", "{clip}", "--model", "unheard-of"], "no model 'unheard-of'"),
        (["track", "{clip}", "--max-faces", "many"], "strrn track --help"),
        (["track", "{clip}", "--fsp", "3"], "--fsp"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    arguments, message, clip, tmp_path, capsys
):
    (tmp_path / "empty.mp4").touch()
    filled = [a.format(tmp=tmp_path, clip=clip) for a in arguments]
    before = clip.read_bytes()
    assert main(filled) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert clip.read_bytes() == before


def test_help_teaches_with_examples(capsys):
    assert main([]) == 0
    assert "strrn track talk.mp4" in capsys.readouterr().out
    assert main(["track", "--help"]) == 0
    text = capsys.readouterr().out
    assert "--max-faces" in text
    assert "largest first" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_examples(command, capsys):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"\nExamples:\n  strrn {command}" in text


def test_arguments_without_a_name_have_one_in_the_help(capsys):
    assert main(["animate", "--help"]) == 0
    usage = capsys.readouterr().out.splitlines()[0]
    assert usage.endswith("[OPTIONS] STILLS OUT")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "--max-frames", "x"], "--max-frames must be a whole number"),
        (["evaluate", "--cycle-limit", "x"], "--cycle-limit must be a number"),
        (["track", "a.mp4", "--fps", "x"], "--fps must be a number"),
        (["train", "--seed", "x"], "--seed must be a whole number"),
    ],
)
def test_a_word_that_is_no_number_is_plain_english(arguments, message, capsys):
    assert main(arguments) == 2
    expected = f"strrn: {message}. Received: 'x' (strrn {arguments[0]} --help lists"
    assert capsys.readouterr().err.startswith(expected)


# The whole way ------------------------------------------------------------------------


def test_real_run_loads_nothing_heavy(tmp_path):
    from data_pipeline.synthetic import draw_clip

    model = export_toys(tmp_path / "toy")
    images = [image for image, _ in draw_clip(np.random.default_rng(1), 1, 3)]
    clip, target = tmp_path / "clip.mp4", tmp_path / "out.jsonl"
    write_video(clip, images, fps=25)
    # Toy networks put their landmarks where no face is.
    words = [str(clip), "--model", str(model), "--landmarks", str(target)]
    words.append("--no-check-faces")
    # The last four are not slow, but large: OpenSSL alone takes 4 MB. tyro imports
    # typeguard for options that are `X | None`, see `WORDS`.
    heavy = {"tensorflow", "keras", "pandas"}
    heavy |= {"_hashlib", "typeguard", "asyncio", "xml.sax"}
    program = (
        "import sys; before = set(sys.modules)\n"
        "from strrn_tf.commands.cli import main; code = main(sys.argv[1:])\n"
        f"print(sorted({heavy} & set(sys.modules) - before), code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, "track", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.stdout.splitlines()[-1] == "[] 0", result.stderr
    rows = read_lines(target)
    assert [row["frame"] for row in rows] == [0, 1, 2]
    height, width = images[0].shape[:2]
    first = np.array(rows[0]["landmarks"])
    assert rows[0]["state"] == "detected"
    assert (first > 0).all()
    assert (first < (width, height)).all()


def test_errors_of_the_system_name_the_file_and_the_reason(capsys, tmp_path):
    def read():
        (tmp_path / "gone").read_text()

    assert exit_code("strrn", read) == 2
    assert capsys.readouterr().err == (
        f"strrn: {tmp_path / 'gone'}: No such file or directory\n"
    )
