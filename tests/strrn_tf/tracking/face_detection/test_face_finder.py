"""The LiteRT face finder against the `mtcnn` package and synthetic faces."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from data_pipeline.synthetic import draw_face
from strrn_tf.geometry import box_from_landmarks, face_size
from strrn_tf.tracking.face_detection.face_boxes import landmark_box
from strrn_tf.tracking.face_detection.face_finder import FaceFinder
from strrn_tf.tracking.face_detection.mtcnn.networks import (
    BAND_PIXELS,
    FOLDER,
    Network,
    ProposalNetwork,
    verified,
)


@pytest.fixture(scope="module")
def picture():
    """A frame (240, 320, 3) with one synthetic face, and its landmarks."""
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
            np.testing.assert_allclose(face.box, row[1:5], atol=0.1)
            np.testing.assert_allclose(face.score, row[5], atol=1e-3)
            np.testing.assert_allclose(face.points.T.ravel(), row[6:], atol=0.1)


# Even and odd; one band, two, and many; wide and high.
@pytest.mark.parametrize(
    "size", [(12, 12), (13, 17), (72, 97), (102, 137), (145, 193), (61, 900), (900, 61)]
)
def test_bands_are_the_whole_image(size):
    pixels = np.random.default_rng(0).uniform(0, 255, (*size, 3)).astype(np.float32)
    banded = ProposalNetwork(*size)
    expected = Network("pnet", *size).run(pixels)
    np.testing.assert_allclose(banded.run(pixels), expected, atol=1e-4)
    assert (banded._band.height < size[0]) == (size[0] * size[1] > BAND_PIXELS)


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
    by_share = FaceFinder(min_face_fraction=0.3).find(picture[0])
    by_pixels = FaceFinder(min_face=0.3 * 240).find(picture[0])
    assert [f.score for f in by_share] == [f.score for f in by_pixels]


def test_large_min_face_halves_the_frame(picture):
    doubled = picture[0].repeat(2, 0).repeat(2, 1)
    expected = FaceFinder(min_face=40).find(picture[0][:-1, :-1])
    found = FaceFinder(min_face=80).find(doubled[:-1, :-1])
    # A pixel becomes two: its centre is at 2 x + 1/2.
    for name in ("box", "points"):
        there = 2 * getattr(expected[0], name) + 0.5
        np.testing.assert_allclose(getattr(found[0], name), there, atol=1e-3)


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
        {"min_face_fraction": 1.5},
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
        "from strrn_tf.tracking.face_detection.face_finder import FaceFinder\n"
        "FaceFinder().find(np.zeros((90, 120, 3), np.uint8))\n"
        "heavy = {'tensorflow', 'keras', 'mtcnn', 'data_pipeline'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_changed_byte_of_a_network_is_found(tmp_path):
    copy = shutil.copytree(FOLDER, tmp_path / "mtcnn")
    path = copy / "rnet.tflite"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    assert verified(copy / "pnet.tflite") == copy / "pnet.tflite"
    with pytest.raises(ValueError, match=r"rnet\.tflite was changed"):
        verified(path)
    (copy / "onet.tflite").unlink()
    with pytest.raises(ValueError, match=r"onet\.tflite is missing"):
        verified(copy / "onet.tflite")
