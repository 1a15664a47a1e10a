"""MDM: mnemonic descent, a recurrent cascade that starts at the mean shape.

Trigeorgis et al. 2016; facts from trigeorgis/mdm ``mdm_model.py`` 33-71: patches around
the current shape, one hidden state h <- tanh(W [patch features, h]), a linear layer
that adds to the shape, weights shared by all steps, no gradient through the patch
positions.

The published network starts at the mean shape with an empty hidden state. Ours can have
a global context branch, which sees the whole crop at low resolution. The branch moves
the mean shape and fills the hidden state before the first patch is cut.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from strrn_tf.geometry import CROP_SIZE
from strrn_tf.layers.global_context import GlobalContext
from strrn_tf.layers.halving import halving, to_half
from strrn_tf.layers.patch_encoder import PatchEncoder
from strrn_tf.layers.patches import PatchSampler
from strrn_tf.system.renamed import with_new_names


@keras.saving.register_keras_serializable(package="strrn_tf")
class MDM(keras.Model):
    """Detector that refines the mean shape step by step.

    Args:
        mean_shape: (68, 2) start in crop pixels, as nested lists.
        steps: refinements K by patches.
        patch_size: side of the patches in pixels, of the halved crop if ``reduction``
            is 2.
        reduction: 2 for a network that sees the crop at half its resolution
            (`Halving`).
        channels, features, style: see ``PatchEncoder``.
        hidden: width of the recurrent state.
        offset_unit: crop pixels for an output of one. Units smaller than the patch side
            learn faster: an update of the last layer moves the landmarks less.
        global_context: channels of ``GlobalContext``; None: no such branch.

    Call arguments:
        frames: (B, 315, 315, 3) in [0, 1].

    Returns:
        dict: ``refinements`` (B, K, 68, 2) in crop pixels, the shape after every step.
        With a global context branch it is (B, K + 1, 68, 2): its shape comes first.
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
        global_context: Sequence[int] | None = None,
        reduction: int = 1,
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
            "global_context": global_context and list(global_context),
            "reduction": reduction,
        }
        self.halving = halving(reduction)
        self.sampler = PatchSampler(patch_size, name="patches")
        self.encoder = PatchEncoder(channels, features, style, name="encoder")
        self.recurrent = layers.Dense(hidden, "tanh", name="recurrent")
        # Zero: before training, the answer is the mean shape.
        self.regress = layers.Dense(
            2 * len(mean_shape), kernel_initializer="zeros", name="regress"
        )
        self.global_context = self.shape_head = self.state_head = None
        if global_context is not None:
            self.global_context = GlobalContext(global_context, name="global_context")
            # Zero too: before training, the branch changes nothing.
            zeros = {"kernel_initializer": "zeros"}
            self.shape_head = layers.Dense(
                2 * len(mean_shape), name="shape_head", **zeros
            )
            self.state_head = layers.Dense(hidden, "tanh", name="state_head", **zeros)
        self.build((None, CROP_SIZE, CROP_SIZE, 3))

    @property
    def glance(self) -> GlobalContext | None:
        """Alias of ``global_context``: Keras stores the weights under this name.

        Keras names weights by attributes, and the first in alphabetical order counts.
        Without this one, shipped models and older checkpoints would not load.
        """
        return self.global_context

    def build(self, frames_shape: tuple) -> None:
        count, hidden = len(self.settings["mean_shape"]), self.settings["hidden"]
        shape = (frames_shape[0], count, 2)
        seen = frames_shape
        if self.halving:
            seen = self.halving.compute_output_shape(frames_shape)
        self.sampler.build(seen, shape)
        patches = self.sampler.compute_output_shape(seen, shape)
        self.encoder.build(patches)
        width = count * self.encoder.compute_output_shape(patches)[-1]
        self.recurrent.build((None, width + hidden))
        self.regress.build((None, hidden))
        if self.global_context:
            self.global_context.build(seen)
            for layer in (self.shape_head, self.state_head):
                layer.build(self.global_context.compute_output_shape(frames_shape))
        super().build(frames_shape)

    def call(self, frames):  # noqa: ANN001, ANN201
        return self._refine(self.halving(frames) if self.halving else frames)

    def call_halved(self, frames):  # noqa: ANN001, ANN201
        """Return landmarks (B, 68, 2) in pixels of halved crops (B, 157, 157, 3)."""
        return to_half(self._refine(frames)["refinements"][:, -1])

    def _refine(self, frames):  # noqa: ANN001, ANN202
        """Return what ``call`` returns for frames (B, S, S, 3), halved if need be."""
        shape, state = self._initial_state(frames)
        refinements = [shape] if self.global_context else []
        # No gradient from later steps: they would hold the branch at the mean shape.
        # The loss rewards their last pixel more than the first ten of the branch.
        shape = ops.stop_gradient(shape)
        for _ in range(self.settings["steps"]):
            # As published: the positions of the patches receive no gradient.
            positions = ops.stop_gradient(shape)
            if self.halving:
                positions = to_half(positions)
            patches = self.sampler(frames, positions)
            features = self.encoder(patches)
            _, count, width = features.shape
            features = ops.reshape(features, (-1, count * width))
            state = self.recurrent(ops.concatenate([features, state], -1))
            shape = shape + self._offset(self.regress(state))
            refinements.append(shape)
        return {"refinements": ops.stack(refinements, axis=1)}

    def _initial_state(self, frames):  # noqa: ANN001, ANN202
        """Return shape (B, L, 2) and hidden state (B, H) before the first step."""
        batch = ops.shape(frames)[0]
        mean_shape = ops.convert_to_tensor(self.settings["mean_shape"], frames.dtype)
        shape = ops.broadcast_to(mean_shape, (batch, *mean_shape.shape))
        if not self.global_context:
            return shape, ops.zeros((batch, self.settings["hidden"]), frames.dtype)
        context = self.global_context(frames)
        state = self.state_head(ops.stop_gradient(context))
        return shape + self._offset(self.shape_head(context)), state

    def _offset(self, coordinates):  # noqa: ANN001, ANN202
        offset = self.settings["offset_unit"] * coordinates
        return ops.reshape(offset, (-1, len(self.settings["mean_shape"]), 2))

    def compute_output_shape(self, frames_shape: tuple) -> dict:
        count, steps = len(self.settings["mean_shape"]), self.settings["steps"]
        steps += bool(self.global_context)
        return {"refinements": (frames_shape[0], steps, count, 2)}

    def get_config(self) -> dict:
        return {"name": self.name, "trainable": self.trainable, **self.settings}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "MDM":
        return cls(**with_new_names(config))
