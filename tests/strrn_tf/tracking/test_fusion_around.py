"""Fusion of a face that is hidden in part: the rest carries what is hidden."""

import numpy as np
import pytest
from support.faces import drawn_face
from support.procrustes import fit_similarity as reference_fit

from strrn_tf.geometry import apply_matrix, fit_similarity, similarity
from strrn_tf.tracking import fusion
from strrn_tf.tracking.config import TrackingConfig

CONFIG = TrackingConfig()
FACE = drawn_face().astype(np.float64)
EYES = np.linalg.norm(FACE[45] - FACE[36])
HIDDEN = np.arange(68) < 20


def test_a_similarity_is_recovered_and_noise_is_averaged():
    matrix = similarity(1.3, 0.4, np.array([5.0, -7.0]))
    np.testing.assert_allclose(
        fit_similarity(FACE, apply_matrix(matrix, FACE)), matrix, atol=1e-9
    )
    noisy = apply_matrix(matrix, FACE) + np.random.default_rng(0).normal(0, 2, (68, 2))
    expected = reference_fit(FACE, noisy)
    np.testing.assert_allclose(fit_similarity(FACE, noisy), expected, atol=1e-6)


def fuse(hidden, flow, tracked=FACE):
    apart = np.linalg.norm(flow - tracked, axis=-1) / EYES
    return fusion.fuse_around(hidden, FACE, tracked, flow, apart, 0.0, CONFIG)


def test_what_is_hidden_moves_with_the_rest_and_not_with_the_flow():
    step = np.array([0.01 * EYES, 0])
    flow = FACE + step
    flow[HIDDEN] = FACE[HIDDEN] - 5 * step
    fused = fuse(HIDDEN, flow, FACE + step)
    np.testing.assert_allclose(fused, FACE + step, atol=1e-3)
    assert fused.dtype == np.float32


def test_the_tracker_pulls_on_what_is_hidden_as_on_the_rest():
    away = np.where(HIDDEN[:, None], 0.04 * EYES, 0)
    fused = fuse(HIDDEN, FACE, FACE + away)
    np.testing.assert_allclose(fused, FACE + CONFIG.tracker_weight * away, atol=1e-3)


def test_a_lost_flow_makes_a_landmark_one_of_the_hidden():
    step = np.array([0.01 * EYES, 0])
    flow = FACE + step
    flow[40] = np.nan
    np.testing.assert_allclose(fuse(HIDDEN, flow, FACE + step)[40], FACE[40] + step)


def test_with_too_few_in_sight_it_is_the_common_fusion():
    hidden = np.arange(68) < 50
    flow = FACE + np.array([1.0, 0])
    apart = np.full(68, 1 / EYES)
    expected = fusion.fuse(FACE, flow, apart, 0.0, CONFIG)
    np.testing.assert_array_equal(fuse(hidden, flow), expected)


@pytest.mark.parametrize("away", [0.05, 0.2])
def test_only_hidden_landmarks_are_replaced_by_the_detector(away):
    detected = FACE + np.array([away * EYES, 0])
    replaced = fusion.replaced_by_detector(FACE, detected, CONFIG, HIDDEN)[:, 0]
    np.testing.assert_array_equal(replaced, HIDDEN & (away > CONFIG.max_disagreement))
    offsets = fusion.detector_correction(FACE, detected, CONFIG, HIDDEN)
    expected = np.where(replaced[:, None], 0, CONFIG.detector_weight)
    np.testing.assert_allclose(offsets, expected * (detected - FACE), rtol=1e-4)


def test_in_plain_sight_a_detector_far_away_is_no_correction():
    assert fusion.detector_correction(FACE, FACE + 0.2 * EYES, CONFIG) is None
