"""The residual blocks that an hourglass can be made of, by name."""

from typing import Literal

import keras

from strrn_tf.layers.bottleneck import Bottleneck
from strrn_tf.layers.residual import Residual

BlockName = Literal["residual", "bottleneck"]


def build_block(
    block: BlockName, channels: int, norms: int, name: str
) -> keras.layers.Layer:
    """Return a block that keeps the size of its maps.

    Args:
        block: "residual" (pre-activation) or "bottleneck" (post-activation).
        channels: output channels.
        norms: batch normalisations of a residual block; a bottleneck has all.
        name: of the layer.

    Raises:
        ValueError: another ``block``.
    """
    if block == "bottleneck":
        return Bottleneck(channels, name=name)
    if block == "residual":
        return Residual(channels, norms, name=name)
    raise ValueError(f'`block` must be "residual" or "bottleneck". Received: {block}')
