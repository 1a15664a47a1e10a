"""The TensorFlow-free runtime, against answers known in closed form."""

import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from support.places import ROOT, minimal_example
from support.toy_models import GAIN, toy_mean_shape

from strrn_tf.geometry import apply_matrix, crop_matrix
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face_detection.mtcnn import networks
from strrn_tf.tracking.networks.crop import cut, to_network
from strrn_tf.tracking.networks.stages import STAGES
from strrn_tf.tracking.tracker import Face, FaceTracker

BOX = np.array([40.0, 30.0, 140.0, 130.0])
DARK = np.zeros((200, 300, 3), np.uint8)


def grey(value, shape=DARK.shape):
    return np.full(shape, value, np.uint8)


def no_finder(image):
    raise AssertionError("the face detector must not be run")


@pytest.fixture
def tracker(folder):
    return FaceTracker.from_pretrained(folder, check_faces=False, finder=no_finder)


def expected_shape(box):
    """The mean shape, scaled from the crop's face box to a box, in plain arithmetic."""
    side = max(box[2] - box[0], box[3] - box[1]) * 1.6
    centre = (np.add(box[:2], box[2:])) / 2
    return (toy_mean_shape() - 157) * side / 315 + centre


def test_finder_and_face_check_share_a_network(folder, monkeypatch):
    opened = []

    class Counted(networks.Network):
        def __init__(self, name, *arguments):
            opened.append(name)
            super().__init__(name, *arguments)

    monkeypatch.setattr(networks, "Network", Counted)
    FaceTracker.from_pretrained(folder).update(DARK)
    assert opened.count("onet") == 1
    assert "pnet" in opened


# Crop -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "box",
    [
        (300.3, 200.7, 340.2, 235.1),  # enlarged 5 times
        (300.3, 200.7, 488.0, 399.9),  # about as it is
        (211.6, 100.2, 720.9, 600.4),  # shrunk 2.6 times
        (300.3, 200.7, 530.0, 431.1),  # shrunk 1.2 times: not averaged
        (3.0, 2.0, 1190.0, 890.0),  # shrunk 6 times, reaches out of the image
    ],
)
def test_crop_of_a_ramp_is_the_ramp(box):
    x, y = np.meshgrid(np.arange(1200.0), np.arange(900.0))
    # Coordinates themselves as colours, so that the crop shows its coordinates. Float:
    # rounding to bytes would hide shifts of half a pixel.
    image = np.stack([x, y, x + y], -1).astype(np.float32)
    matrix = crop_matrix(np.array(box))
    scale = matrix[0, 0]
    u, v = np.meshgrid(np.arange(315), np.arange(315))
    xy = (np.stack([u, v], -1) - matrix[:, 2]) / scale
    border = 2 / scale + 2
    inside = ((xy > border) & (xy < np.subtract([1199, 899], border))).all(-1)
    assert inside.sum() > 20_000
    error = (cut(image, matrix)[inside][:, :2] - xy[inside]) * scale
    # OpenCV blends in steps of 1/32 pixel of what it samples.
    assert np.abs(error).max() < max(scale, 1) / 32
    assert np.abs(error.mean(0)).max() < 0.005


def test_crop_keeps_channels_and_repeats_the_border():
    image = np.zeros((50, 60, 3), np.uint8)
    image[..., 0], image[..., 2] = 200, 30
    crop = cut(image, crop_matrix(np.array([-20.0, -10.0, 90.0, 80.0])))
    assert (crop == [200, 0, 30]).all()


def test_crop_does_not_alias():
    stripes = np.zeros((1600, 1600, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = cut(stripes, crop_matrix(np.array([300.0, 300.0, 1301.0, 1301.0])))
    assert crop.std() < 12
    assert abs(crop.mean() - 127.5) < 2


# align and step -------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(37, 91, 3), (200, 300, 3), (1080, 1920, 3)])
def test_align_in_an_image_of_any_size(tracker, shape):
    height, width = shape[:2]
    box = np.array([width * 0.2, height * 0.1, width * 0.7, height * 0.9])
    landmarks = tracker.align(grey(90, shape), box)
    assert landmarks.shape == (68, 2)
    assert landmarks.dtype == np.float32
    np.testing.assert_allclose(landmarks, expected_shape(box), atol=1e-3)


def test_step_in_closed_form(tracker):
    start = expected_shape(BOX) + np.array([3.25, -1.5])
    landmarks, error = tracker.step(DARK, grey(51), start)
    side = np.ptp(start, 0).max() * 1.6
    # Brightness 0.2 moves by 0.2 GAIN crop pixels; the dark frame moves nothing back.
    moved = 0.2 * GAIN * side / 315
    np.testing.assert_allclose(landmarks, start + np.array([moved, 0]), atol=1e-3)
    eyes = np.linalg.norm(start[45] - start[36])
    assert error == pytest.approx(moved / eyes, rel=1e-4)


def test_step_both_ways_adds_up(tracker):
    start = expected_shape(BOX)
    _, error = tracker.step(grey(51), grey(102), start)
    eyes = np.linalg.norm(start[45] - start[36]) * 315 / (1.6 * np.ptp(start, 0).max())
    assert error == pytest.approx((0.2 + 0.4) * GAIN / eyes, rel=1e-4)


def test_image_to_crop_and_back_is_exact(tracker):
    rng = np.random.default_rng(0)
    for _ in range(5):
        start = rng.uniform(0, 1, (68, 2)) * rng.uniform(20, 190) + rng.uniform(0, 9, 2)
        landmarks, error = tracker.step(DARK, DARK, start)
        np.testing.assert_allclose(landmarks, start, atol=1e-3)
        assert error == 0


def test_step_goes_on_outside_the_image(tracker):
    start = expected_shape(BOX) + 5000
    landmarks, _ = tracker.step(DARK, DARK, start)
    np.testing.assert_allclose(landmarks, start, atol=2e-3)


def test_the_example_in_one_file_gives_the_same(tracker, folder):
    example = minimal_example()
    model = example.Model(folder)
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 256, (2, 480, 640, 3), dtype=np.uint8)
    for box in ([200, 150, 260, 214], [91.5, 80.25, 391, 370], [-40, 30, 800, 900]):
        for roll in (0.0, 0.7):
            matrix = crop_matrix(box, roll=roll)
            theirs = example.window(box, roll, 315, 1.6)
            np.testing.assert_allclose(theirs[:2], matrix)
            theirs = example.cut(frames[0], theirs, 315)
            np.testing.assert_array_equal(theirs, to_network(cut(frames[0], matrix)))
        ours = tracker.align(frames[0], box)
        np.testing.assert_allclose(model.align(frames[0], box), ours, atol=1e-3)
        landmarks, error = tracker.step(*frames, ours)
        theirs, their_error = model.step(*frames, ours.astype(np.float64))
        np.testing.assert_allclose(theirs, landmarks, atol=1e-3)
        assert their_error == pytest.approx(error, rel=1e-5)


# Arguments ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "box", "words"),
    [
        (DARK[..., 0], BOX, ["`image`", "(H, W, 3)", "(200, 300)"]),
        (DARK.astype(np.float32), BOX, ["`image`", "uint8", "float32"]),
        (DARK[:0], BOX, ["`image`", "(0, 300, 3)"]),
        ("face.jpg", BOX, ["`image`", "str"]),
        (DARK, BOX[:3], ["`box`", "(3,)"]),
        (DARK, BOX * np.nan, ["`box`", "finite", "nan"]),
        (DARK, BOX[[2, 1, 0, 3]], ["`box`", "x0 < x1"]),
        (DARK, BOX + 400, ["`box`", "300 x 200"]),
    ],
)
def test_align_says_what_is_wrong(tracker, image, box, words):
    with pytest.raises(ValueError, match="Received") as error:
        tracker.align(image, box)
    assert all(word in str(error.value) for word in words)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("frame", "landmarks", "name"),
    [
        (grey(0, (200, 301, 3)), np.ones((68, 2)), "`frame`"),
        (DARK, np.ones((67, 2)), "`previous_landmarks`"),
        (DARK, np.full((68, 2), np.nan), "`previous_landmarks`"),
        (DARK, np.ones((68, 2)), "`previous_landmarks`"),
        (DARK, np.full((68, 2), 1e20), "`previous_landmarks`"),
        (DARK, [["a", "b"]] * 68, "`previous_landmarks`"),
    ],
)
def test_step_says_what_is_wrong(tracker, frame, landmarks, name):
    with pytest.raises(ValueError, match=name):
        tracker.step(DARK, frame, landmarks)


def test_update_says_what_is_wrong_and_keeps_its_tracks(tracker):
    tracker.update(DARK, boxes=[BOX])
    with pytest.raises(ValueError, match=r"`boxes` must be \(N, 4\)"):
        tracker.update(DARK, boxes=BOX)
    with pytest.raises(ValueError, match=r"reset\(\)"):
        tracker.update(grey(0, (50, 50, 3)), boxes=[])
    assert [face.state for face in tracker.update(DARK, boxes=[])] == ["tracked"]


@pytest.mark.parametrize(
    "options",
    [
        *({"max_faces": wrong} for wrong in (0, 1.5, "2", None, True, [1])),
        *({"max_cycle_error": wrong} for wrong in (0.0, np.nan, "a", [0.1])),
        *({"patience": wrong} for wrong in (0, "2", np.inf, {})),
        *({"redetect_interval": wrong} for wrong in (-1, 1j)),
        *({"num_threads": wrong} for wrong in (0, 1.0, "one", None)),
        *({"config": wrong} for wrong in ({"patience": 1.0}, 3)),
        *({"any_roll": wrong} for wrong in ("no", 1)),
        {"smooth": "no"},
        {"check_faces": 1},
        {"finder": 3},
    ],
)
def test_options_are_checked(folder, options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}`"):
        FaceTracker.from_pretrained(folder, **options)


def test_arguments_override_the_config(folder):
    config = TrackingConfig(patience=5.0, redetect_interval=0.5, max_misses=7)
    tracker = FaceTracker.from_pretrained(
        folder, config=config, patience=1, max_cycle_error=0.2
    )
    assert tracker.config == TrackingConfig(
        patience=1.0, redetect_interval=0.5, max_misses=7, max_cycle_error=0.2
    )
    assert FaceTracker.from_pretrained(folder).config == TrackingConfig()


def test_a_stage_timer_sees_every_call_of_a_stage(folder):
    entered, open_stages = [], []

    @contextmanager
    def timer(stage):
        entered.append(stage)
        open_stages.append(stage)
        yield
        assert open_stages.pop() == stage

    tracker = FaceTracker.from_pretrained(
        folder, check_faces=False, finder=lambda _: [BOX], stage_timer=timer
    )
    tracker.update(DARK)
    # Two detections, each with its crop.
    assert entered == ["find", *["crop", "detect"] * 2, "smooth"]
    entered.clear()
    tracker.update(DARK)
    assert entered == ["step", "crop", "track", "check", "flow", "smooth"]
    assert not open_stages
    assert {*STAGES, "step"} >= set(entered)


# The package ----------------------------------------------------------------------


def test_the_runtime_needs_no_tensorflow(folder):
    program = f"""
import sys
import numpy as np
import strrn_tf
tracker = strrn_tf.FaceTracker.from_pretrained({str(folder)!r}, check_faces=False)
image = np.zeros((120, 160, 3), np.uint8)
box = [40, 30, 100, 90]
landmarks = tracker.align(image, box)
tracker.step(image, image, landmarks)
tracker.update(image, boxes=[box])
assert tracker.update(image)[0].state == "tracked"
heavy = {{"tensorflow", "keras", "jax", "torch"}} & set(sys.modules)
assert not heavy, heavy
assert tracker.update(np.ascontiguousarray(image), boxes=[])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_face_is_part_of_the_package():
    import strrn_tf

    assert strrn_tf.Face is Face
    assert strrn_tf.FaceTracker is FaceTracker


def test_crop_matrix_of_the_folder_is_used(tracker):
    # The window that `model.json` describes is the one of the geometry module.
    matrix = crop_matrix(BOX)
    np.testing.assert_allclose(
        apply_matrix(matrix, tracker.align(DARK, BOX)), toy_mean_shape(), atol=2e-3
    )
