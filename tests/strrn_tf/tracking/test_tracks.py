"""The life of a track, and the rules that decide about it."""

import dataclasses

import numpy as np
import pytest
from support.toy_models import GAIN, toy_mean_shape, toy_models, toy_samples

from strrn_tf import geometry
from strrn_tf.tracking import association, fusion, track_checks
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face_detection.face_check import FaceCheckResult
from strrn_tf.tracking.reliability import Reliability
from strrn_tf.tracking.track import TimedFrame, mark_lost
from strrn_tf.tracking.tracker import FaceTracker

BOX = np.array([40.0, 30.0, 140.0, 130.0])
DARK = np.zeros((200, 300, 3), np.uint8)
# Toys follow dark pictures, which are no faces.
TOY = {"smooth": False, "check_faces": False}


CONFIG = TrackingConfig()
EVERY = CONFIG.detection_interval_resting


def grey(value, shape=DARK.shape):
    return np.full(shape, value, np.uint8)


def no_finder(image):
    raise AssertionError("the face detector must not be run")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from strrn_tf.export.tflite import export_models

    target = tmp_path_factory.mktemp("models") / "toy"
    return export_models(*toy_models(), target, **toy_samples())


@pytest.fixture
def tracker(folder):
    return FaceTracker.from_pretrained(folder, **TOY, finder=no_finder)


def expected_shape(box):
    """The mean shape, scaled from the crop's face box to a box, in plain arithmetic."""
    side = max(box[2] - box[0], box[3] - box[1]) * 1.6
    centre = (np.add(box[:2], box[2:])) / 2
    return (toy_mean_shape() - 157) * side / 315 + centre


def test_detected_then_tracked(tracker):
    first = tracker.update(DARK, 0.0, boxes=[BOX])
    second = tracker.update(DARK, 0.04)
    assert [face.state for face in first + second] == ["detected", "tracked"]
    assert [face.timestamp for face in first + second] == [0.0, 0.04]
    assert first[0].id == second[0].id == 0
    assert np.isnan(first[0].cycle_error)
    assert second[0].cycle_error == second[0].disagreement == 0
    np.testing.assert_allclose(second[0].landmarks, expected_shape(BOX), atol=2e-3)
    np.testing.assert_allclose(second[0].box[:2], second[0].landmarks.min(0))
    with pytest.raises(dataclasses.FrozenInstanceError):
        first[0].id = 3


def test_a_caller_may_reuse_its_frame(tracker):
    buffer = DARK.copy()
    tracker.update(buffer, boxes=[BOX])
    buffer[:] = 8
    # The step back must see the dark frame: an error of one shift, not of two.
    face = tracker.update(buffer)[0]
    shift = 8 / 255 * GAIN
    assert face.cycle_error == pytest.approx(shift / 120, rel=1e-3)
    assert face.reliability == Reliability()(face)


def test_lost_and_found_by_a_given_box(tracker):
    tracker.update(DARK, boxes=[BOX])
    lost = tracker.update(grey(255), boxes=[])[0]
    assert (lost.state, lost.id, lost.reliability) == ("lost", 0, 0.0)
    assert np.isnan(lost.landmarks).all()
    assert lost.cycle_error == pytest.approx(GAIN / 120, rel=1e-3)
    np.testing.assert_allclose(lost.box, expected_shape(BOX)[[0, 1]].ravel(), atol=1e-2)
    back = tracker.update(DARK, boxes=[BOX + 10])[0]
    assert (back.state, back.id) == ("detected", 0)
    np.testing.assert_allclose(back.landmarks, expected_shape(BOX + 10), atol=1e-3)


def test_a_lost_face_is_redetected_in_the_same_frame(tracker):
    tracker.update(DARK, boxes=[BOX])
    face = tracker.update(grey(255), boxes=[BOX])[0]
    assert (face.state, face.id) == ("detected", 0)


def detector_says(tracker, monkeypatch, *answers):
    """Let the detector give these answers, the last one for ever."""
    answers = list(answers)

    def detect_in(crop):
        return answers.pop(0) if len(answers) > 1 else answers[0]

    monkeypatch.setattr(tracker.networks, "detect_in", detect_in)


def test_the_detector_criticises_a_drift_every_few_frames(tracker, monkeypatch):
    tracker.update(DARK, boxes=[BOX])
    elsewhere = expected_shape(BOX) + 12
    detector_says(tracker, monkeypatch, elsewhere)
    for _ in range(EVERY - 1):
        assert tracker.update(DARK)[0].state == "tracked"
    (face,) = tracker.update(DARK)
    assert (face.id, face.state, face.disagreement) == (0, "detected", 0)
    np.testing.assert_allclose(face.landmarks, elsewhere, atol=1e-3)


def test_the_detector_looks_at_once_after_an_large_cycle_error(tracker, monkeypatch):
    step = tracker.networks.step

    def imprecise(crop, image, start):
        landmarks, _, seen = step(crop, image, start)
        return landmarks, 1.1 * CONFIG.cycle_recheck_threshold, seen

    tracker.update(DARK, boxes=[BOX])
    detector_says(tracker, monkeypatch, expected_shape(BOX) + 12)
    assert tracker.update(DARK)[0].state == "tracked"
    monkeypatch.setattr(tracker.networks, "step", imprecise)
    assert tracker.update(DARK)[0].state == "detected"


def test_a_face_that_the_detector_cannot_place_is_lost(tracker, monkeypatch):
    tracker.update(DARK, boxes=[BOX])
    shape = expected_shape(BOX)
    detector_says(tracker, monkeypatch, shape + 12, shape + 12, shape + 30)
    states = [tracker.update(DARK, boxes=[])[0].state for _ in range(EVERY)]
    assert states == ["tracked"] * (EVERY - 1) + ["lost"]


def check_sees(tracker, monkeypatch, *sights):
    """Let the face check give these (score, offset), the last one for ever."""
    sights = list(sights)

    def check(crop, landmarks):
        moved = landmarks - toy_mean_shape()
        np.testing.assert_allclose(moved, [moved.mean(0)] * 68, atol=0.1)
        score, offset = sights.pop(0) if len(sights) > 1 else sights[0]
        return FaceCheckResult(score, offset, np.array([80.0, 80, 280, 280]))

    monkeypatch.setattr(tracker._tracks._detector, "_face_check", check)


def test_what_is_no_face_is_lost_when_the_detector_looks(tracker, monkeypatch):
    sights = [(0.9, 0.1), (0.8, 0.2), (0.1, 0.0), (0.7, 0.1)]
    check_sees(tracker, monkeypatch, *sights)
    faces = [tracker.update(DARK, boxes=[BOX])[0]]
    faces += [tracker.update(DARK, boxes=[])[0] for _ in range(2 * EVERY)]
    states = [face.state for face in faces]
    assert states == ["detected", *["tracked"] * (2 * EVERY - 1), "lost"]
    told = [(face.face_score, face.landmark_offset) for face in faces]
    nobody = (np.nan, np.nan)
    np.testing.assert_array_equal(
        told, [sights[0]] * EVERY + [sights[1]] * EVERY + [nobody]
    )
    (back,) = tracker.update(DARK, boxes=[BOX])
    assert (back.id, back.state, back.face_score) == (0, "detected", 0.7)


def test_landmarks_beside_a_face_move_there(tracker, monkeypatch):
    check_sees(tracker, monkeypatch, (0.9, 0), (0.9, 0.5), (0.9, 0))
    tracker.update(DARK, boxes=[BOX])
    before = [tracker.update(DARK)[0].landmarks for _ in range(EVERY - 1)][-1]
    face = tracker.update(DARK)[0]
    assert (face.id, face.state) == (0, "detected")
    # The box that the check has seen, (80, 80) to (280, 280) in the crop, is the
    # detector's next window; a crop is 1.6 face boxes wide.
    shift = (180 - 157) * 160 / 315
    np.testing.assert_allclose((face.landmarks - before).mean(0), shift, atol=1.5)


def test_a_face_that_the_flow_leaves_is_looked_at_at_once(tracker, monkeypatch):
    for landmarks_that_go, expected in ((34, "tracked"), (35, "lost")):
        tracker.reset()
        check_sees(tracker, monkeypatch, (0.9, 0), (0.2, 0))

        def flow(previous, crop, start, settings, gone=landmarks_that_go):
            moved = start.copy()
            moved[:gone] += 20
            return moved

        monkeypatch.setattr(tracker.networks, "flow_landmarks", flow)
        tracker.update(DARK, boxes=[BOX])
        assert tracker.update(DARK, boxes=[])[0].state == expected


def test_after_a_step_that_fails_a_sure_face_is_detected_at_once(tracker, monkeypatch):
    for score, expected in ((0.9, "detected"), (0.7, "lost")):
        tracker.reset()
        check_sees(tracker, monkeypatch, (0.9, 0), (score, 0))
        tracker.update(DARK, boxes=[BOX])
        assert tracker.update(grey(255), boxes=[])[0].state == expected


def test_what_is_no_face_does_not_become_one(tracker, monkeypatch):
    check_sees(tracker, monkeypatch, (0.1, 0), (0.3, 0))
    assert tracker.update(DARK, boxes=[BOX]) == []
    assert [face.id for face in tracker.update(DARK, boxes=[BOX])] == [0]


def test_where_the_detector_agrees_its_share_is_dealt_out(tracker, monkeypatch):
    tracker.update(DARK, boxes=[BOX])
    detector_says(tracker, monkeypatch, expected_shape(BOX) + 1)
    share = CONFIG.detector_weight
    offsets, faces = [], []
    for _ in range(3 * EVERY):
        faces += tracker.update(DARK)
        offsets.append((faces[-1].landmarks - expected_shape(BOX)).mean())
    assert {face.state for face in faces} == {"tracked"}
    # Of the pixel that lies between them its share is made up until it looks again.
    first = [0.0] * (EVERY - 1) + [share * (1 + i) for i in range(EVERY)]
    np.testing.assert_allclose(offsets[: 2 * EVERY - 1], first, atol=2e-3)
    # Then of what is left of it, as seen before the next correction.
    dealt = EVERY * share
    rest = share * (1 - dealt)
    assert offsets[2 * EVERY - 1] == pytest.approx(dealt + rest, abs=5e-3)
    eyes = expected_shape(BOX)[[36, 45]]
    distance = np.sqrt(2) / np.linalg.norm(eyes[1] - eyes[0])
    assert faces[EVERY - 1].disagreement == pytest.approx(distance, rel=1e-2)
    np.testing.assert_allclose(faces[-1].box[:2], faces[-1].landmarks.min(0))


def test_what_is_detected_anew_owes_nothing_to_what_was(tracker, monkeypatch):
    tracker.update(DARK, boxes=[BOX])
    detector_says(tracker, monkeypatch, expected_shape(BOX) + 1)
    for _ in range(EVERY):
        tracker.update(DARK)
    (track,) = tracker._tracks._tracks
    assert (track.state.detector_correction > 0).all()
    detector_says(tracker, monkeypatch, expected_shape(BOX) + 12)
    for _ in range(EVERY):
        (face,) = tracker.update(DARK)
    assert face.state == "detected"
    np.testing.assert_array_equal(track.state.detector_correction, 0)
    np.testing.assert_array_equal(track.state.cut_around, face.landmarks)


def test_networks_agree_within_a_tenth_of_the_eye_distance():
    shape = toy_mean_shape()
    eyes = np.linalg.norm(shape[45] - shape[36])
    for distance, agreed in ((0.099, True), (0.101, False), (np.nan, False)):
        moved = shape + np.float32(distance * eyes) * np.array([1.0, 0.0])
        assert (fusion.detector_correction(shape, moved, CONFIG) is not None) is agreed


@pytest.mark.parametrize(
    ("patience", "times"), [(0.09, [None] * 4), (0.2, [0.0, 0.1, 0.3, 0.31])]
)
def test_patience_is_in_seconds(folder, patience, times):
    tracker = FaceTracker.from_pretrained(folder, **TOY, patience=patience)
    tracker.update(DARK, times[0], boxes=[BOX])
    counts = [len(tracker.update(grey(255), t, boxes=[])) for t in times]
    assert counts == [1, 1, 0, 0]
    assert tracker.update(DARK, boxes=[BOX])[0].id == 1


def test_a_lost_face_may_come_back_further_away_the_longer_it_was_lost(folder):
    tracker = FaceTracker.from_pretrained(folder, **TOY)
    away = BOX + np.array([75, 0, 75, 0])  # three quarters of its size
    for lost_for, number in ((0.1, 1), (0.5, 0)):
        tracker.reset()
        tracker.update(DARK, 0.0, boxes=[BOX])
        tracker.update(grey(255), 0.04, boxes=[])
        faces = tracker.update(DARK, lost_for, boxes=[away])
        assert [face.id for face in faces if face.state == "detected"] == [number]


def test_a_doubtful_face_that_no_search_finds_is_lost(folder):
    found = [BOX]
    doubting = TrackingConfig(confirmation_reliability=1.1)
    tracker = FaceTracker.from_pretrained(
        folder, **TOY, finder=lambda _: found, config=doubting
    )
    assert tracker.update(DARK, 0.0)[0].state == "detected"
    states = [tracker.update(DARK, 0.04 * i)[0].state for i in range(1, 12)]
    assert set(states) == {"tracked"}
    found.clear()
    # Searched at 0.6 and at 0.8 s.
    states = [tracker.update(DARK, 0.04 * i)[0].state for i in range(12, 22)]
    assert states == ["tracked"] * 8 + ["lost"] * 2


def test_several_faces_keep_their_ids(tracker):
    left, right = np.array([20.0, 40, 80, 100]), np.array([170.0, 40, 230, 100])
    tracker.update(DARK, boxes=[left, right])
    faces = tracker.update(DARK, boxes=[right + 3, left + 3])
    assert [face.id for face in faces] == [0, 1]
    assert [face.state for face in faces] == ["tracked", "tracked"]
    np.testing.assert_allclose(faces[0].landmarks, expected_shape(left), atol=2e-3)
    np.testing.assert_allclose(faces[1].landmarks, expected_shape(right), atol=2e-3)
    third = np.array([100.0, 110, 160, 170])
    assert [face.id for face in tracker.update(DARK, boxes=[third])] == [0, 1, 2]


def test_two_tracks_on_one_face_become_one(tracker):
    faces = tracker.update(DARK, boxes=[BOX, BOX + 5])
    assert [face.id for face in faces] == [0]
    assert [face.id for face in tracker.update(DARK, boxes=[])] == [0]


def test_of_two_faces_that_meet_the_less_reliable_one_waits(folder, monkeypatch):
    # So that the detector does not say that they have not met.
    config = TrackingConfig(detection_interval_moving=9)
    tracker = FaceTracker.from_pretrained(folder, **TOY, config=config)
    left, right = np.array([20.0, 40, 80, 100]), np.array([170.0, 40, 230, 100])
    tracker.update(DARK, 0.0, boxes=[left, right])
    step = tracker.networks.step

    def jump(crop, image, start):
        landmarks, error, seen = step(crop, image, start)
        is_right = landmarks.mean() > expected_shape(left).mean() + 40
        shift = left[:2] - right[:2] if is_right else 0.0
        return landmarks + np.float32(shift), error + 0.01 * is_right, seen

    monkeypatch.setattr(track_checks, "is_degenerate", lambda *_: False)
    monkeypatch.setattr(tracker.networks, "step", jump)
    faces = tracker.update(DARK, 1.0, boxes=[])
    assert [(face.id, face.state) for face in faces] == [(0, "tracked"), (1, "lost")]
    monkeypatch.setattr(tracker.networks, "step", step)
    faces = tracker.update(DARK, 1.5, boxes=[left, right])
    states = [(face.id, face.state) for face in faces]
    assert states == [(0, "tracked"), (1, "detected")]


def test_reset_forgets(tracker):
    tracker.update(DARK, boxes=[BOX])
    tracker.reset()
    small = grey(0, (90, 90, 3))
    assert tracker.update(small, boxes=[]) == []
    assert tracker.update(small, boxes=[[10, 10, 60, 60]])[0].id == 0


def test_the_finder_is_run_only_when_a_face_is_missing(folder):
    calls = []

    def finder(image):
        calls.append(image.shape)
        return [np.array([200.0, 50, 240, 90]), BOX]

    tracker = FaceTracker.from_pretrained(folder, **TOY, finder=finder)
    faces = tracker.update(DARK)
    assert len(calls) == 1
    # The larger of the two is followed.
    np.testing.assert_allclose(faces[0].landmarks, expected_shape(BOX), atol=1e-3)
    for _ in range(40):
        assert [face.state for face in tracker.update(DARK)] == ["tracked"]
    assert len(calls) == 1
    assert [face.state for face in tracker.update(grey(255))] == ["detected"]
    assert len(calls) == 2
    # Not again before 0.2 s have passed.
    states = [tracker.update(grey(127 * (i % 2)))[0].state for i in range(6)]
    assert states == ["lost"] * 4 + ["detected", "lost"]
    assert len(calls) == 3


def test_several_faces_are_found(folder):
    boxes = [np.array([200.0, 50, 240, 90]), BOX, np.array([250.0, 150, 280, 180])]
    tracker = FaceTracker.from_pretrained(
        folder, **TOY, finder=lambda _: boxes, max_faces=2
    )
    faces = tracker.update(DARK)
    assert [face.id for face in faces] == [0, 1]
    np.testing.assert_allclose(faces[1].landmarks, expected_shape(boxes[0]), atol=1e-3)


SMALL = np.array([200.0, 50, 240, 90])


def two_faces(folder, boxes, max_faces=2):
    return FaceTracker.from_pretrained(
        folder, **TOY, finder=lambda _: boxes, max_faces=max_faces
    )


def rely(tracker, reliability):
    """Let a function of their width say how reliable faces are."""
    tracker._tracks._reliability = lambda face: reliability(np.ptp(face.box[::2]))


@pytest.mark.parametrize("max_faces", [1, 2])
@pytest.mark.parametrize("large_is_sure", [True, False])
def test_no_unsure_face_begins_beside_a_sure_one(folder, large_is_sure, max_faces):
    boxes = [BOX, SMALL]  # the largest come first
    tracker = two_faces(folder, boxes, max_faces)
    middle = np.ptp(expected_shape(BOX)[:, 0]) / 1.5
    rely(tracker, lambda width: 0.9 if (width > middle) == large_is_sure else 0.4)
    sure = expected_shape(BOX if large_is_sure else SMALL)
    for _ in range(8):
        (face,) = tracker.update(DARK)
        assert face.id == 0
        np.testing.assert_allclose(face.landmarks, sure, atol=5e-3)
    # The refused one has taken no id.
    rely(tracker, lambda width: 0.9)
    if max_faces == 2:
        seen = [tracker.update(DARK, 1.0 + i) for i in range(3)][-1]
        assert [face.id for face in seen] == [0, 1]


def test_unsure_faces_begin_where_all_are_doubtful_or_when_they_are_given(folder):
    tracker = two_faces(folder, [BOX, SMALL])
    rely(tracker, lambda width: 0.1)
    assert [face.id for face in tracker.update(DARK)] == [0, 1]
    single = two_faces(folder, [BOX, SMALL], 1)
    rely(single, lambda width: 0.1)
    assert len(single.update(DARK)) == 1
    given = two_faces(folder, [])
    rely(given, lambda width: 0.9 if width > 60 else 0.1)
    faces = given.update(DARK, boxes=[BOX, SMALL])
    assert [face.id for face in faces] == [0, 1]


def test_an_unsure_face_does_not_take_the_place_of_a_lost_one(folder):
    boxes = [BOX]
    tracker = two_faces(folder, boxes, 1)
    rely(tracker, lambda width: 0.4)
    assert tracker.update(DARK, 0.0)[0].state == "detected"
    boxes[:] = [np.array([200.0, 50, 240, 90])]
    states = [tracker.update(grey(255 * (i < 2)), 0.3 * i) for i in range(1, 12)]
    assert [(f.id, f.state) for f in states[3]] == [(0, "lost")]
    # Until it is forgotten.
    assert [(f.id, f.state) for f in states[-1]] == [(1, "tracked")]


def swapped(folder):
    """Return a tracker of one face that follows a new one while the first is lost."""
    boxes = [BOX]
    tracker = two_faces(folder, boxes, 1)
    tracker.update(DARK)
    boxes[:] = []
    assert [face.state for face in tracker.update(grey(255))] == ["lost"]
    boxes[:] = [np.array([200.0, 50, 290, 140])]
    faces = [tracker.update(DARK) for _ in range(5)][-1]
    assert [(face.id, face.state) for face in faces] == [(0, "lost"), (1, "tracked")]
    return tracker, boxes


def test_a_lost_face_keeps_its_id_for_as_long_as_it_may_come_back(folder):
    tracker, _ = swapped(folder)
    faces = [tracker.update(DARK) for _ in range(2 * 25)][-1]
    assert [(face.id, face.state) for face in faces] == [(1, "tracked")]


def test_a_lost_face_that_is_back_takes_the_place_of_a_younger_one(folder):
    tracker, boxes = swapped(folder)
    boxes.insert(0, BOX)
    faces = [tracker.update(DARK) for _ in range(6)][-1]
    assert [(face.id, face.state) for face in faces] == [(0, "tracked"), (1, "lost")]
    # Which may come back in its turn.
    boxes.remove(BOX)
    tracker.update(grey(255))
    faces = [tracker.update(DARK) for _ in range(6)][-1]
    assert [(face.id, face.state) for face in faces] == [(0, "lost"), (1, "tracked")]


def test_a_stranger_beside_a_lost_face_does_not_take_a_place(folder):
    tracker, boxes = swapped(folder)
    boxes.insert(0, BOX + 80)
    for _ in range(30):
        faces = tracker.update(DARK)
        assert [face.id for face in faces if face.state == "tracked"] == [1]


def test_faces_whose_boxes_were_given_are_followed_beyond_the_limit(folder):
    boxes = [np.array([x, 30.0, x + 60, 90]) for x in (20.0, 120.0, 220.0)]
    tracker = two_faces(folder, boxes, 1)
    tracker.update(DARK, boxes=boxes)
    mark_lost(tracker._tracks._tracks[0], TimedFrame(DARK, 0.0, None), np.nan)
    faces = [tracker.update(DARK) for _ in range(10)][-1]
    seen = [face.id for face in faces if face.state != "lost"]
    assert seen == [1, 2]


@pytest.mark.parametrize("score", [0.75, 0.85])
def test_where_the_limit_is_reached_only_a_sure_face_is_back(
    folder, monkeypatch, score
):
    tracker, boxes = swapped(folder)
    boxes.insert(0, BOX)
    sight = FaceCheckResult(score, 0.0, BOX)
    monkeypatch.setattr(tracker._tracks._detector, "_face_check", lambda *_: sight)
    faces = [tracker.update(DARK) for _ in range(6)][-1]
    seen = [face.id for face in faces if face.state != "lost"]
    assert seen == [0 if score > 0.8 else 1]


def test_a_new_face_beside_others_is_surely_one(folder, monkeypatch):
    tracker = two_faces(folder, [BOX, SMALL])
    scores = iter([0.9, 0.75])
    check = lambda *_: FaceCheckResult(next(scores, 0.9), 0.0, BOX)  # noqa: E731
    monkeypatch.setattr(tracker._tracks._detector, "_face_check", check)
    assert [face.id for face in tracker.update(DARK)] == [0]


def test_degenerate_shapes():
    shape, image = expected_shape(BOX), DARK.shape
    box = np.concatenate([shape.min(0), shape.max(0)])
    centre = shape.mean(0)
    assert not track_checks.is_degenerate(shape, box, image, CONFIG)
    assert not track_checks.is_degenerate(shape, None, image, CONFIG)
    assert track_checks.is_degenerate(shape * np.nan, box, image, CONFIG)
    assert track_checks.is_degenerate(
        (shape - centre) * 0.1 + centre, None, image, CONFIG
    )
    assert track_checks.is_degenerate(
        (shape - centre) * 1.7 + centre, box, image, CONFIG
    )
    assert not track_checks.is_degenerate(
        (shape - centre) * 1.5 + centre, box, image, CONFIG
    )
    assert track_checks.is_degenerate(shape + np.array([105, 0]), box, image, CONFIG)
    assert track_checks.is_degenerate(shape + np.array([0, 160]), None, image, CONFIG)


def test_overlap_and_matching():
    assert geometry.overlap(np.array([0, 0, 2, 2]), np.array([1, 0, 3, 2])) == 1 / 3
    boxes = [np.array([0.0, 0, 10, 10]), np.array([2.0, 0, 12, 10])]
    others = [np.array([3.0, 0, 13, 10]), np.array([50.0, 0, 60, 10])]
    assert association.associate(boxes, others, CONFIG) == [(1, 0)]
    assert association.associate([], others, CONFIG) == []


@pytest.mark.parametrize("found", [None, "none", [[1, 2]], [[np.nan] * 4]])
def test_what_a_finder_returns_is_checked_like_boxes_that_are_given(folder, found):
    tracker = FaceTracker.from_pretrained(folder, **TOY, finder=lambda _: found)
    with pytest.raises(ValueError, match=r"`finder` returned: .*box"):
        tracker.update(np.zeros((80, 100, 3), np.uint8))


@pytest.mark.parametrize("fault", [RuntimeError("no answer"), KeyboardInterrupt()])
def test_after_a_finder_that_fails_once_faces_keep_their_ids(folder, fault):
    answers = [[BOX], fault, [BOX]]

    def finder(image):
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    # No slack: a new crop is cut after every step.
    tracker = FaceTracker.from_pretrained(
        folder, **TOY, finder=finder, max_faces=2, config=TrackingConfig(crop_slack=0)
    )
    (first,) = tracker.update(DARK, 0.0)
    with pytest.raises(type(fault)):
        tracker.update(grey(4), 1.0)
    (face,) = tracker.update(grey(4), 1.04)
    assert (face.id, face.state) == (first.id, "tracked")
    assert not answers
