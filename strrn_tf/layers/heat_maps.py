"""Heat maps to landmarks: sub-pixel decoding by the expectation of the map."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="strrn_tf")
class SoftArgmax(keras.layers.Layer):
    """Expected position under a heat map that has been normalised to sum to one.

    It is differentiable and continuous. A maximum on the grid would be quantised, which
    is a known source of jitter. The cells of a map with h rows divide its area evenly:
    cell (row i, column j) has its centre at
    ``first + ((j, i) + 0.5) * extent / h - 0.5`` in the frame.

    Args:
        extent: side of the area that the map covers, in frame pixels.
        first: first pixel of that area, the same in x and in y.

    Call arguments:
        heat_maps: (B, h, w, L), non-negative, each summing to one over (h, w).

    Returns:
        (B, L, 2) landmarks, xy in pixels of the frame.
    """

    def __init__(self, extent: float, first: float = 0.0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.extent = extent
        self.first = first

    def call(self, heat_maps):  # noqa: ANN001, ANN201
        _, height, width, _ = heat_maps.shape
        x = self._centres(width, heat_maps.dtype)
        y = self._centres(height, heat_maps.dtype)
        return ops.stack(
            [
                ops.sum(ops.sum(heat_maps, 1) * x[:, None], 1),
                ops.sum(ops.sum(heat_maps, 2) * y[:, None], 1),
            ],
            axis=-1,
        )

    def _centres(self, size: int, dtype: str):  # noqa: ANN202
        cells = ops.arange(size, dtype=dtype)
        return (cells + 0.5) * (self.extent / size) + (self.first - 0.5)

    def compute_output_shape(self, heat_maps_shape: tuple) -> tuple:
        return (heat_maps_shape[0], heat_maps_shape[-1], 2)

    def get_config(self) -> dict:
        config = {"extent": self.extent, "first": self.first}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="strrn_tf")
class SpatialSoftmax(keras.layers.Layer):
    """Softmax over the positions of every map.

    Call arguments:
        logits: (B, h, w, L).

    Returns:
        (B, h, w, L), each map summing to one.
    """

    def call(self, logits):  # noqa: ANN001, ANN201
        _, height, width, landmarks = logits.shape
        flat = ops.reshape(logits, (-1, height * width, landmarks))
        flat = ops.softmax(flat, axis=1)
        return ops.reshape(flat, (-1, height, width, landmarks))

    def compute_output_shape(self, logits_shape: tuple) -> tuple:
        return tuple(logits_shape)
