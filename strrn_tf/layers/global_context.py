"""Global context: features of the whole crop at low resolution."""

from collections.abc import Sequence

import keras
from keras import layers, ops

REDUCTION = 5  # of the crop's side, 315 = 5 x 63


# The shipped detectors were saved with this registered name.
@keras.saving.register_keras_serializable(package="strrn_tf", name="Glance")
class GlobalContext(keras.layers.Layer):
    """Features of a whole crop at a fifth of its size.

    They show where the face is in the crop, and how the head is turned. Patches around
    a badly placed mean shape show the wrong parts of the face, such as an eye where the
    mouth should be, and a cascade does not recover from that.

    Args:
        channels: output channels of the convolutions, each of which halves the map.
        features: width D of the dense layer after them.

    Call arguments:
        frames: (B, S, S, C).

    Returns:
        (B, D).
    """

    def __init__(
        self, channels: Sequence[int], features: int = 128, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        if not channels:
            raise ValueError("`channels` must name a convolution or more. Received: []")
        self.channels = list(channels)
        self.features = features
        self.average = layers.AveragePooling2D(REDUCTION, name="average")
        self.convolutions = [
            layers.Conv2D(c, 3, 2, "same", activation="relu", name=f"conv_{i + 1}")
            for i, c in enumerate(self.channels)
        ]
        self.norm = layers.LayerNormalization(name="norm")
        self.dense = layers.Dense(features, "tanh", name="dense")

    def build(self, frames_shape: tuple) -> None:
        shape = self.average.compute_output_shape(frames_shape)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        _, height, width, depth = shape
        self.norm.build((None, height * width * depth))
        self.dense.build((None, height * width * depth))
        super().build(frames_shape)

    def call(self, frames):  # noqa: ANN001, ANN201
        x = self.average(frames)
        for convolution in self.convolutions:
            x = convolution(x)
        _, height, width, depth = x.shape
        # Only the batch size may be unknown, so that LiteRT sees static shapes.
        return self.dense(self.norm(ops.reshape(x, (-1, height * width * depth))))

    def compute_output_shape(self, frames_shape: tuple) -> tuple:
        return (frames_shape[0], self.features)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "channels": self.channels,
            "features": self.features,
        }
