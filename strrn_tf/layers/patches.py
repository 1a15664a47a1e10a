"""Landmark-indexed patches, sampled bilinearly.

Patches are not scaled, so all pixels of one patch share the same fractional offset. The
layer gathers one (P+1) x (P+1) window of whole pixels per landmark and blends four
shifted views of it. That is one gather instead of four.

Convention: pixel (row i, column j) of a patch lies at landmark + (j, i) - (P - 1) / 2,
so the landmark is the centre of the patch (between pixels when P is even). Outside the
frame the border pixel is repeated.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="strrn_tf")
class PatchSampler(keras.layers.Layer):
    """Cuts a square patch around every landmark (paper, ``I(p, d)``).

    The published extractor truncates to whole pixels; this one is bilinear and passes
    gradients to the landmarks.

    Args:
        patch_size: side P of a patch in pixels of the frame.

    Call arguments:
        frames: (B, H, W, C).
        landmarks: (B, L, 2), xy in pixels of the frame.

    Returns:
        (B, L, P, P, C).
    """

    def __init__(self, patch_size: int = 30, **kwargs: object) -> None:
        super().__init__(**kwargs)
        if patch_size < 1:
            raise ValueError(f"`patch_size` must be positive. Received: {patch_size}")
        self.patch_size = patch_size

    def build(self, frames_shape: tuple, landmarks_shape: tuple) -> None:
        super().build([frames_shape, landmarks_shape])

    def call(self, frames, landmarks):  # noqa: ANN001, ANN201 - tensors of any back end
        _, height, width, channels = frames.shape
        corner = landmarks - (self.patch_size - 1) / 2
        whole = ops.floor(corner)
        # (B, L, 1, 1, 1) weights of the right and of the lower neighbour.
        weight = (corner - whole)[..., None, None, None]
        right, lower = weight[:, :, 0], weight[:, :, 1]

        # Whole numbers of one frame are exact in float32. LiteRT adds floats faster.
        steps = ops.arange(self.patch_size + 1, dtype=whole.dtype)
        columns = ops.clip(whole[..., 0:1] + steps, 0, width - 1)
        rows = ops.clip(whole[..., 1:2] + steps, 0, height - 1)
        index = ops.cast(rows[..., :, None] * width + columns[..., None, :], "int32")
        if frames.shape[0] != 1:
            first = ops.arange(ops.shape(frames)[0], dtype="int32") * (height * width)
            index = index + first[:, None, None, None]
        window = ops.take(ops.reshape(frames, (-1, channels)), index, axis=0)

        upper = window[:, :, :-1]
        window = upper + lower * (window[:, :, 1:] - upper)
        left = window[:, :, :, :-1]
        return left + right * (window[:, :, :, 1:] - left)

    def compute_output_shape(
        self, frames_shape: tuple, landmarks_shape: tuple
    ) -> tuple:
        side = self.patch_size
        return (*landmarks_shape[:2], side, side, frames_shape[-1])

    def get_config(self) -> dict:
        return {**super().get_config(), "patch_size": self.patch_size}
