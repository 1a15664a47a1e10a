"""The pre-activation bottleneck of the stacked hourglass network."""

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="strrn_tf")
class Residual(keras.layers.Layer):
    """BN-ReLU-1x1, BN-ReLU-3x3, BN-ReLU-1x1 plus a skip.

    The skip is the identity, or a bare 1x1 convolution where the width changes
    (princeton-vl/pose-hg-train, ``Residual.lua``).

    Args:
        channels: output channels; the bottleneck has half of them.

    Call arguments:
        x: (B, H, W, C).
        training: whether batch statistics are used.

    Returns:
        (B, H, W, channels).
    """

    def __init__(self, channels: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.channels = channels
        half = channels // 2
        self.norms = [
            layers.BatchNormalization(momentum=0.95, name=f"norm_{i}") for i in range(3)
        ]
        self.convolutions = [
            layers.Conv2D(half, 1, use_bias=False, name="conv_0"),
            layers.Conv2D(half, 3, padding="same", use_bias=False, name="conv_1"),
            layers.Conv2D(channels, 1, name="conv_2"),
        ]
        self.skip = layers.Conv2D(channels, 1, name="skip")

    def build(self, x_shape: tuple) -> None:
        shape = x_shape
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            norm.build(shape)
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        if x_shape[-1] != self.channels:
            self.skip.build(x_shape)
        super().build(x_shape)

    def call(self, x, training=None):  # noqa: ANN001, ANN201
        skip = x if x.shape[-1] == self.channels else self.skip(x)
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            x = convolution(keras.ops.relu(norm(x, training=training)))
        return x + skip

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return (*x_shape[:-1], self.channels)

    def get_config(self) -> dict:
        return {**super().get_config(), "channels": self.channels}
