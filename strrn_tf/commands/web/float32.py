"""Model folders whose 8-bit weights are stored as float32, for recorded cases.

Products of 8-bit weights round differently on every processor. The tracker's rules have
thresholds: such a difference now and then makes a detector run one frame earlier, and
from then on two trackers differ by half a pixel. In float32 they differ by less than a
hundredth, so that a replay compares the rules and not the rounding.
"""

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from strrn_tf.tracking.networks.model_folder import (
    DETECTOR_FILE,
    TRACKER_FILE,
    load,
    seal,
)


def write_folder(model: str, folder: Path) -> None:
    """Write a model folder with the networks of another one in float32.

    Args:
        model: name or folder of the model.
        folder: that is written.

    Raises:
        ValueError: as of ``load``.
    """
    source = load(model)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (DETECTOR_FILE, TRACKER_FILE):
        (folder / name).write_bytes(in_float32((source.path / name).read_bytes()))
    seal(folder, source.description)


def in_float32(network: bytes) -> bytes:
    """Return a TFLite file with every 8-bit weight as its float32 value."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(network, 0))
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.type == schema.TensorType.INT8:
                _store_in_float32(tensor, model.buffers[tensor.buffer])
    builder = flatbuffers.Builder(4 * len(network))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _store_in_float32(tensor: schema.TensorT, buffer: schema.BufferT) -> None:
    quantization = tensor.quantization
    along = [1] * len(tensor.shape)
    along[quantization.quantizedDimension] = -1
    scale = np.asarray(quantization.scale, np.float32).reshape(along)
    zero = np.asarray(quantization.zeroPoint).reshape(along)
    weights = np.asarray(buffer.data, np.uint8).view(np.int8).reshape(tensor.shape)
    values = (weights.astype(np.float32) - zero.astype(np.float32)) * scale
    buffer.data = values.astype("<f4").ravel().view(np.uint8)
    tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
