"""The small convolutional network that turns a patch into features."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="strrn_tf")
class PatchEncoder(keras.layers.Layer):
    """Two convolutions and an optional dense layer, shared by all patches.

    ``style="mdm"`` is the published network of MDM (trigeorgis/mdm, ``mdm_model.py``
    lines 33-42): 3x3 convolutions with ReLU, 2x2 max pooling and "valid" padding. The
    centre of the second convolution is concatenated to its pooled map.
    ``style="strided"`` has strides instead of pooling. It needs about an eighth of the
    operations.

    Args:
        channels: output channels of the two convolutions.
        features: width D of the dense layer; ``None``: no dense layer, the flat map.
            The dense layer keeps the regressor small: for the published 2,304 features
            of 68 patches its matrix has 80 million weights.
        style: ``"mdm"`` or ``"strided"``.

    Call arguments:
        patches: (B, L, P, P, C).

    Returns:
        (B, L, D).
    """

    def __init__(
        self,
        channels: tuple[int, int] = (32, 32),
        features: int | None = None,
        style: str = "mdm",
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if style not in ("mdm", "strided"):
            raise ValueError(f"`style` must be 'mdm' or 'strided'. Received: {style!r}")
        self.channels = tuple(channels)
        self.features = features
        self.style = style
        strides = 2 if style == "strided" else 1
        self.convolutions = [
            layers.Conv2D(c, 3, strides, activation="relu", name=f"conv_{i + 1}")
            for i, c in enumerate(self.channels)
        ]
        self.pool = layers.MaxPooling2D(2, name="pool")
        self.dense = features and layers.Dense(features, "relu", name="dense")

    def build(self, patches_shape: tuple) -> None:
        shape = (None, *patches_shape[2:])
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            if self.style == "mdm":
                shape = self.pool.compute_output_shape(shape)
        if self.dense:
            self.dense.build((None, None, self._map_size(patches_shape)))
        super().build(patches_shape)

    def call(self, patches):  # noqa: ANN001, ANN201 - tensors of any back end
        landmarks = patches.shape[1]
        x = ops.reshape(patches, (-1, *patches.shape[2:]))
        encode = self._published if self.style == "mdm" else self._strided
        # Only the batch size may be unknown, so that LiteRT sees static shapes.
        x = ops.reshape(encode(x), (-1, landmarks, self._map_size(patches.shape)))
        return self.dense(x) if self.dense else x

    def _published(self, x):  # noqa: ANN001, ANN202
        first, second = self.convolutions
        second = second(self.pool(first(x)))
        pooled = self.pool(second)
        side, small = second.shape[1], pooled.shape[1]
        start = (side - small) // 2
        centre = second[:, start : start + small, start : start + small]
        return ops.concatenate([centre, pooled], -1)

    def _strided(self, x):  # noqa: ANN001, ANN202
        for convolution in self.convolutions:
            x = convolution(x)
        return x

    def _map_size(self, patches_shape: tuple) -> int:
        side = patches_shape[2]
        if self.style == "mdm":
            side = ((side - 2) // 2 - 2) // 2
            return side * side * 2 * self.channels[1]
        side = (side - 1) // 2
        side = (side - 1) // 2
        return side * side * self.channels[1]

    def compute_output_shape(self, patches_shape: tuple) -> tuple:
        features = self.features or self._map_size(patches_shape)
        return (*patches_shape[:2], features)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "channels": list(self.channels),
            "features": self.features,
            "style": self.style,
        }
