"""One hourglass: down to a few pixels and up again, with a skip at every size."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from strrn_tf.layers.blocks import BlockName, build_block


@keras.saving.register_keras_serializable(package="strrn_tf")
class Hourglass(keras.layers.Layer):
    """Recursive hourglass (Newell, Yang and Deng 2016; pose-hg-train ``hg.lua`` 3-25).

    Args:
        widths: channels at full size, at half, at a quarter and so on: one more than
            there are halvings. The published network has equal widths. Larger inner
            widths (Law and Deng 2018) cost little, because the inner maps are small.
        norms: batch normalisations of a residual block.
        block: "residual" or "bottleneck".

    Call arguments:
        x: (B, H, W, widths[0]); H and W divisible by 2**(number of halvings).
        training: whether batch statistics are used.

    Returns:
        (B, H, W, widths[0]).
    """

    def __init__(
        self,
        widths: Sequence[int],
        norms: int = 3,
        block: BlockName = "residual",
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if len(widths) < 2:
            raise ValueError(f"`widths` must be two or more. Received: {widths}")
        self.widths = list(widths)
        self.depth = len(widths) - 1
        self.norms = norms
        self.block = block
        here, further = self.widths[:2]
        self.side = build_block(block, here, norms, name="side")
        self.pool = layers.MaxPooling2D(2, name="pool")
        self.enter = build_block(block, further, norms, name="enter")
        self.inner = (
            Hourglass(self.widths[1:], norms, block, name="inner")
            if self.depth > 1
            else build_block(block, further, norms, name="inner")
        )
        self.leave = build_block(block, here, norms, name="leave")

    def build(self, x_shape: tuple) -> None:
        if any(s is not None and s % 2**self.depth for s in x_shape[1:3]):
            raise ValueError(
                f"Height and width must be divisible by {2**self.depth} for "
                f"{self.depth} halvings. Received: {x_shape}"
            )
        self.side.build(x_shape)
        small = self.pool.compute_output_shape(x_shape)
        for layer in (self.enter, self.inner, self.leave):
            layer.build(small)
            small = layer.compute_output_shape(small)
        super().build(x_shape)

    def call(self, x, training=None):  # noqa: ANN001, ANN201
        low = self.enter(self.pool(x), training=training)
        low = self.leave(self.inner(low, training=training), training=training)
        return _add_enlarged(self.side(x, training=training), low)

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return tuple(x_shape)

    def get_config(self) -> dict:
        config = {"widths": self.widths, "norms": self.norms, "block": self.block}
        return {**super().get_config(), **config}


def _add_enlarged(x, low):  # noqa: ANN001, ANN202
    """Return maps (B, 2h, 2w, C) plus maps (B, h, w, C), every pixel of them 2 x 2.

    Additions repeat pixels at no cost. `UpSampling2D` splits an exported network into
    parts that LiteRT runs one by one.
    """
    _, height, width, channels = low.shape
    blocks = ops.reshape(x, (-1, 2, width, 2, channels))
    blocks = blocks + ops.reshape(low, (-1, 1, width, 1, channels))
    return ops.reshape(blocks, (-1, 2 * height, 2 * width, channels))
