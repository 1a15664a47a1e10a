"""``strrn export``: a trained model written again, in another precision or format."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from strrn_tf.config import Precision
from strrn_tf.system.command_line import parse_options

PROG = "strrn export"
HELP = """Write a trained model again: with other weights, or as SavedModels.

Examples:
  strrn export runs/mine --precision int8
      writes runs/mine/export-int8: a quarter of the size, products in integers
  strrn export strrn-mdm --precision float16 --output ~/app/models
      half the size; arithmetic stays float32
  strrn export runs/mine --saved-model --output served
      saved_model/detector and saved_model/tracker too, for TensorFlow Serving
  strrn export runs/third --average runs/second --output runs/mean
      the mean of a model's weights and of those that it was trained on from: often a
      little better than either. The reliability has to be fitted anew
  strrn export strrn-mdm --tracker runs/steady --output runs/mixed
      another model's tracker in place of its own: any tracker works with any detector

The exported networks are compared with the Keras networks on synthetic faces, and
refused where they differ. What a precision costs on your faces:
python -m benchmarks.accuracy.variants
"""
# Synthetic faces for the comparison.
FACES = 4


@dataclass(frozen=True)
class Options:
    """Which model, and what becomes of it."""

    model: tyro.conf.Positional[str]
    """Run folder, exported folder, or name of a shipped model."""
    output: Path | None = None
    """Folder to write; without it, beside that of the model: export-<precision>."""
    precision: Precision = "float32"
    """Of the weights in the TFLite files."""
    saved_model: bool = False
    """Write SavedModels too."""
    average: tuple[str, ...] = ()
    """Models whose weights are averaged with it: those that it was trained on from."""
    tracker: str | None = None
    """Model whose tracker takes the place of its own."""


def parse(argv: Sequence[str]) -> Options:
    """Return the options; a ``ValueError`` of one line if they are wrong."""
    return parse_options(Options, argv, prog=PROG, description=HELP)


def run(options: Options) -> None:
    """Write the model and say where.

    Raises:
        ValueError: there is no such model, models of other sizes are to be averaged,
            two options name a tracker, or the folder to write is that of the model.
    """
    from strrn_tf.tracking.networks.model_folder import verify

    source = verify(options.model)
    if options.average and options.tracker:
        raise ValueError("--average makes a tracker: leave --tracker out")
    others = [verify(name) for name in options.average]
    giver = verify(options.tracker) if options.tracker else source
    output = options.output or source.path.with_name(f"export-{options.precision}")
    if output.resolve() in {f.path.resolve() for f in (source, giver, *others)}:
        raise ValueError(f"{output} is the model itself: give another --output")
    from strrn_tf.system.quiet import quiet_stderr

    print(f"exporting {source.path} with {options.precision} weights …")
    with quiet_stderr():
        from data_pipeline.synthetic.crops import draw_crops
        from strrn_tf.export.learnt_stills import learnt_entry, learnt_stills
        from strrn_tf.export.tflite import export_models
        from strrn_tf.models.averaging import average
        from strrn_tf.models.build import load_networks

        crops = draw_crops(FACES)
        models = [load_networks(folder.path) for folder in (source, *others)]
        detector, tracker = map(average, zip(*models, strict=True))
        if options.tracker:
            _, tracker = load_networks(giver.path)
        export_models(
            detector,
            tracker,
            output,
            info=inherited_entries(source.description, options.average, options.tracker)
            | learnt_entry(learnt_stills(*(f.description for f in (source, *others)))),
            crops=crops,
            starts=source.mean_shape[None].repeat(len(crops), 0),
            saved_model=options.saved_model,
            precision=options.precision,
        )
    sizes = ", ".join(
        f"{name} {(output / name).stat().st_size / 1e6:.1f} MB"
        for name in ("detector.tflite", "tracker.tflite")
    )
    print(f"{output}: {sizes}; next: strrn track VIDEO --model {output}")


def inherited_entries(
    description: dict[str, Any],
    averaged_with: Sequence[str] = (),
    tracker_of: str | None = None,
) -> dict[str, Any]:
    """Return the entries of a description that hold for any files of the model.

    What was measured does not hold for a model made of several.
    """
    from strrn_tf.export.description import PARTS

    own = ("name", "backbone", "preset", "seed", "training_data", "licence", "accuracy")
    kept = {key: description[key] for key in (*own, *PARTS) if key in description}
    if averaged_with or tracker_of:
        kept.pop("accuracy", None)
    if averaged_with:
        kept["averaged_with"] = list(averaged_with)
    if tracker_of:
        kept["tracker_of"] = tracker_of
    return {**kept, "mean_shape": description["mean_shape"]}
