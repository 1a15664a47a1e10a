"""Synthetic faces: landmarks fit the picture, and every call gives the same bytes."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.places import ROOT
from support.waiting import soon

from data_pipeline.datasets.three_hundred_vw import list_sequences, sequence_ids
from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.media.pts import read_pts
from data_pipeline.synthetic import draw_clip, draw_dataset, draw_face
from data_pipeline.synthetic.head.face_model import (
    Expression,
    Identity,
    Pose,
    sample_identity,
)
from data_pipeline.synthetic.head.patch import CAMERA_DISTANCE, Light
from data_pipeline.synthetic.head.person import Person
from data_pipeline.synthetic.scene.conditions import RANGES
from data_pipeline.synthetic.scene.motion import expression_track
from data_pipeline.synthetic.scene.renderer import render
from data_pipeline.synthetic.scene.shots import clip_shots
from strrn_tf.geometry import box_from_landmarks, overlap
from strrn_tf.landmarks import MIRROR, REGIONS
from strrn_tf.tracking.face_detection.face_boxes import landmark_box
from strrn_tf.tracking.face_detection.face_finder import FaceFinder

POSE = Pose(scale=80.0, centre=(120.0, 110.0))
SMALL = {
    "num_stills": 2,
    "num_test_stills": 1,
    "num_training_clips": 1,
    "clips_per_category": 1,
    "frames_per_clip": 2,
    "seed": 5,
}


def digest(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def picture(
    expression: Expression, pose: Pose = POSE, identity: Identity | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return a noiseless grey picture (240, 240) in linear light and the landmarks."""
    person = Person(identity or Identity(seed=1))
    light = Light(direction=(0.0, -0.2, 1.0))
    black = np.zeros((240, 240, 3), np.float32)
    image = render(person.patches(expression, pose, light), pose, light, black)
    return image.mean(-1), person.landmarks(expression, pose)


def value_at(image: np.ndarray, point: np.ndarray, radius: int = 1) -> float:
    x, y = np.round(point).astype(int)
    return float(image[y - radius : y + radius + 1, x - radius : x + radius + 1].mean())


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return draw_dataset(
        tmp_path_factory.mktemp("synthetic") / "set", workers=1, **SMALL
    )


def test_same_generator_gives_the_same_face_and_another_gives_another():
    first, second = (
        draw_face(np.random.default_rng(seed), 2, (120, 150)) for seed in (3, 3)
    )
    other = draw_face(np.random.default_rng(4), 2, (120, 150))
    assert first[0].shape == (120, 150, 3)
    assert first[0].dtype == np.uint8
    assert first[1].shape == (68, 2)
    assert first[1].dtype == np.float32
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert np.abs(first[0].astype(int) - other[0]).mean() > 5
    assert np.abs(first[1] - other[1]).max() > 1


@pytest.mark.parametrize(
    "arguments", [{"category": 4}, {"category": 0}, {"size": (20, 200)}]
)
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        draw_face(np.random.default_rng(0), **arguments)


@pytest.mark.parametrize("yaw", [0.0, 0.4, -0.9])
def test_mirrored_pose_and_expression_give_mirrored_landmarks(yaw):
    person = Person(sample_identity(np.random.default_rng(7)))
    expression = Expression(
        mouth_open=0.1, smile=0.4, skew=0.5, lids=(0.3, 1.0), brows=(0.8, -0.2)
    )
    pose = Pose(yaw=yaw, pitch=0.15, roll=0.2, scale=70, centre=(110.0, 100.0))
    here = person.landmarks(expression, pose)
    there = person.landmarks(expression.mirrored(), pose.mirrored(240))
    there = there[list(MIRROR)] * (-1, 1) + (239, 0)
    np.testing.assert_allclose(here, there, atol=0.25)


def test_widest_contour_landmarks_are_where_the_projection_puts_the_ears():
    landmarks = Person(Identity(seed=1)).landmarks(Expression(), POSE)
    # At the ears the half width is 1 and z is 0, so nothing is foreshortened.
    np.testing.assert_allclose(landmarks[[0, 16], 0], [40.0, 200.0], atol=0.5)
    np.testing.assert_allclose(landmarks[[0, 16], 1], 110.0, atol=0.5)
    chin = landmarks[8, 1] - POSE.centre[1]
    magnified = 1.57 * POSE.scale * CAMERA_DISTANCE / (CAMERA_DISTANCE - 0.7)
    assert chin == pytest.approx(magnified, rel=0.04)


def test_turning_moves_the_nose_by_its_depth():
    person = Person(Identity(seed=1))
    still = person.landmarks(Expression(), POSE)
    for yaw in (0.2, 0.6):
        turned = person.landmarks(Expression(), replace(POSE, yaw=yaw))
        shift = (turned[30] - still[30])[0] / (POSE.scale * np.sin(yaw))
        # The tip lies about 1.4 units before the axis and the camera magnifies it.
        assert 1.3 < shift < 1.75
        assert shift > (turned[27] - still[27])[0] / (POSE.scale * np.sin(yaw))
    lowered = person.landmarks(Expression(), replace(POSE, pitch=0.3))
    assert lowered[30, 1] > still[30, 1] + 20


@pytest.mark.parametrize(
    ("yaw", "visible"), [(0.0, range(4, 13)), (0.6, range(9, 15)), (-0.6, range(2, 8))]
)
def test_contour_landmarks_lie_on_the_visible_outline(yaw, visible):
    person = Person(Identity(seed=1))
    pose, light = replace(POSE, yaw=yaw, scale=60.0), Light()
    face = person.patches(Expression(), pose, light)[:1]
    covered = render(face, pose, light, np.full((240, 240, 3), -9.0, np.float32))
    inside = (covered[..., 0] > -4.5).astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    depth -= cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    landmarks = person.landmarks(Expression(), pose)
    for index in visible:
        assert abs(value_at(depth, landmarks[index], 0)) < 1.8, index


def test_eyes_are_white_at_the_corners_and_dark_in_the_middle():
    image, landmarks = picture(Expression())
    for eye in (REGIONS["left_eye"], REGIONS["right_eye"]):
        points = landmarks[list(eye)]
        pupil = value_at(image, points.mean(0))
        for corner in (points[0], points[3]):
            white = value_at(image, 0.62 * corner + 0.38 * points.mean(0), 0)
            assert white > 2 * pupil
        below = (points[4] + points[5]) / 2 + (0, 0.22 * (points[3] - points[0])[0])
        assert value_at(image, below) > 2 * pupil


def test_lids_and_lips_meet_when_they_are_closed():
    person = Person(Identity(seed=1))
    landmarks = person.landmarks(Expression(lids=(0.0, 1.0)), POSE)
    height = landmarks[[41, 40, 47, 46], 1] - landmarks[[37, 38, 43, 44], 1]
    assert (height[:2] < 1.0).all()
    assert (height[2:] > 6.0).all()
    assert (np.abs(landmarks[[65, 66, 67], 1] - landmarks[[63, 62, 61], 1]) < 1).all()


def test_open_mouth_is_dark_between_the_inner_lips_and_lowers_the_chin():
    _, before = picture(Expression())
    image, landmarks = picture(Expression(mouth_open=0.3))
    gap = landmarks[66] - landmarks[62]
    assert gap[1] > 0.25 * POSE.scale
    lower_lip = (landmarks[66] + landmarks[57]) / 2
    assert value_at(image, landmarks[62] + 0.55 * gap) < 0.5 * value_at(
        image, lower_lip
    )
    assert landmarks[8, 1] > before[8, 1] + 0.1 * POSE.scale
    np.testing.assert_allclose(landmarks[17:48], before[17:48], atol=0.6)


def test_brow_landmarks_lie_on_the_upper_edge_of_the_brow():
    image, landmarks = picture(
        Expression(), identity=Identity(seed=1, hair_style="bald")
    )
    for index in (18, 19, 20, 23, 24, 25):
        above = value_at(image, landmarks[index] - (0, 4))
        within = value_at(image, landmarks[index] + (0, 3))
        assert within < 0.75 * above, index


@pytest.mark.parametrize("category", [1, 2, 3])
def test_landmark_tracks_are_smooth(category):
    frames, size = 75, (240, 320)
    for seed in range(3):
        rng = np.random.default_rng([seed, category])
        person = Person(sample_identity(rng))
        shots, _ = clip_shots(rng, frames, size, category)
        mouths = expression_track(rng, frames, RANGES[category].expression_strength)
        track = np.stack(
            [person.landmarks(m, s.pose) for m, s in zip(mouths, shots, strict=True)]
        )
        rigid = [*REGIONS["jaw"][:5], *REGIONS["jaw"][-5:], *REGIONS["nose_bridge"]]
        bend = np.linalg.norm(np.diff(track[:, rigid], 2, axis=0), axis=-1)
        assert bend.max() < 4.0
        travel = np.linalg.norm(np.diff(track, axis=0), axis=-1)
        assert 0.05 < travel.mean() < 8.0
        assert (track > -20).all()
        assert (track < (340, 260)).all()


def test_category_three_is_darker_and_turned_further():
    def statistics(category):
        yaw, light = [], []
        for seed in range(30):
            rng = np.random.default_rng([seed, category])
            shots, _ = clip_shots(rng, 50, (240, 320), category)
            yaw.append(max(abs(shot.pose.yaw) for shot in shots))
            light.append(np.mean([shot.exposure for shot in shots]))
        return np.degrees(yaw), np.array(light)

    (calm, bright), (turned, dim) = statistics(1), statistics(3)
    assert calm.max() < 40
    assert 45 < turned.max() <= 62
    assert (dim < 0.5 * bright.min()).mean() > 0.25
    brightness = {
        category: [
            next(draw_clip(np.random.default_rng([s, 1]), category, 1, (60, 80)))[
                0
            ].mean()
            for s in range(6)
        ]
        for category in (1, 3)
    }
    assert min(brightness[3]) < 0.6 * min(brightness[1])


def test_layout_is_read_by_the_ordinary_readers(dataset):
    stills = {
        split: list_stills(dataset / "300w", split) for split in ("train", "test")
    }
    assert [len(stills["train"]), len(stills["test"])] == [2, 1]
    for split in ("train", 1, 2, 3):
        (sequence,) = list_sequences(dataset / "300vw", split)
        assert sequence.name == sequence_ids(split)[0]
        video = cv2.VideoCapture(str(sequence.video_path))
        assert video.get(cv2.CAP_PROP_FPS) == 25
        count = 0
        while video.read()[0]:
            count += 1
        assert count == SMALL["frames_per_clip"]
        files = sorted(p.name for p in sequence.annotations.iterdir())
        assert files == ["000001.pts", "000002.pts"]


def test_files_hold_what_was_drawn(dataset):
    image, landmarks = draw_face(np.random.default_rng((5, 0, 1)), None)
    path = dataset / "300w" / "drawn" / "trainset" / "00001.jpg"
    np.testing.assert_allclose(read_pts(path.with_suffix(".pts")), landmarks, atol=6e-4)
    stored = cv2.imread(str(path))[..., ::-1]
    assert np.abs(stored.astype(int) - image).mean() < 3
    text = path.with_suffix(".pts").read_text().split("\n")
    assert text[:3] == ["version: 1", "n_points: 68", "{"]
    np.testing.assert_allclose(
        [float(v) for v in text[3].split()], landmarks[0] + 1, atol=6e-4
    )


def test_second_call_returns_at_once_and_other_arguments_are_refused(dataset):
    before = digest(dataset)
    assert draw_dataset(dataset, workers=1, **SMALL) == dataset
    assert digest(dataset) == before
    with pytest.raises(ValueError, match=r"num_stills.*Delete the folder"):
        draw_dataset(dataset, workers=1, **{**SMALL, "num_stills": 3})


def test_interrupted_call_is_finished_with_the_same_bytes_in_processes(
    dataset, tmp_path
):
    root = tmp_path / "again"
    whole = digest(dataset)
    (root / "300w").mkdir(parents=True)
    started = dataset / "drawn.json"
    (root / "drawn.started.json").write_bytes(started.read_bytes())
    leftover = root / "300vw" / ".123.tmp.114" / "annot"
    leftover.mkdir(parents=True)
    (leftover / "000009.pts").write_text("half")
    draw_dataset(root, workers=2, **SMALL)
    assert digest(root) == whole


def test_only_test_clips_of_the_chosen_categories_are_drawn(dataset, tmp_path):
    root = draw_dataset(tmp_path / "few", workers=1, categories=(3,), **SMALL)
    first = {category: sequence_ids(category)[0] for category in ("train", 1, 2, 3)}
    assert {p.name for p in (root / "300vw").iterdir()} == {first["train"], first[3]}
    name = f"300vw/{first[3]}/vid.avi"
    assert (root / name).read_bytes() == (dataset / name).read_bytes()
    with pytest.raises(ValueError, match="categories"):
        draw_dataset(root, workers=1, **SMALL)
    with pytest.raises(ValueError, match="`categories` must be among"):
        draw_dataset(tmp_path / "new", categories=(4,))


def test_foreign_folders_and_numbers_out_of_range_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        draw_dataset(tmp_path)
    with pytest.raises(ValueError, match="`clips_per_category` must be 0 to 14"):
        draw_dataset(tmp_path / "new", clips_per_category=15)
    assert not (tmp_path / "new").exists()


def test_the_face_detector_takes_category_one_for_faces():
    """MTCNN was trained on photographs: the honest test of realism."""
    finder, faces = FaceFinder(), 20
    found = 0
    for seed in range(faces):
        image, landmarks = draw_face(np.random.default_rng(seed), 1)
        truth = box_from_landmarks(landmarks)
        boxes = [landmark_box(face.box) for face in finder.find(image)]
        found += any(overlap(box, truth) > 0.5 for box in boxes)
    assert found >= 0.9 * faces


SCRIPT = """
import signal
import sys
from data_pipeline.synthetic import draw_dataset

# Where the tests are a background job of a shell, it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

try:
    draw_dataset(sys.argv[1], workers=2)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_interrupt_ends_the_workers_too(tmp_path):
    root = tmp_path / "set"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(root)],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert soon(lambda: len(list(root.rglob("*.pts"))) >= 3, 60)
    # As a terminal does it: to the workers as well.
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    count = len(list(root.rglob("*.pts")))
    time.sleep(1)
    assert len(list(root.rglob("*.pts"))) == count
