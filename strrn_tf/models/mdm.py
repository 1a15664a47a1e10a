"""MDM: mnemonic descent, a recurrent cascade that starts at the mean shape.

Trigeorgis et al. 2016; facts from trigeorgis/mdm ``mdm_model.py`` 33-71: patches around
the current shape, one hidden state h <- tanh(W [patch features, h]), a linear layer
that adds to the shape, weights shared by all steps, no gradient through the patch
positions.
"""

import keras
import numpy as np
from keras import layers, ops

from strrn_tf.geometry import CROP_SIZE
from strrn_tf.layers.patch_encoder import PatchEncoder
from strrn_tf.layers.patches import PatchSampler


@keras.saving.register_keras_serializable(package="strrn_tf")
class MDM(keras.Model):
    """Detector that refines the mean shape step by step.

    Args:
        mean_shape: (68, 2) start in crop pixels, as nested lists.
        steps: refinements K.
        patch_size: side of the patches in pixels.
        channels, features, style: see ``PatchEncoder``.
        hidden: width of the recurrent state.
        offset_unit: crop pixels that an output of one stands for. Smaller ones than the
            patch side learn faster: an update of the last layer moves the landmarks
            less.

    Call arguments:
        frames: (B, 315, 315, 3) in [0, 1].

    Returns:
        dict: ``refinements`` (B, K, 68, 2), the shape after every step.
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
        }
        self.sampler = PatchSampler(patch_size, name="patches")
        self.encoder = PatchEncoder(channels, features, style, name="encoder")
        self.recurrent = layers.Dense(hidden, "tanh", name="recurrent")
        # Zero: before training, the answer is the mean shape.
        self.regress = layers.Dense(
            2 * len(mean_shape), kernel_initializer="zeros", name="regress"
        )
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
        super().build(frames_shape)

    def call(self, frames):  # noqa: ANN001, ANN201
        batch = ops.shape(frames)[0]
        count, hidden = len(self.settings["mean_shape"]), self.settings["hidden"]
        mean_shape = ops.convert_to_tensor(self.settings["mean_shape"], frames.dtype)
        shape = ops.broadcast_to(mean_shape, (batch, count, 2))
        state = ops.zeros((batch, hidden), frames.dtype)
        refinements = []
        for _ in range(self.settings["steps"]):
            # As published: where a patch is taken from is not learnt through.
            patches = self.sampler(frames, ops.stop_gradient(shape))
            features = self.encoder(patches)
            features = ops.reshape(features, (batch, count * features.shape[-1]))
            state = self.recurrent(ops.concatenate([features, state], -1))
            offset = self.settings["offset_unit"] * self.regress(state)
            shape = shape + ops.reshape(offset, (batch, count, 2))
            refinements.append(shape)
        return {"refinements": ops.stack(refinements, axis=1)}

    def compute_output_shape(self, frames_shape: tuple) -> dict:
        count, steps = len(self.settings["mean_shape"]), self.settings["steps"]
        return {"refinements": (frames_shape[0], steps, count, 2)}

    def get_config(self) -> dict:
        return {"name": self.name, "trainable": self.trainable, **self.settings}
