"""Which landmarks look as before, and what that decides about a face."""

from dataclasses import replace

import numpy as np
import pytest
from support.faces import drawn_face

from strrn_tf.tracking import track_checks
from strrn_tf.tracking.confidence.evidence import Evidence
from strrn_tf.tracking.confidence.visibility import UNSEEN, Visibility
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.face_detection.face_check import FaceCheckResult
from strrn_tf.tracking.networks.face_networks import Crop

CONFIG = TrackingConfig()
FACE = drawn_face()
BOX = np.array([*FACE.min(0), *FACE.max(0)])


def texture(seed=0):
    """A picture with contrast everywhere, in grains of 8 pixels."""
    grains = np.random.default_rng(seed).integers(60, 196, (40, 40))
    return np.kron(grains, np.ones((8, 8)))[:315, :315].astype(np.uint8)


def crop_of(gray):
    return Crop(np.eye(2, 3), None, None, gray)


def seen_as(fraction):
    """A sight in which this fraction of the landmarks looks as before."""
    count = round(68 * fraction)
    alike = np.repeat([1.0, 0.0], [count, 68 - count])
    return Visibility(None, alike.astype(np.float32))


@pytest.fixture
def known():
    return UNSEEN.renewed(crop_of(texture()), FACE, CONFIG)


def test_the_same_picture_is_the_same_in_any_light(known):
    for picture in (texture(), texture() // 2 + 60):
        alike = known.compared(crop_of(picture), FACE, CONFIG).resemblance
        assert alike.min() > 0.7
        assert alike.max() <= 1 + 1e-6


def test_another_picture_and_a_plain_wall_are_not(known):
    for picture in (texture(1), np.full((315, 315), 90, np.uint8)):
        sight = known.compared(crop_of(picture), FACE, CONFIG)
        assert sight.visible_fraction(CONFIG) < CONFIG.doubtful_visible_fraction


def test_only_what_is_covered_is_hidden(known):
    picture = texture()
    picture[:, 190:] = 90
    sight = known.compared(crop_of(picture), FACE, CONFIG)
    hidden = sight.hidden(CONFIG)
    # Surroundings reach some 15 pixels beyond a landmark.
    assert hidden[FACE[:, 0] > 205].all()
    assert not hidden[FACE[:, 0] < 175].any()


def test_without_contrast_or_template_nothing_is_known():
    plain = crop_of(np.full((315, 315), 90, np.uint8))
    for sight in (UNSEEN, UNSEEN.renewed(plain, FACE, CONFIG)):
        sight = sight.compared(crop_of(texture()), FACE, CONFIG)
        assert sight.visible_fraction(CONFIG) is None
        assert sight.hidden(CONFIG) is None


def test_landmarks_outside_the_crop_have_the_surroundings_of_its_edge(known):
    sight = known.compared(crop_of(texture()), FACE + 1000, CONFIG)
    assert np.isfinite(sight.resemblance).all()


@pytest.mark.parametrize(
    ("fraction", "some_are_hidden"),
    [(1.0, False), (0.9, False), (0.8, True), (0.5, True), (0.3, False), (0, False)],
)
def test_a_face_is_hidden_in_part_where_some_but_enough_is_in_sight(
    fraction, some_are_hidden
):
    hidden = seen_as(fraction).hidden(CONFIG)
    assert (hidden is not None) is some_are_hidden
    if some_are_hidden:
        assert hidden.mean() == pytest.approx(1 - fraction, abs=0.01)


@pytest.mark.parametrize(
    ("score", "offset", "fraction", "is_face"),
    [
        # The face check is sure: nothing else is asked.
        (0.9, 0.0, 0.0, True),
        # In doubt: a little has to be in sight.
        (0.5, 0.0, 0.3, True),
        (0.5, 0.0, 0.1, False),
        # No face, or one beside: most has to be in sight.
        (0.0, 0.0, 0.5, True),
        (0.0, 0.0, 0.3, False),
        (0.9, 0.3, 0.5, True),
        (0.9, 0.3, 0.3, False),
        # Nothing is known: the face check decides.
        (0.5, 0.0, None, True),
        (0.2, 0.0, None, False),
        (0.9, 0.3, None, False),
    ],
)
def test_what_is_in_sight_decides_where_the_face_check_is_not_sure(
    score, offset, fraction, is_face
):
    sight = UNSEEN if fraction is None else seen_as(fraction)
    check = FaceCheckResult(score, offset, BOX)
    assert track_checks.is_still_face(check, sight, CONFIG) is is_face


@pytest.mark.parametrize(
    ("reliability", "fraction", "score", "needed"),
    [
        (0.3, 0.0, 1.0, False),
        (0.1, 0.6, 1.0, False),
        (0.1, 1.0, 1.0, True),
        (0.1, 0.3, 1.0, True),
        # The face check is in doubt, and what it was sure of is known again.
        (0.1, 1.0, 0.1, False),
        (0.1, 0.3, 0.1, True),
    ],
)
def test_a_face_that_is_known_again_needs_no_search(
    reliability, fraction, score, needed
):
    evidence = Evidence(resemblance=seen_as(fraction).resemblance)
    face = Face(0, FACE, BOX, reliability, 0.0, "tracked", evidence=evidence)
    face = replace(face, face_score=score)
    assert track_checks.needs_confirmation(face, CONFIG) is needed
