"""Writes a trained detector and tracker as a model folder that runs without TensorFlow.

Each network becomes a TFLite file with a fixed batch of one and builtin operators only.
Its signature names inputs and outputs. The file is made by
``TFLiteConverter.from_concrete_functions``, because a concrete function keeps the names
of its arguments. Keras' own ``Model.export`` turns them into ``args_0`` and
``output_0``. LiteRT runs the file on real crops, and every number is compared with
Keras, before the folder gets its name.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from strrn_tf.config import Precision
from strrn_tf.export.description import default_card, describe
from strrn_tf.geometry import CROP_SIZE
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.layers.halving import Halving, to_half
from strrn_tf.system.atomic import recover_folder, replacing_folder
from strrn_tf.tracking.networks.litert import SIGNATURE, LiteRTModel
from strrn_tf.tracking.networks.model_folder import DESCRIPTION, seal

CARD = "MODEL_CARD.md"
# Shapes of one sample of the training data.
FRAME = (CROP_SIZE, CROP_SIZE, 3)
LANDMARKS = (NUM_LANDMARKS, 2)
# TFLite against Keras in crop pixels, worst landmark of all crops. The float32 limit is
# too small to be seen and far above rounding. The other limits only detect a failed
# conversion; `benchmarks/accuracy/variants.py` measures the loss of accuracy.
PARITY_LIMITS: dict[Precision, float] = {"float32": 0.05, "float16": 0.5, "int8": 5.0}


class ExportError(ValueError):
    """A model that must not be shipped: one line names the network and the reason."""


def export_models(
    detector: keras.Model,
    tracker: keras.Model,
    folder: str | Path,
    *,
    info: Mapping[str, Any],
    crops: np.ndarray,
    starts: np.ndarray,
    card: str | None = None,
    saved_model: bool = False,
    precision: Precision = "float32",
) -> Path:
    """Write a model folder, whole or not at all.

    Args:
        detector: frames (B, 315, 315, 3) to a dict with ``refinements`` (B, K, 68, 2).
        tracker: ``frames`` and ``start`` (B, 68, 2) to landmarks (B, 68, 2).
        folder: target; an exported folder there is replaced.
        info: content for ``model.json``. ``mean_shape`` (68, 2) in crop pixels is
            required. ``name``, ``backbone``, ``training_data``, ``accuracy`` and
            ``licence`` are shown in the model card.
        crops: (n, 315, 315, 3) float32 in [0, 1], real faces for the parity check.
        starts: (n, 68, 2) start landmarks in pixels of these crops.
        card: text of ``MODEL_CARD.md``; None: one is made from ``info``.
        saved_model: also write SavedModels, ``saved_model/{detector,tracker}``.
        precision: of the weights in the TFLite files. "float16" halves the files, and
            the arithmetic stays float32. "int8" quarters the files: it has one scale
            per output channel, quantises inputs when they arrive, and multiplies
            integers. Inputs, outputs and coordinates are always float32.

    Returns:
        The folder.

    Raises:
        ExportError: a network needs other operators than TFLite's builtins, or differs
            from Keras by more than ``PARITY_LIMITS`` on the crops.
        ValueError: an argument breaks these rules.
    """
    folder = Path(folder)
    crops, starts = _check_samples(crops, starts)
    # Before the minutes of conversion, and before anything is written.
    describe(info, {})
    limit, reduction = _parity_limit(precision), _reduction(detector, tracker)
    crops, starts = _reduced(crops, starts, reduction)
    _check_replaceable(folder)
    with replacing_folder(folder, shared=True) as part:
        parity = {}
        for network in _networks(detector, tracker, reduction):
            path = part / f"{network.name}.tflite"
            path.write_bytes(_convert(network, precision))
            parity[network.name] = _parity(network, path, crops, starts, limit)
            if saved_model:
                _save_saved_model(network, part / "saved_model" / network.name)
            network.model.save(part / f"{network.name}.keras")
        results = {"parity": parity, "weights": precision}
        description = describe(info, results, reduction)
        text = default_card(description) if card is None else card
        (part / CARD).write_text(text, encoding="utf-8")
        seal(part, description)
    return folder


@dataclass(frozen=True)
class _Network:
    """A model as a function of named inputs that returns landmarks."""

    name: str
    model: keras.Model
    call: Callable[..., Any]
    inputs: Mapping[str, tuple[int, ...]]

    def trace(self, batch: int | None) -> tuple[tf.Module, Any]:
        """Return the owner of the weights, and the function for a batch size."""
        specs = [
            tf.TensorSpec((batch, *shape), tf.float32, name=name)
            for name, shape in self.inputs.items()
        ]
        owner = tf.Module()
        # The variables themselves. Through Keras' own tracking the converter misses the
        # weights of some models, and leaves them out.
        owner.weights = [variable.value for variable in self.model.variables]
        owner.function = tf.function(lambda *given: {"landmarks": self.call(*given)})
        return owner, owner.function.get_concrete_function(*specs)


def _networks(
    detector: keras.Model, tracker: keras.Model, reduction: int
) -> tuple[_Network, _Network]:
    def detect(frames: tf.Tensor) -> tf.Tensor:
        if reduction == 2:
            return detector.call_halved(frames)
        return detector(frames, training=False)["refinements"][:, -1]

    def track(frames: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
        if reduction == 2:
            return tracker.call_halved(frames, start)
        return tracker({"frames": frames, "start": start}, training=False)

    side = CROP_SIZE // reduction
    frames, start = {"frames": (side, side, 3)}, {"start": LANDMARKS}
    return (
        _Network("detector", detector, detect, frames),
        _Network("tracker", tracker, track, frames | start),
    )


def _reduced(
    crops: np.ndarray, starts: np.ndarray, reduction: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return crops and starts in the resolution that the exported networks take."""
    if reduction == 1:
        return crops, starts
    return keras.ops.convert_to_numpy(Halving()(crops)), to_half(starts)


def _reduction(detector: keras.Model, tracker: keras.Model) -> int:
    """Return 2 where both networks see half the resolution, 1 where neither does."""
    found = [
        getattr(n, "settings", {}).get("reduction", 1) for n in (detector, tracker)
    ]
    if found[0] != found[1]:
        raise ValueError(
            "detector and tracker must see crops of one resolution: give both the "
            f"preset fast, or neither. Received: a `reduction` of {found[0]} and "
            f"{found[1]}"
        )
    return found[0]


def _convert(network: _Network, precision: Precision) -> bytes:
    """Return a TFLite file with the signature ``serving_default``."""
    owner, function = network.trace(batch=1)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], owner)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision != "float32":
        # Alone, without samples of inputs: weights become int8, activations stay.
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    try:
        return converter.convert()
    # The converter has no error class of its own that is public.
    except Exception as error:
        operators = ", ".join(sorted(set(re.findall(r"\btf\.([A-Z]\w+)", str(error)))))
        reason = f"it needs {operators}" if operators else str(error).splitlines()[0]
        raise ExportError(
            f"The {network.name} cannot be written with TFLite's builtin operators: "
            f"{reason}. Use other operators in the layer that needs them."
        ) from error


def _save_saved_model(network: _Network, path: Path) -> None:
    """Write a SavedModel that takes any batch size."""
    owner, function = network.trace(batch=None)
    tf.saved_model.save(owner, str(path), signatures={SIGNATURE: function})


def _parity(
    network: _Network,
    path: Path,
    crops: np.ndarray,
    starts: np.ndarray,
    limit: float,
) -> dict[str, float]:
    """Compare LiteRT with Keras on every crop; return the differences in pixels."""
    shapes = {name: (1, *shape) for name, shape in network.inputs.items()}
    litert = LiteRTModel(path, inputs=shapes, outputs=["landmarks"])
    differences = []
    for crop, start in zip(crops, starts, strict=True):
        given = {"frames": crop[None], "start": start[None]}
        given = {name: given[name] for name in shapes}
        expected = keras.ops.convert_to_numpy(network.call(*given.values()))
        received = litert(**given)["landmarks"]
        differences.append(np.linalg.norm(received - expected, axis=-1))
    worst = float(np.max(differences))
    # "not <=", so that a difference that is not a number is refused too.
    if not worst <= limit:
        raise ExportError(
            f"The {network.name} differs between TFLite and Keras by {worst:.3g} px on "
            f"{len(crops)} crops, more than {limit} px: nothing was exported."
        )
    mean = float(np.mean(differences))
    return {"max_px": worst, "mean_px": mean, "crops": len(crops)}


def _parity_limit(precision: Precision) -> float:
    if precision not in PARITY_LIMITS:
        raise ValueError(
            f"`precision` must be one of {', '.join(PARITY_LIMITS)}. "
            f"Received: {precision!r}"
        )
    return PARITY_LIMITS[precision]


def _check_samples(
    crops: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    crops, starts = np.asarray(crops, np.float32), np.asarray(starts, np.float32)
    for name, array, shape in (("crops", crops, FRAME), ("starts", starts, LANDMARKS)):
        if array.shape != (len(crops), *shape) or len(array) == 0:
            raise ValueError(
                f"`{name}` must be (n, {', '.join(map(str, shape))}) with n > 0, the "
                f"same for crops and starts. Received: {array.shape}"
            )
    if not (np.isfinite(starts).all() and crops.min() >= 0 and crops.max() <= 1):
        raise ValueError(
            "`crops` must be in [0, 1] and `starts` finite. Received: crops in "
            f"[{crops.min():.3g}, {crops.max():.3g}]; divide uint8 crops by 255"
        )
    return crops, starts


def _check_replaceable(folder: Path) -> None:
    """Raise a ``ValueError`` if there is something that this file has not written.

    A folder that a killed export has moved aside is put back first.
    """
    recover_folder(folder)
    if not folder.exists() or (folder / DESCRIPTION).is_file():
        return
    is_empty_folder = folder.is_dir() and not any(folder.iterdir())
    if not is_empty_folder:
        raise ValueError(
            f"{folder} exists and is not an exported model (it has no "
            f"{DESCRIPTION}): it is not overwritten. Choose another folder."
        )
