"""A detector and a tracker whose answers are known in closed form, and a trainer."""

import json
from pathlib import Path

import keras
import numpy as np
from keras import ops

from strrn_tf.tracking.networks.model_folder import seal

# Shift of the toy tracker, in crop pixels, on a white frame.
GAIN = 80.0


def toy_mean_shape() -> np.ndarray:
    """Return 68 points in the face box of the crop, the eye corners 120 px apart."""
    rng = np.random.default_rng(7)
    half = 315 / 1.6 / 2
    points = 157 + rng.uniform(-half, half, (68, 2)) * 0.9
    points[0], points[1] = 157 - half, 157 + half
    points[36], points[45] = (97, 120), (217, 120)
    return points.astype(np.float32)


@keras.saving.register_keras_serializable(package="toys")
class ToyDetector(keras.Model):
    """Says the mean shape, whatever the frame; the first refinement is wrong."""

    def build(self, shape):
        self.shape = self.add_weight(
            shape=(68, 2), initializer="zeros", name="mean_shape"
        )
        super().build(shape)

    def call(self, frames):
        answer = self.shape + 0 * ops.mean(frames, (1, 2, 3))[:, None, None]
        return {"refinements": ops.stack([answer + 50, answer], axis=1)}


@keras.saving.register_keras_serializable(package="toys")
class WideDetector(ToyDetector):
    """A toy with enough weights that the file is mostly weights."""

    def build(self, shape):
        self.dense = keras.layers.Dense(136, name="dense")
        self.dense.build((None, 315 * 3))
        super().build(shape)

    def call(self, frames):
        rows = ops.reshape(ops.mean(frames, 1), (-1, 315 * 3))
        offset = ops.reshape(self.dense(rows), (-1, 1, 68, 2))
        return {"refinements": super().call(frames)["refinements"] + offset}


@keras.saving.register_keras_serializable(package="toys")
class ToyTracker(keras.Model):
    """Moves the start to the right by the mean brightness of the frame times a gain."""

    def build(self, shape):
        self.gain = self.add_weight(shape=(2,), initializer="zeros", name="gain")
        super().build(shape)

    def call(self, inputs):
        brightness = ops.mean(inputs["frames"], (1, 2, 3))[:, None, None]
        return inputs["start"] + brightness * self.gain


def toy_models() -> tuple[keras.Model, keras.Model]:
    detector, tracker = ToyDetector(), ToyTracker()
    detector.build((None, 315, 315, 3))
    tracker.build({"frames": (None, 315, 315, 3), "start": (None, 68, 2)})
    detector.shape.assign(toy_mean_shape())
    tracker.gain.assign([GAIN, 0.0])
    return detector, tracker


def toy_samples(number: int = 2) -> dict:
    rng = np.random.default_rng(3)
    return {
        "crops": rng.uniform(0, 1, (number, 315, 315, 3)).astype(np.float32),
        "starts": rng.uniform(60, 255, (number, 68, 2)).astype(np.float32),
        "info": {"name": "toy", "mean_shape": toy_mean_shape()},
    }


def export_toys(folder: Path) -> Path:
    """Export the toys, with windows that do not turn, and return their folder.

    The toys answer in the crop, whatever is in it: for them no window is upright.
    """
    from strrn_tf.export.tflite import export_models

    export_models(*toy_models(), folder, **toy_samples())
    description = json.loads((folder / "model.json").read_text("utf-8"))
    description["crop"]["any_roll"] = False
    seal(folder, description)
    return folder


class Line(keras.Model):
    """A trainer small enough to be traced in no time; its loss is its metric too.

    Args:
        after_update: called in the middle of the training, after every update of this
            trainer, with their number.
    """

    def __init__(self, after_update=None):
        super().__init__()
        self.after_update, self.updates = after_update, 0
        self.dense = keras.layers.Dense(1)
        self.build((None, 2))

    def build(self, shape):
        self.dense.build(shape)
        super().build(shape)

    def call(self, inputs):
        return self.dense(inputs["x"])

    def compute_loss(self, x=None, y=None, y_pred=None, *_, **__):
        return keras.ops.mean((y_pred - x["y"]) ** 2)

    def make_train_function(self, force=False):
        before = self.train_function
        super().make_train_function(force)
        update = self.train_function
        if update is before or self.after_update is None:
            return

        def update_and_call(*arguments):
            result = update(*arguments)
            self.updates += 1
            self.after_update(self.updates)
            return result

        self.train_function = update_and_call
