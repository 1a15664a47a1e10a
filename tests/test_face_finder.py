"""The LiteRT face finder against slow twins and the `mtcnn` package itself."""

import os
import subprocess
import sys

import numpy as np
import pytest

from data_pipeline.drawn import draw_face
from strrn_tf.face_boxes import landmark_box
from strrn_tf.geometry import box_from_landmarks, face_size
from strrn_tf.tracking.face_finder import FaceFinder
from strrn_tf.tracking.mtcnn import boxes as mtcnn_boxes
from strrn_tf.tracking.mtcnn.networks import Network


@pytest.fixture(scope="module")
def picture():
    """A frame (240, 320, 3) with one drawn face, and its landmarks."""
    return draw_face(np.random.default_rng(3), 1, (240, 320))


@pytest.fixture(scope="module")
def finder():
    return FaceFinder(min_face=20)


@pytest.fixture(scope="module")
def package():
    """The package's detector, with boxes not clipped to the image."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from mtcnn import MTCNN

    return MTCNN()


def test_equals_the_package(finder, package, picture):
    small, _ = draw_face(np.random.default_rng(0), 1, (150, 200))
    for image in (picture[0], small, np.hstack([small, small[:, ::-1]])):
        expected = package.detect_faces(
            image, fit_to_image=False, box_format="xyxy", output_type="numpy"
        )
        found = sorted(finder.find(image), key=lambda face: face.box[0])
        assert len(found) == len(expected) > 0
        for face, row in zip(found, sorted(expected, key=lambda r: r[1]), strict=True):
            np.testing.assert_allclose(face.box, row[1:5], atol=1.0)
            np.testing.assert_allclose(face.score, row[5], atol=0.02)
            np.testing.assert_allclose(face.points.T.ravel(), row[6:], atol=1.0)


@pytest.mark.parametrize(("name", "side"), [("pnet", 37), ("rnet", 24), ("onet", 48)])
def test_networks_equal_the_package(package, name, side):
    pixels = np.random.default_rng(1).integers(0, 256, (side, side, 3))
    pixels = pixels.astype(np.float32)
    model = package.get_stage(stage_id=["pnet", "rnet", "onet"].index(name) + 1).model
    *heads, classes = (np.asarray(h)[0] for h in model(((pixels - 127.5) / 128)[None]))
    output = Network(name, side, side).run(pixels)
    np.testing.assert_allclose(output[..., :-1], np.concatenate(heads, -1), atol=2e-5)
    score = 1 / (1 + np.exp(-output[..., -1]))
    np.testing.assert_allclose(score, classes[..., 1], atol=2e-5)


def test_finds_the_drawn_face(finder, picture):
    image, landmarks = picture
    face = finder.find(image)[0]
    truth = box_from_landmarks(landmarks)
    assert np.abs(landmark_box(face.box) - truth).max() < 0.2 * face_size(truth)
    # Eye centres, nose tip, mouth corners of the 68 landmarks.
    eyes = [landmarks[36:42].mean(0), landmarks[42:48].mean(0)]
    points = [*eyes, landmarks[30], landmarks[48], landmarks[54]]
    error = np.linalg.norm(face.points - points, axis=1)
    assert error.max() < 0.1 * face_size(truth)
    assert 0.8 < face.score <= 1


def test_best_score_comes_first(finder, picture):
    dim = (picture[0] * 0.3).astype(np.uint8)[:, ::-1]
    faces = finder.find(np.hstack([dim, picture[0]]))
    assert len(faces) >= 2
    scores = [face.score for face in faces]
    assert scores == sorted(scores, reverse=True)
    assert {bool(face.box[0] < 320) for face in faces} == {True, False}


def test_larger_min_face_keeps_boxes_of_large_faces(finder, picture):
    expected = finder.find(picture[0])[0]
    found = FaceFinder(min_face=60).find(picture[0])[0]
    np.testing.assert_allclose(found.box, expected.box, atol=1.0)


def test_min_face_leaves_out_small_faces(picture):
    size = face_size(box_from_landmarks(picture[1]))
    assert FaceFinder(min_face=0.5 * size).find(picture[0])
    assert not FaceFinder(min_face=3 * size).find(picture[0])
    by_share = FaceFinder(min_face_share=0.3).find(picture[0])
    by_pixels = FaceFinder(min_face=0.3 * 240).find(picture[0])
    assert [f.score for f in by_share] == [f.score for f in by_pixels]


def test_large_min_face_halves_the_frame(picture):
    doubled = picture[0].repeat(2, 0).repeat(2, 1)
    expected = FaceFinder(min_face=40).find(picture[0][:-1, :-1])
    found = FaceFinder(min_face=80).find(doubled[:-1, :-1])
    np.testing.assert_allclose(found[0].box, 2 * expected[0].box, atol=1e-3)
    np.testing.assert_allclose(found[0].points, 2 * expected[0].points, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (19, 19), (20, 33), (47, 61)])
def test_any_size_of_image(finder, shape):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for any_finder in (finder, FaceFinder(min_face=500)):
        assert any_finder.find(noise) == []


def test_changing_sizes_and_views_change_nothing(finder, picture):
    image = picture[0]
    expected = finder.find(image)[0].box
    for rows in (150, 200, 220):
        finder.find(image[:rows])
    flipped = np.ascontiguousarray(image[:, ::-1])[:, ::-1]
    np.testing.assert_array_equal(finder.find(flipped)[0].box, expected)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((50, 50, 3), np.float32),
        np.zeros((50, 50), np.uint8),
        np.zeros((50, 50, 4), np.uint8),
        np.zeros((0, 50, 3), np.uint8),
        "face.jpg",
    ],
)
def test_wrong_images(finder, image):
    with pytest.raises(ValueError, match=r"`image` must be .* Received: "):
        finder.find(image)


@pytest.mark.parametrize(
    "arguments",
    [
        {"min_face": 19},
        {"min_face": float("nan")},
        {"min_face_share": 1.5},
        {"thresholds": (0.6, 0.7)},
        {"thresholds": (0.6, 0.7, 1.0)},
        {"num_threads": 0},
    ],
)
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` .* Received: "):
        FaceFinder(**arguments)


def test_no_tensorflow():
    code = (
        "import sys, numpy as np\n"
        "from strrn_tf.tracking.face_finder import FaceFinder\n"
        "FaceFinder().find(np.zeros((90, 120, 3), np.uint8))\n"
        "heavy = {'tensorflow', 'keras', 'mtcnn', 'data_pipeline'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def random_boxes(count, seed=0):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (count, 2))
    return np.hstack([corner, corner + rng.uniform(10, 40, (count, 2))])


@pytest.mark.parametrize("smaller", [False, True])
def test_suppression_equals_its_slow_twin(smaller):
    boxes = random_boxes(60)
    scores = np.random.default_rng(1).uniform(size=60)
    kept = []
    for i, box in enumerate(boxes):
        for j, other in enumerate(boxes):
            width = min(box[2], other[2]) - max(box[0], other[0])
            height = min(box[3], other[3]) - max(box[1], other[1])
            shared = max(width, 0.0) * max(height, 0.0)
            a = (box[2] - box[0]) * (box[3] - box[1])
            b = (other[2] - other[0]) * (other[3] - other[1])
            overlap = shared / (min(a, b) if smaller else a + b - shared)
            if scores[j] > scores[i] and overlap > 0.4:
                break
        else:
            kept.append(i)
    assert 5 < len(kept) < 55
    expected = sorted(kept, key=lambda i: -scores[i])
    found = mtcnn_boxes.suppress(boxes, scores, 0.4, smaller=smaller)
    assert found.tolist() == expected


def test_calibration_and_points_by_hand():
    box = np.array([[10.0, 20.0, 29.0, 59.0]])  # 20 x 40 pixels, counted
    moved = mtcnn_boxes.calibrate(box, np.array([[0.1, -0.1, 0.05, 0.5]]))
    np.testing.assert_allclose(moved, [[12, 16, 30, 79]])
    shares = np.array([[0, 0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25, 0]])
    points = mtcnn_boxes.place_points(box, shares)
    expected = [[9, 59], [14, 49], [19, 39], [24, 29], [29, 19]]
    np.testing.assert_allclose(points, [expected])


def test_squares_keep_centre_and_longer_side():
    boxes = random_boxes(20)
    squares = mtcnn_boxes.square(boxes)
    sides = squares[:, 2:] - squares[:, :2]
    np.testing.assert_allclose(sides[:, 0], sides[:, 1])
    np.testing.assert_allclose(sides[:, 0], face_size(boxes))
    np.testing.assert_allclose(squares.sum(1), boxes.sum(1))


def test_windows_of_a_marked_cell():
    output = np.full((6, 9, 5), -9.0)
    output[4, 7] = [0, 0.5, 0, -1, 3]
    boxes, logits = mtcnn_boxes.window_boxes(output, 0.5, 0.0)
    # Column 7 starts at 2 * 7 + 1 = 15 and ends at 26, row 4 at 9 and 20; over 0.5.
    np.testing.assert_allclose(boxes, [[30, 29, 52, 18]])
    np.testing.assert_allclose(logits, [3])


def test_pyramid_is_the_package_s_and_min_face_drops_rungs():
    from mtcnn.utils.images import build_scale_pyramid

    for width, height in ((640, 360), (200, 260), (1920, 1080), (41, 60)):
        expected = build_scale_pyramid(width, height, 20, 0.709)
        scales = mtcnn_boxes.pyramid_scales(height, width, 20)
        np.testing.assert_allclose(scales[: len(expected)], expected)
        assert len(scales) - len(expected) in (0, 1)
    assert mtcnn_boxes.pyramid_scales(360, 640, 40) == scales_below(360, 640, 12 / 39)
    assert mtcnn_boxes.pyramid_scales(19, 400, 20) == []


def scales_below(height, width, limit):
    return [s for s in mtcnn_boxes.pyramid_scales(height, width, 20) if s < limit]


def test_patch_equals_its_slow_twin():
    rng = np.random.default_rng(2)
    pixels = rng.uniform(0, 255, (30, 41, 3)).astype(np.float32)
    box, side = np.array([-6.0, 3.0, 30.0, 39.0]), 24
    patch = mtcnn_boxes.cut_patch(pixels, box, side)
    inside = 0
    for row, column in np.ndindex(side, side):
        x = (box[0] + (box[2] - box[0]) * column / (side - 1)) * 40 / 41
        y = (box[1] + (box[3] - box[1]) * row / (side - 1)) * 29 / 30
        if x < -1 or y > 30:
            np.testing.assert_allclose(patch[row, column], 127.5)
        elif 0 <= x < 40 and 0 <= y < 29:
            i, j = int(y), int(x)
            top = (j + 1 - x) * pixels[i, j] + (x - j) * pixels[i, j + 1]
            low = (j + 1 - x) * pixels[i + 1, j] + (x - j) * pixels[i + 1, j + 1]
            # OpenCV counts in 1/32 pixel.
            expected = (i + 1 - y) * top + (y - i) * low
            np.testing.assert_allclose(patch[row, column], expected, atol=16)
            inside += 1
    assert inside > 200


def test_landmark_boxes():
    box = landmark_box(np.array([100.0, 200.0, 200.0, 400.0]))
    np.testing.assert_allclose(box, [98.6, 249.8, 203.3, 404.4])
    assert landmark_box(np.empty((0, 4))).shape == (0, 4)
    for wrong in ([1, 2, 3], [0, 0, np.nan, 5], [5, 0, 5, 9]):
        with pytest.raises(ValueError, match=r"`mtcnn_box` must be .* Received: "):
            landmark_box(np.array(wrong))
