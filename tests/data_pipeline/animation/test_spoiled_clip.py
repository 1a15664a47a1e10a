"""Ways in which a face is spoiled."""

import numpy as np
import pytest
from support.faces import drawn_face

from data_pipeline.animation.spoiled_clip import ALL_SPOILS, BANDS, DEFOCUS
from strrn_tf.geometry import box_from_landmarks, face_size

FACE = np.add(drawn_face(), (60, 80))


def picture():
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (400, 400, 3)).astype(np.uint8)


@pytest.mark.parametrize("kind", ALL_SPOILS)
def test_a_face_is_changed_in_a_copy_and_by_the_seed(kind):
    image = picture()
    before = image.copy()
    spoiled = [
        ALL_SPOILS[kind](np.random.default_rng(5))(image, FACE) for _ in range(2)
    ]
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(*spoiled)
    assert spoiled[0].shape == image.shape
    assert spoiled[0].dtype == np.uint8
    column, row = FACE.mean(0).astype(int)
    around = slice(row - 20, row + 20), slice(column - 20, column + 20)
    assert np.abs(spoiled[0][around].astype(int) - image[around]).mean() > 5


def test_out_of_focus_a_point_becomes_a_disc():
    image = np.zeros((400, 400, 3), np.uint8)
    image[190:211, 190:211] = 255
    blurred = ALL_SPOILS["defocus"](np.random.default_rng(0))(image, FACE)
    radius = DEFOCUS * face_size(box_from_landmarks(FACE))
    rows = np.flatnonzero(blurred[:, 200, 0])
    assert rows.min() == pytest.approx(190 - radius, abs=1)
    assert rows.max() == pytest.approx(210 + radius, abs=1)
    # The light stays.
    assert blurred.astype(float).sum() == pytest.approx(image.sum(), rel=0.02)


def test_torn_rows_are_shifted_in_bands():
    image = picture()
    torn = ALL_SPOILS["torn"](np.random.default_rng(0))(image, FACE)
    shifts = [
        next(n for n in range(400) if np.array_equal(np.roll(before, n, 0), after))
        for before, after in zip(image, torn, strict=True)
    ]
    height = round(face_size(box_from_landmarks(FACE)) / BANDS)
    assert height > 1
    bands = [set(shifts[top : top + height]) for top in range(0, 400, height)]
    assert all(len(band) == 1 for band in bands)
    assert len(set.union(*bands)) > len(bands) / 2


def test_mist_leaves_little_contrast():
    image = picture()
    seen = ALL_SPOILS["fog"](np.random.default_rng(0))(image, FACE).astype(float)
    assert seen.std() == pytest.approx(image.std() / 16, rel=0.05)
    assert seen.min() >= 200
