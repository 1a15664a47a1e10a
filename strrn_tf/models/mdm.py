"""MDM: mnemonic descent, a recurrent cascade that starts at the mean shape.

Trigeorgis et al. 2016; facts from trigeorgis/mdm ``mdm_model.py`` 33-71: patches around
the current shape, one hidden state h <- tanh(W [patch features, h]), a linear layer
that adds to the shape, weights shared by all steps, no gradient through the patch
positions.

Ours may begin with a glance at the whole crop, which moves the mean shape and fills the
hidden state before the first patch is cut. Published networks have none.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from strrn_tf.geometry import CROP_SIZE
from strrn_tf.layers.global_context import Glance
from strrn_tf.layers.patch_encoder import PatchEncoder
from strrn_tf.layers.patches import PatchSampler


@keras.saving.register_keras_serializable(package="strrn_tf")
class MDM(keras.Model):
    """Detector that refines the mean shape step by step.

    Args:
        mean_shape: (68, 2) start in crop pixels, as nested lists.
        steps: refinements K by patches.
        patch_size: side of the patches in pixels.
        channels, features, style: see ``PatchEncoder``.
        hidden: width of the recurrent state.
        offset_unit: crop pixels that an output of one stands for. Smaller ones than the
            patch side learn faster: an update of the last layer moves the landmarks
            less.
        glance: channels of ``Glance``; None: the cascade starts at the mean shape.

    Call arguments:
        frames: (B, 315, 315, 3) in [0, 1].

    Returns:
        dict: ``refinements`` (B, K, 68, 2), the shape after every step; with a glance
        (B, K + 1, 68, 2), the first one after it.
    """

    def __init__(
        self,
        mean_shape: list,
        steps: int = 4,
        patch_size: int = 30,
        channels: tuple[int, int] = (16, 32),
        features: int | None = 48,
        style: str = "strided",
        hidden: int = 512,
        offset_unit: float = 30.0,
        glance: Sequence[int] | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.settings = {
            "mean_shape": np.asarray(mean_shape, "float32").tolist(),
            "steps": steps,
            "patch_size": patch_size,
            "channels": list(channels),
            "features": features,
            "style": style,
            "hidden": hidden,
            "offset_unit": offset_unit,
            "glance": None if glance is None else list(glance),
        }
        self.sampler = PatchSampler(patch_size, name="patches")
        self.encoder = PatchEncoder(channels, features, style, name="encoder")
        self.recurrent = layers.Dense(hidden, "tanh", name="recurrent")
        # Zero: before training, the answer is the mean shape.
        self.regress = layers.Dense(
            2 * len(mean_shape), kernel_initializer="zeros", name="regress"
        )
        self.glance = None if glance is None else Glance(glance, name="glance")
        if self.glance:
            # Zero too: a glance that has learnt nothing changes nothing.
            zeros = {"kernel_initializer": "zeros"}
            self.place = layers.Dense(2 * len(mean_shape), name="place", **zeros)
            self.remember = layers.Dense(hidden, "tanh", name="remember", **zeros)
        self.build((None, CROP_SIZE, CROP_SIZE, 3))

    def build(self, frames_shape: tuple) -> None:
        count, hidden = len(self.settings["mean_shape"]), self.settings["hidden"]
        shape = (frames_shape[0], count, 2)
        self.sampler.build(frames_shape, shape)
        patches = self.sampler.compute_output_shape(frames_shape, shape)
        self.encoder.build(patches)
        width = count * self.encoder.compute_output_shape(patches)[-1]
        self.recurrent.build((None, width + hidden))
        self.regress.build((None, hidden))
        if self.glance:
            self.glance.build(frames_shape)
            for layer in (self.place, self.remember):
                layer.build(self.glance.compute_output_shape(frames_shape))
        super().build(frames_shape)

    def call(self, frames):  # noqa: ANN001, ANN201
        shape, state = self._beginning(frames)
        refinements = [shape] if self.glance else []
        # The glance learns from what it says alone. A step's last pixel pulls harder in
        # the loss than the glance's first ten, and would teach it to say nothing.
        shape = ops.stop_gradient(shape)
        for _ in range(self.settings["steps"]):
            # As published: where a patch is taken from is not learnt through.
            patches = self.sampler(frames, ops.stop_gradient(shape))
            features = self.encoder(patches)
            _, count, width = features.shape
            features = ops.reshape(features, (-1, count * width))
            state = self.recurrent(ops.concatenate([features, state], -1))
            shape = shape + self._offset(self.regress(state))
            refinements.append(shape)
        return {"refinements": ops.stack(refinements, axis=1)}

    def _beginning(self, frames):  # noqa: ANN001, ANN202
        """Return shape (B, L, 2) and hidden state as the cascade starts."""
        batch = ops.shape(frames)[0]
        mean_shape = ops.convert_to_tensor(self.settings["mean_shape"], frames.dtype)
        shape = ops.broadcast_to(mean_shape, (batch, *mean_shape.shape))
        if not self.glance:
            return shape, ops.zeros((batch, self.settings["hidden"]), frames.dtype)
        seen = self.glance(frames)
        state = self.remember(ops.stop_gradient(seen))
        return shape + self._offset(self.place(seen)), state

    def _offset(self, coordinates):  # noqa: ANN001, ANN202
        offset = self.settings["offset_unit"] * coordinates
        return ops.reshape(offset, (-1, len(self.settings["mean_shape"]), 2))

    def compute_output_shape(self, frames_shape: tuple) -> dict:
        count, steps = len(self.settings["mean_shape"]), self.settings["steps"]
        steps += bool(self.glance)
        return {"refinements": (frames_shape[0], steps, count, 2)}

    def get_config(self) -> dict:
        return {"name": self.name, "trainable": self.trainable, **self.settings}
