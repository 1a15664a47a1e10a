"""The machine that is measured on, and the memory of this process. Standard library."""

import ctypes
import math
import mmap
import os
import platform
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import strrn_tf

# OpenCV comes under several names.
PACKAGES = (
    *("numpy", "ai-edge-litert", "mediapipe"),
    *("opencv-python-headless", "opencv-python", "opencv-contrib-python"),
)
# Instructions that decide how fast networks run, as /proc/cpuinfo names them.
VECTOR_FLAGS = (
    *("avx", "avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16"),
    *("avx512_fp16", "amx_int8", "asimd", "asimddp", "i8mm", "bf16", "sve"),
)
# A mapping of /proc/self/smaps that is not writable, has a file and no changed page.
MAPPING = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) r-\S\S \S+ \S+ [1-9]\d* +(/.+)\n"
    r"(?:[A-Z]\w+:.*\n)*?Anonymous: +0 kB$",
    re.MULTILINE,
)


def pin_to_one_core() -> None:
    """Tie this process, and the threads that it starts later, to one core.

    Does nothing where the system has no such call (macOS, Windows).
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def describe() -> dict[str, str | int | bool]:
    """Return processor, its vector instructions, cores, system, versions, by name."""
    versions = {name: _version(name) for name in PACKAGES}
    return {
        "processor": _processor(),
        "instructions": " ".join(_vector_flags()),
        "cores": os.cpu_count() or 1,
        "tied_to_one_core": hasattr(os, "sched_setaffinity"),
        "system": platform.platform(terse=True),
        "strrn": strrn_tf.__version__,
        "python": platform.python_version(),
        **{name: number for name, number in versions.items() if number},
    }


def peak_megabytes() -> float:
    """Return the largest resident size of this process so far; NaN on Windows."""
    # Not `getrusage` where it can be helped: on Linux a process begins with the peak
    # of the one that started it.
    linux = _status("VmHWM")
    if linux is not None:
        return linux
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def resident_megabytes() -> float:
    """Return the resident size of this process now; its peak where only that is known.

    Only Linux reports the size itself.
    """
    linux = _status("VmRSS")
    return peak_megabytes() if linux is None else linux


def release_file_pages(folders: Sequence[Path] | None = None) -> None:
    """Take file pages that can be read again out of this process.

    Loading libraries and opening networks touches many pages that are not used again.
    The system counts them as memory of the process until it needs them itself. Their
    content stays in its cache. A page that is used again costs a minor page fault.
    Changed pages stay. Does nothing on other systems than Linux.

    Args:
        folders: that hold the files; None: all files.
    """
    if sys.platform != "linux":
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    inside = None if folders is None else tuple(f"{path}{os.sep}" for path in folders)
    for start, stop, name in _unchanged_mappings():
        if inside is None or name.startswith(inside):
            madvise(start, stop - start, mmap.MADV_DONTNEED)


def _unchanged_mappings() -> Iterator[tuple[int, int, str]]:
    """Yield first and last address and file of the mappings of files.

    Those that this process may write to, or has changed pages of, are left out.
    """
    try:
        text = Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace")
    except OSError:  # hidden by a container
        return
    for found in MAPPING.finditer(text):
        start, stop, name = found.groups()
        yield int(start, 16), int(stop, 16), name


def _status(field: str) -> float | None:
    """Return a size in MB that Linux reports of this process."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    sizes = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(sizes[0]) / 2**10 if sizes else None


def _processor() -> str:
    names = _cpuinfo("model name")
    return names[0] if names else platform.processor() or platform.machine()


def _vector_flags() -> list[str]:
    """Return those of ``VECTOR_FLAGS`` that the processor has; none where unknown."""
    # x86 calls them flags, Arm features.
    lists = _cpuinfo("flags") + _cpuinfo("Features")
    found = lists[0].split() if lists else []
    return [name for name in VECTOR_FLAGS if name in found]


def _cpuinfo(name: str) -> list[str]:
    """Return what Linux reports under a name, once for every core."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    return [value.strip() for key, value in pairs if key.strip() == name]


def _version(package: str) -> str | None:
    # It imports 30 modules, and trackers import this file.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
