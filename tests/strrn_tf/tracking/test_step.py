"""One face into the next frame: who is asked what, and what becomes of the answers."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from support.toy_models import toy_mean_shape

from strrn_tf.geometry import box_from_landmarks
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.optical_flow import FlowSettings
from strrn_tf.tracking.step import Step, TrackState, track_step

CONFIG = TrackingConfig()
FACE = toy_mean_shape().astype(np.float32)
EYES = np.linalg.norm(FACE[45] - FACE[36])
FRAME = np.zeros((315, 315, 3), np.uint8)


class Networks:
    """A tracker and a detector that stand off by so much, and a flow.

    Args:
        away: (68, 2) or a number, what the detector sees beside the face.
        flow: what the flow adds to the start, NaN for a landmark not found.
        steps: what the tracker adds to the start, step by step, then nothing.
    """

    def __init__(self, away=0.0, flow=np.nan, steps=()):
        self.away, self.flow, self.steps = away, flow, list(steps)
        self.detections, self.flows, self.crops = 0, [], 0

    def crop_face(self, frame, box):
        self.crops += 1
        return ("cut", self.crops)

    def step(self, crop, frame, start):
        moved = start + (self.steps.pop(0) if self.steps else 0.0)
        return moved.astype(np.float32), 0.001, ("seen", crop)

    def detect_in(self, crop):
        self.detections += 1
        return FACE + np.float32(self.away)

    def flow_landmarks(self, previous, crop, start, settings):
        self.flows.append((previous, crop, start))
        return start + np.broadcast_to(np.float32(self.flow), start.shape)


def run(networks, frames, start=FACE):
    """Follow through some frames; return the steps and the state."""
    state, steps = TrackState().cut_crop(networks, FRAME, start), []
    for _ in range(frames):
        step = track_step(networks, state, FRAME, start, CONFIG)
        steps.append(step)
        start, state = step.landmarks, step.state
    return steps, state


@pytest.mark.parametrize("flow", [0.0, np.nan])
def test_what_lies_between_detector_and_face_shrinks_without_swinging(flow):
    networks = Networks(away=0.05 * EYES / np.sqrt(2), flow=flow)
    steps, _ = run(networks, 40)
    left = [
        (networks.away - (step.landmarks - FACE).mean()) / networks.away
        for step in steps
    ]
    assert all(0 <= now <= before + 1e-6 for before, now in pairwise(left))
    assert left[-1] < 0.05


def test_the_detector_looks_in_every_fourth_frame_at_rest_and_second_in_motion():
    resting = Networks(flow=0.0)
    steps, _ = run(resting, 8)
    looked = [step.detected is not None for step in steps]
    assert looked == [False, False, False, True] * 2
    assert resting.detections == 2
    moving = Networks(
        steps=[1.01 * CONFIG.motion_threshold * EYES * np.array([1, 0])] * 4
    )
    steps, _ = run(moving, 4)
    assert [step.detected is not None for step in steps] == [False, True] * 2


def test_it_looks_at_once_where_flow_carries_most_landmarks_elsewhere():
    for count, looks in ((34, 0), (35, 1)):
        flow = np.zeros((68, 2))
        flow[:count] = 1.01 * CONFIG.flow_gate * EYES * np.array([1, 0])
        networks = Networks(flow=flow)
        run(networks, 1)
        assert networks.detections == looks


def test_landmarks_go_with_the_flow_towards_the_tracker():
    limit = CONFIG.flow_gate * EYES
    flow = np.zeros((68, 2))
    flow[0], flow[1], flow[2] = [0.99 * limit, 0], [0, 1.01 * limit], np.nan
    expected = FACE.copy()
    expected[0, 0] += 0.99 * limit * (1 - CONFIG.tracker_weight)
    (step,), _ = run(Networks(flow=flow), 1)
    np.testing.assert_allclose(step.landmarks, expected, rtol=1e-6)
    assert step.landmarks.dtype == np.float32
    np.testing.assert_array_equal(step.tracked, FACE)


def test_of_a_face_that_moves_flow_may_be_further_off():
    motion = 0.1
    step = np.array([motion * EYES, 0])
    off = CONFIG.flow_gate + CONFIG.flow_gate_per_motion * motion
    for share, follows in ((0.99, True), (1.01, False)):
        flow = step + np.array([0, share * off * EYES])
        (seen,), _ = run(Networks(flow=flow, steps=[step]), 1)
        beside = (seen.landmarks - FACE - step)[:, 1]
        expected = follows * (1 - CONFIG.tracker_weight) * share * off * EYES
        np.testing.assert_allclose(beside, expected, atol=1e-3)


def test_a_landmark_that_the_detector_sees_elsewhere_is_there():
    away = np.zeros((68, 2))
    away[7] = 1.01 * CONFIG.max_disagreement * EYES * np.array([0, 1])
    steps, state = run(Networks(away=away, flow=0.0), 4)
    np.testing.assert_allclose(steps[-1].landmarks, FACE + away, atol=1e-4)
    np.testing.assert_array_equal(state.detector_correction, 0)


def test_where_the_detector_is_elsewhere_with_most_nothing_is_said():
    steps, _ = run(Networks(away=0.11 * EYES, flow=0.0), 3)
    networks = Networks(away=0.11 * EYES, flow=0.0)
    state = TrackState(frames_since_check=CONFIG.detection_interval_resting - 1)
    state = state.cut_crop(networks, FRAME, steps[-1].landmarks)
    step = track_step(networks, state, FRAME, steps[-1].landmarks, CONFIG)
    assert step.landmarks is None
    assert step.detected is not None


def test_a_tracker_that_does_not_come_back_is_not_believed():
    state = TrackState().cut_crop(Networks(), FRAME, FACE)
    strict = TrackingConfig(max_cycle_error=0.0009)
    assert track_step(Networks(), state, FRAME, FACE, strict) == Step(0.001)


def test_flow_compares_the_last_view_with_what_is_seen_through_its_window():
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
        # No look of the detector in between, which would say where the face is.
        step = track_step(
            networks, replace(state, frames_since_check=-9), FRAME, start, CONFIG
        )
        start, state = step.landmarks, step.state
        crops.append(state.crop)
    first = ("cut", 1)
    seen = [("seen", first), ("seen", ("seen", first)), ("cut", 2)]
    assert crops == seen
    np.testing.assert_array_equal(state.cut_around, start)


def test_networks_carry_landmarks_of_the_image_with_its_texture():
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.normal(size=(400, 500, 3)), (0, 0), 4)
    frame = np.clip(128 + 40 * texture / texture.std(), 0, 255).astype(np.uint8)
    moved = np.roll(frame, (-2, 3), (0, 1))
    start = FACE * 0.6 + [150, 90]
    networks = object.__new__(FaceNetworks)
    networks._size, networks._margin = 315, 1.6
    crop = networks.crop_face(frame, box_from_landmarks(start))
    seen = networks.cut(moved, crop.matrix)
    flow = networks.flow_landmarks(crop, seen, start, FlowSettings.of_config(CONFIG))
    np.testing.assert_allclose(flow, start + np.array([3, -2]), atol=0.1)
    assert CONFIG.flow_window < crop.gray.shape[0] == crop.pixels.shape[1] == 315
