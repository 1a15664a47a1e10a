"""Fingerprints of source files and options, which identify derived data."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data_pipeline.crops.window import STORED_MARGIN, STORED_SIZE

# To be raised with every change after which older crops must not be used. Crops of
# windows that do not turn with the face may be: a run goes on with those it began with.
FORMAT = 2


def fingerprint(sources: Sequence[tuple], **options: Any) -> str:
    """Return 16 hexadecimal digits that change with the sources or the options.

    Args:
        sources: named tuples (`Still`, `Clip`, `Sequence300VW`). Files count by name,
            size and time of change, not by folder, so a data set may move.
        options: values that JSON can hold, and functions, which count by name.
    """
    described = {
        "format": [FORMAT, STORED_SIZE, STORED_MARGIN],
        "sources": [describe_source(source, _describe) for source in sources],
        "options": {name: _describe(value) for name, value in options.items()},
    }
    text = json.dumps(described, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def describe_source(source: tuple, describe: Callable[[Any], Any]) -> list:
    """Return the descriptions of the fields of a source.

    A still with all 68 points in a `.pts` file has no ``labels``. It is described as it
    was before there were any, so that stores of such stills stay valid.
    """
    plain = getattr(source, "labels", ...) is None
    return [describe(value) for value in (source[:3] if plain else source)]


def _describe(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_describe(part) for part in value]
    if isinstance(value, Path):
        files = sorted(value.iterdir()) if value.is_dir() else [value]
        return [_describe_file(path) for path in files]
    if isinstance(value, set | frozenset):
        return sorted(value)
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return value


def _describe_file(path: Path) -> list:
    if not path.is_file():
        return [path.name, None]
    status = path.stat()
    return [path.name, status.st_size, status.st_mtime_ns]
