"""The 68-point markup: every landmark once, mirrored twice is as before."""

import numpy as np

from strrn_tf.landmarks import (
    COMPONENTS,
    CONTOURS,
    MIRROR,
    NOSE_ROOT,
    NUM_LANDMARKS,
    OUTER_EYE_CORNERS,
    REGIONS,
)


def test_regions_and_components_are_partitions():
    for table in (REGIONS, COMPONENTS):
        members = [i for indices in table.values() for i in indices]
        assert sorted(members) == list(range(NUM_LANDMARKS))
    assert len(COMPONENTS) == 5


def test_mirroring_twice_changes_nothing():
    mirror = np.array(MIRROR)
    assert sorted(MIRROR) == list(range(NUM_LANDMARKS))
    np.testing.assert_array_equal(mirror[mirror], np.arange(NUM_LANDMARKS))


def test_mirroring_exchanges_the_sides():
    pairs = (("left_brow", "right_brow"), ("left_eye", "right_eye"))
    for left, right in pairs:
        mirrored = {MIRROR[i] for i in REGIONS[left]}
        assert mirrored == set(REGIONS[right])
    for name in ("jaw", "nose_bridge", "nose_base", "outer_lip", "inner_lip"):
        assert {MIRROR[i] for i in REGIONS[name]} == set(REGIONS[name])


def test_points_in_the_plane_of_symmetry_stay():
    fixed = {i for i in range(NUM_LANDMARKS) if MIRROR[i] == i}
    # Chin, bridge and tip and base of the nose, middles of both lips.
    assert fixed == {8, 27, 28, 29, 30, 33, 51, 57, 62, 66}


def test_known_pairs():
    # Corners of the eyes and of the mouth, wings of the nose, upper and lower lids.
    known = {36: 45, 39: 42, 48: 54, 60: 64, 31: 35, 37: 44, 41: 46, 0: 16, 17: 26}
    known |= {49: 53, 59: 55, 61: 63, 67: 65, 32: 34, 38: 43, 40: 47}
    assert {a: MIRROR[a] for a in known} == known
    assert OUTER_EYE_CORNERS == (36, 45)


def test_the_root_is_the_tip_of_the_nose():
    assert NOSE_ROOT == REGIONS["nose_bridge"][-1] == 30
    assert NOSE_ROOT in COMPONENTS["nose"]


def test_contours_draw_every_landmark_once():
    drawn = [i for indices, _ in CONTOURS for i in indices]
    assert sorted(drawn) == list(range(NUM_LANDMARKS))
    closed = {indices for indices, is_closed in CONTOURS if is_closed}
    names = ("left_eye", "right_eye", "outer_lip", "inner_lip")
    assert closed == {REGIONS[name] for name in names}
