"""Shards: the samples of one source in one TFRecord file.

Every record is a `tf.train.Example`:

| feature | content |
|---|---|
| `name` | bytes, `clip.mp4#000123`: source and 0-based number of the last frame |
| `frames` | T JPEG images of 385 x 385 pixels, see `crops.window` |
| `landmarks` | T x 68 x 2 floats, pixels of these images; absent where unknown |
| `whole` | the same, with the fitted head where single points are NaN, if any are |
| `matrix` | 6 floats, the similarity (2, 3) from the source's image to the crop |

Frames of a pair share one window and therefore one matrix.
"""

import functools
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from data_pipeline.crops.samples import Samples
from data_pipeline.crops.window import STORED_SIZE
from data_pipeline.media.images import decode_image, encode_image
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.system.atomic import replacing
from strrn_tf.system.quiet import quiet_stderr


@functools.cache
def tensorflow() -> ModuleType:
    """Return TensorFlow. The first call imports it and discards its messages."""
    with quiet_stderr():
        import tensorflow

    return tensorflow


def pack(sample: Samples, quality: int) -> bytes:
    """Return the record of one sample.

    Args:
        sample: n = 1.
        quality: of the JPEG images, 1 to 100.
    """
    tf = tensorflow()

    def values(array: np.ndarray) -> Any:
        return tf.train.Feature(float_list=tf.train.FloatList(value=array.ravel()))

    def contents(items: Iterable[bytes]) -> Any:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=items))

    ((name,), frames, landmarks, matrix, whole) = sample
    features = {
        "name": contents([name.encode()]),
        "frames": contents([encode_image(f, ".jpg", quality) for f in frames[0]]),
        "matrix": values(matrix[0]),
    }
    if np.isfinite(landmarks).any():
        features["landmarks"] = values(landmarks[0])
    if whole is not None:
        features["whole"] = values(whole[0])
    example = tf.train.Example(features=tf.train.Features(feature=features))
    # Otherwise the order of the features differs from process to process.
    return example.SerializeToString(deterministic=True)


def write_shard(path: Path, records: Iterable[bytes]) -> int:
    """Write records atomically, and return the size of the file in bytes.

    Raises:
        OSError: the file cannot be written, for example because the disk is full.
    """
    tf = tensorflow()

    with replacing(path) as temporary:
        try:
            with tf.io.TFRecordWriter(str(temporary)) as writer:
                for record in records:
                    writer.write(record)
        except tf.errors.OpError as error:
            reason = error.message.rpartition("; ")[2]
            raise OSError(f"{path}: {reason}") from error
        size = temporary.stat().st_size
    return size


def read_shard(path: Path, wanted: Collection[int] | None = None) -> Iterator[Samples]:
    """Yield the samples (n = 1) of a shard in order.

    Args:
        path: shard to read.
        wanted: 0-based numbers of the wanted samples; None for all.

    Raises:
        ValueError: the file is missing, cut off or damaged.
    """
    tf = tensorflow()

    if not path.is_file():
        raise ValueError(f"{path}: there is no such shard. Run `strrn prepare` again")
    last = None if wanted is None else max(wanted, default=-1)
    # A tf.data set would start TensorFlow's devices before the training sets them up.
    with quiet_stderr():
        records = tf.compat.v1.io.tf_record_iterator(str(path))
    try:
        for index, record in enumerate(records):
            if wanted is None or index in wanted:
                yield _unpack(record, path)
            if index == last:
                return
    except (tf.errors.OpError, KeyError, IndexError) as error:
        raise ValueError(
            f"{path}: is a damaged shard. Delete it and run `strrn prepare` again"
        ) from error


def _unpack(record: bytes, path: Path) -> Samples:
    tf = tensorflow()

    features = tf.train.Example.FromString(record).features.feature
    images = features["frames"].bytes_list.value
    frames = np.stack([decode_image(image, path) for image in images])
    shape = (len(images), NUM_LANDMARKS, 2)
    found = {
        key: np.array(features[key].float_list.value, np.float32).reshape(1, *shape)
        for key in ("landmarks", "whole")
        if key in features
    }
    landmarks = found.get("landmarks", np.full((1, *shape), np.nan, np.float32))
    matrix = np.array(features["matrix"].float_list.value).reshape(2, 3)
    if frames.shape[1:] != (STORED_SIZE, STORED_SIZE, 3):
        raise ValueError(f"{path}: holds crops of {frames.shape[1:]}: made by another "
                         "version. Prepare the data again")  # fmt: skip
    name = features["name"].bytes_list.value[0].decode()
    return Samples([name], frames[None], landmarks, matrix[None], found.get("whole"))
