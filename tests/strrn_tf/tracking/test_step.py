"""One face into the next frame: when the detector checks, and what is fused."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from support.toy_models import toy_mean_shape

from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.networks.model_folder import load
from strrn_tf.tracking.step import Step, TrackState, track_step

CONFIG = TrackingConfig()
FACE = toy_mean_shape().astype(np.float32)
EYES = np.linalg.norm(FACE[45] - FACE[36])
FRAME = np.zeros((315, 315, 3), np.uint8)


class Networks:
    """A detector, a tracker and a flow whose answers are known.

    Args:
        away: (68, 2) or a number, added to the face by the detector.
        flow: (68, 2) or a number, added to the start by the flow. NaN: not found.
        steps: added to the start by the tracker, step by step, then nothing.
    """

    def __init__(self, away=0.0, flow=np.nan, steps=()):
        self.away, self.flow, self.steps = away, flow, list(steps)
        self.detections, self.flows, self.crops = 0, [], 0

    def crop_around(self, frame, landmarks):
        self.crops += 1
        return ("cut", self.crops)

    def step(self, crop, frame, start):
        moved = start + (self.steps.pop(0) if self.steps else 0.0)
        return moved.astype(np.float32), np.full(68, 0.001), ("seen", crop)

    def detect_in(self, crop):
        self.detections += 1
        return FACE + np.float32(self.away)

    def flow_landmarks(self, previous, crop, start, settings):
        self.flows.append((previous, crop, start))
        return start + np.broadcast_to(np.float32(self.flow), start.shape)


def run(networks, frames, start=FACE):
    """Track through some frames; return the steps and the last state."""
    state, steps = TrackState().cut_crop(networks, FRAME, start), []
    for _ in range(frames):
        step = track_step(networks, state, FRAME, start, CONFIG)
        steps.append(step)
        start, state = step.landmarks, step.state
    return steps, state


@pytest.mark.parametrize("flow", [0.0, np.nan])
def test_the_distance_to_the_detector_shrinks_without_oscillation(flow):
    networks = Networks(away=0.05 * EYES / np.sqrt(2), flow=flow)
    steps, _ = run(networks, 40)
    left = [
        (networks.away - (step.landmarks - FACE).mean()) / networks.away
        for step in steps
    ]
    assert all(0 <= now <= before + 1e-6 for before, now in pairwise(left))
    assert left[-1] < 0.05


def test_the_detector_checks_every_fourth_frame_at_rest_and_second_in_motion():
    resting = Networks(flow=0.0)
    steps, _ = run(resting, 8)
    checked = [step.detected is not None for step in steps]
    assert checked == [False, False, False, True] * 2
    assert resting.detections == 2
    moving = Networks(
        steps=[1.01 * CONFIG.motion_threshold * EYES * np.array([1, 0])] * 4
    )
    steps, _ = run(moving, 4)
    assert [step.detected is not None for step in steps] == [False, True] * 2


@pytest.mark.parametrize(("outliers", "checks"), [(34, 0), (35, 1)])
def test_it_checks_at_once_where_most_landmarks_are_outliers(outliers, checks):
    flow = np.zeros((68, 2))
    flow[:outliers] = 1.01 * CONFIG.flow_gate * EYES * np.array([1, 0])
    networks = Networks(flow=flow)
    run(networks, 1)
    assert networks.detections == checks


def test_landmarks_are_fused_inside_the_gate_and_the_tracker_s_outside():
    limit = CONFIG.flow_gate * EYES
    flow = np.zeros((68, 2))
    flow[0], flow[1], flow[2] = [0.99 * limit, 0], [0, 1.01 * limit], np.nan
    expected = FACE.copy()
    expected[0, 0] += 0.99 * limit * (1 - CONFIG.tracker_weight)
    (step,), _ = run(Networks(flow=flow), 1)
    np.testing.assert_allclose(step.landmarks, expected, rtol=1e-6)
    assert step.landmarks.dtype == np.float32
    np.testing.assert_array_equal(step.tracked, FACE)


@pytest.mark.parametrize(("fraction", "is_inside"), [(0.99, True), (1.01, False)])
def test_motion_widens_the_gate_of_the_flow(fraction, is_inside):
    motion = 0.1
    step = np.array([motion * EYES, 0])
    gate = CONFIG.flow_gate + CONFIG.flow_gate_per_motion * motion
    flow = step + np.array([0, fraction * gate * EYES])
    (result,), _ = run(Networks(flow=flow, steps=[step]), 1)
    beside = (result.landmarks - FACE - step)[:, 1]
    expected = is_inside * (1 - CONFIG.tracker_weight) * fraction * gate * EYES
    np.testing.assert_allclose(beside, expected, atol=1e-3)


def test_a_landmark_far_from_the_detector_is_replaced():
    away = np.zeros((68, 2))
    away[7] = 1.01 * CONFIG.max_disagreement * EYES * np.array([0, 1])
    steps, state = run(Networks(away=away, flow=0.0), 4)
    np.testing.assert_allclose(steps[-1].landmarks, FACE + away, atol=1e-4)
    np.testing.assert_array_equal(state.detector_correction, 0)


def test_there_are_no_landmarks_where_the_detector_disagrees():
    steps, _ = run(Networks(away=0.11 * EYES, flow=0.0), 3)
    networks = Networks(away=0.11 * EYES, flow=0.0)
    state = TrackState(frames_since_correction=CONFIG.detection_interval_resting - 1)
    state = state.cut_crop(networks, FRAME, steps[-1].landmarks)
    step = track_step(networks, state, FRAME, steps[-1].landmarks, CONFIG)
    assert step.landmarks is None
    assert step.detected is not None


def test_a_step_with_a_large_cycle_error_is_rejected():
    state = TrackState().cut_crop(Networks(), FRAME, FACE)
    strict = TrackingConfig(max_cycle_error=0.0009)
    assert track_step(Networks(), state, FRAME, FACE, strict) == Step(0.001)


def test_flow_compares_two_crops_of_one_window():
    networks = Networks(flow=0.0, steps=[3.0])
    run(networks, 1)
    ((previous, seen, start),) = networks.flows
    assert previous == ("cut", 1)
    assert seen == ("seen", ("cut", 1))
    np.testing.assert_array_equal(start, FACE)


def test_a_window_stays_until_the_face_has_left_its_middle():
    slack = CONFIG.crop_slack * EYES
    creeping = [np.array([0.4 * slack, 0])] * 3
    networks = Networks(flow=np.nan, steps=creeping)
    state, start, crops = TrackState().cut_crop(networks, FRAME, FACE), FACE, []
    for _ in creeping:
        # Without checks of the detector in between, which would move the face.
        step = track_step(
            networks, replace(state, frames_since_correction=-9), FRAME, start, CONFIG
        )
        start, state = step.landmarks, step.state
        crops.append(state.crop)
    first = ("cut", 1)
    seen = [("seen", first), ("seen", ("seen", first)), ("cut", 2)]
    assert crops == seen
    np.testing.assert_array_equal(state.cut_around, start)


def test_flow_of_the_networks_is_in_pixels_of_the_image():
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.normal(size=(400, 500, 3)), (0, 0), 4)
    frame = np.clip(128 + 40 * texture / texture.std(), 0, 255).astype(np.uint8)
    moved = np.roll(frame, (-2, 3), (0, 1))
    start = FACE * 0.6 + [150, 90]
    networks = FaceNetworks(load("strrn-mdm"))
    crop = networks.crop_around(frame, start)
    seen = networks.cut(moved, crop.matrix)
    flow = networks.flow_landmarks(crop, seen, start, CONFIG)
    np.testing.assert_allclose(flow, start + np.array([3, -2]), atol=0.1)
    assert CONFIG.flow_window < crop.gray.shape[0] == crop.pixels.shape[1] == 315
