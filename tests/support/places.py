"""Folders of the checkout, and its example as a module."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"


def minimal_example() -> ModuleType:
    """Return ``examples/minimal_litert.py``, which is in no package."""
    path = ROOT / "examples" / "minimal_litert.py"
    spec = importlib.util.spec_from_file_location("minimal_litert", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example
