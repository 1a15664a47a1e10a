"""What a face says of itself when it is asked."""

from dataclasses import replace

import numpy as np
from support.faces import drawn_face

from strrn_tf.geometry.head_pose import Camera, place_head
from strrn_tf.geometry.openings import eye_opening, mouth_opening
from strrn_tf.tracking import face as module
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.track import EMPTY_FACE

CAMERA = Camera.of_image((240, 320), 700)
FACE = Face(0, drawn_face(yaw=0.4), np.zeros(4), 0.9, 0.01, "tracked", camera=CAMERA)


def test_pose_and_openings_are_those_of_the_landmarks():
    assert FACE.pose == place_head(FACE.landmarks, CAMERA).pose
    assert FACE.pose.yaw > 15
    assert FACE.eye_opening == eye_opening(FACE.landmarks)
    assert FACE.mouth_opening == mouth_opening(FACE.landmarks)


def test_the_camera_decides():
    assert abs(replace(FACE, camera=None).pose.yaw - FACE.pose.yaw) > 0.5


def test_the_head_is_placed_once_and_only_when_asked(monkeypatch):
    calls = []
    monkeypatch.setattr(
        module, "place_head", lambda *a: calls.append(a) or place_head(*a)
    )
    fresh = replace(FACE)
    assert not calls
    assert fresh.pose == fresh.pose == fresh.head.pose
    assert len(calls) == 1
    # Other landmarks are another head.
    assert replace(fresh, landmarks=drawn_face(yaw=-0.4)).pose.yaw < -15


def test_nothing_is_known_of_a_lost_face():
    assert np.isnan([*EMPTY_FACE.pose, *EMPTY_FACE.eye_opening]).all()
    assert np.isnan(EMPTY_FACE.mouth_opening)
