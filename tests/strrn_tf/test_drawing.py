"""The axes of a head, and captions of several lines."""

import numpy as np
import pytest
from support.faces import drawn_face

from strrn_tf.drawing import AXES, draw_axes, draw_caption, draw_landmarks
from strrn_tf.geometry.head_pose import Camera, place_head

IMAGE = np.full((300, 300, 3), 40, np.uint8)


def centre_of(image, colour):
    """Return the mean place (2,) of the pixels of a colour."""
    rows, columns = np.nonzero((image == colour).all(-1))
    assert len(rows) > 20
    return np.array([columns.mean(), rows.mean()])


@pytest.mark.parametrize(
    ("angle", "axis", "towards"),
    [
        ({"yaw": 0.6}, 2, (1, 0)),
        ({"yaw": -0.6}, 2, (-1, 0)),
        ({"pitch": 0.5}, 2, (0, 1)),
        ({"yaw": 0.0}, 0, (1, 0)),
        ({"yaw": 0.0}, 1, (0, 1)),
        ({"roll": 1.5}, 0, (0, 1)),
    ],
)
def test_an_axis_starts_at_the_nose_and_shows_where_the_head_points(
    angle, axis, towards
):
    landmarks = drawn_face(**angle)
    head = place_head(landmarks, Camera.of_image(IMAGE.shape))
    drawn = draw_axes(IMAGE, landmarks, head)
    direction = centre_of(drawn, AXES[axis]) - landmarks[30]
    assert direction @ towards > 0.9 * np.linalg.norm(direction) > 10


def test_a_lost_head_has_no_axes():
    lost = np.full((68, 2), np.nan)
    assert (draw_axes(IMAGE, lost, place_head(lost)) == IMAGE).all()


def test_hollow_points_are_rings():
    landmarks = drawn_face()
    x, y = np.rint(landmarks[8]).astype(int)
    hollow = np.arange(68) == 8
    discs = draw_landmarks(IMAGE, landmarks, colour=(255, 0, 0))
    rings = draw_landmarks(IMAGE, landmarks, colour=(255, 0, 0), hollow=hollow)
    changed = np.argwhere((discs != rings).any(-1))
    assert len(changed) > 10
    # Nothing but the surroundings of that point is drawn in another way.
    assert np.abs(changed - (y, x)).max() < 12


def test_every_line_of_a_caption_has_its_own_strip():
    one, two = draw_caption(IMAGE, "a"), draw_caption(IMAGE, "a\nb")
    darkened = [(image != IMAGE).any((1, 2)).sum() for image in (one, two)]
    assert darkened[0] < darkened[1] < 2 * darkened[0] + 1
    # The last line stands where a single one would.
    single = draw_caption(IMAGE, "b")
    assert (two[-darkened[0] + 4 :] == single[-darkened[0] + 4 :]).all()
