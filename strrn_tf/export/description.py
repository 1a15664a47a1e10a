"""Content of ``model.json`` and of the model card of an exported folder.

``model.json`` alone must be enough to use the networks from another language. It holds
names, shapes and units of inputs and outputs, and describes how the crop is made.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from strrn_tf import __version__
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.networks.litert import SIGNATURE
from strrn_tf.tracking.networks.model_folder import DETECTOR_FILE, TRACKER_FILE

# Entries that name the models which this one was made of.
PARTS = ("averaged_with", "tracker_of")
_LANDMARKS = {
    "name": "landmarks",
    "shape": [1, NUM_LANDMARKS, 2],
    "dtype": "float32",
    "meaning": "x, y in crop pixels, 0-based, integers are pixel centres",
}
_START = _LANDMARKS | {
    "name": "start",
    "meaning": "x, y of the face in the neighbouring frame, in pixels of the same crop",
}
_FORMULA = (
    "box = (x0, y0, x1, y1), tight around the 68 landmarks of the face turned upright "
    "by its roll (for the tracker: of the earlier frame, one crop for both frames), "
    "its centre (cx, cy) where it is in the image; "
    "scale = size / (margin * max(x1 - x0, y1 - y0)); "
    "crop_x = scale * (cos(roll) * (x - cx) + sin(roll) * (y - cy)) + (size - 1) / 2; "
    "crop_y = scale * (cos(roll) * (y - cy) - sin(roll) * (x - cx)) + (size - 1) / 2; "
    "roll is 0 in the first detection, and in all windows without any_roll; later that "
    "of the last landmarks: with eye centres L, R and mouth centre M, A = R - L and "
    "D = M - (L + R) / 2, roll = atan2(A.y - D.x, A.x + D.y); "
    "bilinear sampling, border pixels repeated outside the image; where scale < 0.75 "
    "the image is first shrunk by area averaging"
)
_MARKUP = "iBUG 68: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, mouth 48-67"


def _networks(reduction: int) -> dict[str, Any]:
    """Return what is fixed in ``model.json`` for networks of one resolution."""
    size = CROP_SIZE // reduction
    frames = {
        "name": "frames",
        "shape": [1, size, size, 3],
        "dtype": "float32",
        "meaning": "crop of the face: rows, columns, RGB in [0, 1] (byte / 255)",
    }
    return {
        "signature": SIGNATURE,
        "networks": {
            "detector": {
                "file": DETECTOR_FILE,
                "inputs": [frames],
                "outputs": [_LANDMARKS],
            },
            "tracker": {
                "file": TRACKER_FILE,
                "inputs": [frames, _START],
                "outputs": [_LANDMARKS],
            },
        },
        "crop": {
            "size": size,
            # A halved crop lacks the first row and column of pixels.
            "margin": CROP_MARGIN * size * reduction / CROP_SIZE,
            "any_roll": True,
            "formula": _FORMULA,
        },
        "markup": _MARKUP,
    }


def describe(
    info: Mapping[str, Any], results: Mapping[str, Any], reduction: int = 1
) -> dict[str, Any]:
    """Return the content of ``model.json`` without the hashes of the files.

    Args:
        info: the caller's description of the model. ``mean_shape`` (68, 2) in pixels of
            the crop of 315 is required. NumPy arrays and numbers become lists and
            numbers.
        results: measurements of the export.
        reduction: 2 for networks that take the crop at half its resolution.

    Raises:
        ValueError: ``mean_shape`` is missing or no shape, ``info`` has a reserved key,
            or a value cannot be written as JSON.
    """
    fixed = _networks(reduction)
    taken = sorted(info.keys() & (fixed.keys() | results.keys()))
    if taken:
        raise ValueError(
            f"`info` must not have the keys {taken}: the export sets them."
        )
    shape = np.asarray(info.get("mean_shape", []), np.float64)
    if shape.shape != (NUM_LANDMARKS, 2) or not np.isfinite(shape).all():
        raise ValueError(
            f"`info['mean_shape']` must be finite landmarks ({NUM_LANDMARKS}, 2) in "
            f"crop pixels. Received: shape {shape.shape}"
        )
    try:
        known = json.loads(json.dumps(dict(info), default=_plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"`info` must be writable as JSON: {error}.") from error
    return {"strrn_version": __version__, **known, **fixed, **results}


def default_card(description: Mapping[str, Any]) -> str:
    """Return a model card with the content of ``model.json``."""
    parity = description["parity"]
    unknown = "not stated"
    lines = [
        f"# {description.get('name', 'STRRN model')}",
        "",
        "68 facial landmarks: a detector for single images and a tracker from frame to",
        "frame. Runs on LiteRT; `model.json` describes the inputs.",
        "",
    ]
    for title, key in (
        ("Backbone", "backbone"),
        ("Training data", "training_data"),
        ("Measured accuracy", "accuracy"),
        ("Licence", "licence"),
    ):
        lines += [f"## {title}", "", *_section(description.get(key, unknown)), ""]
    lines += ["## Export", "", f"Weights: {description['weights']}.", ""]
    for name, found in parity.items():
        lines.append(
            f"- {name}: TFLite differs from Keras by at most {found['max_px']:.2g} px "
            f"on {found['crops']} crops"
        )
    return "\n".join(lines) + "\n"


def _section(value: object, indent: str = "") -> list[str]:
    """Return a list in Markdown; mappings inside become lists inside."""
    if isinstance(value, list):
        return [f"{indent}- {_in_one_line(entry)}" for entry in value]
    if not isinstance(value, Mapping):
        return [f"{indent}{value}"]
    lines = []
    for key, entry in value.items():
        if isinstance(entry, Mapping):
            lines += [f"{indent}- {key}:", *_section(entry, f"{indent}  ")]
        else:
            lines.append(f"{indent}- {key}: {entry}")
    return lines


def _in_one_line(entry: object) -> str:
    if isinstance(entry, Mapping):
        return ", ".join(f"{key} {value}" for key, value in entry.items())
    return str(entry)


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")
