"""Offline tracking: gaps are found and filled, ids stay, smoothing looks both ways."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from data_pipeline.animation.spoiled_clip import SPOILS
from data_pipeline.synthetic import draw_face
from strrn_tf.evaluation.metrics import jitter_terms
from strrn_tf.geometry import box_from_landmarks, eye_distance
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.offline.config import OfflineConfig
from strrn_tf.tracking.offline.tracker import OfflineTracker
from strrn_tf.tracking.smoothing import Smoother

FPS = 25
PICTURE, SHAPE = draw_face(np.random.default_rng(3), 1)
UNIT = float(eye_distance(SHAPE))
GAP = range(20, 26)


def swinging(count=50):
    """Return images and landmarks (T, 68, 2) of a face that moves fast."""
    images, shapes = [], []
    for number in range(count):
        shift = 0.6 * UNIT * np.sin(2 * np.pi * number / FPS)
        matrix = np.array([[1, 0, shift], [0, 1, shift / 3]])
        size = PICTURE.shape[1::-1]
        images.append(
            cv2.warpAffine(PICTURE, matrix, size, borderMode=cv2.BORDER_REFLECT_101)
        )
        shapes.append(SHAPE + np.array([shift, shift / 3]))
    return images, np.stack(shapes).astype(np.float32)


def seen(shape, number=0, state="tracked", reliability=0.9):
    box = box_from_landmarks(SHAPE if state == "lost" else shape)
    return Face(number, np.asarray(shape, np.float32), box, reliability, 0.01, state)


def lost(number=0):
    return seen(np.full((68, 2), np.nan), number, "lost", 0.0)


class Script:
    """A live tracker that gives these lists of faces."""

    def __init__(self, rows):
        self.rows = rows
        self.reset()

    def reset(self):
        self.left = iter(self.rows)

    def update(self, image, timestamp):
        return [replace(face, timestamp=timestamp) for face in next(self.left)]


def track(images, rows, **options):
    tracker = OfflineTracker(Script(rows), **{"smooth": False, **options})
    times = np.arange(len(images)) / FPS
    return list(tracker.track(zip(images, times.tolist(), strict=True)))


def errors(faces, shapes):
    return [
        np.linalg.norm(row[0].landmarks - shape, axis=-1).mean() / UNIT
        for row, shape in zip(faces, shapes, strict=True)
    ]


def spoil(images, shapes, kind, numbers=GAP):
    change = SPOILS[kind](np.random.default_rng(1))
    return [
        change(image, shapes[i]) if i in numbers else image
        for i, image in enumerate(images)
    ]


def states(faces):
    return "".join(row[0].state[0] if row else "-" for row in faces)


@pytest.mark.parametrize("kind", SPOILS)
def test_a_short_loss_is_filled_also_in_motion(kind):
    images, shapes = swinging()
    images = spoil(images, shapes, kind)
    rows = [[lost() if i in GAP else seen(s)] for i, s in enumerate(shapes)]
    faces = track(images, rows)
    assert states(faces) == "t" * 20 + "f" * 6 + "t" * 24
    assert max(errors(faces, shapes)) < 0.05
    for number in GAP:
        face = faces[number][0]
        assert face.timestamp == pytest.approx(number / FPS)
        assert face.reliability == 0.9
        assert np.isfinite(face.box).all()
    # The last place would be far away.
    assert np.linalg.norm(shapes[19] - shapes[25], axis=-1).mean() / UNIT > 0.3


@pytest.mark.parametrize("kind", ["dark", "small", "blur"])
def test_a_spoiled_face_is_found_and_mended(kind):
    images, shapes = swinging()
    images = spoil(images, shapes, kind)
    wrong = shapes + 0.15 * UNIT * np.isin(np.arange(50), GAP)[:, None, None]
    faces = track(images, [[seen(s)] for s in wrong])
    assert states(faces)[20:26] == "ffffff"
    assert max(errors(faces, shapes)) < 0.05


def test_frames_in_plain_sight_stay_as_they_are():
    images, shapes = swinging()
    # A blink is no gap: the eyes take a colour of the skin for three frames.
    for number in (15, 16, 17):
        for eye in (range(36, 42), range(42, 48)):
            hull = cv2.convexHull(shapes[number][list(eye)])
            cv2.fillConvexPoly(images[number], hull.astype(np.int32), (180, 140, 120))
    faces = track(images, [[seen(s)] for s in shapes])
    assert states(faces) == "t" * 50
    np.testing.assert_array_equal([row[0].landmarks for row in faces], shapes)


@pytest.mark.parametrize(
    ("count", "longest", "filled"), [(6, 1.0, 6), (6, 0.2, 0), (30, 1.0, 0)]
)
def test_a_long_loss_is_not_filled(count, longest, filled):
    images, shapes = swinging(70)
    gap = range(20, 20 + count)
    images = spoil(images, shapes, "dark", gap)
    rows = [[lost() if i in gap else seen(s)] for i, s in enumerate(shapes)]
    faces = track(images, rows, config=OfflineConfig(longest_gap=longest))
    assert states(faces).count("f") == filled
    assert states(faces).count("l") == count - filled


def test_a_loss_at_an_end_is_not_filled():
    images, shapes = swinging()
    rows = [[lost() if 3 <= i < 45 else seen(s)] for i, s in enumerate(shapes)]
    rows[:3] = [[], [], []]
    assert states(track(images, rows)) == "---" + "l" * 42 + "t" * 5
    rows = [[lost() if i >= 45 else seen(s)] for i, s in enumerate(shapes)]
    assert states(track(images, rows)) == "t" * 45 + "l" * 5


def test_a_face_that_took_the_place_of_a_lost_one_is_taken_away():
    images, shapes = swinging()
    other = SHAPE + np.array([3.0 * UNIT, 0])
    rows = [
        [lost(), seen(other, 1)] if i in GAP else [seen(s)]
        for i, s in enumerate(shapes)
    ]
    faces = track(images, rows)
    assert all(len(row) == 1 for row in faces)
    assert states(faces)[20:26] == "ffffff"
    # With room for two it stays.
    faces = track(images, rows, max_faces=2)
    assert [len(faces[i]) for i in (19, 20, 25, 26)] == [1, 2, 2, 1]
    # One that stays on is no mistake, so the lost face is not shown beside it.
    rows = [[*row, seen(other, 1)] if i > 25 else row for i, row in enumerate(rows)]
    assert states(track(images, rows))[20:26] == "llllll"


def test_every_frame_comes_out_once_and_few_wait():
    images, shapes = swinging(30)
    tracker = OfflineTracker(Script([[seen(shapes[0])]] * 400))
    count = most = 0
    for number in range(400):
        done = tracker.push(images[0], number / FPS)
        count += len(done)
        most = max(most, number + 1 - count)
    assert count + len(tracker.flush()) == 400
    config = OfflineConfig()
    wait = config.block + config.longest_gap + config.context
    assert most <= wait * FPS + 2
    tracker.reset()
    assert tracker.flush() == []
    assert tracker.push(images[0], 0.0) == []


def test_few_frames_wait_however_many_a_second_has():
    images, shapes = swinging(1)
    rows = [[seen(shapes[0])]] * 40
    tracker = OfflineTracker(Script(rows), config=OfflineConfig(most_waiting=10))
    counts = [len(tracker.push(images[0], number / 1000)) for number in range(40)]
    waiting = np.arange(1, 41) - np.cumsum(counts)
    assert waiting.max() == 9
    assert len(tracker.flush()) == waiting[-1]


def test_a_gap_across_blocks_is_filled_like_any_other():
    images, shapes = swinging(150)
    config = OfflineConfig()
    border = round((config.block + config.longest_gap + config.context) * FPS)
    for start in (border - 40, border - 3, border + 5):
        gap = range(start, start + 6)
        spoiled = spoil(images, shapes, "dark", gap)
        rows = [[lost() if i in gap else seen(s)] for i, s in enumerate(shapes)]
        faces = track(spoiled, rows, smooth=True)
        assert [i for i, c in enumerate(states(faces)) if c == "f"] == list(gap)
        assert len(faces) == 150


@pytest.mark.parametrize("block", [0.0, 0.12, 0.4, 0.76, 1.0, 1.36, 1.68])
def test_where_blocks_end_does_not_matter(block):
    images, shapes = swinging(110)
    gaps = [*range(30, 36), *range(50, 56), *range(71, 77)]
    # The face comes back step by step: the best frame behind a gap is not the first.
    returning = [i + n for i in (36, 56, 77) for n in range(9)]
    spoiled = spoil(images, shapes, "dark", gaps)
    for number in returning:
        count = returning.index(number) % 9 + 1
        dark = spoil(images, shapes, "dark", [number])[number]
        weights = 1 - count / 10, count / 10
        spoiled[number] = cv2.addWeighted(
            dark, weights[0], images[number], weights[1], 0
        )
    rows = [[lost() if i in gaps else seen(s)] for i, s in enumerate(shapes)]
    one, other = (
        track(spoiled, rows, config=OfflineConfig(block=b)) for b in (2.0, block)
    )
    assert states(one) == states(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a[0].landmarks, b[0].landmarks)


def test_smoothing_looks_both_ways():
    rng = np.random.default_rng(0)
    image = PICTURE
    still = SHAPE + rng.normal(0, 0.004 * UNIT, (60, 68, 2))
    faces = track([image] * 60, [[seen(s)] for s in still], smooth=True)
    smoother = Smoother()
    live = [smoother([seen(s)], i / FPS)[0].landmarks for i, s in enumerate(still)]
    calm = np.stack([row[0].landmarks for row in faces])
    assert jitter_terms(calm).mean() < jitter_terms(np.stack(live)).mean()
    assert np.abs(calm - SHAPE).mean() < 0.95 * np.abs(np.stack(live) - SHAPE).mean()
    # It does not lag behind a motion.
    images, shapes = swinging()
    faces = track(images, [[seen(s)] for s in shapes], smooth=True)
    smoother = Smoother()
    live = [[smoother([seen(s)], i / FPS)[0]] for i, s in enumerate(shapes)]
    slow, fast = (np.mean(errors(one, shapes)[5:-5]) for one in (live, faces))
    assert fast < 0.5 * slow


@pytest.mark.parametrize("value", [-1, 11, True, "1", float("nan")])
def test_a_threshold_outside_its_range_is_named(value):
    with pytest.raises(ValueError, match="`longest_gap` must be a number from 0 to 10"):
        OfflineConfig(longest_gap=value)
