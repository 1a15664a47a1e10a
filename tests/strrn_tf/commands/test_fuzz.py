"""Whatever it is given, the runtime answers, or says in one line what is wrong.

Warnings are errors in all tests: a division by zero is not an answer.
"""

import json
import shutil
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import ROOT

from strrn_tf.tracking.face_detection.face_finder import FaceFinder
from strrn_tf.tracking.networks import model_folder
from strrn_tf.tracking.tracker import FaceTracker

SHIPPED = ROOT / "saved_models" / "strrn-mdm"
BOX = [20.0, 15, 60, 55]
NOISE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
few = settings(max_examples=60)


@pytest.fixture(scope="module")
def tracker():
    return FaceTracker.from_pretrained(SHIPPED)


@pytest.fixture(scope="module")
def finder():
    return FaceFinder(min_face=20)


@contextmanager
def answered(words=""):
    """Let pass what is right, and a ``ValueError`` in one line with these words."""
    try:
        yield
    except ValueError as error:
        message = str(error)
        assert "\n" not in message
        assert "Received" in message or "again" in message
        assert words in message


def check(faces, shape):
    """Every face keeps the promises of ``Face``."""
    assert len({face.id for face in faces}) == len(faces)
    for face in faces:
        is_lost = face.state == "lost"
        assert face.state in ("detected", "tracked", "lost")
        assert face.landmarks.shape == (68, 2)
        assert np.isnan(face.landmarks).all() == is_lost
        assert is_lost or np.isfinite(face.landmarks).all()
        assert np.isfinite(face.box).all()
        assert 0 <= face.reliability <= 1


# Frames -------------------------------------------------------------------------------

DTYPES = ["uint8", "int8", "bool", "uint16", "int64", "float16", "float64", "complex64"]
SIDES = st.sampled_from([0, 1, 2, 3, 12, 20, 61, 150])
SHAPES = st.one_of(
    st.tuples(SIDES, SIDES, st.just(3)),
    st.lists(st.integers(0, 20), max_size=4).map(tuple),
)
PICTURES = {
    "noise": lambda rng, shape: rng.integers(0, 256, shape),
    "black": lambda rng, shape: np.zeros(shape),
    "white": lambda rng, shape: np.full(shape, 255),
    "stripes": lambda rng, shape: np.indices(shape).sum(0) % 2 * 255,
}


@few
@given(
    shape=SHAPES,
    dtype=st.one_of(st.just("uint8"), st.sampled_from(DTYPES)),
    picture=st.sampled_from(sorted(PICTURES)),
    seed=st.integers(0, 99),
)
def test_any_array_as_a_frame(tracker, finder, shape, dtype, picture, seed):
    frame = PICTURES[picture](np.random.default_rng(seed), shape).astype(dtype)
    is_image = frame.ndim == 3 and shape[2] == 3 and frame.size and dtype == "uint8"
    box = [0, 0, max(1, min(shape, default=1)), 40]
    calls = (
        lambda: tracker.align(frame, box),
        lambda: tracker.update(frame),
        lambda: tracker.update(frame, boxes=[box]),
        lambda: tracker.step(frame, frame, np.random.default_rng(1).uniform(size=136)),
        lambda: finder.find(frame),
    )
    tracker.reset()
    for call in calls:
        with answered():
            answer = call()
            assert is_image
            if call in calls[1:3]:
                check(answer, shape)


@pytest.mark.parametrize("frame", [None, "frame.jpg", 3, [[1, 2, 3]], b"\xff\xd8", {}])
def test_other_objects_are_no_frames(tracker, finder, frame):
    calls = tracker.update, finder.find, lambda image: tracker.align(image, BOX)
    for call in calls:
        with pytest.raises(ValueError, match="must be a NumPy array"):
            call(frame)


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 40_000), (40_000, 1), (33_000, 40), (2, 9000)]
)
def test_frames_of_extreme_shapes(tracker, finder, shape):
    frame = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    middle = np.array([shape[1], shape[0]]) / 2
    tracker.reset()
    finder.find(frame)
    for half in (0.7, 40, 900):
        box = np.concatenate([middle - half, middle + half])
        assert np.isfinite(tracker.align(frame, box)).all()
        check(tracker.update(frame, boxes=[box]), shape)
    check(tracker.update(frame), shape)


def test_a_crop_far_inside_a_very_long_image_is_that_of_its_surroundings(tracker):
    long = np.zeros((90, 40_000, 3), np.uint8)
    long[:, 33_000:33_120] = NOISE
    there = tracker.align(long, np.add(BOX, [33_000, 0, 33_000, 0]))
    # The short image ends where the long one goes on in black: near, not equal.
    padded = np.zeros((90, 400, 3), np.uint8)
    padded[:, 140:260] = NOISE
    here = tracker.align(padded, np.add(BOX, [140, 0, 140, 0]))
    np.testing.assert_allclose(there - [33_000, 0], here - [140, 0], atol=0.05)


# Boxes, landmarks, times --------------------------------------------------------------

NUMBERS = st.one_of(
    st.floats(width=64),
    st.floats(-50, 200),
    st.sampled_from([0, -1, 89, 119, 1e-300, 1e6, 1e300, -1e20, np.nan, np.inf]),
)


@settings(max_examples=150)
@given(box=st.lists(NUMBERS, min_size=4, max_size=4))
def test_any_numbers_as_a_box(tracker, box):
    tracker.reset()
    with answered("`box`"):
        landmarks = tracker.align(NOISE, box)
        assert np.isfinite(landmarks).all()
    with answered("`box`"):
        check(tracker.update(NOISE, boxes=[box]), NOISE.shape)
        check(tracker.update(NOISE, boxes=[]), NOISE.shape)


OBJECTS = [None, "box", 3, {1: 2}, 1 + 2j, [None] * 4, [1, 2, 3, "4"], [[1, 2], [3]]]


@pytest.mark.parametrize("thing", [*OBJECTS, b"1234", [1, 2, 3, 10**400], iter(())])
def test_other_objects_are_no_boxes(tracker, thing):
    tracker.reset()
    with pytest.raises(ValueError, match=r"`box` must be .* Received"):
        tracker.align(NOISE, thing)
    if thing is not None:
        with pytest.raises(ValueError, match=r"`boxes` must be .* Received"):
            tracker.update(NOISE, boxes=thing)
    assert tracker.update(NOISE, boxes=[]) == []


@few
@given(
    scale=st.sampled_from([0, 1e-9, 1e-3, 1, 100, 1e4, 1e5]),
    shift=st.tuples(*[st.floats(-1e5, 1e5)] * 2),
    damage=st.sampled_from([None, np.nan, np.inf]),
    seed=st.integers(0, 99),
)
def test_any_numbers_as_landmarks(tracker, scale, shift, damage, seed):
    landmarks = np.random.default_rng(seed).uniform(0, 1, (68, 2)) * scale + shift
    if damage:
        landmarks[seed % 68, seed % 2] = damage
    with answered("`previous_landmarks`"):
        found, error = tracker.step(NOISE, NOISE[::-1], landmarks)
        assert damage is None
        assert np.isfinite(found).all()
        assert 0 <= error < np.inf


@pytest.mark.parametrize("time", [np.nan, -np.inf, "1", [1.0], 1j, 10**400, {}])
def test_times_that_are_none_leave_the_tracks_as_they_were(tracker, time):
    tracker.reset()
    tracker.update(NOISE, 0.0, boxes=[BOX])
    with pytest.raises(ValueError, match=r"`timestamp` must be .* Received"):
        tracker.update(NOISE, time, boxes=[])
    with answered():
        check(tracker.update(NOISE, 0.04, boxes=[]), NOISE.shape)


@settings(max_examples=8)
@given(seed=st.integers(0, 999))
def test_a_video_of_anything(tracker, seed):
    rng = np.random.default_rng(seed)
    shape = (*rng.integers(1, 200, 2).tolist(), 3)
    tracker.reset()
    for _ in range(12):
        picture = PICTURES[str(rng.choice(sorted(PICTURES)))]
        frame = picture(rng, shape).astype(np.uint8)
        time = float(rng.choice([-1.0, 0.0, 0.1, 1e9]))
        boxes = None
        if rng.random() < 0.8:
            corners = rng.uniform(-20, 220, (int(rng.integers(0, 4)), 2, 2))
            boxes = np.sort(corners, 1).reshape(-1, 4)
        with answered():
            check(tracker.update(frame, time, boxes=boxes), shape)


# Model folders ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Return a copy of a model folder without the files of Keras."""
    target = tmp_path_factory.mktemp("models") / "copy"
    shutil.copytree(SHIPPED, target, ignore=shutil.ignore_patterns("*.keras"))
    description = json.loads((target / "model.json").read_text())
    model_folder.seal(target, description)
    return target


@pytest.fixture
def folder(good):
    """Return the folder; what a test does to it is undone."""
    saved = {path: path.read_bytes() for path in good.iterdir()}
    yield good
    for path, content in saved.items():
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["model.json", "detector.tflite", "tracker.tflite"])
def test_damaged_bytes_anywhere(folder, name):
    rng = np.random.default_rng(0)
    path = folder / name
    content = path.read_bytes()
    description = model_folder.load(folder).description
    for _ in range(25):
        damaged = bytearray(content)
        start = int(rng.integers(len(content)))
        length = int(rng.integers(1, 9))
        piece = rng.integers(0, 256, length, np.uint8).tobytes()
        kind = rng.integers(4)
        if kind == 3 and name == "model.json":
            start = max(content.find(b"0.", start), content.index(b"0."))
            damaged[start : start + 1] = b"7"  # a number, but another one
        elif kind == 0:
            damaged[start : start + length] = piece
        elif kind == 1:
            del damaged[start:]
        else:
            damaged[start:start] = piece
        path.write_bytes(damaged)
        # White space in model.json, or a byte by itself, may be no damage at all.
        with answered("again"):
            assert model_folder.load(folder).description == description
            assert name == "model.json" or bytes(damaged) == content


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "7", '"x"', "{}", "[" * 99_999, '{"a":' * 9999),
        *('{"format_version": 1}', '{"format_version": 1, "a": NaN}'),
        *('{"format_version": 1, "a": 1e999}', '{"format_version": 1, "a": "\\ud800"}'),
        '{"format_version": 1, "a": ' + 5000 * "1" + "}",
    ],
)
def test_descriptions_that_are_none(folder, text):
    (folder / "model.json").write_text(text)
    with pytest.raises(ValueError, match="again") as error:
        FaceTracker.from_pretrained(folder)
    assert str(folder / "model.json") in str(error.value)


def with_entry(description, path, value):
    """Return a copy with one entry replaced, left out if the value is ``KeyError``."""
    copy = json.loads(json.dumps(description))
    *parents, last = path
    place = copy
    for key in parents:
        place = place[key]
    place.pop(last)
    if value is not KeyError:
        place[last] = value
    del copy[model_folder.SELF_KEY]
    copy[model_folder.SELF_KEY] = model_folder.description_sha256(copy)
    return copy


@pytest.mark.parametrize(
    "path",
    [
        *(
            ("files",),
            ("files", "tracker.tflite"),
            ("files", "tracker.tflite", "bytes"),
        ),
        *(("crop",), ("crop", "size"), ("crop", "margin"), ("format_version",)),
    ],
)
@pytest.mark.parametrize(
    "value", [KeyError, None, -3, 0, 1e300, "x", [], {}, [1, 2], {"a": 1}], ids=repr
)
def test_entries_of_a_wrong_type(folder, path, value):
    file = folder / "model.json"
    description = json.loads(file.read_text())
    file.write_text(json.dumps(with_entry(description, path, value)))
    with pytest.raises(ValueError, match="again"):
        FaceTracker.from_pretrained(folder)
