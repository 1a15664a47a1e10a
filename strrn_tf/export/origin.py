"""Origin of exported networks: data, parent model and licence."""

from collections.abc import Mapping
from typing import Any

from strrn_tf.config import RunConfig

_OWN_TERMS = "that of the data it was trained on"
# What is kept of another model's description.
_KEYS = "name", "description_sha256", "training_data", "licence"


def describe_origin(
    name: str,
    config: RunConfig,
    counts: Mapping[str, int],
    *,
    is_drawn: bool,
    parent: Mapping[str, Any] | None = None,
    second: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the entries of ``model.json`` about names, data and licence.

    Args:
        name: of the model.
        config: of the run.
        counts: numbers of samples, by kind.
        is_drawn: whether the project drew all samples.
        parent: ``model.json`` of the model that the run started from. Its licence still
            applies.
        second: ``model.json`` of the model that labelled beside it. Its labels were
            learnt, so its licence applies too.
    """
    origin = "drawn by the project" if is_drawn else "given by the user"
    licence = _OWN_TERMS
    if is_drawn:
        licence = "Apache-2.0: no foreign data was used"
    data: dict[str, Any] = {**counts, "origin": origin}
    if parent is not None:
        data["started from"] = {key: parent.get(key) for key in _KEYS}
        licence = f"{parent.get('licence')} Trained further: {licence}."
    if second is not None:
        data["labelled with"] = {key: second.get(key) for key in _KEYS}
        terms = f"Labelled with {second.get('name')}: {second.get('licence')}"
        known, other = (str((m or {}).get("licence")) for m in (parent, second))
        # "That of the data" is of other data in each model.
        is_covered = known.startswith(other) and other != _OWN_TERMS
        if not (is_covered or terms in known):
            licence += f" {terms}"
    return {
        "name": name,
        "backbone": config.backbone,
        "preset": config.preset,
        "seed": config.seed,
        "training_data": data,
        "licence": licence,
    }
