"""``strrn benchmark``: figures against scripted trackers, files, messages."""

import json
import os
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from support.faces import drawn_face
from support.places import ROOT

from data_pipeline.augmentation.occlusion import covering_block
from data_pipeline.media.video import write_video
from strrn_tf.commands.benchmark import command, scenarios
from strrn_tf.commands.benchmark.stopwatch import Stopwatch
from strrn_tf.commands.benchmark.trackers import (
    COMMON,
    NO_OBSERVATION,
    Observation,
    open_face_mesh,
)
from strrn_tf.commands.cli import main
from strrn_tf.system import machine
from strrn_tf.system.machine import (
    describe,
    peak_megabytes,
    resident_megabytes,
)
from strrn_tf.tracking.networks.stages import STAGES

SHAPE = drawn_face(centre=(100.0, 90.0), scale=30.0).astype(np.float64)
EYES = np.linalg.norm(SHAPE[45] - SHAPE[36])
FRAMES = 100
DARK = np.zeros((200, 240, 3), np.uint8)


def read():
    """Return 4 s of a dark picture, in which only a cover is not dark."""
    return (scenarios.Frame(i / 25, DARK) for i in range(FRAMES))


class Scripted:
    """A tracker that sees no face while it is covered, nor for some frames after."""

    def __init__(self, away=0, new_id=False, blind=False, tremble=0.0):
        self.away, self.new_id, self.blind, self.tremble = away, new_id, blind, tremble
        self.count, self.wait, self.id = 0, 0, 0

    def __call__(self, image, time):
        self.count += 1
        if self.blind:
            return Observation(SHAPE, 0)
        if image.max() > 100:  # the noise of the resting face stays below
            self.wait, self.id = self.away, int(self.new_id)
            return NO_OBSERVATION
        if self.wait:
            self.wait -= 1
            return NO_OBSERVATION
        sign = (-1) ** self.count
        return Observation(SHAPE + sign * self.tremble * EYES / np.sqrt(2), self.id)


def figures(**options):
    return scenarios.measure(lambda watch: Scripted(**options), read)[0]


# What is measured ---------------------------------------------------------------------


@pytest.mark.parametrize("tremble", [0.0, 0.01])
def test_jitter_is_that_of_the_definition(tremble):
    result = figures(tremble=tremble)
    # Back and forth by a: the second difference is 4 a.
    for name in ("jitter_still", "jitter_moving"):
        assert result[name]["common"] == pytest.approx(400 * tremble, abs=1e-9)
        assert result[name]["all"] == pytest.approx(400 * tremble, abs=1e-9)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"seconds": 0.0, "same_id": True, "claimed": 0.0}),
        ({"away": 5}, {"seconds": 0.2, "same_id": True, "claimed": 0.0}),
        ({"away": 5, "new_id": True}, {"seconds": 0.2, "same_id": False, "claimed": 0}),
        ({"away": 99}, {"seconds": None, "same_id": None, "claimed": 0.0}),
        ({"blind": True}, {"seconds": 0.0, "same_id": True, "claimed": 1.0}),
    ],
)
def test_occlusion_tells_when_and_as_whom_a_face_is_back(options, expected):
    (one,) = figures(**options)["occlusions"]
    assert one == {**expected, "seconds": pytest.approx(expected["seconds"])}


def test_a_face_in_another_place_is_not_back():
    there, elsewhere = Observation(SHAPE, 0), Observation(SHAPE + 0.2 * EYES, 0)
    assert scenarios.is_there(there, there)
    assert not scenarios.is_there(elsewhere, there)
    assert not scenarios.is_there(NO_OBSERVATION, there)


def test_one_second_in_three_is_hidden_and_one_follows():
    times = np.arange(301) / 30
    spans = scenarios.hidden_spans(times)
    assert [(s.start, s.stop) for s in spans] == [(30, 60), (120, 150), (210, 240)]
    assert scenarios.hidden_spans(times[:60]) == []


def test_the_cover_hides_the_face_and_nothing_else():
    scene = scenarios.choose_scene(
        [NO_OBSERVATION, Observation(SHAPE, 0), NO_OBSERVATION]
    )
    assert scene.still == 1
    # Where nobody is seen, the place before or the first one.
    assert (scene.boxes == scene.boxes[1]).all()
    frames = [scenarios.Frame(i / 25, DARK) for i in range(3)]
    shown = list(scenarios.covered(frames, scene.boxes, [slice(1, 2)]))
    assert not DARK.any()
    assert shown[0].image is DARK
    grey = (shown[1].image == scenarios.GRAY).all(-1)
    x, y = np.rint(SHAPE).astype(int).T
    assert grey[y, x].all()
    assert 0.1 < grey.mean() < 0.3
    assert [frame.timestamp for frame in shown] == [0, 0.04, 0.08]


def test_a_cover_at_the_edge_does_not_wrap_around():
    start, stop = covering_block(np.array([-80.0, -60, -20, -5]))
    assert (stop >= start).all()
    assert (start >= 0).all()
    frames = [scenarios.Frame(0.0, DARK)]
    box = np.array([[-300.0, -300, -250, -250]])
    (shown,) = scenarios.covered(frames, box, [slice(0, 1)])
    assert not shown.image.any()


def test_nobody_to_be_seen_is_said():
    with pytest.raises(ValueError, match="no face was found in the first 100 frames"):
        scenarios.measure(lambda watch: lambda image, time: NO_OBSERVATION, read)


def test_speed_counts_every_frame_and_stage():
    watch = Stopwatch()
    seen = scenarios.run_tracker(Scripted(), read(), watch)
    result = scenarios.speed(watch, len(seen))
    assert result["frames"] == FRAMES
    assert result["stages"]["decode"]["calls_per_frame"] == 1
    assert result["stages"]["detect"] == {"calls_per_frame": 0.0, "per_frame": 0.0}
    spent = sum(result["stages"][name]["per_frame"] for name in ("decode", "update"))
    assert result["frames_per_second"] == pytest.approx(1000 / spent)


def test_memory_is_that_of_this_process():
    before = resident_megabytes()
    filled = np.ones((60, 2**20), np.uint8)
    assert 40 < resident_megabytes() - before < 90
    assert peak_megabytes() >= resident_megabytes() > filled.nbytes / 2**20
    assert {"processor", "cores", "python", "strrn", "numpy"} <= describe().keys()


@pytest.mark.parametrize("name", ["flags", "Features"])
def test_the_machine_has_its_vector_instructions(name, monkeypatch):
    lines = ["model name\t: Some CPU", f"{name}\t\t: fpu avx2 asimd avx512_vnni new"]
    cpuinfo = SimpleNamespace(read_text=lambda encoding: "\n".join(2 * lines))
    monkeypatch.setattr(machine, "Path", lambda _: cpuinfo)
    assert describe()["instructions"] == "avx2 avx512_vnni asimd"
    assert describe()["processor"] == "Some CPU"
    # As where there is no such file.
    monkeypatch.setattr(machine, "Path", lambda _: ROOT / "nowhere")
    assert describe()["instructions"] == ""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no such call here")
def test_a_process_of_its_own_has_one_core():
    assert len(command.in_own_process(os.sched_getaffinity, 0)) == 1


# The command --------------------------------------------------------------------------


class FaceMesh:
    """A MediaPipe that sees every vertex v at (v / 1000, v / 2000)."""

    def process(self, image):
        points = [SimpleNamespace(x=v / 1000, y=v / 2000) for v in range(468)]
        face = SimpleNamespace(landmark=points)
        return SimpleNamespace(multi_face_landmarks=[face] if image.any() else None)


def test_face_mesh_is_asked_for_the_shared_points():
    tracker = open_face_mesh(mesh=FaceMesh())
    assert tracker(DARK, 0.0) is NO_OBSERVATION
    landmarks = tracker(DARK + 1, 0.0).landmarks
    # Ours count pixels from the centre of the first one.
    np.testing.assert_allclose(landmarks[45], (0.263 * 240 - 0.5, 0.1315 * 200 - 0.5))
    assert sorted(np.flatnonzero(np.isfinite(landmarks[:, 0]))) == sorted(COMMON)


def with_face_mesh(task, path, limit, *rest):
    """Run a task in this process, with the fake MediaPipe."""
    if task is not command.measure_face_mesh:
        return task(path, limit, *rest)
    make = partial(open_face_mesh, mesh=FaceMesh())
    return scenarios.measure(make, partial(command.read, path, limit), *rest)[0]


def test_both_trackers_stand_side_by_side(tmp_path, capsys):
    target = tmp_path / "out.json"
    options = command.parse(["--frames", "8", "--json", str(target)])
    command.run(options, with_face_mesh)
    shown = capsys.readouterr().out
    for words in ("synthetic face: 8 frames of 640 x 480, 25.0", "MediaPipe Face Mesh"):
        assert words in shown
    report = json.loads(target.read_text())
    assert report["model"] == "strrn-fast"
    assert report["machine"]["tied_to_one_core"] == hasattr(os, "sched_setaffinity")
    ours, theirs = report["trackers"].values()
    stages = ours["stages"]
    calls = {name: stage["calls_per_frame"] for name, stage in stages.items()}
    assert calls["decode"] == calls["update"] == calls["smooth"] == 1
    assert calls["track"] == calls["check"] == calls["step"] == calls["flow"] == 7 / 8
    assert calls["find"] == 1 / 8
    parts = sum(stages[name]["per_frame"] for name in STAGES)
    assert 0.5 * stages["update"]["per_frame"] < parts < stages["update"]["per_frame"]
    assert ours["frames_with_face"] == 8
    assert 0 < ours["jitter_moving"]["all"] < 20
    assert ours["occlusions"] == []  # the clip is too short
    assert theirs["jitter_moving"] == {"common": 0.0, "all": None}


def test_without_mediapipe_one_line_says_so(tmp_path, capsys):
    scripted = scenarios.measure(lambda watch: Scripted(away=5, new_id=True), read)

    def without_mediapipe(task, *arguments):
        if task is command.measure_face_mesh:
            raise ImportError
        return scripted

    video = tmp_path / "dark.mp4"
    write_video(video, [DARK] * 3, 25)
    command.run(command.parse(["--video", str(video)]), without_mediapipe)
    captured = capsys.readouterr()
    for words in ("dark.mp4: 100 frames of 240 x 200", "0.20 / 0.20", "0 of 1"):
        assert words in captured.out
    (line,) = [text for text in captured.err.splitlines() if "left out" in text]
    assert "pip install mediapipe" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--frames", "2"], "--frames must be at least 3"),
        (["--model", "nobody"], "no model 'nobody'"),
        (["--video", "none.mp4"], "none.mp4: there is no such video file"),
        (["--vidoe", "x.mp4"], "strrn benchmark --help"),
    ],
)
def test_mistakes_are_one_line(arguments, message, capsys):
    assert main(["benchmark", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
