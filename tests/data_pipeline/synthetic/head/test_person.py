"""A person: landmarks lie where the picture shows them, in every pose."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from data_pipeline.synthetic.head.face_model import (
    Expression,
    Identity,
    Pose,
    sample_identity,
)
from data_pipeline.synthetic.head.patch import CAMERA_DISTANCE, Light
from data_pipeline.synthetic.head.person import Person
from data_pipeline.synthetic.scene.renderer import render
from strrn_tf.landmarks import MIRROR, REGIONS

POSE = Pose(scale=80.0, centre=(120.0, 110.0))


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
