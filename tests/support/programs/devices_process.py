"""A process of its own that trains on one virtual CPU and on two.

    python devices_process.py FOLDER toy|real

The networks are those of the product, or toys that are traced quickly. The back end is
the one that KERAS_BACKEND names. Every run writes to FOLDER/<name>:
"one" and "two" train both networks to the end; "resumed" trains the detector alone, is
interrupted on two devices and goes on there; "moved", of real networks, goes on on one.
The weights go to
detector.npz and tracker.npz of each.
"""

import os
import sys
from functools import partial
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[3]))

import keras
import numpy as np
import tensorflow as tf
from support.clips import crop_store
from support.toy_models import toy_mean_shape

from data_pipeline.batches.training_data import TrainingData
from strrn_tf.config import AlgorithmConfig, FitConfig, RunConfig
from strrn_tf.methods.training_run import TrainingRun
from strrn_tf.models.build import build_networks
from strrn_tf.training import callbacks
from strrn_tf.training.callbacks import Checkpoints
from strrn_tf.training.devices import Devices, choose_devices
from strrn_tf.training.fitting import fit
from strrn_tf.training.run_folder import RunFolder

# Three samples for a device: a sample's place in the batch is not its place there.
FIT = FitConfig(steps=6, round_steps=0, batch_size=6, learning_rate=1e-3)


def toy_networks() -> tuple[keras.Model, keras.Model]:
    """Return a detector with batch normalisation and a tracker, of one layer each."""
    layers = keras.layers

    def describe(frames: keras.KerasTensor) -> keras.KerasTensor:
        x = layers.Conv2D(4, 3, use_bias=False)(layers.AveragePooling2D(21)(frames))
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.Flatten()(layers.Activation("relu")(x))
        return layers.Reshape((1, 68, 2))(layers.Dense(136)(x))

    frames = keras.Input((315, 315, 3), name="frames")
    start = keras.Input((68, 2), name="start")
    shape = keras.ops.convert_to_tensor(toy_mean_shape())
    # Gradients so large that they are clipped.
    detector = keras.Model(frames, {"refinements": 100 * describe(frames) + shape})
    inputs = {"frames": frames, "start": start}
    return detector, keras.Model(inputs, start + describe(frames)[:, 0])


def train(folder: Path, devices: Devices, kind: str, tracks: bool = True) -> None:
    """Train a detector, and a tracker unless that is not asked for, as round 0 does."""
    keras.utils.set_random_seed(0)
    algorithm = AlgorithmConfig(rollout_steps=1)
    config = RunConfig(
        backbone="hgn", preset="tiny", detector=FIT, tracker=FIT, algorithm=algorithm
    )
    is_toy = kind == "toy"
    networks = toy_networks() if is_toy else build_networks(config, toy_mean_shape())
    data = TrainingData(crop_store(folder, 8, 1), None, config)
    run_folder = RunFolder(folder)
    run_folder.start({})
    often = partial(fit, checkpoints=Checkpoints(steps=2, seconds=0.0))
    run = TrainingRun(config, *networks, data, run_folder, devices, often)
    run.train_detector(0)
    np.savez(folder / "detector.npz", *run.detector.get_weights())
    if tracks:
        run.train_tracker(0)
        np.savez(folder / "tracker.npz", *run.tracker.get_weights())


def interrupt_at(step: int) -> None:
    """Press Ctrl-C after so many updates of the next training."""
    on_batch = callbacks.StopWhenNotFinite.on_train_batch_end
    left = [step]

    def stop(self: object, batch: int, logs: dict | None = None) -> None:
        on_batch(self, batch, logs)
        left[0] -= 1
        if left[0] == 0:
            callbacks.StopWhenNotFinite.on_train_batch_end = on_batch
            raise KeyboardInterrupt

    callbacks.StopWhenNotFinite.on_train_batch_end = stop


def main(root: Path, kind: str) -> None:
    """Train in all ways."""
    if keras.backend.backend() == "tensorflow":
        (cpu,) = tf.config.list_physical_devices("CPU")
        halves = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, halves)
    one, two = choose_devices(1), choose_devices(2)
    train(root / "one", one, kind)
    train(root / "two", two, kind)
    ways = {"resumed": two} | ({"moved": one} if kind == "real" else {})
    for name, devices in ways.items():
        # In the middle of a checkpoint interval.
        interrupt_at(3)
        try:
            train(root / name, two, kind, tracks=False)
        except KeyboardInterrupt:
            train(root / name, devices, kind, tracks=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
