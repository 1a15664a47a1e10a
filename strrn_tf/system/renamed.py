"""Old names of settings, for files and command lines of version 0.1.0.

The old names are read, never written. Version 0.3.0 no longer needs this module, except
for ``.keras`` files: the shipped detectors were saved with the old names.
"""

from typing import Any

# Old name -> new name, in config.json of run folders, in the configuration of a network
# in .keras files, and (with dashes) of options of `strrn train`.
SETTINGS = {
    "cool_down": "augmentation_annealing",
    "drift_steps": "rollout_steps",
    "glance": "global_context",
    "mending": "correction_fraction",
}
OPTIONS = {
    f"--{old}".replace("_", "-"): f"--{new}".replace("_", "-")
    for old, new in SETTINGS.items()
}
# Old switches without a value, and what is written for them.
SWITCHES = {"--no-glance": "--global-context=False"}


def with_new_names(settings: Any) -> Any:
    """Return JSON values with new names for old keys, at any depth."""
    if isinstance(settings, dict):
        return {SETTINGS.get(k, k): with_new_names(v) for k, v in settings.items()}
    if isinstance(settings, list):
        return [with_new_names(value) for value in settings]
    return settings
