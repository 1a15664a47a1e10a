"""Lists of badly annotated frames: read, refused in one line, bounded in memory."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from scipy.io import savemat
from support.layouts import put, write_extra_zip

from data_pipeline.datasets.three_hundred_vw import list_sequences


def compressed(numbers):
    """Return the bytes of a MATLAB file with a compressed list."""
    content = io.BytesIO()
    savemat(content, {"error": np.array([numbers])}, do_compression=True)
    return content.getvalue()


def zip_bomb(megabytes):
    """Return the bytes of a MATLAB file whose list unpacks to so many megabytes."""
    header = compressed([1])[:128]
    size = megabytes * 2**20
    packer = zlib.compressobj(9)
    # Array flags of a double, the shape, the name and the data (MAT-File Level 5).
    start = struct.pack("<4I", 6, 8, 6, 0) + struct.pack("<2I2i", 5, 8, 1, size // 8)
    start += struct.pack("<2I", 1, 5) + b"error\0\0\0" + struct.pack("<2I", 9, size)
    body = packer.compress(struct.pack("<2I", 14, len(start) + size) + start)
    body += b"".join(packer.compress(bytes(2**20)) for _ in range(megabytes))
    body += packer.flush()
    return header + struct.pack("<2I", 15, len(body)) + body


@pytest.fixture
def root(tmp_path):
    put(tmp_path / "410" / "vid.avi", b"x")
    return tmp_path


def dropped(root):
    (sequence,) = list_sequences(root, 3)
    return sequence.dropped


def test_compressed_lists_are_read(root):
    put(root / "extra" / "410.mat", compressed([3, 7]))
    assert dropped(root) == {2, 6}


@pytest.mark.parametrize("is_zip", [False, True])
def test_a_list_that_unpacks_to_gigabytes_is_refused_in_one_line(root, is_zip):
    content = zip_bomb(480)
    assert len(content) < 500_000
    if is_zip:
        write_extra_zip(root / "extra.zip", {"410.mat": content})
    else:
        put(root / "extra" / "410.mat", content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"410\.mat: .* 64 MB") as caught:
            dropped(root)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert peak < 64 * 2**20


def test_a_file_that_is_too_large_for_a_list_is_refused(root):
    put(root / "extra" / "410.mat", bytes(2**20 + 1))
    with pytest.raises(ValueError, match=r"410\.mat: .* 1 MB"):
        dropped(root)


@pytest.mark.parametrize("content", [b"", b"x", compressed([1])[:140], bytes(200)])
def test_damaged_lists_are_named(root, content):
    put(root / "extra" / "410.mat", content)
    with pytest.raises(ValueError, match=r"410\.mat: must be a MATLAB file"):
        dropped(root)
