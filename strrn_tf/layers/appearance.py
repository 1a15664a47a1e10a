"""Group-wise appearance, Eq. 1: f_A = relu(W_A . I(p) + b_A) per component."""

from collections.abc import Sequence

import keras
from keras import ops

from strrn_tf.layers.patch_encoder import PatchEncoder


@keras.saving.register_keras_serializable(package="strrn_tf")
class GroupAppearance(keras.layers.Layer):
    """Embeds the patches of each facial component by that component's own network.

    We read "W_A . I" of the paper as a small convolutional network. All patches of a
    component share its weights.

    Args:
        components: landmark indices of every component.
        channels: channels of the two convolutions of each network.
        features: width D per patch; ``None``: the flat convolution map.
        style: see ``PatchEncoder``.

    Call arguments:
        patches: (B, L, P, P, C).

    Returns:
        (B, sum of component sizes, D), components one after the other.
    """

    def __init__(
        self,
        components: Sequence[Sequence[int]],
        channels: tuple[int, int] = (16, 32),
        features: int | None = 32,
        style: str = "strided",
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.components = [list(c) for c in components]
        self.channels = tuple(channels)
        self.features = features
        self.style = style
        self.encoders = [
            PatchEncoder(channels, features, style, name=f"component_{i}")
            for i in range(len(self.components))
        ]

    def build(self, patches_shape: tuple) -> None:
        for encoder, members in zip(self.encoders, self.components, strict=True):
            encoder.build((patches_shape[0], len(members), *patches_shape[2:]))
        super().build(patches_shape)

    def call(self, patches):  # noqa: ANN001, ANN201
        embedded = [
            encoder(_members(patches, members))
            for encoder, members in zip(self.encoders, self.components, strict=True)
        ]
        return ops.concatenate(embedded, axis=1)

    def compute_output_shape(self, patches_shape: tuple) -> tuple:
        landmarks = sum(len(c) for c in self.components)
        return self.encoders[0].compute_output_shape(
            (patches_shape[0], landmarks, *patches_shape[2:])
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "components": self.components,
            "channels": list(self.channels),
            "features": self.features,
            "style": self.style,
        }


def _members(patches, members: list[int]):  # noqa: ANN001, ANN202
    """Select landmarks along axis 1; by a slice where possible, which is faster."""
    if members == list(range(members[0], members[-1] + 1)):
        return patches[:, members[0] : members[-1] + 1]
    return ops.take(patches, members, axis=1)
