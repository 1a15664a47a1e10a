"""Which annotated stills a model has learnt, as its ``model.json`` records it.

A model is better on stills that it has learnt than on others, so these cannot show
whether another one is better. Stills are known by their file names: a folder may have
moved, or have been cropped anew. Two that share a name are taken for the same.
"""

import re
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from strrn_tf.system.file_names import plain

KEY = "learnt_stills"
_DIGITS = 8
# The suffix, and the number that faces of one picture have.
_ENDING = re.compile(r"(\.\w+)?(~\d+)?\Z")


def still_key(name: str) -> int:
    """Return the CRC-32 of a still's file name, without folder, suffix and face."""
    stem = _ENDING.sub("", name.rpartition("/")[2], count=1)
    return zlib.crc32(plain(stem).encode())


def learnt_stills(*descriptions: Mapping[str, Any] | None) -> frozenset[int]:
    """Return the keys of all stills that models have learnt, by their ``model.json``.

    Models of earlier versions do not say.
    """
    texts = [(one or {}).get(KEY, "") for one in descriptions]
    return frozenset(
        int(text[i : i + _DIGITS], 16)
        for text in texts
        for i in range(0, len(text), _DIGITS)
    )


def are_learnt(names: Sequence[str], description: Mapping[str, Any]) -> np.ndarray:
    """Return which stills (N,) of some names a model has learnt, as bool."""
    learnt = learnt_stills(description)
    return np.array([still_key(name) in learnt for name in names], bool)


def learnt_entry(learnt: Collection[int], names: Iterable[str] = ()) -> dict[str, str]:
    """Return the entry of ``model.json``, none where nothing was learnt.

    Args:
        learnt: keys.
        names: of more stills.
    """
    keys = sorted({*learnt, *map(still_key, names)})
    return {KEY: "".join(f"{key:0{_DIGITS}x}" for key in keys)} if keys else {}
