"""The exported folder of a run: its networks, where they come from, and a check."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from strrn_tf.models.build import in_float32
from strrn_tf.omni.algorithm import OmniSupervision
from strrn_tf.omni.origin import describe_origin


def export_run(
    method: OmniSupervision,
    mean_shape: np.ndarray,
    folder: Path,
    *,
    name: str,
    is_drawn: bool,
    parent: Mapping[str, Any] | None,
    saved_model: bool,
) -> None:
    """Write both networks as an exported folder, checked on crops of the run's data.

    Nothing is done where it was written before, nor where Keras does not run on
    TensorFlow, which alone can export.

    Args:
        method: the run, with its networks and data.
        mean_shape: (68, 2) in crop pixels.
        folder: to write.
        name: of the run.
        is_drawn: whether all its data were drawn by the project.
        parent: description of the model that the run began with.
        saved_model: whether SavedModels are written too.
    """
    if (folder / "model.json").is_file() or keras.backend.backend() != "tensorflow":
        return
    from strrn_tf.export import export_models

    crops, data = method.data.parity_crops(), method.data
    origin = describe_origin(
        name, method.config, data.counts, is_drawn=is_drawn, parent=parent
    )
    export_models(
        in_float32(method.detector),
        method.tracker,
        folder,
        info={**origin, "mean_shape": mean_shape},
        crops=crops,
        starts=mean_shape[None].repeat(len(crops), 0),
        saved_model=saved_model,
    )
