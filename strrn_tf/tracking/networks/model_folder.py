"""An exported model folder: its content, its search path and its checksums.

A folder holds ``model.json`` beside the networks. ``model.json`` has size and SHA-256
of every file and a SHA-256 of its own content, so a changed byte is found before a
network runs. ``load`` verifies the two files that tracking opens. ``verify`` verifies
every file. Standard library and NumPy only.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strrn_tf.system.atomic import write_text
from strrn_tf.system.digests import sha256

FORMAT_VERSION = 1
DESCRIPTION = "model.json"
SELF_KEY = "description_sha256"
DETECTOR_FILE = "detector.tflite"
TRACKER_FILE = "tracker.tflite"
LARGEST_MARGIN = 10


@dataclass(frozen=True)
class ModelFolder:
    """A model folder whose description and TFLite files are verified.

    Attributes:
        path: the folder.
        description: the content of ``model.json``.
    """

    path: Path
    description: Mapping[str, Any]

    @property
    def detector(self) -> Path:
        """The detector's TFLite file."""
        return self.path / DETECTOR_FILE

    @property
    def tracker(self) -> Path:
        """The tracker's TFLite file."""
        return self.path / TRACKER_FILE

    @property
    def crop_size(self) -> int:
        """Side of a crop in pixels."""
        return int(self.description["crop"]["size"])

    @property
    def crop_margin(self) -> float:
        """Side of the crop window as a multiple of the larger side of the face box."""
        return float(self.description["crop"]["margin"])

    @property
    def any_roll(self) -> bool:
        """Whether crop windows turn with the face by default: ``crop.any_roll``."""
        return bool(self.description["crop"].get("any_roll", False))

    @property
    def mean_shape(self) -> np.ndarray:
        """The mean shape (68, 2) float32 in pixels of a crop of 315, whatever size."""
        return np.asarray(self.description["mean_shape"], np.float32)

    @property
    def tracking_sha256(self) -> str:
        """A SHA-256 of all that tracking reads: a rewritten model card changes none."""
        files = self.description["files"]
        read = [files[name]["sha256"] for name in (DETECTOR_FILE, TRACKER_FILE)]
        keys = ["crop", "mean_shape", "reliability"]
        # Older folders have none, and their hash must stay.
        keys += [key for key in ("landmark_confidence",) if key in self.description]
        return description_sha256(
            {"files": read, **{key: self.description.get(key) for key in keys}}
        )


def load(name_or_folder: str | Path) -> ModelFolder:
    """Find a model folder and verify the files that tracking uses.

    Args:
        name_or_folder: a folder (an exported one, or a run folder with an ``export/``
            inside) or the name of a model in one of ``search_places()``. A plain name
            is looked up there first; write ``./name`` for a folder in the working
            directory.

    Raises:
        ValueError: nothing is found, or ``model.json`` or a TFLite file is missing,
            changed or of an unknown format version.
    """
    path = find(name_or_folder)
    description = _read_description(path / DESCRIPTION)
    for name in (DETECTOR_FILE, TRACKER_FILE):
        _verify_file(path, name, description["files"])
    return ModelFolder(path, description)


def verify(name_or_folder: str | Path) -> ModelFolder:
    """Find a model folder and verify every file that it had when it was sealed.

    Use it to open more than the TFLite files, or to pass a folder on.

    Raises:
        ValueError: as of ``load``, for any file.
    """
    folder = load(name_or_folder)
    files = folder.description["files"]
    for name in sorted(files.keys() - {DETECTOR_FILE, TRACKER_FILE}):
        _verify_file(folder.path, name, files)
    return folder


def search_places() -> list[Path]:
    """Return the folders where model names are looked up, in order.

    ``$STRRN_MODELS`` (several are separated as in ``$PATH``), ``saved_models`` beside
    the package, and ``share/strrn/saved_models`` where pip has installed: in a folder
    above the package (also by ``--user``, ``--prefix`` or ``--target``), or in the
    Python environment.
    """
    chosen = os.environ.get("STRRN_MODELS", "")
    places = [Path(part) for part in chosen.split(os.pathsep) if part]
    home = Path(__file__).resolve().parents[3]
    places.append(home / "saved_models")
    shared = [up / "share" / "strrn" / "saved_models" for up in (home, *home.parents)]
    places += [place for place in shared if place.is_dir()]
    environment = Path(sys.prefix) / "share" / "strrn" / "saved_models"
    return places if environment in places else [*places, environment]


def find(name_or_folder: str | Path) -> Path:
    """Return the folder that holds ``model.json``; see ``load``."""
    places = search_places()
    given = Path(name_or_folder)
    is_name = str(name_or_folder) == given.name and given.name not in ("", "..")
    candidates = [place / given.name for place in places] if is_name else []
    candidates += [given, given / "export"]
    for candidate in candidates:
        if (candidate / DESCRIPTION).is_file():
            return candidate
    if given.is_dir():
        raise ValueError(
            f"The model folder {given} has no {DESCRIPTION}: it is not an exported "
            "model. Give the folder that `strrn train` wrote."
        )
    looked = f" Searched: {', '.join(map(str, places))}." if is_name else ""
    known = sorted(
        {found.parent.name for place in places for found in place.glob("*/model.json")}
    )
    raise ValueError(
        f"There is no model '{name_or_folder}'.{looked} Give a folder with a "
        f"{DESCRIPTION}, or one of these names: {', '.join(known) or 'none installed'}."
    )


def name_of(model: str | Path) -> str:
    """Return a short name of a shipped model, an export of a run or of its round."""
    path = Path(model)
    if path.name != "export":
        return path.name
    run = path.resolve().parent
    is_round = run.parent.name == "rounds"
    return f"{run.parents[1].name}-round-{run.name}" if is_round else run.name


def seal(folder: Path, description: Mapping[str, Any]) -> None:
    """Write ``model.json``: the description, and size and SHA-256 of every file.

    Call it last, and again after a file of the folder was changed on purpose.

    Args:
        folder: the model folder with everything else already in it.
        description: JSON-able content; sizes and hashes in it are replaced.
    """
    # Through JSON and back: the hash must be that of what a reader gets.
    written = json.loads(json.dumps(description, allow_nan=False))
    written.pop(SELF_KEY, None)
    written["format_version"] = FORMAT_VERSION
    written["files"] = {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": _sha256(path),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / DESCRIPTION
    }
    written[SELF_KEY] = description_sha256(written)
    text = json.dumps(written, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(folder / DESCRIPTION, text + "\n")


def _read_description(path: Path) -> dict[str, Any]:
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        is_table = isinstance(description, dict)
        digest = description_sha256(description) if is_table else None
    # All that a damaged text can be: no UTF-8, no JSON, numbers that JSON does not
    # have, numbers too long, nested too deep.
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not valid JSON ({error}). Export or download the model again."
        ) from error
    version = description.get("format_version") if is_table else 0
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} has the format version {version!r}; this release reads "
            f"{FORMAT_VERSION}. Install the strrn that wrote it, or export it again."
        )
    if description.get(SELF_KEY) != digest:
        raise ValueError(
            f"{path} was changed after the export (its SHA-256 differs). "
            "Export or download the model again."
        )
    _check_entries(path, description)
    return description


def _check_entries(path: Path, description: Mapping[str, Any]) -> None:
    """Raise a ``ValueError`` if an entry that is read here has another form."""
    files, crop = description.get("files"), description.get("crop")
    if not isinstance(files, dict) or not all(
        isinstance(entry, dict) and {"bytes", "sha256"} <= entry.keys()
        for entry in files.values()
    ):
        raise ValueError(
            f"{path} must have `files` with `bytes` and `sha256` of each. Export the "
            "model again."
        )
    crop = crop if isinstance(crop, dict) else {}
    size, margin = crop.get("size"), crop.get("margin")
    if not isinstance(size, int) or not isinstance(margin, int | float):
        size = margin = 0
    if size < 1 or not 0 < margin <= LARGEST_MARGIN:
        raise ValueError(
            f"{path} must have `crop` with `size`, in pixels, and `margin`, more than "
            f"0 and at most {LARGEST_MARGIN} faces. Export the model again."
        )


def _verify_file(
    folder: Path, name: str, files: Mapping[str, Mapping[str, Any]]
) -> None:
    path = folder / name
    if name not in files or not path.is_file():
        raise ValueError(
            f"The model file {path} is missing. Export or download the model again."
        )
    size, expected = path.stat().st_size, files[name]["bytes"]
    if size != expected:
        raise ValueError(
            f"{path} has {size} bytes instead of {expected}. "
            "Export or download the model again."
        )
    if _sha256(path) != files[name]["sha256"]:
        raise ValueError(
            f"{path} was changed after the export (its SHA-256 differs). "
            "Export or download the model again."
        )


def _sha256(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def description_sha256(description: Mapping[str, Any]) -> str:
    """Hash the content, not the bytes: a changed line ending is no change."""
    content = {key: value for key, value in description.items() if key != SELF_KEY}
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return sha256(text.encode()).hexdigest()
