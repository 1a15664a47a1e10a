"""``strrn track`` with several sources, folders of .pts, broken frames, progress."""

import csv
import json
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from support.mp4 import destroy_frames

from data_pipeline.media import video
from data_pipeline.media.camera import Camera
from data_pipeline.media.frame_reader import VideoFrame
from data_pipeline.media.images import write_image
from data_pipeline.media.pts import read_pts
from data_pipeline.media.video import open_video, write_video
from strrn_tf.commands.track import command, progress
from strrn_tf.commands.track.outputs import plan, unique_names
from strrn_tf.commands.track.video import overlays
from strrn_tf.system.command_line import exit_code
from strrn_tf.tracking.face import Face

SIZE = (48, 64)
POINTS = np.stack(np.meshgrid(np.arange(34.0), [10.25, 30]), -1).reshape(68, 2)


def face(state="tracked", number=0):
    landmarks = POINTS if state != "lost" else np.full_like(POINTS, np.nan)
    return Face(number, landmarks.astype(np.float32), np.zeros(4), 0.75, 0.01, state)


class ScriptedTracker:
    """Answers as a function of the numbers of the source and of its frame."""

    def __init__(self, script):
        self.script, self.source, self.count = script, -1, 0

    def reset(self):
        self.source, self.count = self.source + 1, 0

    def update(self, frame, timestamp=None):
        self.count += 1
        return self.script(self.source, self.count - 1)


def everywhere(source, index):
    """Return one face for every frame."""
    return [face()]


def track(*words, script=everywhere):
    """Run ``strrn track`` with a scripted tracker; return the exit code."""

    def run():
        options = command.parse([str(word) for word in words])
        command.run(options, lambda options: ScriptedTracker(script))

    return exit_code("strrn", run)


def pictures(count):
    picture = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    return [np.roll(picture, 5 * i, 1) for i in range(count)]


@pytest.fixture
def clips(tmp_path):
    """Two videos and a folder of images between them, of 4, 5 and 6 frames."""
    write_video(tmp_path / "a.mp4", pictures(4), 25)
    for i, picture in enumerate(pictures(5)):
        write_image(tmp_path / "b.frames" / f"{i}.png", picture)
    write_video(tmp_path / "c.mp4", pictures(6), 25)
    return [str(tmp_path / name) for name in ("a.mp4", "b.frames", "c.mp4")]


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


# Several sources ----------------------------------------------------------------------


def test_every_source_has_its_own_files(clips, tmp_path):
    out = tmp_path / "out"
    words = [*clips, "--output", str(out), "--landmarks", str(out)]
    assert track(*words, "--format", "csv") == 0
    assert names(out) == sorted(
        f"{name}-{kind}"
        for name in ("a", "b.frames", "c")
        for kind in ("landmarks.csv", "overlay.mp4")
    )
    for name, count in (("a", 4), ("b.frames", 5), ("c", 6)):
        frames = [int(row["frame"]) for row in rows(out / f"{name}-landmarks.csv")]
        assert frames == list(range(count))
        assert len(list(open_video(out / f"{name}-overlay.mp4"))) == count


def test_a_rate_is_for_folders_and_cameras(clips, tmp_path, capsys):
    words = [*clips, "--landmarks", str(tmp_path / "out"), "--fps", "10"]
    assert track(*words, "--format", "jsonl") == 0
    notes = [n for n in capsys.readouterr().err.splitlines() if n.startswith("note:")]
    assert notes == [
        f"note: {clips[k]}: a video file has its own times, --fps is not for it"
        for k in (0, 2)
    ]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--threads", "0", r"--threads must be 1 to \d+ .*\. Received: 0"),
        ("--threads", "100000", r"--threads must be 1 to \d+ .*\. Received: 100000"),
        ("--max-faces", "0", r"--max-faces must be at least 1\. Received: 0"),
        ("--fps", "0", r"--fps must be a positive number\. Received: 0\.0"),
        ("--fps", "nan", r"--fps must be a positive number\. Received: nan"),
    ],
)
def test_numbers_are_called_as_the_user_called_them(
    clips, capsys, option, value, message
):
    assert track(*clips, option, value) == 2
    assert re.fullmatch(f"strrn: {message}\n", capsys.readouterr().err)


def test_a_source_that_fails_is_named_and_the_others_are_done(clips, tmp_path, capsys):
    def script(source, index):
        return [face()] if source != 1 else []  # nobody in the second that opens

    out, gone = tmp_path / "out", str(tmp_path / "gone.mp4")
    assert track(clips[0], gone, *clips[1:], "--landmarks", out, script=script) == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 3
    assert "gone.mp4: there is no such video" in lines[0]
    assert "b.frames: no face was found in 5 frames" in lines[1]
    assert lines[2] == "strrn: 2 of 4 sources failed, see above"
    assert len(rows(out / "c-landmarks" / "frames.csv")) == 6


def test_ctrl_c_ends_the_source_in_hand_and_begins_no_other(clips, tmp_path, capsys):
    def script(source, index):
        if (source, index) == (1, 2):
            signal.raise_signal(signal.SIGINT)
        return [face()]

    out = tmp_path / "out"
    words = [*clips, "--landmarks", str(out), "--output", str(out)]
    assert track(*words, script=script) == 130
    assert sorted(p.name for p in out.iterdir()) == sorted(
        f"{name}-{kind}"
        for name in ("a", "b.frames")
        for kind in ("landmarks", "overlay.mp4")
    )
    folder = out / "b.frames-landmarks"
    assert names(folder) == ["0.pts", "1.pts", "2.pts", "frames.csv"]
    assert len(rows(folder / "frames.csv")) == 3
    assert len(list(open_video(out / "b.frames-overlay.mp4"))) == 3


def test_names_of_sources(tmp_path):
    (tmp_path / "v1.5").mkdir()
    sources = ["x/talk.mp4", "y/talk.mov", str(tmp_path / "v1.5"), "0"]
    assert unique_names(sources) == ["x__talk", "y__talk", "v1.5", "camera-0"]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["a/1.mp4", "b/1.mp4"], ["a__1", "b__1"]),
        (["a/1.mp4", "b/1.mov", "b/2.mov"], ["a__1", "b__1", "2"]),
        (["c/a/1.mp4", "c/b/1.mp4", "d/a/1.mp4"], ["c__a__1", "b__1", "d__a__1"]),
        (["a/1.mp4", "a/1.mov"], ["1.mp4", "1.mov"]),
        (["a/1.mp4", "a/1.mov", "b/1.mp4"], ["1.mp4", "1.mov", "1"]),
        (["rtsp://me:pw@x/live", "rtsp://y/live"], ["x__live", "y__live"]),
        (["-", "0", "rtsp://x"], ["stdin", "camera-0", "x"]),
    ],
)
def test_the_order_of_sources_does_not_swap_their_files(sources, expected):
    assert unique_names(sources) == expected
    assert unique_names(sources[::-1]) == expected[::-1]


def test_a_source_that_is_given_twice_is_numbered():
    assert unique_names(["a/1.mp4", "a/../a/1.mp4", "0"]) == ["1", "1~2", "camera-0"]


def test_sources_with_names_of_any_length_have_files(tmp_path):
    longest = "л" * 125
    sources = [f"{place}/{longest}.mp4" for place in ("x", "y", "z")]
    planned = plan(sources, tmp_path, tmp_path, "jsonl")
    names = [path.name for outputs in planned for path in outputs.paths]
    assert len(set(names)) == 6
    assert max(len(name.encode()) for name in names) <= 255


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{0}", "{2}", "--landmarks", "o.csv"], "several sources; name a folder"),
        (["{0}", "{2}", "--output", "o.mp4"], "name a folder: --output o"),
        (["{0}", "--landmarks", "o.csv", "--format", "pts"], "contradicts --format"),
        (["{0}", "--landmarks", "{1}"], "b.frames holds other files"),
        (["{1}", "--landmarks", "{1}"], "b.frames is the source"),
        ([], "name a video"),
    ],
)
def test_mistakes_are_one_line(arguments, message, clips, tmp_path, capsys):
    before = names(tmp_path)
    assert track(*(a.format(*clips) for a in arguments)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert names(tmp_path) == before


def test_a_file_that_looks_like_an_option_is_told_how_to_be_named(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-x.mp4").touch()
    assert track("-x.mp4") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "strrn: -x.mp4 looks like an option. Write ./-x.mp4 for the file"
    assert track("-y.mp4") == 2
    assert "Unrecognized options: -y.mp4" in capsys.readouterr().err


# Folders of .pts ----------------------------------------------------------------------


def test_folder_of_pts_has_a_file_per_face_and_a_row_per_frame(clips, tmp_path):
    story = [[], [face(), face(number=3)], [face("lost")], [face()]]

    def script(source, index):
        return story[index]

    out = tmp_path / "points"
    for _ in range(2):  # the second time it is replaced
        assert track(clips[0], "--landmarks", out, script=script) == 0
    assert names(out) == ["000001-0.pts", "000001-3.pts", "000003-0.pts", "frames.csv"]
    # Files count pixels from 1.
    assert (out / "000001-3.pts").read_text().splitlines()[3] == "1.000 11.250"
    np.testing.assert_allclose(read_pts(out / "000003-0.pts"), POINTS, atol=1e-3)
    listed = rows(out / "frames.csv")
    assert list(listed[0]) == ["frame", "time", "id", "state", "reliability"]
    seen = [(row["frame"], row["id"], row["state"]) for row in listed]
    assert seen == [("0", "", "none"), ("1", "0", "tracked"), ("1", "3", "tracked"),
                    ("2", "0", "lost"), ("3", "0", "tracked")]  # fmt: skip


def test_failure_leaves_the_folder_of_before(clips, tmp_path):
    out = tmp_path / "points"
    assert track(clips[0], "--landmarks", str(out)) == 0
    before = names(out)

    def full(source, index):
        raise OSError("no space left on device")

    assert track(clips[2], "--landmarks", out, script=full) == 2
    assert names(out) == before
    assert not [p for p in tmp_path.iterdir() if ".tmp." in p.name]


def test_a_folder_that_a_kill_left_aside_is_put_back(clips, tmp_path):
    out = tmp_path / "points"
    assert track(clips[0], "--landmarks", str(out)) == 0
    before = names(out)
    out.rename(tmp_path / ".old.tmp.points")

    def full(source, index):
        raise OSError("no space left on device")

    assert track(clips[2], "--landmarks", out, script=full) == 2
    assert names(out) == before
    assert not [p for p in tmp_path.iterdir() if ".tmp." in p.name]


# Broken frames ------------------------------------------------------------------------


def test_broken_frames_have_a_row_and_a_picture(clips, tmp_path, capsys):
    destroy_frames(tmp_path / "c.mp4", {0, 3})
    out, overlay = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    words = [clips[2], "--landmarks", str(out), "--output", str(overlay)]
    assert track(*words) == 0
    read = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["frame"] for row in read] == list(range(6))
    assert [row["time"] for row in read] == pytest.approx([i / 25 for i in range(6)])
    states = [row["state"] for row in read]
    assert states == ["broken", "tracked", "tracked", "broken", "tracked", "tracked"]
    assert read[3]["id"] is read[3]["landmarks"] is None
    assert len(list(open_video(overlay))) == 6
    assert "2 of 6 frames cannot be decoded" in capsys.readouterr().err


def test_overlay_of_a_broken_frame_is_the_last_good_one_in_grey():
    good = np.zeros((*SIZE, 3), np.uint8)
    good[:20] = (90, 0, 0)
    followed = [
        (VideoFrame(0, 0.0, None), None),
        (VideoFrame(1, 0.1, good), []),
        (VideoFrame(2, 0.2, None), None),
    ]
    first, second, third = (picture[:20] for picture in overlays(followed))
    assert (first == 128).all()
    assert (second == good[:20]).all()
    assert (third == 30).all()


# Cameras, progress --------------------------------------------------------------------


def test_camera_is_tracked_by_its_number(tmp_path, monkeypatch):
    class Capture:
        def __init__(self, number):
            self.left = pictures(3)

        def isOpened(self):
            return True

        def get(self, prop):
            return 15.0

        def read(self):
            return (True, self.left.pop()) if self.left else (False, None)

        def release(self):
            pass

    clock = iter([7.0, 7.5, 9.0, *[10.0] * 99])

    def fake(number, fps):
        return Camera(
            number, fps, open_capture=Capture, clock=lambda: next(clock)
        )  # fmt: skip

    monkeypatch.setattr(video, "Camera", fake)
    monkeypatch.chdir(tmp_path)
    assert track("0") == 0
    assert names(tmp_path) == ["camera-0-landmarks.csv", "camera-0-overlay.mp4"]
    times = [float(row["time"]) for row in rows(tmp_path / "camera-0-landmarks.csv")]
    assert times == [0, 0.5, 2]


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal(capsys):
    clock = iter(range(0, 1000, 4))  # seconds
    shown = progress.shown(range(7), "talk.mp4", 10, lambda: next(clock))
    assert list(shown) == list(range(7))
    assert capsys.readouterr().err.splitlines() == [
        "talk.mp4: 3 of 10 frames, 0.2 frames/s, 28 s left",
        "talk.mp4: 6 of 10 frames, 0.2 frames/s, 16 s left",
    ]
    clock = iter(range(0, 1000, 4))
    shown = progress.shown(range(3), "camera", None, lambda: next(clock))
    assert list(shown) == [0, 1, 2]
    assert capsys.readouterr().err == "camera: 3 frames, 0.2 frames/s\n"


def test_plan_without_names_is_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (outputs,) = plan(["films/talk.mp4"], None, None, "pts")
    assert [str(path) for path in outputs.paths] == [
        "talk-landmarks",
        "talk-overlay.mp4",
    ]


# Formats and pose ---------------------------------------------------------------------


def test_pose_is_in_rows_and_overlay(clips, tmp_path):
    def script(source, index):
        return [face(), face("lost", 1)]

    plain, rich = tmp_path / "plain", tmp_path / "rich"
    for out, more in ((plain, []), (rich, ["--pose"])):
        words = [clips[0], "--landmarks", out / "a.csv", "--output", out / "a.mp4"]
        assert track(*words, *more, script=script) == 0
    before, after = rows(plain / "a.csv"), rows(rich / "a.csv")
    added = ["yaw", "pitch", "roll", "left_eye", "right_eye", "mouth"]
    assert list(after[0]) == [*before[0], *added]
    pairs = list(zip(before, after, strict=True))
    assert all(one.items() <= other.items() for one, other in pairs)
    assert float(after[0]["yaw"]) == pytest.approx(face().pose.yaw, abs=0.006)
    assert [after[1][name] for name in added] == [""] * 6
    drawn = [next(iter(open_video(out / "a.mp4"))).image for out in (plain, rich)]
    assert (drawn[0] != drawn[1]).any()


def test_the_name_of_a_picture_comes_last(clips, tmp_path):
    words = [clips[1], "--landmarks", tmp_path / "b.csv", "--pose"]
    assert track(*words) == 0
    table = rows(tmp_path / "b.csv")
    assert list(table[0])[-2:] == ["mouth", "source"]
    assert [row["source"] for row in table] == [f"{i}.png" for i in range(5)]


@pytest.mark.parametrize(
    ("wanted", "suffix"),
    [("openface", "csv"), ("coco", "json"), ("cvat", "xml"), ("deeplabcut", "csv")],
)
def test_formats_of_other_tools_are_chosen_by_name(clips, tmp_path, wanted, suffix):
    out = tmp_path / "out"
    assert track(*clips, "--landmarks", out, "--format", wanted) == 0
    assert names(out) == [
        f"{name}-landmarks.{suffix}" for name in ("a", "b.frames", "c")
    ]
    text = (out / f"b.frames-landmarks.{suffix}").read_text()
    assert "4.png" in text
    assert "4.png" not in (out / f"a-landmarks.{suffix}").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--format", "deeplabcut", "--landmarks", "o.csv", "--pose"],
            "--pose: deeplab",
        ),
        (
            ["--format", "openface", "--landmarks", "o.csv", "--pose"],
            "--pose: openface",
        ),
        (["--format", "coco", "--confidence"], "--confidence needs a format with"),
        (["--focal-length", "0"], "--focal-length must be a positive number"),
        (["--focal-length", "inf"], "--focal-length must be a positive number"),
    ],
)
def test_mistakes_of_added_columns_are_one_line(
    clips, tmp_path, capsys, words, message
):
    assert track(clips[0], *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("words", "notes"),
    [([], 1), (["--pose"], 0), (["--format", "openface"], 0)],
)
def test_a_focal_length_that_nothing_uses_is_a_note(capsys, words, notes):
    options = command.parse(["a.mp4", "--focal-length", "900", *words])
    planned = plan(options.sources, None, Path("o.csv"), options.format)
    command.check_measures(options, planned)
    assert capsys.readouterr().err.count("--focal-length is for the pose") == notes


def test_the_focal_length_reaches_the_tracker(monkeypatch):
    made = []
    monkeypatch.setattr(
        command.strrn_tf,
        "FaceTracker",
        type("Fake", (), {"from_pretrained": lambda *a, **k: made.append(k["config"])}),
        raising=False,
    )
    for words in ([], ["--focal-length", "900"]):
        command._open_tracker(command.parse(["a.mp4", *words]))
    assert [config.focal_length for config in made] == [0.0, 900.0]
