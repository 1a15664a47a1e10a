"""Exports the networks of a run, with their origin."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from strrn_tf.export.learnt_stills import learnt_entry, learnt_stills
from strrn_tf.export.origin import describe_origin
from strrn_tf.methods.training_run import TrainingRun
from strrn_tf.methods.verdict import keeps_all
from strrn_tf.models.build import rebuilt
from strrn_tf.tracking.networks import model_folder


def export_run(
    run: TrainingRun,
    folder: Path,
    *,
    mean_shape: np.ndarray,
    is_drawn: bool,
    parent: Mapping[str, Any] | None,
    saved_model: bool,
    second: Mapping[str, Any] | None = None,
) -> None:
    """Export both networks, checked on crops of the run's data.

    An export that is complete is left as it is. Only TensorFlow can export: on other
    back ends nothing is written, see docs/architecture.md, "Learning".

    Args:
        run: networks and data.
        folder: of the export.
        mean_shape: (68, 2) in crop pixels.
        is_drawn: whether the project drew all samples.
        parent: ``model.json`` of the model that the run started from.
        saved_model: whether to write SavedModels too.
        second: ``model.json`` of the model that labelled beside it.
    """
    if (folder / "model.json").is_file():
        return  # written before the run was interrupted
    if keras.backend.backend() != "tensorflow":
        return
    from strrn_tf.export.tflite import export_models

    crops, data = run.data.parity_crops(), run.data
    # What was refused has taught the last export nothing; those of rounds have learnt.
    is_kept = folder == run.folder.export and keeps_all(run.folder.verdict)
    origin = describe_origin(
        model_folder.name_of(folder),
        *(run.config, {} if is_kept else data.counts),
        is_drawn=is_drawn,
        parent=parent,
        second=None if is_kept else second,
    )
    names = () if is_kept else data.learnt_stills
    origin |= learnt_entry(learnt_stills(parent), names)
    export_models(
        rebuilt(run.detector),
        run.tracker,
        folder,
        info={**origin, "mean_shape": mean_shape},
        crops=crops,
        starts=mean_shape[None].repeat(len(crops), 0),
        saved_model=saved_model,
    )
