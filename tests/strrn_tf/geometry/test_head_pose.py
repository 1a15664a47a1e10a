"""Pose of heads: known rotations come back, signs, mirrors, scales, odd landmarks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.faces import drawn_face

from data_pipeline.augmentation.head import average_head
from data_pipeline.synthetic.head.face_model import Expression, Pose, sample_identity
from data_pipeline.synthetic.head.person import Person
from data_pipeline.synthetic.scene.motion import sample_expression
from strrn_tf.geometry.average_head import AVERAGE_HEAD, HEAD_UNIT
from strrn_tf.geometry.head_pose import (
    HEAD_TO_OPENCV,
    NEAREST,
    Camera,
    HeadPose,
    PlacedHead,
    place_head,
    project_head,
    rotation_matrix,
)
from strrn_tf.landmarks import MIRROR

SHAPE = (480, 640, 3)
KNOWN = Camera.of_image(SHAPE, 600)
poses = st.builds(HeadPose, st.floats(-70, 70), st.floats(-40, 40), st.floats(-90, 90))
places = st.tuples(st.floats(-150, 150), st.floats(-100, 100), st.floats(400, 3000))


def seen(pose, position=(20.0, -10.0, 700.0), camera=KNOWN):
    """Return the landmarks (68, 2) of the average head in a pose."""
    head = PlacedHead(rotation_matrix(pose), np.array(position), camera)
    return project_head(AVERAGE_HEAD, head)


def mirrored(landmarks, width=SHAPE[1]):
    return (landmarks * [-1, 1] + [width - 1, 0])[list(MIRROR)]


def test_the_average_head_is_the_drawn_one_and_symmetric():
    np.testing.assert_allclose(AVERAGE_HEAD, average_head(Expression()), atol=5e-4)
    np.testing.assert_array_equal(AVERAGE_HEAD[list(MIRROR)] * [-1, 1, 1], AVERAGE_HEAD)


@settings(deadline=None)
@given(poses, places)
def test_rotation_and_place_are_recovered(pose, position):
    head = place_head(seen(pose, position), KNOWN)
    np.testing.assert_allclose(head.rotation, rotation_matrix(pose), atol=1e-4)
    np.testing.assert_allclose(head.pose, pose, atol=0.01)
    np.testing.assert_allclose(head.position, position, rtol=1e-3, atol=0.1)


@settings(deadline=None)
@given(poses)
def test_a_mirror_flips_yaw_and_roll_and_keeps_pitch(pose):
    landmarks = seen(pose)
    for camera in (KNOWN, Camera.of_image(SHAPE), None):
        plain = place_head(landmarks, camera).pose
        other = place_head(mirrored(landmarks), camera).pose
        np.testing.assert_allclose(
            other, (-plain.yaw, plain.pitch, -plain.roll), atol=0.01
        )


@settings(deadline=None)
@given(poses, st.floats(0.1, 20))
def test_the_size_of_the_picture_changes_nothing(pose, factor):
    plain = place_head(seen(pose), Camera.of_image(SHAPE))
    shape = tuple(factor * np.array(SHAPE[:2]))
    camera = Camera.of_image(shape)
    landmarks = (seen(pose) + 0.5) * factor - 0.5
    larger = place_head(landmarks, camera)
    np.testing.assert_allclose(larger.pose, plain.pose, atol=0.01)
    np.testing.assert_allclose(larger.position, plain.position, rtol=1e-3, atol=0.1)


@pytest.mark.parametrize("angle", ["yaw", "pitch", "roll"])
@pytest.mark.parametrize("degrees", [-25, 25])
def test_signs_are_those_of_drawn_heads(angle, degrees):
    """Yaw: nose to the right. Pitch: nose down. Roll: clockwise."""
    landmarks = drawn_face(**{angle: np.radians(degrees)})
    pose = place_head(landmarks, Camera.of_image((300, 300))).pose._asdict()
    assert pose[angle] == pytest.approx(degrees, abs=5)
    nose, eyes = landmarks[30], landmarks[36:48].mean(0)
    straight = drawn_face()
    moved = (nose - eyes) - (straight[30] - straight[36:48].mean(0))
    if angle != "roll":
        assert np.sign(moved[int(angle == "pitch")]) == np.sign(degrees)
    else:
        assert np.sign(landmarks[45, 1] - landmarks[36, 1]) == np.sign(degrees)


def test_drawn_heads_up_to_40_degrees_of_yaw():
    """At most 4 degrees on average, whoever it is and whatever the face does."""
    errors = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        true = rng.uniform((-40, -20, -20), (40, 20, 20))
        expression = sample_expression(rng) if seed % 2 else Expression()
        pose = Pose(*np.radians(true), 90.0, (300.0, 250.0))
        landmarks = Person(sample_identity(rng)).landmarks(expression, pose)
        found = place_head(landmarks, Camera.of_image(SHAPE)).pose
        errors.append(np.abs(found - true))
    assert (np.mean(errors, 0) < (2.5, 4, 2)).all(), np.mean(errors, 0)


def test_a_crop_has_the_perspective_of_half_a_metre():
    landmarks = seen(HeadPose(35, 0, 0))
    low, high = landmarks.min(0), landmarks.max(0)
    crop = Camera.of_image(tuple(np.ceil(high - low)[::-1]))
    head = place_head(landmarks - low, crop)
    assert head.camera.focal_length > 1.5 * crop.focal_length
    assert head.position[2] == pytest.approx(NEAREST, rel=0.15)
    assert head.pose.yaw == pytest.approx(35, abs=4)
    # A focal length that the user knows is used as it is.
    given = Camera.of_image((100, 100), 100.0)
    assert place_head(landmarks - low, given).camera == given


def test_without_a_camera_a_head_is_far_away():
    """Then the picture's place of a face takes no part."""
    turn = rotation_matrix(HeadPose(30, 10, -20))
    landmarks = 50 * (AVERAGE_HEAD @ turn.T)[:, :2]
    for shift in (0, 1000):
        pose = place_head(landmarks + shift).pose
        np.testing.assert_allclose(pose, (30, 10, -20), atol=0.5)


@pytest.mark.parametrize("landmarks", [
    np.full((68, 2), np.nan),
    np.where(np.arange(68)[:, None] == 30, np.nan, seen(HeadPose(0, 0, 0))),
    np.where(np.arange(68)[:, None] == 30, np.inf, seen(HeadPose(0, 0, 0))),
    np.full((68, 2), 7.0),
])  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_no_pose_where_points_are_missing_or_one(landmarks):
    for camera in (KNOWN, None):
        head = place_head(landmarks, camera)
        assert np.isnan(head.pose).all()
        assert np.isnan(head.position).all()


def test_the_jaw_takes_no_part():
    landmarks = seen(HeadPose(10, 5, 0))
    expected = place_head(landmarks, KNOWN).pose
    landmarks[:17] = np.nan
    assert place_head(landmarks, KNOWN).pose == expected


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["points", "line", "tiny", "far", "huge"]),
)
@pytest.mark.filterwarnings("error")
def test_nonsense_gives_angles_or_none_and_no_error(seed, kind):
    rng = np.random.default_rng(seed)
    landmarks = rng.uniform(0, 500, (68, 2))
    if kind == "line":
        landmarks[:, 1] = 100
    landmarks *= {"tiny": 1e-6, "huge": 1e3}.get(kind, 1)
    landmarks += 1e5 if kind == "far" else 0
    for camera in (KNOWN, Camera.of_image(SHAPE), None):
        pose = place_head(landmarks.astype(np.float32), camera).pose
        assert np.isnan(pose).all() or (np.abs(pose) <= 180).all()


def test_axes_of_the_position():
    """x to the right, y down, z away from the camera, in millimetres."""
    head = place_head(seen(HeadPose(0, 0, 0), (100, 50, 800)), KNOWN)
    np.testing.assert_allclose(head.position, (100, 50, 800), atol=0.5)
    far = seen(HeadPose(0, 0, 0), (0, 0, 1600))
    near = seen(HeadPose(0, 0, 0), (0, 0, 800))
    assert np.ptp(near[:17, 0]) == pytest.approx(600 * 2 * HEAD_UNIT / 800, rel=1e-3)
    assert np.ptp(far[:17, 0]) == pytest.approx(np.ptp(near[:17, 0]) / 2, rel=1e-3)
    np.testing.assert_array_equal(HEAD_TO_OPENCV @ HEAD_TO_OPENCV, np.eye(3))
