"""A drawn face behind something that wanders over it, and behind a whole cover."""

import numpy as np
import pytest

from data_pipeline.animation.clip import animate_still
from data_pipeline.animation.occluded_clip import cover, leave, wander
from data_pipeline.synthetic import draw_face
from strrn_tf.geometry import box_from_landmarks, relative_distances
from strrn_tf.tracking.tracker import FaceTracker

FRAMES, FIRST = 20, 10


@pytest.fixture(scope="module")
def clip():
    image, landmarks = draw_face(np.random.default_rng(3))
    return list(animate_still(np.random.default_rng(4), image, landmarks, 1, FRAMES))


@pytest.fixture(scope="module")
def tracker():
    return FaceTracker.from_pretrained("strrn-mdm")


def follow(tracker, frames):
    tracker.reset()
    boxes = [box_from_landmarks(frames[0].landmarks)]
    return [
        tracker.update(frame.image, boxes=boxes if i == 0 else None)
        for i, frame in enumerate(frames)
    ]


@pytest.mark.parametrize(("share", "seed"), [(0.2, 0), (0.3, 1), (0.4, 2)])
def test_a_face_goes_on_behind_an_object_that_wanders(tracker, clip, share, seed):
    frames = wander(np.random.default_rng(seed), clip, share)
    hidden, sure, errors = [], [], []
    for faces, frame in zip(follow(tracker, frames), frames, strict=True):
        (face,) = faces
        assert face.state != "lost"
        assert face.id == 0
        hidden.append(frame.hidden)
        sure.append(face.landmark_confidence)
        errors.append(relative_distances(face.landmarks, frame.landmarks))
    hidden, sure, errors = map(np.stack, (hidden, sure, errors))
    assert errors[~hidden].mean() < 0.1
    # What is hidden has less confidence.
    assert sure[hidden].mean() < sure[~hidden].mean()


@pytest.mark.parametrize("slides", [False, True])
def test_a_face_behind_a_whole_cover_is_lost_at_once(tracker, clip, slides):
    frames = cover(np.random.default_rng(0), clip, FIRST, slides=slides)
    seen = follow(tracker, frames)
    assert all(faces[0].state != "lost" for faces in seen[: FIRST - 8])
    for faces in seen[FIRST:]:
        assert all(face.state == "lost" for face in faces)
        assert all((face.landmark_confidence == 0).all() for face in faces)


def test_a_face_that_leaves_the_picture_is_lost(tracker, clip):
    for faces in follow(tracker, leave(clip, FIRST))[FIRST:]:
        assert all(face.state == "lost" for face in faces)
