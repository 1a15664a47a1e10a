"""Whatever ends a run early, finished rows are in place; our own faults undo them."""

import csv
import errno
import io
import json
import os
import signal
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from data_pipeline.media import video
from data_pipeline.media.frame_reader import FrameReader, VideoFrame
from data_pipeline.media.video_file import VideoFile
from strrn_tf.commands.track import command, row_file
from strrn_tf.system.command_line import exit_code
from strrn_tf.system.interruption import STOP_SIGNALS
from strrn_tf.tracking.face import Face

POINTS = np.stack(np.meshgrid(np.arange(34.0), [10.25, 30]), -1).reshape(68, 2)
PICTURE = np.full((48, 64, 3), 90, np.uint8)
COUNT, LAST = 9, 4  # frames, and the number of the one at which something happens
OLD = "of yesterday\n"


def number_of(name):
    return getattr(signal, name)


NAMES = [signal.Signals(number).name for number in STOP_SIGNALS]


class Source(FrameReader):
    """Frames, with something that happens when one is asked for."""

    def __init__(self, path, happens=lambda index: None):
        super().__init__(path, 25.0, COUNT)
        self.happens = happens

    def _read(self, wanted):
        for index in range(COUNT):
            self.happens(index)
            yield VideoFrame(index, index / 25, PICTURE)


class Tracker:
    """One face in every frame, with something that happens when it is tracked."""

    def __init__(self, happens):
        self.happens, self.count = happens, -1

    def reset(self):
        self.count = -1

    def update(self, frame, timestamp=None):
        self.count += 1
        self.happens(self.count)
        landmarks = POINTS.astype(np.float32)
        return [Face(0, landmarks, np.zeros(4), 0.75, 0.01, "tracked")]


def at(last, step):
    """Return what acts at one frame, and does nothing before."""
    return lambda index: step() if index == last else None


def raising(error):
    def step():
        raise error

    return step


@pytest.fixture
def track(tmp_path, monkeypatch):
    """Run ``strrn track`` on scripted frames; return the exit code."""

    def run(*words, read=lambda index: None, work=lambda index: None):
        monkeypatch.setattr(
            video, "open_video", lambda path, fps=None, **_: Source(path, read)
        )

        def call():
            options = command.parse(["talk.mp4", *map(str, words)])
            command.run(options, lambda options: Tracker(work))

        return exit_code("strrn", call)

    monkeypatch.chdir(tmp_path)
    return run


def frames_of(path):
    """Return the numbers of the frames in a whole output of any format."""
    if path.is_dir():
        points = sorted(int(p.name.partition("-")[0]) for p in path.glob("*.pts"))
        assert points == frames_of(path / "frames.csv")
        return points
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    if path.suffix == ".jsonl":
        return [json.loads(line)["frame"] for line in text.splitlines()]
    if path.suffix == ".json":
        return [image["id"] for image in json.loads(text)["images"]]
    if path.suffix == ".xml":
        return [
            int(p.get("frame")) for p in ElementTree.fromstring(text).iter("points")
        ]
    head, *rows = csv.reader(text.splitlines())
    while rows[0][0] in ("bodyparts", "coords"):
        del rows[0]
    assert {len(row) for row in rows} == {len(head)}
    return [int(row[0]) - (head[1] == "face_id") for row in rows]


def frames_of_video(path):
    return len(list(VideoFile(path)))


def left_behind(folder):
    return [p.name for p in folder.rglob("*") if ".tmp." in p.name]


FORMATS = ["o.csv", "o.jsonl", "o.json", "o.xml", "points", "o.csv --format openface",
           "o.csv --format deeplabcut"]  # fmt: skip


@pytest.fixture(autouse=True)
def signals_have_their_defaults():
    """A shell's background processes ignore SIGINT and SIGQUIT, and so do the runs."""
    numbers = [number_of(name) for name in NAMES]
    before = {n: signal.signal(n, signal.SIG_DFL) for n in numbers}
    before |= {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("place", ["read", "work"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_leaves_every_format_complete(track, tmp_path, output, place, name):
    step = at(LAST, lambda: signal.raise_signal(number_of(name)))
    words = output.split()
    assert track("--landmarks", *words, **{place: step}) == 128 + number_of(name)
    # A signal ends the wait for a frame, and not the work on one.
    wanted = list(range(LAST + (place == "work")))
    found = frames_of(tmp_path / words[0])
    # The end of a track is one more shape.
    assert found[: len(wanted)] == wanted
    assert len(found) <= len(wanted) + (output == "o.xml")
    assert not left_behind(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_every_signal_leaves_rows_and_an_overlay_that_plays(track, tmp_path, name):
    step = at(LAST, lambda: signal.raise_signal(number_of(name)))
    words = "--landmarks", "o.csv", "--output", "o.mp4"
    assert track(*words, work=step) == 128 + number_of(name)
    assert frames_of(tmp_path / "o.csv") == list(range(LAST + 1))
    assert frames_of_video(tmp_path / "o.mp4") == LAST + 1
    assert not left_behind(tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        ["SIGHUP", "SIGHUP"],  # a closed terminal
        ["SIGTERM", "SIGTERM", "SIGTERM"],
        ["SIGINT", "SIGTERM"],
        ["SIGTERM", "SIGINT"],
        ["SIGINT", "SIGINT", "SIGINT"],  # an impatient user
        ["SIGHUP", "SIGCONT", "SIGTERM"],
    ],
)
def test_several_signals_are_one(track, tmp_path, names):
    def step():
        for name in names:
            signal.raise_signal(number_of(name))

    code = track("--landmarks", "o.csv", "--output", "o.mp4", work=at(LAST, step))
    assert code == 128 + number_of(names[0])
    assert frames_of(tmp_path / "o.csv") == list(range(LAST + 1))
    assert frames_of_video(tmp_path / "o.mp4") == LAST + 1


FAILURES = {
    "a file that is cut off": ValueError("talk.mp4: cannot be decoded"),
    "a disk that is gone": OSError(errno.EIO, "Input/output error", "talk.mp4"),
    "a network that is gone": ConnectionResetError(errno.ECONNRESET, "reset by peer"),
    "a stick that is pulled out": FileNotFoundError(errno.ENOENT, "No such file", "t"),
    "no answer": TimeoutError("no picture for 10 seconds"),
    "no memory": MemoryError(),
}


@pytest.mark.parametrize("error", FAILURES.values(), ids=FAILURES)
def test_a_source_that_fails_halfway(track, tmp_path, capsys, error):
    words = "--landmarks", "o.csv", "--output", "o.mp4"
    assert track(*words, read=at(LAST, raising(error))) == 2
    assert frames_of(tmp_path / "o.csv") == list(range(LAST))
    assert frames_of_video(tmp_path / "o.mp4") == LAST
    captured = capsys.readouterr()
    assert captured.out == "o.csv: 4 frames, 1 face(s)\no.mp4: 4 frames, 1 face(s)\n"
    (line,) = captured.err.splitlines()
    assert line.startswith("strrn: ")
    assert not left_behind(tmp_path)


def test_a_lack_of_memory_is_no_fault(track, tmp_path, capsys):
    assert track("--landmarks", "o.csv", work=at(LAST, raising(MemoryError()))) == 2
    assert frames_of(tmp_path / "o.csv") == list(range(LAST))
    assert "memory" in capsys.readouterr().err


class FullDisk(io.FileIO):
    """Takes half of the write that reaches a limit, and then nothing more."""

    limit, number = 4000, errno.ENOSPC

    def write(self, data):
        room = self.limit - self.seek(0, os.SEEK_END)
        if len(data) > room:
            super().write(bytes(data[: max(room, 0)]))
            raise OSError(self.number, os.strerror(self.number))
        return super().write(data)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
@pytest.mark.parametrize("output", ["o.csv", "o.jsonl", "o.csv --format openface"])
def test_a_full_disk_leaves_whole_rows(
    track, tmp_path, monkeypatch, capsys, output, number
):
    monkeypatch.setattr(FullDisk, "number", number)
    monkeypatch.setattr(row_file.io, "FileIO", FullDisk)
    words = output.split()
    (tmp_path / words[0]).write_text(OLD)
    assert track("--landmarks", *words) == 2
    found = frames_of(tmp_path / words[0])
    assert 0 < len(found) < COUNT
    assert found == list(range(len(found)))
    message = f"strrn: {words[0]}: {os.strerror(number)}\n"
    assert capsys.readouterr().err == message
    assert not left_behind(tmp_path)


@pytest.mark.parametrize("output", ["o.json", "o.xml"])
@pytest.mark.parametrize("limit", [2000, 3000, 4000, 5000, 8000])
def test_a_full_disk_leaves_a_whole_document_or_that_of_before(
    track, tmp_path, monkeypatch, capsys, output, limit
):
    monkeypatch.setattr(FullDisk, "limit", limit)
    monkeypatch.setattr(row_file.io, "FileIO", FullDisk)
    (tmp_path / output).write_text(OLD)
    assert track("--landmarks", output) == 2
    if (tmp_path / output).read_text() != OLD:
        found = frames_of(tmp_path / output)
        assert found == list(range(len(found)))
    assert capsys.readouterr().err == f"strrn: {output}: {os.strerror(errno.ENOSPC)}\n"
    assert not left_behind(tmp_path)


def test_a_full_disk_leaves_whole_pts_files(track, tmp_path, monkeypatch, capsys):
    write_bytes = type(tmp_path).write_bytes

    def full(path, data):
        if path.name.startswith("000004"):
            write_bytes(path, data[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_bytes(path, data)

    monkeypatch.setattr(type(tmp_path), "write_bytes", full)
    assert track("--landmarks", "points") == 2
    assert frames_of(tmp_path / "points") == list(range(4))
    message = f"points/000004-0.pts: {os.strerror(errno.ENOSPC)}\n"
    assert capsys.readouterr().err == f"strrn: {message}"
    assert not left_behind(tmp_path)


ENCODERS = {
    "a picture that it cannot take": ValueError("o.mp4: no overlay can be so large"),
    "a full disk": OSError(errno.ENOSPC, "No space left on device", "o.mp4"),
    "a file that it cannot open": PermissionError(errno.EACCES, "Permission", "o.mp4"),
    "a fault of the encoder": OSError(errno.EIO, "Input/output error", "o.mp4"),
    "no memory": MemoryError(),
}


@pytest.mark.parametrize("error", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize("last", [0, LAST])
def test_an_overlay_that_fails_ends_no_rows(
    track, tmp_path, monkeypatch, capsys, error, last
):
    def write_video(path, pictures, fps):
        for number, _ in enumerate(pictures):
            if number == last:
                raise error

    monkeypatch.setattr(video, "write_video", write_video)
    assert track("--landmarks", "o.csv", "--output", "o.mp4") == 2
    assert frames_of(tmp_path / "o.csv") == list(range(COUNT))
    captured = capsys.readouterr()
    assert captured.out == "o.csv: 9 frames, 1 face(s)\n"
    (line,) = captured.err.splitlines()
    assert line.startswith("strrn: ")


FAULTS = [
    RuntimeError("a bug"),
    ValueError("shapes (3,) and (4,) do not fit"),
    KeyError("x"),
    ZeroDivisionError("a bug"),
    AssertionError(),
    OSError("of a network"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("overlay", [[], ["--output", "o.mp4"]])
def test_a_fault_of_our_own_leaves_the_files_of_before(track, tmp_path, fault, overlay):
    for name in ("o.csv", "o.mp4"):
        (tmp_path / name).write_text(OLD)
    words = ["--landmarks", "o.csv", *overlay]
    if isinstance(fault, ValueError | OSError):
        assert track(*words, work=at(LAST, raising(fault))) == 2
    else:
        with pytest.raises(type(fault)):
            track(*words, work=at(LAST, raising(fault)))
    assert [(tmp_path / name).read_text() for name in ("o.csv", "o.mp4")] == [OLD, OLD]
    assert not left_behind(tmp_path)


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("kind", ["signal", "source", "overlay"])
def test_without_a_finished_frame_the_files_of_before_stay(
    track, tmp_path, output, kind
):
    words = ["--landmarks", *output.split(), "--output", "o.mp4"]
    assert track(*words) == 0
    place = tmp_path / words[1]
    before = [frames_of(place), (tmp_path / "o.mp4").read_bytes()]
    step = {
        "signal": lambda: signal.raise_signal(signal.SIGTERM),
        "source": raising(ValueError("talk.mp4: no frame can be decoded")),
        "overlay": raising(OSError(errno.EIO, "Input/output error", "talk.mp4")),
    }[kind]
    assert track(*words, read=at(0, step)) == (143 if kind == "signal" else 2)
    assert [frames_of(place), (tmp_path / "o.mp4").read_bytes()] == before
    assert not left_behind(tmp_path)


def test_a_second_run_that_is_stopped_replaces_the_first(track, tmp_path):
    words = "--landmarks", "o.csv", "--output", "o.mp4"
    assert track(*words) == 0
    assert len(frames_of(tmp_path / "o.csv")) == COUNT
    step = at(LAST, lambda: signal.raise_signal(signal.SIGTERM))
    assert track(*words, work=step) == 143
    assert len(frames_of(tmp_path / "o.csv")) == LAST + 1
    assert frames_of_video(tmp_path / "o.mp4") == LAST + 1


def test_a_signal_and_a_failure_are_both_reported(track, tmp_path, monkeypatch, capsys):
    def write_video(path, pictures, fps):
        next(iter(pictures))
        raise ValueError("o.mp4: too large")

    monkeypatch.setattr(video, "write_video", write_video)
    step = at(LAST, lambda: signal.raise_signal(signal.SIGTERM))
    assert track("--landmarks", "o.csv", "--output", "o.mp4", work=step) == 143
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert lines == ["strrn: o.mp4: too large", "strrn: ended by SIGTERM"]
    assert frames_of(tmp_path / "o.csv") == list(range(LAST + 1))


def test_a_source_without_a_good_frame_says_so(track, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(globals(), "PICTURE", None)
    assert track("--landmarks", "o.csv", "--output", "o.mp4") == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line]
    assert line.startswith("strrn: talk.mp4: none of its 9 frames can be decoded.")
    assert (tmp_path / "o.csv").read_text().count(",broken,") == COUNT
    assert not (tmp_path / "o.mp4").exists()
