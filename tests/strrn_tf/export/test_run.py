"""What the description of exported networks says, by how the run ended."""

import json
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from support.toy_models import toy_mean_shape

from strrn_tf.config import RunConfig
from strrn_tf.export import run as export
from strrn_tf.export import tflite
from strrn_tf.export.learnt_stills import learnt_entry
from strrn_tf.methods.verdict import AFTER, BEFORE, QUARTER
from strrn_tf.training.run_folder import RunFolder


@dataclass
class Learnt:
    """Data of a run."""

    counts: dict
    learnt_stills: tuple = ("b.jpg",)

    def parity_crops(self):
        return np.zeros((2, 4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("chosen", "place", "has_learnt"),
    [
        (None, "export", True),
        ({"detector": BEFORE}, "export", False),
        ({"detector": BEFORE}, "rounds/01/export", True),
        ({"detector": BEFORE, "tracker": BEFORE}, "export", False),
        ({"detector": BEFORE, "tracker": AFTER}, "export", True),
        ({"detector": QUARTER}, "export", True),
    ],
)
def test_a_refused_training_has_taught_nothing(
    tmp_path, monkeypatch, chosen, place, has_learnt
):
    infos = []
    monkeypatch.setattr(export, "rebuilt", lambda network: network)
    monkeypatch.setattr(
        tflite, "export_models", lambda *_, info, **__: infos.append(info)
    )
    folder = RunFolder(tmp_path)
    if chosen:
        content = {name: {"chosen": one} for name, one in chosen.items()}
        folder.verdict.write_text(json.dumps(content))
    run = SimpleNamespace(
        config=RunConfig(),
        data=Learnt({"annotated stills": 24}),
        detector=None,
        tracker=None,
        folder=folder,
    )
    parent = {"name": "first", "licence": "mine.", **learnt_entry((), ["a.jpg"])}
    export.export_run(
        run,
        tmp_path / place,
        mean_shape=toy_mean_shape(),
        is_drawn=False,
        parent=parent,
        saved_model=False,
        second={"name": "second", "licence": "theirs."},
    )
    [info] = infos
    learnt = ["a.jpg", "b.jpg"] if has_learnt else ["a.jpg"]
    assert info.items() >= learnt_entry((), learnt).items()
    assert ("annotated stills" in info["training_data"]) == has_learnt
    assert ("theirs." in info["licence"]) == has_learnt
