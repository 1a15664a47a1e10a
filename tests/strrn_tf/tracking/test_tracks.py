"""The life of a track, and the rules that decide about it."""

import dataclasses

import numpy as np
import pytest
from support.toy_models import GAIN, toy_mean_shape

from strrn_tf import geometry
from strrn_tf.tracking import fusion, track_checks
from strrn_tf.tracking.confidence.reliability import Reliability
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face_detection import association

BOX = np.array([40.0, 30.0, 140.0, 130.0])
DARK = np.zeros((200, 300, 3), np.uint8)
CONFIG = TrackingConfig()
EVERY = CONFIG.detection_interval_resting


def grey(value, shape=DARK.shape):
    return np.full(shape, value, np.uint8)


def no_finder(image):
    raise AssertionError("the face detector must not be run")


@pytest.fixture
def toy(make_toy):
    return make_toy(finder=no_finder)


@pytest.fixture
def checked(make_toy):
    """A toy with the scripted face check."""
    return make_toy(finder=no_finder, check_faces=True)


def expected_shape(box):
    """The mean shape, scaled from the crop's face box to a box, in plain arithmetic."""
    side = max(box[2] - box[0], box[3] - box[1]) * 1.6
    centre = (np.add(box[:2], box[2:])) / 2
    return (toy_mean_shape() - 157) * side / 315 + centre


def test_detected_then_tracked(toy):
    first = toy.update(DARK, 0.0, boxes=[BOX])
    second = toy.update(DARK, 0.04)
    assert [face.state for face in first + second] == ["detected", "tracked"]
    assert [face.timestamp for face in first + second] == [0.0, 0.04]
    assert first[0].id == second[0].id == 0
    assert np.isnan(first[0].cycle_error)
    assert second[0].cycle_error == second[0].disagreement == 0
    np.testing.assert_allclose(second[0].landmarks, expected_shape(BOX), atol=2e-3)
    np.testing.assert_allclose(second[0].box[:2], second[0].landmarks.min(0))
    with pytest.raises(dataclasses.FrozenInstanceError):
        first[0].id = 3


def test_a_caller_may_reuse_its_frame(toy):
    buffer = DARK.copy()
    toy.update(buffer, boxes=[BOX])
    buffer[:] = 8
    # The step back must see the dark frame: an error of one shift, not of two.
    face = toy.update(buffer)[0]
    shift = 8 / 255 * GAIN
    assert face.cycle_error == pytest.approx(shift / 120, rel=1e-3)
    assert face.reliability == Reliability()(face)


def test_lost_and_found_by_a_given_box(toy):
    toy.update(DARK, boxes=[BOX])
    lost = toy.update(grey(255), boxes=[])[0]
    assert (lost.state, lost.id, lost.reliability) == ("lost", 0, 0.0)
    assert np.isnan(lost.landmarks).all()
    assert lost.cycle_error == pytest.approx(GAIN / 120, rel=1e-3)
    np.testing.assert_allclose(lost.box, expected_shape(BOX)[[0, 1]].ravel(), atol=1e-2)
    back = toy.update(DARK, boxes=[BOX + 10])[0]
    assert (back.state, back.id) == ("detected", 0)
    np.testing.assert_allclose(back.landmarks, expected_shape(BOX + 10), atol=1e-3)


def test_a_lost_face_is_redetected_in_the_same_frame(toy):
    toy.update(DARK, boxes=[BOX])
    face = toy.update(grey(255), boxes=[BOX])[0]
    assert (face.state, face.id) == ("detected", 0)


def test_the_detector_corrects_a_drift_every_few_frames(toy):
    toy.update(DARK, boxes=[BOX])
    elsewhere = expected_shape(BOX) + 12
    toy.networks.detections = [elsewhere]
    for _ in range(EVERY - 1):
        assert toy.update(DARK)[0].state == "tracked"
    (face,) = toy.update(DARK)
    assert (face.id, face.state, face.disagreement) == (0, "detected", 0)
    np.testing.assert_allclose(face.landmarks, elsewhere, atol=1e-3)


def test_the_detector_checks_at_once_after_a_large_cycle_error(toy):
    error = 1.1 * CONFIG.cycle_recheck_threshold
    toy.update(DARK, boxes=[BOX])
    toy.networks.detections = [expected_shape(BOX) + 12]
    assert toy.update(DARK)[0].state == "tracked"
    toy.networks.change_step = lambda landmarks, _, crop: (landmarks, error, crop)
    assert toy.update(DARK)[0].state == "detected"


def test_a_face_whose_detections_are_not_consistent_is_lost(toy):
    toy.update(DARK, boxes=[BOX])
    shape = expected_shape(BOX)
    toy.networks.detections = [shape + 12, shape + 12, shape + 30]
    states = [toy.update(DARK, boxes=[])[0].state for _ in range(EVERY)]
    assert states == ["tracked"] * (EVERY - 1) + ["lost"]


def test_what_is_no_face_is_lost_at_the_next_check(checked):
    results = [(0.9, 0.1), (0.8, 0.2), (0.1, 0.0), (0.7, 0.1)]
    checked.check.results = list(results)
    faces = [checked.update(DARK, boxes=[BOX])[0]]
    faces += [checked.update(DARK, boxes=[])[0] for _ in range(2 * EVERY)]
    states = [face.state for face in faces]
    assert states == ["detected", *["tracked"] * (2 * EVERY - 1), "lost"]
    reported = [(face.face_score, face.landmark_offset) for face in faces]
    expected = [results[0]] * EVERY + [results[1]] * EVERY + [(np.nan, np.nan)]
    np.testing.assert_array_equal(reported, expected)
    assert [face.offset for face in faces[:-1]] == [pair[1] for pair in expected[:-1]]
    (back,) = checked.update(DARK, boxes=[BOX])
    assert (back.id, back.state, back.face_score) == (0, "detected", 0.7)


def test_landmarks_beside_a_face_move_there(checked):
    checked.check.results = [(0.9, 0), (0.9, 0.5), (0.9, 0)]
    checked.update(DARK, boxes=[BOX])
    before = [checked.update(DARK)[0].landmarks for _ in range(EVERY - 1)][-1]
    face = checked.update(DARK)[0]
    assert (face.id, face.state) == (0, "detected")
    # The box of the face check, (80, 80) to (280, 280) in the crop, is the detector's
    # next window. A crop is 1.6 face boxes wide.
    shift = (180 - 157) * 160 / 315
    np.testing.assert_allclose((face.landmarks - before).mean(0), shift, atol=1.5)


@pytest.mark.parametrize(("outliers", "expected"), [(34, "tracked"), (35, "lost")])
def test_a_face_that_the_flow_leaves_is_checked_at_once(checked, outliers, expected):
    checked.check.results = [(0.9, 0), (0.2, 0)]
    shift = np.zeros((68, 2))
    shift[:outliers] = 20
    checked.networks.change_flow = lambda start: start + shift
    checked.update(DARK, boxes=[BOX])
    assert checked.update(DARK, boxes=[])[0].state == expected


@pytest.mark.parametrize(("score", "expected"), [(0.9, "detected"), (0.7, "lost")])
def test_after_a_rejected_step_a_confident_face_is_detected(checked, score, expected):
    checked.check.results = [(0.9, 0), (score, 0)]
    checked.update(DARK, boxes=[BOX])
    assert checked.update(grey(255), boxes=[])[0].state == expected


def test_what_is_no_face_starts_no_track(checked):
    checked.check.results = [(0.1, 0), (0.3, 0)]
    assert checked.update(DARK, boxes=[BOX]) == []
    assert [face.id for face in checked.update(DARK, boxes=[BOX])] == [0]


def test_where_the_detector_agrees_its_weight_is_added_in_every_frame(toy):
    toy.update(DARK, boxes=[BOX])
    toy.networks.detections = [expected_shape(BOX) + 1]
    weight = CONFIG.detector_weight
    offsets, faces = [], []
    for _ in range(3 * EVERY):
        faces += toy.update(DARK)
        offsets.append((faces[-1].landmarks - expected_shape(BOX)).mean())
    assert {face.state for face in faces} == {"tracked"}
    # The networks differ by a pixel. Its weighted part is added until the next check.
    first = [0.0] * (EVERY - 1) + [weight * (1 + i) for i in range(EVERY)]
    np.testing.assert_allclose(offsets[: 2 * EVERY - 1], first, atol=2e-3)
    # Then the weighted part of the rest, as it was before the next correction.
    added = EVERY * weight
    rest = weight * (1 - added)
    assert offsets[2 * EVERY - 1] == pytest.approx(added + rest, abs=5e-3)
    eyes = expected_shape(BOX)[[36, 45]]
    distance = np.sqrt(2) / np.linalg.norm(eyes[1] - eyes[0])
    assert faces[EVERY - 1].disagreement == pytest.approx(distance, rel=1e-2)
    np.testing.assert_allclose(faces[-1].box[:2], faces[-1].landmarks.min(0))


def test_a_new_detection_ends_the_former_correction(toy):
    toy.update(DARK, boxes=[BOX])
    toy.networks.detections = [expected_shape(BOX) + 1]
    faces = [toy.update(DARK)[0] for _ in range(EVERY + 1)]
    # The tracker stays, so a correction is all that moves.
    moved = faces[-1].landmarks - faces[-2].landmarks
    np.testing.assert_allclose(moved, CONFIG.detector_weight, atol=2e-3)
    toy.networks.detections = [expected_shape(BOX) + 12]
    faces = [toy.update(DARK)[0] for _ in range(EVERY)]
    assert [face.state for face in faces[-2:]] == ["detected", "tracked"]
    moved = faces[-1].landmarks - faces[-2].landmarks
    np.testing.assert_allclose(moved, 0, atol=1e-3)


def test_networks_agree_within_a_tenth_of_the_eye_distance():
    shape = toy_mean_shape()
    eyes = np.linalg.norm(shape[45] - shape[36])
    for distance, agreed in ((0.099, True), (0.101, False), (np.nan, False)):
        moved = shape + np.float32(distance * eyes) * np.array([1.0, 0.0])
        assert (fusion.detector_correction(shape, moved, CONFIG) is not None) is agreed


@pytest.mark.parametrize(
    ("patience", "times"), [(0.09, [None] * 4), (0.2, [0.0, 0.1, 0.3, 0.31])]
)
def test_patience_is_in_seconds(make_toy, patience, times):
    toy = make_toy(patience=patience)
    toy.update(DARK, times[0], boxes=[BOX])
    counts = [len(toy.update(grey(255), t, boxes=[])) for t in times]
    assert counts == [1, 1, 0, 0]
    assert toy.update(DARK, boxes=[BOX])[0].id == 1


def test_a_lost_face_may_come_back_further_away_the_longer_it_was_lost(make_toy):
    toy = make_toy()
    away = BOX + np.array([75, 0, 75, 0])  # three quarters of its size
    for lost_for, number in ((0.1, 1), (0.5, 0)):
        toy.tracker.reset()
        toy.update(DARK, 0.0, boxes=[BOX])
        toy.update(grey(255), 0.04, boxes=[])
        faces = toy.update(DARK, lost_for, boxes=[away])
        assert [face.id for face in faces if face.state == "detected"] == [number]


def test_an_unreliable_face_that_no_search_finds_is_lost(make_toy):
    found = [BOX]
    doubting = TrackingConfig(confirmation_reliability=1.1)
    toy = make_toy(finder=lambda _: found, config=doubting)
    assert toy.update(DARK, 0.0)[0].state == "detected"
    states = [toy.update(DARK, 0.04 * i)[0].state for i in range(1, 12)]
    assert set(states) == {"tracked"}
    found.clear()
    # Searched at 0.6 and at 0.8 s.
    states = [toy.update(DARK, 0.04 * i)[0].state for i in range(12, 22)]
    assert states == ["tracked"] * 8 + ["lost"] * 2


def test_several_faces_keep_their_ids(toy):
    left, right = np.array([20.0, 40, 80, 100]), np.array([170.0, 40, 230, 100])
    toy.update(DARK, boxes=[left, right])
    faces = toy.update(DARK, boxes=[right + 3, left + 3])
    assert [face.id for face in faces] == [0, 1]
    assert [face.state for face in faces] == ["tracked", "tracked"]
    np.testing.assert_allclose(faces[0].landmarks, expected_shape(left), atol=2e-3)
    np.testing.assert_allclose(faces[1].landmarks, expected_shape(right), atol=2e-3)
    third = np.array([100.0, 110, 160, 170])
    assert [face.id for face in toy.update(DARK, boxes=[third])] == [0, 1, 2]


def test_two_tracks_on_one_face_become_one(toy):
    faces = toy.update(DARK, boxes=[BOX, BOX + 5])
    assert [face.id for face in faces] == [0]
    assert [face.id for face in toy.update(DARK, boxes=[])] == [0]


def test_of_two_faces_that_meet_the_less_reliable_one_waits(make_toy):
    # The detector would see that they have not met.
    config = TrackingConfig(detection_interval_moving=9)
    toy = make_toy(finder=no_finder, config=config)
    left, right = np.array([20.0, 40, 80, 100]), np.array([70.0, 40, 130, 100])
    toy.update(DARK, 0.0, boxes=[left, right])
    middle = (expected_shape(left) + expected_shape(right)).mean() / 2

    def jump(landmarks, error, crop):
        is_right = landmarks.mean() > middle
        shift = left[:2] - right[:2] if is_right else 0.0
        return landmarks + np.float32(shift), error + 0.01 * is_right, crop

    toy.networks.change_step = jump
    faces = toy.update(DARK, 1.0, boxes=[])
    assert [(face.id, face.state) for face in faces] == [(0, "tracked"), (1, "lost")]
    toy.networks.change_step = lambda *result: result
    faces = toy.update(DARK, 1.5, boxes=[left, right])
    states = [(face.id, face.state) for face in faces]
    assert states == [(0, "tracked"), (1, "detected")]


def test_faces_know_their_camera(make_toy):
    """The focal length is the longer side of the frame unless it is given."""
    height, width = DARK.shape[:2]
    near = TrackingConfig(focal_length=7)
    for config, focal in ((None, max(height, width)), (near, 7)):
        tracker = make_toy(config=config, smooth=False)
        (face,) = tracker.update(DARK, 0.0, [BOX])
        assert face.camera.focal_length == focal
        assert face.camera.centre == ((width - 1) / 2, (height - 1) / 2)


def test_reset_forgets(toy):
    toy.update(DARK, boxes=[BOX])
    toy.tracker.reset()
    small = grey(0, (90, 90, 3))
    assert toy.update(small, boxes=[]) == []
    assert toy.update(small, boxes=[[10, 10, 60, 60]])[0].id == 0


def test_the_finder_is_run_only_when_a_face_is_missing(make_toy):
    calls = []

    def finder(image):
        calls.append(image.shape)
        return [np.array([200.0, 50, 240, 90]), BOX]

    toy = make_toy(finder=finder)
    faces = toy.update(DARK)
    assert len(calls) == 1
    # The larger of the two is followed.
    np.testing.assert_allclose(faces[0].landmarks, expected_shape(BOX), atol=1e-3)
    for _ in range(40):
        assert [face.state for face in toy.update(DARK)] == ["tracked"]
    assert len(calls) == 1
    assert [face.state for face in toy.update(grey(255))] == ["detected"]
    assert len(calls) == 2
    # Not again before 0.2 s have passed.
    states = [toy.update(grey(127 * (i % 2)))[0].state for i in range(6)]
    assert states == ["lost"] * 4 + ["detected", "lost"]
    assert len(calls) == 3


def test_several_faces_are_found(make_toy):
    boxes = [np.array([200.0, 50, 240, 90]), BOX, np.array([250.0, 150, 280, 180])]
    toy = make_toy(finder=lambda _: boxes, max_faces=2)
    faces = toy.update(DARK)
    assert [face.id for face in faces] == [0, 1]
    np.testing.assert_allclose(faces[1].landmarks, expected_shape(boxes[0]), atol=1e-3)


SMALL = np.array([200.0, 50, 240, 90])


def two_faces(make_toy, boxes, max_faces=2, **options):
    return make_toy(finder=lambda _: boxes, max_faces=max_faces, **options)


@pytest.mark.parametrize("max_faces", [1, 2])
@pytest.mark.parametrize("large_is_sure", [True, False])
def test_no_unsure_face_begins_beside_a_sure_one(make_toy, large_is_sure, max_faces):
    boxes = [BOX, SMALL]  # the largest come first
    toy = two_faces(make_toy, boxes, max_faces)
    middle = np.ptp(expected_shape(BOX)[:, 0]) / 1.5
    toy.reliability.of_width = lambda width: (
        0.9 if (width > middle) == large_is_sure else 0.4
    )
    sure = expected_shape(BOX if large_is_sure else SMALL)
    for _ in range(8):
        (face,) = toy.update(DARK)
        assert face.id == 0
        np.testing.assert_allclose(face.landmarks, sure, atol=5e-3)
    # The refused one has taken no id.
    toy.reliability.of_width = lambda width: 0.9
    if max_faces == 2:
        seen = [toy.update(DARK, 1.0 + i) for i in range(3)][-1]
        assert [face.id for face in seen] == [0, 1]


def test_unsure_faces_begin_where_all_are_doubtful_or_when_they_are_given(make_toy):
    toy = two_faces(make_toy, [BOX, SMALL])
    toy.reliability.of_width = lambda width: 0.1
    assert [face.id for face in toy.update(DARK)] == [0, 1]
    single = two_faces(make_toy, [BOX, SMALL], 1)
    single.reliability.of_width = lambda width: 0.1
    assert len(single.update(DARK)) == 1
    given = two_faces(make_toy, [])
    given.reliability.of_width = lambda width: 0.9 if width > 60 else 0.1
    faces = given.update(DARK, boxes=[BOX, SMALL])
    assert [face.id for face in faces] == [0, 1]


def test_an_unsure_face_does_not_take_the_place_of_a_lost_one(make_toy):
    boxes = [BOX]
    toy = two_faces(make_toy, boxes, 1)
    toy.reliability.of_width = lambda width: 0.4
    assert toy.update(DARK, 0.0)[0].state == "detected"
    boxes[:] = [np.array([200.0, 50, 240, 90])]
    states = [toy.update(grey(255 * (i < 2)), 0.3 * i) for i in range(1, 12)]
    assert [(f.id, f.state) for f in states[3]] == [(0, "lost")]
    # Until it is forgotten.
    assert [(f.id, f.state) for f in states[-1]] == [(1, "tracked")]


def swapped(make_toy, **options):
    """Return a tracker of one face that follows a new one while the first is lost."""
    boxes = [BOX]
    toy = two_faces(make_toy, boxes, 1, **options)
    toy.update(DARK)
    boxes[:] = []
    # Else the face check would let the face be detected again.
    toy.check.results = [(0.1, 0.0), (1.0, 0.0)]
    assert [face.state for face in toy.update(grey(255))] == ["lost"]
    boxes[:] = [np.array([200.0, 50, 290, 140])]
    faces = [toy.update(DARK) for _ in range(5)][-1]
    assert [(face.id, face.state) for face in faces] == [(0, "lost"), (1, "tracked")]
    return toy, boxes


def test_a_lost_face_keeps_its_id_for_as_long_as_it_may_come_back(make_toy):
    toy, _ = swapped(make_toy)
    faces = [toy.update(DARK) for _ in range(2 * 25)][-1]
    assert [(face.id, face.state) for face in faces] == [(1, "tracked")]


def test_a_lost_face_that_is_back_takes_the_place_of_a_younger_one(make_toy):
    toy, boxes = swapped(make_toy)
    boxes.insert(0, BOX)
    faces = [toy.update(DARK) for _ in range(6)][-1]
    assert [(face.id, face.state) for face in faces] == [(0, "tracked"), (1, "lost")]
    # Which may come back in its turn.
    boxes.remove(BOX)
    toy.update(grey(255))
    faces = [toy.update(DARK) for _ in range(6)][-1]
    assert [(face.id, face.state) for face in faces] == [(0, "lost"), (1, "tracked")]


def test_a_stranger_beside_a_lost_face_does_not_take_a_place(make_toy):
    toy, boxes = swapped(make_toy)
    boxes.insert(0, BOX + 80)
    for _ in range(30):
        faces = toy.update(DARK)
        assert [face.id for face in faces if face.state == "tracked"] == [1]


def test_faces_whose_boxes_were_given_are_followed_beyond_the_limit(make_toy):
    boxes = [np.array([x, 30.0, x + 60, 90]) for x in (20.0, 120.0, 220.0)]
    toy = two_faces(make_toy, boxes, 1)
    toy.update(DARK, boxes=boxes)
    steps = iter([np.inf])
    toy.networks.change_step = lambda landmarks, error, crop: (
        landmarks,
        next(steps, error),
        crop,
    )
    faces = toy.update(DARK, boxes=[])
    assert [face.state for face in faces] == ["lost", "tracked", "tracked"]
    faces = [toy.update(DARK) for _ in range(10)][-1]
    seen = [face.id for face in faces if face.state != "lost"]
    assert seen == [1, 2]


@pytest.mark.parametrize("score", [0.75, 0.85])
def test_at_the_limit_only_a_confident_face_is_back(make_toy, score):
    toy, boxes = swapped(make_toy, check_faces=True)
    boxes.insert(0, BOX)
    toy.check.results = [(score, 0.0)]
    faces = [toy.update(DARK) for _ in range(6)][-1]
    seen = [face.id for face in faces if face.state != "lost"]
    assert seen == [0 if score > CONFIG.confident_face_score else 1]


def test_a_new_face_beside_others_is_a_confident_one(make_toy):
    toy = two_faces(make_toy, [BOX, SMALL], check_faces=True)
    toy.check.results = [(0.95, 0.0), (0.85, 0.0), (0.95, 0.0)]
    assert [face.id for face in toy.update(DARK)] == [0]


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
def test_what_a_finder_returns_is_checked_like_boxes_that_are_given(make_toy, found):
    toy = make_toy(finder=lambda _: found)
    with pytest.raises(ValueError, match=r"`finder` returned: .*box"):
        toy.update(np.zeros((80, 100, 3), np.uint8))


@pytest.mark.parametrize("fault", [RuntimeError("no answer"), KeyboardInterrupt()])
def test_after_a_finder_that_fails_once_faces_keep_their_ids(make_toy, fault):
    answers = [[BOX], fault, [BOX]]

    def finder(image):
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    # No slack: a new crop is cut after every step.
    toy = make_toy(finder=finder, max_faces=2, config=TrackingConfig(crop_slack=0))
    (first,) = toy.update(DARK, 0.0)
    with pytest.raises(type(fault)):
        toy.update(grey(4), 1.0)
    (face,) = toy.update(grey(4), 1.04)
    assert (face.id, face.state) == (first.id, "tracked")
    assert not answers


def test_after_a_network_that_fails_once_faces_keep_their_ids(make_toy):
    toy = make_toy(finder=no_finder)
    left, right = np.array([20.0, 40, 80, 100]), np.array([170.0, 40, 230, 100])
    toy.update(DARK, boxes=[left, right])
    steps = []

    def fail_at_the_second(*result):
        steps.append(result)
        if len(steps) == 2:
            raise RuntimeError("out of memory")
        return result

    toy.networks.change_step = fail_at_the_second
    with pytest.raises(RuntimeError, match="out of memory"):
        toy.update(grey(4), boxes=[])
    faces = toy.update(grey(4), boxes=[])
    assert [(f.id, f.state) for f in faces] == [(0, "tracked"), (1, "tracked")]
    assert len(steps) == 4
