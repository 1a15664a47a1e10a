"""One hourglass: down to a few pixels and up again, with skips at every size."""

import keras
from keras import layers

from strrn_tf.layers.residual import Residual


@keras.saving.register_keras_serializable(package="strrn_tf")
class Hourglass(keras.layers.Layer):
    """Recursive hourglass (Newell, Yang and Deng 2016; pose-hg-train ``hg.lua`` 3-25).

    Args:
        depth: number of halvings; height and width must be divisible by 2**depth.
        channels: width, equal to that of the input.
        norms: batch normalisations of a residual block.

    Call arguments:
        x: (B, H, W, channels).
        training: whether batch statistics are used.

    Returns:
        (B, H, W, channels).
    """

    def __init__(
        self, depth: int, channels: int, norms: int = 3, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        if depth < 1:
            raise ValueError(f"`depth` must be at least 1. Received: {depth}")
        self.depth = depth
        self.channels = channels
        self.norms = norms
        self.side = Residual(channels, norms, name="side")
        self.pool = layers.MaxPooling2D(2, name="pool")
        self.enter = Residual(channels, norms, name="enter")
        self.inner = (
            Hourglass(depth - 1, channels, norms, name="inner")
            if depth > 1
            else Residual(channels, norms, name="inner")
        )
        self.leave = Residual(channels, norms, name="leave")
        self.enlarge = layers.UpSampling2D(2, interpolation="nearest", name="enlarge")

    def build(self, x_shape: tuple) -> None:
        if any(s is not None and s % 2**self.depth for s in x_shape[1:3]):
            raise ValueError(
                f"Height and width must be divisible by {2**self.depth} for `depth` = "
                f"{self.depth}. Received: {x_shape}"
            )
        self.side.build(x_shape)
        small = self.pool.compute_output_shape(x_shape)
        for layer in (self.enter, self.inner, self.leave):
            layer.build(small)
        super().build(x_shape)

    def call(self, x, training=None):  # noqa: ANN001, ANN201
        low = self.enter(self.pool(x), training=training)
        low = self.leave(self.inner(low, training=training), training=training)
        return self.side(x, training=training) + self.enlarge(low)

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return tuple(x_shape)

    def get_config(self) -> dict:
        config = {"depth": self.depth, "channels": self.channels, "norms": self.norms}
        return {**super().get_config(), **config}
