"""HGN: stacked hourglasses, one heat map per landmark (Newell et al. 2016)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import keras
from keras import layers

from strrn_tf.geometry import CROP_SIZE
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.layers.blocks import BlockName, build_block
from strrn_tf.layers.halving import HALF_SIZE, halving, to_half
from strrn_tf.layers.heat_maps import SoftArgmax, SpatialSoftmax
from strrn_tf.layers.hourglass import Hourglass

# Makes a block of so many channels.
Build = Callable[..., keras.layers.Layer]


@contextmanager
def arithmetic(policy: str) -> Iterator[None]:
    """Give networks that are built inside a dtype policy of Keras."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@keras.saving.register_keras_serializable(package="strrn_tf")
class HGN(keras.Model):
    """Detector that decodes landmarks from heat maps.

    The middle of a frame is resized to ``input_size``, and the stem quarters that size.
    Every stack receives the features and heat maps of the stack before it. Its
    landmarks are the expectation of its normalised heat maps. All stacks answer, so
    that the loss trains all of them.

    Frames and landmarks are float32 under every dtype policy of Keras: the eight bits
    of a bfloat16 mantissa are too few for a coordinate.

    Args:
        input_size: side in pixels to which the middle of a frame is resized. A quarter
            of it must be divisible by 2**depth.
        stem: channels at half of ``input_size``.
        channels: width of the hourglasses.
        stacks: number of hourglasses.
        depth: number of halvings inside each.
        widths: channels after every halving; None: ``channels`` throughout.
        norms: batch normalisations of a residual block.
        field: side in pixels of the central square of the frame that the network sees.
            It must be odd, like the side of the frame. A landmark outside the square is
            placed on its border.
        reduction: 2 for a network that sees the crop at half its resolution
            (`Halving`). Then ``field`` must be twice ``input_size``.
        block: "residual" (pre-activation, as published) or "bottleneck".
        published_stem: use the stem of princeton-vl/pose-hg-train. It has a 7x7 kernel
            instead of 5x5, twice the channels at a quarter of the size, and one more
            residual block.

    Call arguments:
        frames: (B, 315, 315, 3) in [0, 1].

    Returns:
        dict: ``refinements`` (B, stacks, 68, 2) in frame pixels and ``heat_maps``
        (B, h, h, 68) of the last stack, each summing to one.
    """

    def __init__(
        self,
        input_size: int = 128,
        stem: int = 32,
        channels: int = 64,
        stacks: int = 2,
        depth: int = 4,
        norms: int = 3,
        field: int = CROP_SIZE,
        widths: Sequence[int] | None = None,
        reduction: int = 1,
        block: BlockName = "residual",
        published_stem: bool = False,
        **kwargs: object,
    ) -> None:
        self.settings = {
            "input_size": input_size,
            "stem": stem,
            "channels": channels,
            "stacks": stacks,
            "depth": depth,
            "norms": norms,
            "field": field,
            "widths": widths and list(widths),
            "reduction": reduction,
            "block": block,
            "published_stem": published_stem,
        }
        build = partial(build_block, block, norms=norms)
        widths = [channels] * depth if widths is None else list(widths)
        if len(widths) != depth:
            raise ValueError(
                f"`widths` must be {depth}, one for every halving. Received: {widths}"
            )
        frames = keras.Input((CROP_SIZE, CROP_SIZE, 3), name="frames")
        halve = halving(reduction)
        if halve:
            x, extent, border = _middle_of_half(halve(frames), field, input_size)
        else:
            x, extent, border = _middle(frames, field, input_size)
        x = _stem(x, stem, channels, build, published=published_stem)
        soft_argmax = SoftArgmax(extent, border, name="soft_argmax", dtype="float32")
        refinements = []
        for s in range(stacks):
            hourglass = Hourglass(
                [channels, *widths], norms, block, name=f"hourglass_{s}"
            )
            y, logits = _head(hourglass(x), channels, build, s)
            heat_maps = SpatialSoftmax(name=f"softmax_{s}", dtype="float32")(logits)
            refinements.append(soft_argmax(heat_maps))
            if s + 1 < stacks:
                back = layers.Conv2D(channels, 1, name=f"features_back_{s}")(y)
                maps = layers.Conv2D(channels, 1, name=f"maps_back_{s}")(logits)
                x = layers.Add(name=f"next_{s}")([x, back, maps])
        refinements = Stack(name="refinements", dtype="float32")(refinements)
        outputs = {"refinements": refinements, "heat_maps": heat_maps}
        super().__init__(frames, outputs, **kwargs)

    def call_halved(self, frames):  # noqa: ANN001, ANN201
        """Return landmarks (B, 68, 2) in pixels of halved crops (B, 157, 157, 3)."""
        halved = self.get_layer("halving").output
        network = keras.Model(halved, self.output["refinements"])
        return to_half(network(frames, training=False)[:, -1])

    def get_config(self) -> dict:
        # Copies compute in the same precision.
        policy = self.get_layer("stem_conv").dtype_policy.name
        about = {"name": self.name, "trainable": self.trainable, "policy": policy}
        return {**about, **self.settings}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "HGN":
        settings = dict(config)
        # Files of older versions have no policy.
        policy = settings.pop("policy", keras.config.dtype_policy().name)
        with arithmetic(policy):
            return cls(**settings)


def _middle(frames, field: int, input_size: int):  # noqa: ANN001, ANN202
    """Return the middle of frames (B, s, s, 3), its side and its first pixel.

    Side and first pixel are in pixels of the frame.
    """
    if not 0 < field <= CROP_SIZE or (CROP_SIZE - field) % 2:
        raise ValueError(
            f"`field` must be odd and at most {CROP_SIZE}. Received: {field}"
        )
    border = (CROP_SIZE - field) // 2
    x, extent = frames, field
    if border:
        x = layers.Cropping2D(border, name="middle", dtype="float32")(x)
    if input_size <= field // 2:
        # Bilinear resizing alone would skip pixels.
        x = layers.AveragePooling2D(2, name="average", dtype="float32")(x)
        # The average drops the last of an odd number of rows and columns.
        extent = field // 2 * 2
    # `layers.Resizing` would switch the layers after it to training mode whenever the
    # caller does not pass `training`.
    return keras.ops.image.resize(x, (input_size, input_size)), extent, border


def _middle_of_half(halved, field: int, input_size: int):  # noqa: ANN001, ANN202
    """Return the middle of halved frames (B, 157, 157, 3), as ``_middle`` does.

    Nothing is resized.
    """
    if not field == 2 * input_size < CROP_SIZE:
        raise ValueError(
            "`field` must be twice `input_size` and smaller than the crop where "
            f"`reduction` is 2. Received: {field}, {input_size}"
        )
    spare = HALF_SIZE - input_size
    start = spare // 2
    crop = ((start, spare - start),) * 2
    x = layers.Cropping2D(crop, name="middle", dtype="float32")(halved)
    # The halved crop lacks the first pixel of the crop.
    return x, field, 1 + 2 * start


def _stem(x, stem: int, channels: int, build: Build, *, published: bool):  # noqa: ANN001, ANN202
    """Return features (B, s / 4, s / 4, channels) of pictures (B, s, s, 3)."""
    kernel, inner = (7, 2 * stem) if published else (5, stem)
    x = layers.Conv2D(stem, kernel, 2, "same", use_bias=False, name="stem_conv")(x)
    x = layers.BatchNormalization(momentum=0.95, name="stem_norm")(x)
    x = layers.ReLU(name="stem_relu")(x)
    x = build(inner, name="stem_residual")(x)
    x = layers.MaxPooling2D(2, name="stem_pool")(x)
    if published:
        x = build(inner, name="stem_pooled")(x)
    return build(channels, name="stem_out")(x)


def _head(y, channels: int, build: Build, s: int):  # noqa: ANN001, ANN202
    """Return features (B, h, h, channels) and logits (B, h, h, 68) of stack ``s``."""
    y = build(channels, name=f"after_{s}")(y)
    y = layers.Conv2D(channels, 1, use_bias=False, name=f"linear_{s}")(y)
    y = layers.BatchNormalization(momentum=0.95, name=f"linear_norm_{s}")(y)
    y = layers.ReLU(name=f"linear_relu_{s}")(y)
    return y, layers.Conv2D(NUM_LANDMARKS, 1, name=f"heat_map_{s}")(y)


# Exported detectors were saved with this registered name.
@keras.saving.register_keras_serializable(package="strrn_tf", name="_Stack")
class Stack(keras.layers.Layer):
    """Stacks K tensors (B, ...) to (B, K, ...)."""

    def call(self, x):  # noqa: ANN001, ANN201
        return keras.ops.stack(x, axis=1)

    def compute_output_shape(self, x_shape: list) -> tuple:
        first = x_shape[0]
        return (first[0], len(x_shape), *first[1:])
