"""The machine that is measured on, and the memory of this process. Standard library."""

import math
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import strrn_tf

# OpenCV comes under several names.
PACKAGES = (
    *("numpy", "ai-edge-litert", "mediapipe"),
    *("opencv-python-headless", "opencv-python", "opencv-contrib-python"),
)


def pin_to_one_core() -> None:
    """Tie this process, and the threads that it starts later, to one core.

    Does nothing where the system has no such call (macOS, Windows).
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def describe() -> dict[str, str | int | bool]:
    """Return processor, cores, system and versions, by name."""
    versions = {name: _version(name) for name in PACKAGES}
    return {
        "processor": _processor(),
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


def _status(field: str) -> float | None:
    """Return a size in MB that Linux reports of this process."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    sizes = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(sizes[0]) / 2**10 if sizes else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
