"""The folder of a report: one for every evaluation."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strrn_tf.tracking.networks import model_folder

PATHS = "model", "data_root", "mapping"


def report_folder(root: Path, settings: Mapping[str, Any]) -> Path:
    """Return a folder that only an evaluation with the same settings overwrites.

    Its name has the model, the data and the boxes. Where that folder has the report of
    another evaluation, a digest of the settings follows.

    Args:
        root: folder of all reports.
        settings: options of the evaluation, with the model and the data used.
    """
    name = f"{model_folder.name_of(settings['model'])}-{settings['dataset']}"
    name += "" if settings["dataset"] == "300w" else f"-{settings['category']}"
    folder = root / f"{name}-{settings['boxes']}"
    wanted = _comparable(settings, settings)
    try:
        found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        is_ours = _comparable(found, settings) == wanted
    except FileNotFoundError:
        is_ours = True
    except (ValueError, AttributeError):
        is_ours = False
    if is_ours:
        return folder
    digest = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:8]
    return folder.with_name(f"{folder.name}-{digest}")


def _comparable(
    values: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, str | None]:
    """Return the values of the settings as text; without the place of the report."""
    texts = {}
    for key in sorted(settings.keys() - {"output"}):
        value = values.get(key)
        text = None if value is None else str(value)
        texts[key] = os.path.realpath(text) if text and key in PATHS else text
    return texts
