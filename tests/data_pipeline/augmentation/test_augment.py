"""Augmentation moves pictures and landmarks together, within its strengths."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from support.faces import drawn_face
from support.procrustes import fit_similarity

from data_pipeline.augmentation.augment import (
    Augmentation,
    augment,
    is_mirror,
    move_landmarks,
    render,
    sample_matrix,
)
from data_pipeline.augmentation.facial_motion import MotionStrength
from data_pipeline.augmentation.motion import Motion, add_detector_noise, sample_motion
from data_pipeline.augmentation.occlusion import (
    Occluder,
    paint_occluder,
    sample_occluder,
)
from data_pipeline.augmentation.photometric import (
    PhotometricParams,
    PhotometricStrength,
    apply_photometric,
    sample_photometric,
)
from strrn_tf.geometry import apply_matrix
from strrn_tf.landmarks import MIRROR, REGIONS

SIDE = 385
STIFF = MotionStrength(probability=0.0)
GEOMETRY = replace(
    Augmentation(), photometric=PhotometricStrength.none(), facial_motion=STIFF
)


def dotted_frame(seed=0):
    """A black frame with a white dot (a Gaussian of 2 pixels) at 68 positions."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(9), np.arange(8)), -1).reshape(-1, 2)
    points = 100 + 23.0 * grid[:68] + rng.uniform(-1, 1, (68, 2))
    y, x = np.mgrid[:SIDE, :SIDE]
    distance = (x - points[:, 0, None, None]) ** 2 + (y - points[:, 1, None, None]) ** 2
    dots = np.exp(-distance / 8).sum(0)
    frame = np.round(255 * np.clip(dots, 0, 1)).astype(np.uint8)
    return np.repeat(frame[..., None], 3, -1), points


def centroids(crop, landmarks, radius=7):
    """The centres of gravity of the light around landmarks that are well inside."""
    light = crop[..., 1].astype(float)
    y, x = np.mgrid[: light.shape[0], : light.shape[1]]
    found = np.full((68, 2), np.nan)
    for i, (cx, cy) in enumerate(landmarks):
        if 10 < cx < 304 and 10 < cy < 304:
            near = np.hypot(x - cx, y - cy) <= radius
            weight = light * near
            found[i] = (weight * x).sum(), (weight * y).sum()
            found[i] /= weight.sum()
    return found


def assert_on_dots(crop, landmarks, tolerance=0.3, radius=7):
    error = np.linalg.norm(centroids(crop, landmarks, radius) - landmarks, axis=1)
    assert np.isfinite(error).sum() > 40
    assert np.nanmax(error) < tolerance
    # No common shift either, half a pixel least of all.
    assert np.abs(np.nanmean(centroids(crop, landmarks, radius) - landmarks, 0)) == (
        pytest.approx(0, abs=0.06)
    )


@pytest.mark.parametrize("seed", range(6))
def test_pictures_and_landmarks_move_together(seed):
    frame, points = dotted_frame()
    rng = np.random.default_rng(seed)
    crop, landmarks = augment(frame, points, GEOMETRY, rng)
    assert crop.shape == (315, 315, 3)
    assert crop.dtype == np.uint8
    assert landmarks.dtype == np.float32
    # Mirroring changes the order of the landmarks, not the set of positions.
    assert_on_dots(crop, landmarks)


# Far enough from each other that each has its dot for itself.
APART = [0, 3, 6, 8, 10, 13, 16, 17, 26, 30]


@pytest.mark.parametrize("seed", range(6))
def test_moving_faces_take_their_landmarks_along(seed):
    face = drawn_face(scale=85.0, centre=(192.0, 160.0)).astype(np.float64)
    y, x = np.mgrid[:SIDE, :SIDE]
    distance = [(x - px) ** 2 + (y - py) ** 2 for px, py in face[APART]]
    dots = np.uint8(255 * np.exp(-np.array(distance) / 8).sum(0))
    frame = np.repeat(dots[..., None], 3, -1)
    moving = replace(
        GEOMETRY, mirror=0.0, facial_motion=MotionStrength(probability=1.0)
    )
    crop, landmarks = augment(frame, face, moving, np.random.default_rng(seed))
    moved = landmarks[APART]
    stiff = apply_matrix(fit_similarity(face, landmarks), face)
    assert np.abs(landmarks - stiff).max() > 1
    found = centroids(crop, np.pad(moved, ((0, 58), (0, 0))))[: len(APART)]
    error = np.linalg.norm(found - moved, axis=1)
    assert np.isfinite(error).sum() >= 8
    assert np.nanmax(error) < 0.6


def test_faces_move_with_their_probability_and_less_at_the_end():
    face = drawn_face(scale=85.0, centre=(192.0, 160.0)).astype(np.float64)
    frame = np.zeros((SIDE, SIDE, 3), np.uint8)
    rng = np.random.default_rng(0)

    def fraction(augmentation):
        animated = 0
        for _ in range(300):
            shape = augment(frame, face, replace(augmentation, mirror=0.0), rng)[1]
            seen = apply_matrix(fit_similarity(face, shape), face)
            animated += np.abs(seen - shape).max() > 0.1
        return animated / 300

    usual = Augmentation(photometric=PhotometricStrength.none())
    assert fraction(usual) == pytest.approx(0.4, abs=0.09)
    assert fraction(usual.annealed()) == pytest.approx(0.24, abs=0.08)
    assert fraction(GEOMETRY) == 0


@pytest.mark.parametrize("side", [211, 160, 120])
def test_low_resolution_does_not_shift_the_picture(side):
    frame, points = dotted_frame()
    matrix = sample_matrix(np.random.default_rng(3), GEOMETRY, SIDE)
    crop = render(frame, matrix, PhotometricParams(side=side), np.random.default_rng(0))
    # At 10 pixels the discs around two dots do not meet, and one dot fits in a disc.
    assert_on_dots(crop, move_landmarks(matrix, points), 0.8, 10)


def test_none_is_the_central_crop():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    points = rng.uniform(40, 340, (68, 2)).astype(np.float32)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        crop, landmarks = augment(frame, points, Augmentation.none(), rng)
        np.testing.assert_array_equal(crop, frame[35:350, 35:350])
        np.testing.assert_allclose(landmarks, points - 35, atol=1e-4)


def test_mirror_is_a_reflection_with_exchanged_landmarks():
    frame, points = dotted_frame()
    always = replace(Augmentation.none(), mirror=1.0)
    crop, landmarks = augment(frame, points, always, np.random.default_rng(0))
    np.testing.assert_array_equal(crop, frame[35:350, 35:350][:, ::-1])
    expected = points - 35
    expected[:, 0] = 314 - expected[:, 0]
    np.testing.assert_allclose(landmarks, expected[list(MIRROR)], atol=1e-4)


def test_mirror_twice_is_the_identity():
    frame, points = dotted_frame()
    always = replace(Augmentation.none(), mirror=1.0)
    once, moved = augment(frame, points, always, np.random.default_rng(0))
    twice, back = augment(once, moved, always, np.random.default_rng(0))
    np.testing.assert_array_equal(twice, frame[35:350, 35:350])
    np.testing.assert_allclose(back, points - 35, atol=1e-3)


def test_matrices_have_the_sizes_of_the_strengths():
    rng = np.random.default_rng(0)
    matrices = np.stack([sample_matrix(rng, GEOMETRY, SIDE) for _ in range(4000)])
    mirrored = np.array([is_mirror(m) for m in matrices])
    linear = matrices[:, :, :2]
    assert mirrored.mean() == pytest.approx(0.5, abs=0.03)
    np.testing.assert_array_equal(mirrored, np.linalg.det(linear) < 0)
    angle = np.rad2deg(np.arctan2(linear[:, 1, 0], linear[:, 1, 1]))
    scale = np.log(np.sqrt(np.abs(np.linalg.det(linear))))
    shift = linear @ np.full(2, 192.0) + matrices[:, :, 2] - 157
    for value, strength in (
        (angle, Augmentation().rotation),
        (scale, 0.15),
        (shift[:, 0], 0.08 * 315 / 1.6),
        (shift[:, 1], 0.08 * 315 / 1.6),
    ):
        assert value.std() == pytest.approx(strength / 2, rel=0.06)
        assert np.abs(value).max() <= strength * 4 / 3 + 1e-9
        assert value.mean() == pytest.approx(0, abs=strength / 20)


def test_the_same_seed_gives_the_same_bytes():
    frame, points = dotted_frame()
    frame = cv2.add(frame, np.full_like(frame, 60))
    results = [
        augment(frame, points, Augmentation(), np.random.default_rng((7, p)))
        for p in (0, 1, 0)
    ]
    np.testing.assert_array_equal(results[0][0], results[2][0])
    np.testing.assert_array_equal(results[0][1], results[2][1])
    assert not np.array_equal(results[0][1], results[1][1])


def test_events_have_their_probabilities():
    rng = np.random.default_rng(0)
    strength = PhotometricStrength()
    drawn = [sample_photometric(rng, strength) for _ in range(1500)]
    for seen, probability in (
        ([x.side < 315 for x in drawn], strength.low_resolution_probability),
        ([x.jpeg > 0 for x in drawn], strength.jpeg_probability),
        ([x.noise > 0 for x in drawn], strength.noise_probability),
        ([bool(x.occluders) for x in drawn], strength.occlusion_probability),
        ([x.gamma is not None for x in drawn], strength.colour_probability),
        ([x.light is not None for x in drawn], strength.light_probability),
    ):
        assert np.mean(seen) == pytest.approx(probability, abs=0.05)
    faces = np.array([x.side / 1.6 for x in drawn if x.side < 315])
    assert faces.min() >= 39.5
    assert faces.max() <= 100.5
    qualities = [x.jpeg for x in drawn if x.jpeg]
    assert min(qualities) >= 20
    assert max(qualities) <= 90


def test_colour_grey_noise_light_and_border_have_their_strengths():
    rng = np.random.default_rng(0)
    flat = np.full((315, 315, 3), (200, 100, 50), np.uint8)
    noisy = apply_photometric(flat.copy(), PhotometricParams(noise=10.0), rng).astype(
        float
    )
    assert noisy.std((0, 1)) == pytest.approx(10, rel=0.1)
    assert noisy.mean((0, 1)) == pytest.approx([200, 100, 50], abs=0.6)

    grey = sample_photometric(
        rng, replace(PhotometricStrength.none(), grey_probability=1.0)
    )
    luma = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    assert np.abs(apply_photometric(flat.copy(), grey, rng) - luma).max() < 1

    coded = apply_photometric(flat.copy(), PhotometricParams(jpeg=90), rng)
    # Channels keep their order.
    assert coded.mean((0, 1)) == pytest.approx([200, 100, 50], abs=3)

    light = np.full((4, 4, 3), 64, np.uint8)
    lit = apply_photometric(flat.copy(), PhotometricParams(light=light), rng)
    assert lit.mean((0, 1)) == pytest.approx([100, 50, 25], abs=1)

    away = np.array([[1.0, 0, 200], [0, 1, 0]])
    frame = np.full((SIDE, SIDE, 3), 255, np.uint8)
    outside = render(frame, away, PhotometricParams(border=(1, 2, 3)), rng)
    assert outside[100, 100].tolist() == [1, 2, 3]
    assert outside[100, 250].tolist() == [255, 255, 255]


def test_blur_keeps_light_in_its_place():
    frame, points = dotted_frame()
    rng = np.random.default_rng(0)
    blurred = replace(PhotometricStrength.none(), blur_probability=1.0)
    for _ in range(6):
        params = sample_photometric(rng, blurred)
        crop = apply_photometric(frame[35:350, 35:350].copy(), params, rng)
        assert_on_dots(crop, points - 35, 0.5, 9)


@pytest.mark.parametrize("corners", [4, 24])
def test_occluders_cover_their_area(corners):
    crop = np.zeros((200, 200, 3), np.uint8)
    white = (255, 255, 255)
    block = Occluder((0.5, 0.4), (0.2, 0.1), 0.3, corners, "colour", white)
    paint_occluder(crop, block)
    area = 4 * 40 * 20 if corners == 4 else np.pi * 40 * 20
    # Pixels on the outline are painted too.
    assert (crop[..., 0] > 127).sum() == pytest.approx(area, rel=0.07)
    rows, columns = np.nonzero(crop[..., 0] > 127)
    assert columns.mean() == pytest.approx(0.5 * 200 - 0.5, abs=0.6)
    assert rows.mean() == pytest.approx(0.4 * 200 - 0.5, abs=0.6)


def test_noise_on_pictures_larger_than_crops():
    picture = np.zeros((700, 700, 3), np.uint8)
    corner = (383, 383)
    block = Occluder((0.5, 0.5), (0.2, 0.2), 0, 4, "noise", (128,) * 3, corner)
    paint_occluder(picture, block)
    assert picture[350, 350].any()
    assert not picture[20, 20].any()


def test_occluders_of_every_fill_change_only_a_part():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    seen = set()
    for _ in range(40):
        block, crop = sample_occluder(rng, 0.16), picture.copy()
        paint_occluder(crop, block)
        seen.add(block.fill)
        assert 0 < (crop != picture).any(-1).mean() < 4 * 0.17**2
    assert seen == {"colour", "noise", "picture"}


def test_motion_has_its_statistics():
    motion, rng = Motion(), np.random.default_rng(0)
    centre = np.array([150.0, 170.0])
    steps = np.stack([sample_motion(rng, motion, centre, 200.0) for _ in range(6000)])
    moved = steps[:, :, :2] @ centre + steps[:, :, 2] - centre
    angle = np.rad2deg(np.arctan2(steps[:, 1, 0], steps[:, 0, 0]))
    scale = np.log(np.linalg.det(steps[:, :, :2])) / 2
    # The variance of t (3 degrees of freedom, unit variance) cut at 4, by summation.
    t = np.linspace(-400, 400, 800_001)
    density = (1 + t**2 / 3) ** -2
    variance = (density * np.clip(t / np.sqrt(3), -4, 4) ** 2).sum() / density.sum()
    factor = np.sqrt((1 - motion.no_motion_probability) * variance)
    for value, size in (
        (moved[:, 0], motion.translation * 200),
        (moved[:, 1], motion.translation * 200),
        (angle, motion.rotation),
        (scale, motion.scale),
    ):
        assert value.std() == pytest.approx(size * factor, rel=0.08)
        assert np.abs(value).max() == pytest.approx(4 * size, rel=0.01)
        # Heavy tails: a normal variable has a kurtosis of 3.
        assert (value**4).mean() / value.var() ** 2 > 4
    still = (steps == np.eye(2, 3)).all((1, 2)).mean()
    assert still == pytest.approx(motion.no_motion_probability, abs=0.02)


def test_detector_errors_have_their_sizes():
    rng, motion = np.random.default_rng(0), Motion()
    shape = rng.uniform(60, 250, (68, 2))
    shape[36], shape[45] = (100, 120), (200, 120)
    noise = np.stack(
        [add_detector_noise(rng, motion, shape) - shape for _ in range(3000)]
    )
    errors = np.linalg.norm(noise, axis=-1).mean(-1) / 100
    assert np.median(errors) == pytest.approx(motion.error, rel=0.05)
    log = np.log(errors[errors < 0.149])
    assert log.std() == pytest.approx(motion.error_spread, rel=0.08)
    assert errors.max() <= motion.largest_error + 1e-4
    assert np.abs(noise.mean((0, 1))).max() < 0.2
    # Points of one region err together more than points of different regions.
    noise /= errors[:, None, None] * 100
    eye, mouth = list(REGIONS["left_eye"]), list(REGIONS["inner_lip"])
    near = (noise[:, eye[0]] * noise[:, eye[1]]).sum(-1).mean()
    far = (noise[:, eye[0]] * noise[:, mouth[0]]).sum(-1).mean()
    assert near > far + 0.05


def test_no_detector_error():
    shape = np.random.default_rng(0).uniform(60, 250, (68, 2))
    same = add_detector_noise(np.random.default_rng(1), Motion(error=0.0), shape)
    np.testing.assert_allclose(same, shape, atol=1e-4)
