"""Two devices learn what one learns: losses, weights, resuming; mistakes."""

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from support.places import PROGRAMS

from strrn_tf.commands import train
from strrn_tf.training.devices import ONE_DEVICE, choose_devices

HAS_JAX = importlib.util.find_spec("jax") is not None
NETWORKS = "detector", "tracker"


def run(folder, backend, kind):
    """Train on one virtual CPU and on two; return the folder of the runs."""
    result = subprocess.run(
        [sys.executable, "devices_process.py", str(folder), kind],
        cwd=PROGRAMS,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert "detector-00: 0 of 6 updates are done, on 2 devices" in result.stdout
    return folder


def losses(folder, phase):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    chosen = [entry for entry in entries if entry["phase"].startswith(phase)]
    assert [entry["step"] for entry in chosen] == [2, 4, 6]
    keys = sorted(chosen[0].keys() - {"time", "phase", "step"})
    return np.array([[entry[key] for key in keys] for entry in chosen])


def weights(folder, network):
    with np.load(folder / f"{network}.npz") as arrays:
        return np.concatenate([arrays[name].ravel() for name in arrays.files])


def check_toys(root):
    for network in NETWORKS:
        one, two = (losses(root / name, network) for name in ("one", "two"))
        np.testing.assert_allclose(two, one, rtol=1e-5)
        one, two = (weights(root / name, network) for name in ("one", "two"))
        # A tenth of one update: Adam makes much of gradients that are rounding alone.
        np.testing.assert_allclose(two, one, rtol=0, atol=1e-4)
    resumed = weights(root / "resumed", "detector")
    np.testing.assert_array_equal(resumed, weights(root / "two", "detector"))


def test_tensorflow(tmp_path):
    check_toys(run(tmp_path, "tensorflow", "toy"))


@pytest.mark.skipif(not HAS_JAX, reason="jax is not installed: pip install jax")
def test_jax(tmp_path):
    check_toys(run(tmp_path, "jax", "toy"))


@pytest.mark.skipif(not HAS_JAX, reason="jax is not installed: pip install jax")
@pytest.mark.parametrize(
    ("kind", "update", "end", "saved"),
    [
        ("poison", 33, "TrainingDiverged: training diverged by step ", 20),
        ("ctrl-c", 1, "KeyboardInterrupt: ", 1),
        ("ctrl-c", 33, "KeyboardInterrupt: ", 33),
        ("twice", 1, "KeyboardInterrupt: ", "nothing"),
        ("twice", 21, "KeyboardInterrupt: ", 20),
        ("twice", 33, "KeyboardInterrupt: ", 20),
    ],
)
def test_how_a_training_on_jax_ends(tmp_path, kind, update, end, saved):
    result = subprocess.run(
        [sys.executable, "jax_fitting_process.py", str(tmp_path), kind, str(update)],
        cwd=PROGRAMS,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert f"\n{end}" in result.stdout
    assert f"\nsaved: {saved}\n" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_networks_of_the_product(tmp_path, backend):
    if backend == "jax" and not HAS_JAX:
        pytest.skip("jax is not installed: pip install jax")
    run(tmp_path, backend, "real")
    for network in NETWORKS:
        one, two = (losses(tmp_path / name, network) for name in ("one", "two"))
        # Rounding grows from update to update: Adam makes much of tiny gradients.
        np.testing.assert_allclose(two, one, rtol=1e-3)
    two, resumed, moved = (
        weights(tmp_path / name, "detector") for name in ("two", "resumed", "moved")
    )
    np.testing.assert_array_equal(resumed, two)
    assert np.abs(moved - two).max() < 6 * 1e-3 * 2  # the updates' sizes at most


class TestChooseDevices:
    def test_one_is_nothing_special(self):
        assert choose_devices(1) is ONE_DEVICE
        trainer, batches = object(), [1, 2]
        with ONE_DEVICE.learner(trainer) as learner:
            assert learner is trainer
        assert ONE_DEVICE.prepare_batches(batches) is batches

    def test_missing_devices_are_named(self):
        with pytest.raises(ValueError, match=r"at least 1\. Received: 0"):
            choose_devices(0)
        there = keras.distribution.list_devices()
        words = f"the machine has only {', '.join(there)}"
        with pytest.raises(ValueError, match=words):
            choose_devices(len(there) + 1)
        with pytest.raises(ValueError, match=r"tensorflow or jax\. Received: torch"):
            choose_devices(2, backend="torch")

    def test_a_batch_must_be_split_evenly(self):
        with pytest.raises(ValueError, match="split a batch of 16 evenly"):
            choose_devices(3, (18, 16))

    def test_mistakes_end_a_training_before_it_begins(self, tmp_path, capsys):
        command = ["--output", str(tmp_path / "run"), "--devices", "3"]
        assert train.main(command) == 2
        message = capsys.readouterr().err
        assert "--devices 3 cannot split a batch of 16 evenly" in message
        assert message.count("\n") == 1

    def test_the_baseline_stays_on_one(self, capsys):
        assert train.main(["--method", "sbr", "--devices", "2"]) == 2
        assert "--method sbr trains on one device" in capsys.readouterr().err
