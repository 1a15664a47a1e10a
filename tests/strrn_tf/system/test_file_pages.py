"""File pages that are given back: unchanged ones leave, changed ones stay."""

import mmap
import re
import sys
from pathlib import Path

import pytest

from strrn_tf.system.machine import release_file_pages

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
SIZE = 64 * mmap.PAGESIZE


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "here" / "weights"
    path.parent.mkdir()
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    return path


def mapped(path, **access):
    """Return the mapping of a file with all pages touched."""
    with path.open("r+b") as opened:
        content = mmap.mmap(opened.fileno(), SIZE, **access)
    assert content[:: mmap.PAGESIZE] == bytes(64)
    return content


def resident(path):
    """Return bytes of a file that this process has in its memory."""
    smaps = Path("/proc/self/smaps").read_text()
    return 1024 * int(re.search(rf" {path}\n.*?\nRss: +(\d+) kB", smaps, re.S)[1])


@pytest.mark.parametrize("folders", ["its own", None])
def test_unchanged_pages_leave_and_come_back(file, folders):
    content = mapped(file, prot=mmap.PROT_READ)
    assert resident(file) == SIZE
    release_file_pages(folders and [file.parent])
    assert resident(file) == 0
    assert content[:] == file.read_bytes()


def test_other_folders_are_left_alone(file):
    content = mapped(file, prot=mmap.PROT_READ)
    release_file_pages([file.parent.parent / "her", file.parent / "weights"])
    assert resident(file) == SIZE
    content.close()


def test_changed_pages_stay(file):
    import ctypes

    private = {"flags": mmap.MAP_PRIVATE, "prot": mmap.PROT_READ | mmap.PROT_WRITE}
    content = mapped(file, **private)
    content[5] = 77
    start = ctypes.addressof(ctypes.c_char.from_buffer(content))
    libc = ctypes.CDLL(None)
    libc.mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    # Libraries are mapped so: changed while they are loaded, then protected.
    assert libc.mprotect(start, SIZE, mmap.PROT_READ) == 0
    release_file_pages()
    assert content[5] == 77
