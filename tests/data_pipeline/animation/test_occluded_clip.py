"""Clips with a hidden face: how much of it is hidden, and which landmarks."""

import cv2
import numpy as np
import pytest
from support.faces import drawn_face

from data_pipeline.animation.occluded_clip import (
    SLIDE_FRAMES,
    cover,
    cut_off,
    leave,
    wander,
)

SHAPE = drawn_face()
FIRST = 14


def clip(frames=25):
    """A clip of a dim picture; what is before it changes nearly every pixel."""
    rng = np.random.default_rng(5)
    image = rng.integers(0, 40, (315, 315, 3)).astype(np.uint8)
    return [(image, SHAPE + np.float32(i / 5)) for i in range(frames)]


@pytest.mark.parametrize("share", [0.2, 0.4])
@pytest.mark.parametrize("seed", range(4))
def test_an_ellipse_of_the_wanted_area_wanders_over_the_face(share, seed):
    frames = clip()
    seen = wander(np.random.default_rng(seed), frames, share)
    area = cv2.contourArea(cv2.convexHull(SHAPE.astype(np.float32)))
    middles = []
    for (before, shape), after in zip(frames, seen, strict=True):
        changed = (after.image != before).any(-1)
        assert changed.sum() == pytest.approx(share * area, rel=0.08)
        assert 0 <= after.covered <= share + 0.02
        x, y = np.rint(shape).astype(int).T
        np.testing.assert_array_equal(after.landmarks, shape)
        # At the rim a pixel is mixed, and counts to either side.
        assert (changed[y, x] == after.hidden).mean() > 0.94
        middles.append(np.argwhere(changed).mean(0))
    assert np.ptp(middles, axis=0).max() > 5
    assert max(frame.covered for frame in seen) > share / 3


def test_no_share_is_no_object():
    frames = clip()
    for (before, _), after in zip(
        frames, wander(np.random.default_rng(0), frames, 0.0), strict=True
    ):
        np.testing.assert_array_equal(after.image, before)
        assert not after.hidden.any()
        assert after.covered == 0


@pytest.mark.parametrize("slides", [False, True])
def test_a_cover_hides_everything_from_its_frame_on(slides):
    seen = cover(np.random.default_rng(1), clip(), FIRST, slides=slides)
    for frame in seen[FIRST:]:
        assert frame.hidden.all()
        assert frame.covered == 1
    before = [frame.covered for frame in seen[:FIRST]]
    assert not any(before[: FIRST - SLIDE_FRAMES + 1])
    assert (before[-1] > 0.3) is slides


def test_a_face_leaves_to_the_right():
    seen = leave(clip(), FIRST)
    assert all(frame.hidden.all() for frame in seen[FIRST:])
    assert not any(frame.hidden.any() for frame in seen[: FIRST - SLIDE_FRAMES])
    np.testing.assert_array_equal(seen[0].image, clip()[0][0])


def test_the_picture_ends_in_the_face_at_every_side():
    frames, sides = clip(), set()
    for seed in range(12):
        seen = cut_off(np.random.default_rng(seed), frames, 0.2)
        assert all(0 < frame.hidden.sum() < 40 for frame in seen)
        shown = seen[0].image
        # Landmarks stay where they are in the scene.
        shift = frames[0][1] - seen[0].landmarks
        assert np.ptp(shift, axis=0).max() < 1e-3
        x, y = np.rint(shift[0]).astype(int)
        part = frames[0][0][y : y + shown.shape[0], x : x + shown.shape[1]]
        np.testing.assert_array_equal(shown, part)
        sides.add((x > 0, y > 0, shown.shape[0] < 315, shown.shape[1] < 315))
    assert len(sides) == 4
    whole = cut_off(np.random.default_rng(0), frames, 0.0)
    np.testing.assert_array_equal(whole[0].image, frames[0][0])
    assert not whole[0].hidden.any()
