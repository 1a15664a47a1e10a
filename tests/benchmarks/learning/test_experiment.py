"""What an experiment's arms learn, and for how long. Nothing is trained."""

from dataclasses import replace

import numpy as np
import pytest
from support.clips import PADDING, crop_store
from support.layouts import pts, put
from support.toy_models import toy_mean_shape, toy_models

from benchmarks.learning.experiment import NEAR, Experiment
from benchmarks.learning.trainings import ARMS, Material, Trainings
from data_pipeline.augmentation.augment import Augmentation
from data_pipeline.datasets.three_hundred_w import Still
from strrn_tf.geometry import CROP_SIZE
from strrn_tf.methods.fused_config import FusedConfig
from strrn_tf.methods.fused_labels import FusedLabels
from strrn_tf.methods.training_run import TrainingRun, make_phase

STILLS, PICTURES = 7, 6
# Pictures whose annotation is of another face than that in the crop.
OTHERS = 1, 4
UPDATES, MORE = 30, 20


def still(folder, name, shift=0.0):
    """Return a still whose annotation is the toy face in the crop, or beside it."""
    shape = toy_mean_shape() + PADDING + shift
    path = put(folder / f"{name}.pts", pts(shape))
    return Still(f"{name}.jpg", put(folder / f"{name}.jpg", b"x"), path)


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """Return an experiment with toy networks. Stills have the values from 101 on."""
    monkeypatch.setattr("strrn_tf.models.build.build_networks", lambda *_: toy_models())
    beside = 1.5 * NEAR * CROP_SIZE
    annotated = [still(tmp_path, f"s{n}") for n in range(STILLS)]
    pictures = [
        still(tmp_path, f"p{n}", beside if n in OTHERS else 0.0)
        for n in range(PICTURES)
    ]
    test = [still(tmp_path, f"t{n}") for n in range(2)]
    material = Material(annotated, pictures, test, ["one", "two"])
    sizes = {"updates": UPDATES, "more": MORE, "batch_size": 4}
    options = Trainings(output=tmp_path / "output", **sizes)
    found = Experiment(options, material, 0)
    stills = crop_store(tmp_path, STILLS, 1)
    stills.frames[:] += 100
    stills = replace(stills, names=tuple(s.name for s in annotated))
    photographs = crop_store(tmp_path, PICTURES, 1, seed=1, annotated=False)
    photographs = replace(photographs, names=tuple(s.name for s in pictures))
    vars(found)["stores"] = stills, photographs
    return found


@pytest.fixture
def trained(monkeypatch):
    """Record trainings instead of doing them: folder, updates and batches of each."""
    done = []

    def train(self, network, number, trainer, batches_from, averaging=0.0):
        assert trainer is not None
        phase = make_phase(network, number, self.config.detector)
        done.append((self.folder.root.name, number, phase.steps, batches_from))

    monkeypatch.setattr(TrainingRun, "train", train)
    return done


def fused_labels(disagreement):
    """Return labels of pictures on which two backbones disagree as given."""
    shapes = np.tile(toy_mean_shape() + PADDING, (PICTURES, 1, 1))
    trust = np.ones((PICTURES, 68), np.float32)
    return FusedLabels(shapes, trust, np.array(disagreement, np.float32))


def values_of(batches_from, count):
    """Return the values of the pictures in the first batches."""
    found = [b["frames"] for b, _ in zip(batches_from(0), range(count), strict=False)]
    return (np.stack(found)[..., 150, 150, 0] * 255).round().astype(int)


def test_all_arms_have_as_many_updates(experiment, trained):
    for arm in (*ARMS, "trusted", "trusted-exact", "trusted-more", "fused-twice"):
        trained.clear()
        experiment.arm(arm)
        name = f"{arm}-hgn" if arm == "fused-twice" else arm
        mine = [steps for folder, _, steps, _ in trained if folder == name]
        assert sum(mine) == MORE, arm
        starts = [steps for _, number, steps, _ in trained if number == 0]
        assert set(starts) == {UPDATES}


def test_the_control_draws_no_picture(experiment):
    labels = experiment.labels("control")
    share = experiment.probability("control", labels)
    assert share.tolist() == [0.0] * PICTURES
    data = experiment.training("hgn", "control").data
    data.detector_augmentation = Augmentation.none()
    batches = data.fused_batches(labels.landmarks, labels.trust, share, 0)
    assert (values_of(batches, MORE) > 100).all()


def test_all_annotated_stills_are_learnt(experiment):
    data = experiment.training("hgn", "fused").data
    data.detector_augmentation = Augmentation.none()
    assert len(data.held_out) == 0
    assert "held-out stills" not in data.counts
    labels = fused_labels(range(PICTURES))
    share = np.ones(PICTURES)
    batches = data.fused_batches(labels.landmarks, labels.trust, share, 0)
    learnt = set(values_of(batches, MORE).ravel())
    stills = set(range(101, 101 + STILLS))
    assert learnt == stills | set(range(1, 1 + PICTURES))
    start = values_of(data.detector_batches(None, 0), MORE)
    assert set(start.ravel()) == stills


def test_exact_labels_are_those_of_the_annotated_face(experiment):
    labels = experiment.labels("exact")
    known = np.array([n not in OTHERS for n in range(PICTURES)])
    share = experiment.probability("exact", labels)
    assert share.tolist() == known.astype(float).tolist()
    shape = np.tile(toy_mean_shape() + PADDING, (known.sum(), 1, 1))
    np.testing.assert_allclose(labels.landmarks[known], shape, atol=2e-3)
    assert (labels.trust == 1).all()


def test_trusted_arms_use_the_half_on_which_both_agree(experiment):
    fused = fused_labels([0.5, 0.1, 0.4, 0.2, 0.3, 0.6])
    vars(experiment)["labels"] = lambda arm: fused
    for arm in ("trusted", "trusted-more"):
        share = experiment.probability(arm, fused)
        assert np.flatnonzero(share).tolist() == [1, 3, 4]
    share = experiment.probability("trusted-exact", fused)
    assert np.flatnonzero(share).tolist() == [n for n in (1, 3, 4) if n not in OTHERS]
    # Those that disagree are drawn more often, but not without limit.
    share = experiment.probability("fused", fused)
    assert (share > 0).all()
    assert share[5] > share[0] > share[1]


def test_other_options_and_other_stills_have_another_folder(experiment):
    options, material = experiment.options, experiment.material
    found = [
        experiment,
        replace(experiment, seed=1),
        replace(experiment, material=material._replace(annotated=material[0][1:])),
        replace(experiment, material=material._replace(pictures=material[1][1:])),
    ]
    others = {"learner": "mdm", "preset": "tiny", "updates": 1, "more": 1}
    others |= {"batch_size": 1, "fused": FusedConfig(questions=6)}
    for name, value in others.items():
        changed = replace(options, **{name: value})
        found.append(replace(experiment, options=changed))
    assert len({one.folder for one in found}) == len(found)
    # These change no training.
    same = replace(options, arms=("fused",), threads=2, seeds=(0,))
    assert replace(experiment, options=same).folder == experiment.folder


def test_results_are_kept_by_their_test(experiment, trained):
    vars(experiment)["test_errors"] = lambda detector: [4.0, 6.0]
    assert experiment.result("start mdm")["errors"] == [4.0, 6.0]
    assert experiment.result("start mdm")["cell"] == "start mdm"
    assert len(trained) == 1
    material = experiment.material._replace(test=experiment.material.test[:1])
    other = replace(experiment, material=material)
    vars(other).update(stores=experiment.stores, test_errors=lambda detector: [5.0])
    assert other.folder == experiment.folder
    assert other.result("start mdm")["errors"] == [5.0]
