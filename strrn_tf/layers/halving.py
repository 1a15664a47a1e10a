"""The crop at half its resolution, for networks that are small and fast."""

import keras
from keras import layers

from strrn_tf.geometry import CROP_SIZE

HALF_SIZE = CROP_SIZE // 2


@keras.saving.register_keras_serializable(package="strrn_tf")
class Halving(keras.layers.Layer):
    """Averages blocks of 2 x 2 pixels of a crop, without its first row and column.

    Pixel k of the halved crop has its centre at 2 k + 1.5 in the crop.

    Call arguments:
        frames: (B, 315, 315, C).

    Returns:
        (B, 157, 157, C).
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.crop = layers.Cropping2D(((1, 0), (1, 0)), name="crop")
        self.average = layers.AveragePooling2D(2, name="average")

    def build(self, frames_shape: tuple) -> None:
        super().build(frames_shape)

    def call(self, frames):  # noqa: ANN001, ANN201
        return self.average(self.crop(frames))

    def compute_output_shape(self, frames_shape: tuple) -> tuple:
        return (frames_shape[0], HALF_SIZE, HALF_SIZE, frames_shape[-1])


def to_half(landmarks):  # noqa: ANN001, ANN201
    """Return crop pixels as pixels of the halved crop."""
    return (landmarks - 1.5) / 2


def to_full(landmarks):  # noqa: ANN001, ANN201
    """Return pixels of the halved crop as crop pixels."""
    return 2 * landmarks + 1.5


def halving(reduction: int) -> Halving | None:
    """Return the layer that reduces crops by 2, None for 1.

    Raises:
        ValueError: another ``reduction``.
    """
    if reduction not in (1, 2):
        raise ValueError(f"`reduction` must be 1 or 2. Received: {reduction}")
    return Halving(name="halving", dtype="float32") if reduction == 2 else None
