"""Protocols, stills and the command line, with trackers whose answers are known."""

import json
import os

import cv2
import numpy as np
import pandas as pd
import pytest

from data_pipeline.crops.cached_face_finder import CachedFaceFinder
from data_pipeline.media.images import write_image
from data_pipeline.media.pts import write_pts
from strrn_tf.commands import evaluate
from strrn_tf.evaluation import scoring
from strrn_tf.evaluation.protocols import ProtocolRun, is_trackable, nearest_box
from strrn_tf.evaluation.scoring import LabelledFrame, LabelledStill
from strrn_tf.geometry import box_from_landmarks
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face

SIZE = 96


def face(x=30.0, y=30.0):
    """A 40 px wide shape of distinct points, its upper left corner at (x, y)."""
    angles = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    shape = np.stack([np.cos(angles), np.sin(angles)], -1) * 20 + 20
    shape[36:42] = shape[36:42] * 0.2 + [4, 8]
    shape[42:48] = shape[42:48] * 0.2 + [26, 8]
    return np.add(shape, [x, y]).astype(np.float32)


def sequence(length, unlabelled=()):
    """Frames whose first pixel is their number; the face moves right by 1 px."""
    for index in range(length):
        image = np.full((SIZE, SIZE, 3), index, np.uint8)
        true = None if index in unlabelled else face(20.0 + index)
        yield LabelledFrame(index, image, true)


class FakeTracker:
    """Detector: truth + 1 px in x. Tracker: the previous answer moved on and down."""

    def __init__(self, cycle_errors=None, drift=0.0):
        self.cycle_errors, self.drift = cycle_errors or {}, drift
        self.aligned, self.stepped = [], []
        self.networks = FakeNetworks(self)

    def align(self, image, box):
        index = int(image[0, 0, 0])
        self.aligned.append((index, tuple(np.asarray(box).tolist())))
        return face(21.0 + index)

    def step(self, previous_frame, frame, previous_landmarks):
        before, now = int(previous_frame[0, 0, 0]), int(frame[0, 0, 0])
        self.stepped.append((before, now))
        moved = np.add(previous_landmarks, [now - before, self.drift])
        return moved, self.cycle_errors.get(now, 0.01)

    def reset(self):
        self.updated = []

    def update(self, frame):
        index = int(frame[0, 0, 0])
        self.updated.append(index)
        return [] if index % 2 else [found(21.0 + index)]


def found(x, state="tracked"):
    box = box_from_landmarks(face(x))
    return Face(0, face(x), box, 0.9, 0.01, state)


class FakeNetworks:
    """Those of a fake tracker: a crop is an image and a box; flow finds nothing."""

    def __init__(self, tracker):
        self.tracker = tracker

    def crop_around(self, image, landmarks):
        return image, box_from_landmarks(landmarks)

    def detect_in(self, crop):
        return self.tracker.align(*crop)

    def step(self, crop, frame, start):
        landmarks, error = self.tracker.step(crop[0], frame, start)
        return landmarks, np.full(68, error), (frame, crop[1])

    def flow_landmarks(self, previous, crop, start, settings):
        return np.full(np.shape(start), np.nan)


def run(tracker, frames, protocol, **options):
    return scoring.evaluate_sequence(
        tracker,
        frames,
        group="3",
        sequence="410",
        protocols=[protocol],
        **options,
    )


def shifts(results):
    """Mean offset (x, y) of every answer from the truth."""
    return [(r.answer.landmarks - r.true).mean(0).round(3).tolist() for r in results]


def test_detect_aligns_every_frame_in_the_true_box():
    tracker = FakeTracker()
    results = run(tracker, sequence(3), "detect")
    assert [r.answer.state for r in results] == ["detected"] * 3
    assert shifts(results) == [[1, 0]] * 3
    assert not tracker.stepped
    for index, box in tracker.aligned:
        np.testing.assert_allclose(box, box_from_landmarks(face(20.0 + index)))


def test_track_aligns_once_and_keeps_its_drift():
    tracker = FakeTracker(cycle_errors={2: 9.0}, drift=2.0)
    results = run(tracker, sequence(4), "track")
    assert [r.answer.state for r in results] == ["detected"] + ["tracked"] * 3
    assert shifts(results) == [[1, 0], [1, 2], [1, 4], [1, 6]]
    assert tracker.stepped == [(0, 1), (1, 2), (2, 3)]
    assert len(tracker.aligned) == 1
    assert results[2].answer.cycle_error == 9.0


def test_redetect_where_the_cycle_error_is_large():
    config = TrackingConfig()
    steps = config.detection_interval_moving
    length = steps + 1
    errors = {length: 0.11, 2 * length: np.nan}
    tracker = FakeTracker(cycle_errors=errors, drift=0.2)
    results = run(tracker, sequence(2 * length + 1), "track-redetect")
    states = [r.answer.state for r in results]
    assert states == ["detected", *["tracked"] * steps] * 2 + ["detected"]
    # A fifth of a pixel of drift each; the detector takes back a share of the last.
    drift = [[1, i / 5] for i in range(steps)]
    drift += [[1, steps * (1 - config.detector_weight) / 5]]
    np.testing.assert_allclose(shifts(results), drift * 2 + [[1, 0]], atol=1e-3)
    assert results[length].answer.cycle_error == pytest.approx(
        0.11
    )  # the reason of the detection
    aligned = [0, steps, length, length + steps, 2 * length]
    assert [index for index, _ in tracker.aligned] == aligned


def test_the_cycle_limit_is_an_option():
    tracker = FakeTracker(cycle_errors={2: 0.11})
    results = run(tracker, sequence(4), "track-redetect", cycle_limit=0.2)
    assert [r.answer.state for r in results] == ["detected"] + ["tracked"] * 3


def test_redetect_where_the_shape_has_left_the_face():
    tracker = FakeTracker(drift=200.0)
    results = run(tracker, sequence(3), "track-redetect")
    assert [r.answer.state for r in results] == ["detected"] * 3


def test_plain_tracking_that_leaves_the_image_is_lost_for_good():
    tracker = FakeTracker(drift=60.0)
    results = run(tracker, sequence(5), "track")
    assert [r.answer.state for r in results] == ["detected", "tracked"] + ["lost"] * 3
    assert np.isnan(results[-1].answer.landmarks).all()
    assert tracker.stepped == [(0, 1), (1, 2)]
    summary = scoring.summarise_results(results)[0]
    assert summary["lost_frames"] == 3
    assert summary["failure_008"] == 0.8  # the second frame is 60 px off
    assert summary["states"] == {"detected": 1, "tracked": 1, "lost": 3}


def test_live_is_the_tracker_as_users_run_it():
    tracker = FakeTracker()
    tracker.updated = ["of another video"]
    results = run(tracker, sequence(4), "live")
    assert tracker.updated == [0, 1, 2, 3]
    assert not tracker.aligned
    assert not tracker.stepped
    assert [r.answer.state for r in results] == ["tracked", "lost"] * 2
    summary = scoring.summarise_results(results)[0]
    assert summary["lost_frames"] == 2
    # Found landmarks are 1 px off. A lost frame keeps them, and the face moves by 1 px.
    assert summary["nme_interpupil_held"] == pytest.approx(
        summary["nme_interpupil"] / 2
    )


def test_a_frame_without_a_box_uses_the_last_one():
    boxes = {1: np.array([1.0, 1, 50, 50]), 3: np.array([2.0, 2, 60, 60])}
    tracker = FakeTracker()
    options = {"find_box": lambda frame: boxes.get(frame.index)}
    results = run(tracker, sequence(5), "detect", **options)
    states = [r.answer.state for r in results]
    assert states == ["lost", "detected", "detected", "detected", "detected"]
    assert [box[0] for _, box in tracker.aligned] == [1, 1, 2, 2]


def test_detect_last_looks_where_the_face_was():
    tracker, other = FakeTracker(), np.array([1.0, 1, 50, 50])
    run(tracker, sequence(3), "detect-last", find_box=lambda frame: other)
    assert not tracker.stepped
    (_, box), *others = tracker.aligned
    assert box == tuple(other)
    for index, box in others:
        np.testing.assert_allclose(box, box_from_landmarks(face(20.0 + index)))


def test_detect_last_asks_for_a_box_after_a_loss():
    class Loses(FakeTracker):
        def align(self, image, box):
            found = super().align(image, box)
            return np.full_like(found, np.nan) if image[0, 0, 0] == 1 else found

    tracker = Loses()
    results = run(tracker, sequence(3), "detect-last")
    assert [r.answer.state for r in results] == ["detected", "lost", "detected"]
    index, box = tracker.aligned[-1]
    np.testing.assert_allclose(box, box_from_landmarks(face(20.0 + index)))


def test_of_several_faces_the_nearest_to_the_last_answer_is_taken():
    tracker = FakeTracker()
    boxes = np.array([[60.0, 60, 70, 70], [10.0, 20, 60, 70], [40.0, 0, 95, 90]])
    found = {0: boxes[:2], 1: boxes, 2: boxes[:0]}
    options = {"find_box": lambda frame: found[frame.index]}
    run(tracker, sequence(3), "detect", **options)
    # First the largest, then the nearest; without a face the last box that was given.
    assert [box for _, box in tracker.aligned] == [tuple(boxes[1])] * 3


def test_the_nearest_box():
    boxes = np.array([[60.0, 60, 70, 70], [10.0, 20, 60, 70], [40.0, 0, 95, 90]])
    assert nearest_box(boxes[0], boxes[2]).tolist() == boxes[0].tolist()
    assert nearest_box(boxes, boxes[0]).tolist() == boxes[0].tolist()
    assert nearest_box(boxes, None).tolist() == boxes[2].tolist()
    assert nearest_box(None, boxes[0]) is None
    # A face that is far away is a neighbour's.
    assert nearest_box(boxes[1:], boxes[0] + 30) is None


def test_tracking_that_fails_without_a_box_looks_where_the_face_was():
    tracker = FakeTracker(cycle_errors={2: 1.0})
    first = box_from_landmarks(face(20.0))
    options = {"find_box": lambda frame: first if frame.index == 0 else None}
    run(tracker, sequence(3), "track-redetect", **options)
    index, box = tracker.aligned[-1]
    assert index == 2
    np.testing.assert_allclose(box, box_from_landmarks(face(22.0)))


def test_boxes_are_searched_once_per_frame_and_only_where_needed():
    searched = []

    def find_box(frame):
        searched.append(frame.index)
        return scoring.true_box(frame)

    for protocols, expected in (
        (("detect", "track", "track-redetect"), [0, 1, 2]),
        (("track", "track-redetect"), [0]),
    ):
        searched.clear()
        scoring.evaluate_sequence(
            FakeTracker(),
            sequence(3),
            group="1",
            sequence="114",
            protocols=protocols,
            find_box=find_box,
        )
        assert searched == expected


def test_unlabelled_frames_are_tracked_but_not_scored():
    tracker = FakeTracker()
    results = run(tracker, sequence(4, unlabelled=[1, 2]), "track")
    assert [r.frame for r in results] == [0, 3]
    assert tracker.stepped == [(0, 1), (1, 2), (2, 3)]
    # Frames 0 and 3 are not neighbours, so jitter is not defined.
    assert np.isnan(scoring.summarise_results(results)[0]["jitter"])


def test_protocols_side_by_side_equal_protocols_alone():
    make = lambda: FakeTracker(cycle_errors={2: 1.0}, drift=1.0)  # noqa: E731
    together = scoring.evaluate_sequence(make(), sequence(5), group="3", sequence="410")
    alone = [
        result
        for protocol in scoring.PROTOCOLS
        for result in run(make(), sequence(5), protocol)
    ]
    pd.testing.assert_frame_equal(
        scoring.frame_table(together), scoring.frame_table(alone)
    )


def test_frame_table_and_pooled_summary():
    results = run(FakeTracker(), sequence(4), "detect")
    other = [r._replace(group="1", sequence="114") for r in results[:2]]
    table = scoring.frame_table(results + other)
    true = face(20.0)
    distance = np.linalg.norm(true[42:48].mean(0) - true[36:42].mean(0))
    assert list(table.columns) == [
        *("category", "sequence", "frame", "protocol"),
        *("nme_interpupil", "nme_interocular", "cycle_error", "state"),
    ]
    np.testing.assert_allclose(table["nme_interpupil"], 100 / distance, rtol=1e-5)
    summaries = scoring.summarise_results(results + other)
    counts = [(s["category"], s["frames"], s["sequences"]) for s in summaries]
    assert counts == [("3", 4, 1), ("1", 2, 1), ("all", 6, 2)]
    assert summaries[0]["per_sequence"]["410"]["frames"] == 4
    tracked = run(FakeTracker(), sequence(2), "track")
    assert scoring.frame_table(tracked)["cycle_error"][1] == pytest.approx(1)


def test_stills():
    images = [np.full((SIZE, SIZE, 3), i, np.uint8) for i in range(3)]
    stills = [
        LabelledStill(f"ibug/{i}.jpg", image, face(20.0 + i), "ibug")
        for i, image in enumerate(images)
    ]
    seen = []
    results = scoring.evaluate_stills(
        FakeTracker().align,
        stills,
        find_box=lambda s: None if s.name == "ibug/1.jpg" else scoring.true_box(s),
        observe=lambda result, image: seen.append((result.sequence, image[0, 0, 0])),
    )
    assert [r.answer.state for r in results] == ["detected", "lost", "detected"]
    assert seen == [("ibug/0.jpg", 0), ("ibug/1.jpg", 1), ("ibug/2.jpg", 2)]
    summary = scoring.summarise_results(results)[0]
    assert (summary["frames"], summary["lost_frames"]) == (3, 1)
    assert summary["per_sequence"] == {}


def test_protocol_name_is_checked():
    with pytest.raises(ValueError, match="must be one of detect, detect-last, track"):
        ProtocolRun("tracking", FakeTracker())


def test_is_trackable():
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    assert is_trackable(face(), image)
    assert is_trackable(face(-30.0, 0.0), image)
    assert not is_trackable(face(-41.0, 0.0), image)
    assert not is_trackable(face() * [1, 0], image)
    assert not is_trackable(np.full((68, 2), np.nan), image)


@pytest.fixture
def data(tmp_path):
    """A tiny data set in both layouts: sequence 410, three stills."""
    folder = tmp_path / "data" / "300vw" / "410"
    (folder / "annot").mkdir(parents=True)
    codec = cv2.VideoWriter_fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(folder / "vid.avi"), codec, 25, (SIZE, SIZE))
    for index in range(6):
        writer.write(np.full((SIZE, SIZE, 3), index * 10, np.uint8))
        write_pts(folder / "annot" / f"{index + 1:06d}.pts", face(20.0 + index))
    writer.release()
    stills = tmp_path / "data" / "300w" / "helen" / "testset"
    for index in range(3):
        write_image(stills / f"{index}.png", np.full((SIZE, SIZE, 3), index, np.uint8))
        write_pts(stills / f"{index}.pts", face(20.0 + index))
    return tmp_path / "data"


class BoxTracker(FakeTracker):
    """Puts the mean face into the box, so that it needs no frame numbers."""

    def align(self, image, box):
        return face(*box[:2]) - face(0.0, 0.0).min(0) + [1, 0]

    def step(self, previous_frame, frame, previous_landmarks):
        return previous_landmarks, 0.01


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Write what has no name into a folder of the test."""
    monkeypatch.chdir(tmp_path)


def evaluated(*arguments, tracker=BoxTracker):
    """Run the command with a tracker whose answers are known; return its exit code."""
    return evaluate.main(list(map(str, arguments)), load=lambda name: tracker())


@pytest.mark.usefixtures("here")
def test_command_line_on_300vw(data, tmp_path, capsys):
    output = tmp_path / "report"
    arguments = ["--category", "3", "--data-root", data, "--output", output]
    assert evaluated(*arguments) == 0
    assert {p.name for p in output.iterdir()} == {
        *("metrics.json", "frames.csv", "ced.png", "worst.png")
    }
    metrics = json.loads((output / "metrics.json").read_text())
    by_protocol = {row["protocol"]: row for row in metrics["results"]}
    assert metrics["boxes"] == "gt"
    assert metrics["model"] == "strrn-hgn"
    assert by_protocol["detect"]["frames"] == 6
    # Detected 1 px off everywhere; tracked, the answer stays where the face was: it is
    # 1, 0, 1, 2, 3, 4 px off.
    ratio = by_protocol["track"]["nme_interpupil"]
    ratio /= by_protocol["detect"]["nme_interpupil"]
    assert ratio == pytest.approx(11 / 6, rel=1e-3)
    frames = pd.read_csv(output / "frames.csv")
    assert len(frames) == 5 * 6
    assert frames["frame"].max() == 5
    printed = capsys.readouterr().out
    assert "track-redetect" in printed
    assert str(output) in printed.replace("\n", "")


@pytest.mark.usefixtures("here")
def test_command_line_on_300w_and_max_frames(data, tmp_path):
    arguments = ["--dataset", "300w", "--data-root", data / "300w"]
    assert evaluated(*arguments, "--max-frames", "2") == 0
    output = tmp_path / "runs" / "evaluation" / "strrn-hgn-300w-gt"
    metrics = json.loads((output / "metrics.json").read_text())
    assert [row["category"] for row in metrics["results"]] == ["helen/testset"]
    assert metrics["results"][0]["frames"] == 2
    assert metrics["results"][0]["jitter"] is None


@pytest.mark.usefixtures("here")
def test_boxes_by_mtcnn_are_cached(data, tmp_path):
    arguments = ["--category", "3", "--data-root", data, "--boxes", "mtcnn"]
    arguments += ["--protocol", "detect", "--output", "report"]

    def states():
        assert evaluated(*arguments) == 0
        return set(pd.read_csv(tmp_path / "report" / "frames.csv")["state"])

    # In grey pictures there is no face, which is kept too.
    assert states() == {"lost"}
    (cache,) = (tmp_path / "runs" / "cache" / "face_boxes").iterdir()
    found = json.loads(cache.read_text())["boxes"]
    assert list(found.values()) == [None] * 6
    boxes = {name: [20.0, 30.0, 60.0, 70.0] for name in found}
    cache.write_text(json.dumps({"boxes": boxes}))
    assert states() == {"detected"}


@pytest.mark.usefixtures("here")
def test_all_faces_are_cached_and_the_nearest_is_taken(data, tmp_path):
    arguments = ["--category", "3", "--data-root", data, "--boxes", "mtcnn-nearest"]
    arguments += ["--protocol", "detect", "--output", "report"]

    def errors():
        assert evaluated(*arguments) == 0
        return pd.read_csv(tmp_path / "report" / "frames.csv")["nme_interpupil"]

    assert np.isinf(errors()).all()
    (cache,) = (tmp_path / "runs" / "cache" / "face_boxes").iterdir()
    found = json.loads(cache.read_text())["boxes"]
    assert list(found.values()) == [[]] * 6
    ours, larger = [20.0, 30.0, 60.0, 70.0], [0.0, 0.0, 90.0, 90.0]
    boxes = {name: [larger, ours] for name in found}
    first = min(found)
    cache.write_text(json.dumps({"boxes": boxes | {first: [ours]}}))
    nearest = errors()
    cache.write_text(json.dumps({"boxes": {name: [ours] for name in found}}))
    np.testing.assert_array_equal(nearest, errors())


def test_a_changed_image_or_folder_is_searched_anew(tmp_path):
    calls = []

    def search(image, rule):
        calls.append(rule)

    root, image = tmp_path / "root", np.zeros((9, 9, 3), np.uint8)
    still = root / "helen" / "a.jpg"
    still.parent.mkdir(parents=True)
    still.write_bytes(b"a picture")

    def searches():
        before = len(calls)
        cache = tmp_path / "boxes"
        with CachedFaceFinder(cache, root, "central", search=search) as mtcnn:
            for name in ("helen/a.jpg", "000001"):
                mtcnn(name, image)
        return len(calls) - before

    assert [searches(), searches()] == [2, 0]
    still.write_bytes(b"another picture")
    assert searches() == 1
    (root / "new.jpg").touch()
    assert searches() == 2
    assert set(calls) == {"central"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--categry", "3"], "Unrecognized options: --categry"),
        (["--category", "4"], "invalid choice '4'"),
        (["--max-frames", "0"], "--max-frames must be at least 1. Received: 0"),
        (["--cycle-limit", "-1"], "--cycle-limit must be positive"),
        (["--dataset", "300w", "--protocol", "track"], "no video to track"),
        (["--dataset", "300w", "--category", "3"], "--dataset 300w has none"),
        (["--dataset", "300w", "--boxes", "mtcnn-nearest"], "is for video"),
        (["--data-root", "/nowhere"], "/nowhere: there is no such folder"),
    ],
)
@pytest.mark.usefixtures("here")
def test_mistakes_are_one_line_and_exit_code_2(arguments, message, capsys):
    assert evaluated(*arguments) == 2
    line = capsys.readouterr().err
    assert message in line
    assert line.count("\n") == 1
    assert "---" not in line  # of the frame that surrounds it


@pytest.mark.usefixtures("here")
def test_a_mistake_in_the_data_leaves_an_old_report_alone(data, tmp_path, capsys):
    output = tmp_path / "report"
    arguments = ["--category", "3", "--data-root", data, "--output", output]
    assert evaluated(*arguments) == 0
    before = (output / "metrics.json").read_bytes()
    (data / "300vw" / "410" / "annot" / "000004.pts").write_text("version: 1\n")
    assert evaluated(*arguments) == 2
    assert "000004.pts" in capsys.readouterr().err
    assert (output / "metrics.json").read_bytes() == before
    assert len(list(output.iterdir())) == 4


@pytest.mark.usefixtures("here")
def test_interrupted(data, capsys):
    class Interrupted(BoxTracker):
        def align(self, image, box):
            raise KeyboardInterrupt

    arguments = ["--category", "3", "--data-root", data]
    assert evaluated(*arguments, tracker=Interrupted) == 130
    assert "interrupted" in capsys.readouterr().err


def test_generated_data_are_not_called_300vw(tmp_path):
    (tmp_path / "300vw").mkdir()
    for root in (tmp_path, tmp_path / "300vw"):
        assert evaluate.name_of_data(evaluate.Options(), root) == "300VW"
    (tmp_path / "animated.json").touch()
    for root in (tmp_path, tmp_path / "300vw"):
        assert evaluate.name_of_data(evaluate.Options(), root) == "Animated stills"


def test_help_teaches(capsys):
    assert evaluate.main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert "strrn evaluate --category 3" in printed
    assert "--boxes" in printed


def test_default_model_is_the_newest_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert evaluate.newest_model() == "strrn-hgn"
    for age, name in enumerate(("new", "old")):
        file = tmp_path / "runs" / name / "export" / "model.json"
        file.parent.mkdir(parents=True)
        file.write_text("{}")
        os.utime(file, (1000 - age, 1000 - age))
    assert evaluate.newest_model() == "runs/new/export"
