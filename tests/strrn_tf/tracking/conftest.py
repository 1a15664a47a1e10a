"""A tracker of toy networks whose answers a test may replace."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from support.toy_models import export_toys, toy_mean_shape

from strrn_tf.tracking.confidence.reliability import Reliability
from strrn_tf.tracking.face_detection.face_check import FaceCheckResult
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.networks.model_folder import load
from strrn_tf.tracking.tracker import FaceTracker


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Return the folder of the exported toy models."""
    return export_toys(tmp_path_factory.mktemp("models") / "toy")


class ScriptedNetworks(FaceNetworks):
    """Toy networks, in places replaced by a script.

    Attributes:
        detections: landmarks that the detector returns, the last of them for ever. If
            empty, those of the toy.
        change_step: gets landmarks, mean cycle error and crop of a step, and returns
            what they should be.
        change_flow: gets the start and returns the landmarks of the flow. None: that of
            the images.
    """

    def __init__(self, folder):
        super().__init__(folder)
        self.detections, self.change_flow = [], None
        self.change_step = lambda *result: result

    def detect_in(self, crop):
        if not self.detections:
            return super().detect_in(crop)
        return next_of(self.detections)

    def step(self, previous, image, start):
        landmarks, errors, crop = super().step(previous, image, start)
        mean = float(errors.mean())
        landmarks, error, crop = self.change_step(landmarks, mean, crop)
        return landmarks, errors if error == mean else np.full(68, error), crop

    def flow_landmarks(self, previous, crop, start, settings):
        if self.change_flow is None:
            return super().flow_landmarks(previous, crop, start, settings)
        return self.change_flow(start)


class ScriptedCheck:
    """A face check that returns these (score, landmark offset), the last for ever."""

    box = np.array([80.0, 80, 280, 280])

    def __init__(self):
        self.results = [(1.0, 0.0)]

    def __call__(self, crop, landmarks):
        # Landmarks are in pixels of the crop: the toy's, perhaps moved.
        moved = landmarks - toy_mean_shape()
        np.testing.assert_allclose(moved, [moved.mean(0)] * 68, atol=0.1)
        return FaceCheckResult(*next_of(self.results), self.box)


class ScriptedReliability:
    """The reliability as a function of the width of the face, if there is one."""

    of_width = None

    def __call__(self, face):
        if self.of_width is None:
            return Reliability()(face)
        return self.of_width(np.ptp(face.box[::2]))


def next_of(answers):
    return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass
class Toy:
    """A tracker and its scripted parts."""

    tracker: FaceTracker
    networks: ScriptedNetworks
    check: ScriptedCheck
    reliability: ScriptedReliability = field(default_factory=ScriptedReliability)

    def update(self, *arguments, **options):
        return self.tracker.update(*arguments, **options)


@pytest.fixture
def make_toy(folder):
    """Return a function that makes a toy with options of ``FaceTracker``.

    Toys follow dark pictures, which are no faces: without ``check_faces`` there is no
    face check, with it the scripted one.
    """

    def make(**options):
        opened = load(folder)
        networks, check = ScriptedNetworks(opened), ScriptedCheck()
        reliability = ScriptedReliability()
        options = {"smooth": False, "check_faces": False, **options}
        tracker = FaceTracker(
            opened,
            networks=networks,
            face_check=check,
            reliability=reliability,
            **options,
        )
        return Toy(tracker, networks, check, reliability)

    return make
