"""Labels of two models that err to opposite sides."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import spearmanr
from support.clips import PADDING, crop_store
from support.layouts import write_300w

from benchmarks.learning import label_quality
from benchmarks.learning.label_quality import Options, rank, run
from strrn_tf.evaluation.metrics import nme_interpupil

STILLS, LEAN = 8, 3.0


@pytest.fixture
def truth(tmp_path, monkeypatch):
    """Replace models and crops; return the landmarks (N, 68, 2) in the upright crop.

    The first model answers to the right of them, the other one to the left. In mirrored
    pictures both are twice as far away.
    """
    store = crop_store(tmp_path, STILLS, 1)
    landmarks = store.landmarks[:, 0] - PADDING

    def ask(detect, pictures, windows, asked):
        assert len(pictures) == len(windows) == STILLS
        far = np.array([2.0 if question.mirrored else 1.0 for question in asked])
        offset = np.zeros((len(asked), 1, 1, 2))
        offset[..., 0] = (far * detect)[:, None, None]
        return (landmarks + offset).astype(np.float32)

    def windows(detectors, pictures, boxes):
        return [(box, 0.0) for box in boxes]

    stubs = {
        "load": lambda name: LEAN if name == "one" else -LEAN,
        "FaceNetworks": lambda lean: SimpleNamespace(lean=lean),
        "detect_by": lambda networks: networks.lean,
        "build_still_store": lambda *_: store,
        "first_windows": windows,
        "ask": ask,
    }
    for name, stub in stubs.items():
        monkeypatch.setattr(label_quality, name, stub)
    return landmarks


def test_the_rows_are_what_was_asked_and_how_it_was_fused(
    truth, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "160")
    stills = write_300w(tmp_path, {"stills": STILLS}) / "stills"
    run(Options(stills, models=("one", "two")))
    text = capsys.readouterr().out
    found = dict(re.findall(r"│ ((?:one|two|both): [\w ,]+?) +│ +([\d.]+)", text))
    unit = float(nme_interpupil(truth + np.float32((1.0, 0.0)), truth).mean())
    lean = {
        "one: one answer": LEAN,
        "one: 4 answers as they come": 1.5 * LEAN,
        "one: 4 answers, put right": LEAN,
        "two: one answer": LEAN,
        "two: 4 answers as they come": 1.5 * LEAN,
        "two: 4 answers, put right": LEAN,
        "both: one answer of each": 0.0,
        "both: all answers, fused": 0.0,
    }
    assert found == {name: f"{unit * x:.2f}" for name, x in lean.items()}
    assert "+50.0 % (interval" in text
    assert f"{STILLS} stills" in text


def test_the_rank_correlation_is_the_mean_over_landmarks():
    rng = np.random.default_rng(0)
    one = rng.normal(size=(20, 68))
    other = one + rng.normal(size=(20, 68))
    expected = [spearmanr(one[:, i], other[:, i]).statistic for i in range(68)]
    assert rank(one, other) == pytest.approx(np.mean(expected))
    assert rank(one, 3 * one) == pytest.approx(1.0)
    assert rank(one, -one) == pytest.approx(-1.0)
