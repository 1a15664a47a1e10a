"""The post-activation bottleneck: its normalisations fold into its convolutions."""

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="strrn_tf")
class Bottleneck(keras.layers.Layer):
    """1x1-BN-ReLU, 3x3-BN-ReLU, 1x1-BN plus a skip, then ReLU (He et al. 2016a).

    An exporter folds every normalisation into the convolution before it, so that the
    exported block is three convolutions and an addition. The normalisations of
    :class:`~strrn_tf.layers.residual.Residual` stand before convolutions, and stay.

    Args:
        channels: output channels; the bottleneck has half of them.

    Call arguments:
        x: (B, H, W, C).
        training: whether batch statistics are used.

    Returns:
        (B, H, W, channels), not negative.
    """

    def __init__(self, channels: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.channels = channels
        half = channels // 2
        # A bias before a normalisation would have no effect.
        self.convolutions = [
            layers.Conv2D(half, 1, use_bias=False, name="conv_0"),
            layers.Conv2D(half, 3, padding="same", use_bias=False, name="conv_1"),
            layers.Conv2D(channels, 1, use_bias=False, name="conv_2"),
        ]
        self.norms = [
            layers.BatchNormalization(momentum=0.95, name=f"norm_{i}") for i in range(3)
        ]
        self.skip = layers.Conv2D(channels, 1, use_bias=False, name="skip")
        self.skip_norm = layers.BatchNormalization(momentum=0.95, name="skip_norm")

    def build(self, x_shape: tuple) -> None:
        shape = x_shape
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            norm.build(shape)
        if x_shape[-1] != self.channels:
            self.skip.build(x_shape)
            self.skip_norm.build(shape)
        super().build(x_shape)

    def call(self, x, training=None):  # noqa: ANN001, ANN201
        skip = x
        if x.shape[-1] != self.channels:
            skip = self.skip_norm(self.skip(x), training=training)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = norm(convolution(x), training=training)
            if convolution is not self.convolutions[-1]:
                x = keras.ops.relu(x)
        return keras.ops.relu(x + skip)

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return (*x_shape[:-1], self.channels)

    def get_config(self) -> dict:
        return {**super().get_config(), "channels": self.channels}
