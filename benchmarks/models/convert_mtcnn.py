"""Convert the weights inside the `mtcnn` package to the LiteRT files of the runtime.

The three networks of MTCNN (Zhang et al. 2016) are rebuilt from the weight lists of
`mtcnn` 1.0 (MIT licence), with the same function and a form that runs fast:

* the package's normalisation ``(x - 127.5) / 128`` goes into the first convolution,
  so the networks take pixel values in [0, 255];
* its transposition before the dense layers goes into their weights;
* its two-class softmax becomes one logit, ``score = sigmoid(logit)``, and all heads
  are one layer: [box offsets 4, landmark x 5 and y 5 (output network only), logit 1].

Example:
  python -m benchmarks.models.convert_mtcnn --output runs/mtcnn
"""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from mtcnn.utils.tensorflow import load_weights

from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.face_detection.mtcnn.networks import CHECKSUMS

PROG = "python -m benchmarks.models.convert_mtcnn"
OUTPUT = (
    Path(__file__).parents[2] / "strrn_tf" / "tracking" / "face_detection" / "mtcnn"
)
MEAN, SCALE = 127.5, 128.0

# Per network: input side, convolutions (filters, kernel, pool size, pool padding) and
# units of the dense layer; the pool's stride is always 2. The proposal network slides
# over images of any size.
NETWORKS: dict[str, tuple[int | None, tuple, int | None]] = {
    "pnet": (None, ((10, 3, 2, "same"), (16, 3, 0, ""), (32, 3, 0, "")), None),
    "rnet": (24, ((28, 3, 3, "same"), (48, 3, 3, "valid"), (64, 2, 0, "")), 128),
    "onet": (
        48,
        ((32, 3, 3, "same"), (64, 3, 3, "valid"), (64, 3, 2, "same"), (128, 2, 0, "")),
        256,
    ),
}


def build_network(name: str) -> keras.Model:
    """Return one network, weights loaded: pixels in, the joined heads out."""
    side, convolutions, units = NETWORKS[name]
    weights = iter(load_weights(f"{name}.lz4"))
    inputs = keras.Input((side, side, 3), batch_size=1, name="pixels")
    x = inputs
    for i, (filters, kernel, pool, padding) in enumerate(convolutions):
        arrays = [next(weights), next(weights)]
        if i == 0:
            arrays = fold_normalisation(*arrays)
        x = add(layers.Conv2D(filters, kernel), x, arrays)
        x = add(layers.PReLU(shared_axes=[1, 2]), x, [next(weights)])
        if pool:
            x = layers.MaxPooling2D(pool, 2, padding)(x)
    if units is not None:
        kernel, bias = fold_transposition(next(weights), x.shape[1:]), next(weights)
        x = add(layers.Dense(units), layers.Flatten()(x), [kernel, bias])
        x = add(layers.PReLU(), x, [next(weights)])
    kernel, bias = join_heads(list(weights))
    head = layers.Dense if units else lambda n: layers.Conv2D(n, 1)
    return keras.Model(inputs, add(head(len(bias)), x, [kernel, bias]), name=name)


def add(layer: keras.Layer, x: object, arrays: list[np.ndarray]) -> object:
    """Apply a layer and give it its weights."""
    x = layer(x)
    layer.set_weights(arrays)
    return x


def fold_normalisation(kernel: np.ndarray, bias: np.ndarray) -> list[np.ndarray]:
    """Return the convolution that does the same to pixel values in [0, 255].

    Exact, because no convolution of these networks pads its input.
    """
    kernel = kernel.astype(np.float64) / SCALE
    return [kernel, bias - MEAN * kernel.sum((0, 1, 2))]


def fold_transposition(kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Reorder the rows (w * h * c, units) for features flattened as (h, w, c)."""
    height, width, channels = shape
    rows = kernel.reshape(width, height, channels, -1)
    return rows.transpose(1, 0, 2, 3).reshape(kernel.shape)


def join_heads(arrays: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Join the heads (kernel, bias, …) to one; the last, two-class, becomes a logit."""
    kernels, biases = arrays[0::2], arrays[1::2]
    kernels[-1] = kernels[-1][..., 1:] - kernels[-1][..., :1]
    biases[-1] = biases[-1][1:] - biases[-1][:1]
    return np.concatenate(kernels, -1), np.concatenate(biases)


def to_litert(model: keras.Model) -> bytes:
    """Convert a network to a LiteRT file."""
    return tf.lite.TFLiteConverter.from_keras_model(model).convert()


@dataclass(frozen=True)
class Options:
    """Where to write."""

    output: Path = OUTPUT
    """Folder for the three networks; the runtime reads its own."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Write the three files, and their SHA-256 in the form of ``sha256sum``."""
    output = options.output
    output.mkdir(parents=True, exist_ok=True)
    sums = []
    for name in sorted(NETWORKS):
        path = output / f"{name}.tflite"
        content = to_litert(build_network(name))
        path.write_bytes(content)
        sums.append(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n")
        print(f"{path}: {path.stat().st_size / 1024:.0f} KiB")
    (output / CHECKSUMS).write_text("".join(sums), encoding="ascii")


if __name__ == "__main__":
    sys.exit(main())
