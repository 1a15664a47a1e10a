"""The folder that ``strrn annotate`` fills: for one model and one set of options."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strrn_tf.config import ANNOTATIONS_NOTE
from strrn_tf.system.atomic import is_temporary, write_text
from strrn_tf.system.locking import LOCK
from strrn_tf.tracking.networks.model_folder import SELF_KEY, ModelFolder

# File format; folders of other formats are refused.
FORMAT = 4

# Earlier notes have the SHA-256 of the whole model.json. These are those of the shipped
# models, whose cards have changed since, by the hash of what tracking reads; 16 digits.
OLD_DIGESTS = {
    "112ea5ebcd38cabf": "0610f3fe43386335",
    "7ab8600089cce718": "cd622c9c807198ee",
}


def refuse_foreign(output: Path) -> None:
    """Raise a ``ValueError`` for a folder that this command has not begun."""
    if not output.exists() or (output / ANNOTATIONS_NOTE).exists():
        return
    if any(path.name != LOCK and not is_temporary(path) for path in output.iterdir()):
        raise ValueError(f"{output} is not empty. Choose another --output")


def initialise_output(
    output: Path, settings: Mapping[str, Any], model: ModelFolder
) -> None:
    """Write the note of the model and the settings, or compare an earlier one.

    Args:
        output: folder to write to.
        settings: options that decide what is accepted.
        model: that annotates.

    Raises:
        ValueError: the folder was filled with other options, or the note is damaged.
    """
    digest = model.tracking_sha256
    wanted = {"format": FORMAT, "model": digest, **settings}
    note = output / ANNOTATIONS_NOTE
    if note.exists():
        try:
            found = dict(json.loads(note.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{note} is damaged ({error}). Choose another --output or delete it"
            ) from error
        former = OLD_DIGESTS.get(digest[:16]), model.description[SELF_KEY][:16]
        if str(found.get("model"))[:16] in former:
            found["model"] = digest
        other = [key for key, value in wanted.items() if found.get(key) != value]
        if other:
            raise ValueError(
                f"{output} holds annotations made with another "
                f"{', '.join(other)}. Choose another --output or delete it"
            )
    else:
        write_text(note, json.dumps(wanted, indent=1) + "\n")
