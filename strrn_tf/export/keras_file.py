"""Halves a ``.keras`` file: kernels in float16, compressed; all else as it was.

Keras casts what it loads to the dtype of the variable, so the networks compute in
float32 as before.
"""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np

from strrn_tf.system.atomic import replacing

WEIGHTS = "model.weights.h5"
LARGEST = float(np.finfo(np.float16).max)
# Standard HDF5 filters; bytes of equal place are stored together.
COMPRESSED = {"compression": "gzip", "compression_opts": 9, "shuffle": True}


def halve_kernels(path: Path) -> bool:
    """Rewrite a ``.keras`` file with its float32 kernels in float16.

    Kernels are the arrays of two dimensions or more. Biases and the statistics of
    normalisations are few and stay exact.

    Args:
        path: the file; it is replaced as a whole, or not touched.

    Returns:
        Whether the file has changed; False where no float32 kernel is left.
    """
    with zipfile.ZipFile(path) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    weights = {info.filename: content for info, content in members}[WEIGHTS]
    halved = _halved(weights)
    if halved is None:
        return False
    with replacing(path) as new, zipfile.ZipFile(new, "w") as archive:
        for info, content in members:
            archive.writestr(info, halved if info.filename == WEIGHTS else content)
    return True


def _halved(weights: bytes) -> bytes | None:
    """Return an HDF5 file with halved kernels, None if it holds none in float32."""
    changed = []
    target = io.BytesIO()

    def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Group):
            made = new.require_group(name)
        elif _is_kernel(item):
            changed.append(name)
            data = item[...].astype(np.float16)
            made = new.create_dataset(name, data=data, chunks=data.shape, **COMPRESSED)
        else:
            made = new.create_dataset(name, data=item[...])
        for key, value in item.attrs.items():
            made.attrs[key] = value

    with (
        h5py.File(io.BytesIO(weights)) as old,
        # A layout that HDF5 reads since 2016, with smaller tables of contents.
        h5py.File(target, "w", libver=("v110", "v110")) as new,
    ):
        new.attrs.update(old.attrs)
        old.visititems(copy)
    return target.getvalue() if changed else None


def _is_kernel(item: h5py.Dataset) -> bool:
    """Return whether a dataset is a float32 kernel that float16 can hold."""
    if item.ndim < 2 or item.dtype != np.float32 or not item.size:
        return False
    return bool(np.abs(item[...]).max() < LARGEST)
