"""The models under saved_models/ work with the code beside them."""

import re

import numpy as np
import pytest
from support.places import ROOT

from benchmarks.models.publish_model import markdown
from data_pipeline.synthetic import draw_face
from strrn_tf.export.tflite import PARITY_LIMITS
from strrn_tf.geometry import box_from_landmarks, crop_matrix
from strrn_tf.layers.halving import Halving
from strrn_tf.models.build import load_networks
from strrn_tf.tracking.networks.crop import cut, to_network
from strrn_tf.tracking.networks.litert import LiteRTModel
from strrn_tf.tracking.networks.model_folder import load

SAVED = ROOT / "saved_models"
NAMES = sorted(path.parent.name for path in SAVED.glob("*/model.json"))
LARGEST_FILE = 20 * 2**20


@pytest.fixture(scope="module")
def crop():
    """Return a face (1, 315, 315, 3) float32 and a start (1, 68, 2) beside it."""
    image, landmarks = draw_face(np.random.default_rng(3))
    matrix = crop_matrix(box_from_landmarks(landmarks))
    start = landmarks @ matrix[:, :2].T + matrix[:, 2]
    return to_network(cut(image, matrix)), start[None].astype(np.float32) + 4


def test_all_are_there():
    assert NAMES == ["strrn-fast", "strrn-hgn", "strrn-mdm"]


@pytest.mark.parametrize("name", NAMES)
def test_keras_and_tflite_are_the_same_networks(name, crop):
    folder = load(SAVED / name)
    frames, start = crop
    detector, tracker = load_networks(folder.path)
    expected = np.asarray(detector(frames)["refinements"])[0, -1]
    # Networks of half the resolution answer in pixels of the halved crop.
    reduction = 315 // folder.crop_size
    exported = np.asarray(Halving()(frames)) if reduction == 2 else frames
    half = (reduction - 1) * 1.5
    received = LiteRTModel(folder.detector)(frames=exported)["landmarks"][0]
    received = reduction * received + half
    limit = PARITY_LIMITS[folder.description["weights"]]
    assert np.linalg.norm(received - expected, axis=-1).max() < limit
    expected = np.asarray(tracker({"frames": frames, "start": start}))[0]
    exported = {"frames": exported, "start": (start - half) / reduction}
    received = LiteRTModel(folder.tracker)(**exported)["landmarks"][0]
    received = reduction * received + half
    assert np.linalg.norm(expected - start[0], axis=-1).max() > 0.2
    assert np.linalg.norm(received - expected, axis=-1).max() < limit


@pytest.mark.parametrize("name", NAMES)
def test_files_are_small(name):
    files = [path for path in (SAVED / name).rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in files) <= LARGEST_FILE


@pytest.mark.parametrize("name", NAMES)
def test_the_card_has_the_figures_and_the_terms_of_the_description(name):
    card = (SAVED / name / "MODEL_CARD.md").read_text(encoding="utf-8")
    description = load(SAVED / name).description
    assert card.startswith(f"# {description['name']}\n")
    assert len(description["accuracy"]) == 2
    assert markdown(description["accuracy"]) in card
    # In one paragraph, whatever the breaks of its lines.
    assert description["licence"] in " ".join(card.replace("*", "").split())
    facts = description["training_data"]
    if "data" in facts:
        assert facts["data"] in card
        return
    for fact in ("stills", "pairs", "accepted", "d_det", "d_tck"):
        assert str(facts[fact]) in re.findall(r"\d+", card)
