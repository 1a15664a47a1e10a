"""The pre-activation bottleneck of the stacked hourglass network."""

from itertools import zip_longest

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="strrn_tf")
class Residual(keras.layers.Layer):
    """BN-ReLU-1x1, BN-ReLU-3x3, BN-ReLU-1x1 plus a skip.

    The skip is the identity, or a bare 1x1 convolution where the width changes
    (princeton-vl/pose-hg-train, ``Residual.lua``).

    Args:
        channels: output channels; the bottleneck has half of them.
        norms: number of batch normalisations, 1 to 3; the last ones are left out. On a
            CPU all three take as long as the convolutions.

    Call arguments:
        x: (B, H, W, C).
        training: whether batch statistics are used.

    Returns:
        (B, H, W, channels).
    """

    def __init__(self, channels: int, norms: int = 3, **kwargs: object) -> None:
        super().__init__(**kwargs)
        if not 1 <= norms <= 3:
            raise ValueError(f"`norms` must be 1 to 3. Received: {norms}")
        self.channels = channels
        half = channels // 2
        self.norms = [
            layers.BatchNormalization(momentum=0.95, name=f"norm_{i}")
            for i in range(norms)
        ]
        # A bias before a normalisation would have no effect.
        self.convolutions = [
            layers.Conv2D(half, 1, use_bias=norms < 2, name="conv_0"),
            layers.Conv2D(half, 3, padding="same", use_bias=norms < 3, name="conv_1"),
            layers.Conv2D(channels, 1, name="conv_2"),
        ]
        self.skip = layers.Conv2D(channels, 1, name="skip")

    def build(self, x_shape: tuple) -> None:
        shape = x_shape
        for norm, convolution in zip_longest(self.norms, self.convolutions):
            if norm:
                norm.build(shape)
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        if x_shape[-1] != self.channels:
            self.skip.build(x_shape)
        super().build(x_shape)

    def call(self, x, training=None):  # noqa: ANN001, ANN201
        skip = x if x.shape[-1] == self.channels else self.skip(x)
        for norm, convolution in zip_longest(self.norms, self.convolutions):
            x = norm(x, training=training) if norm else x
            x = convolution(keras.ops.relu(x))
        return x + skip

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return (*x_shape[:-1], self.channels)

    def get_config(self) -> dict:
        config = {"channels": self.channels, "norms": len(self.norms)}
        return {**super().get_config(), **config}
