"""How good the landmarks of frames are in which two models fill a face in.

Annotated stills that no model has learnt are animated, and their faces are spoiled for
moments (``data_pipeline.animation.spoiled_clip``). Both models track the clips in both
directions (``data_pipeline.crops.filled``). The rows are the kinds of spoiling: how
many frames are spoiled, how many of them get a label, how many others do, and the
errors in the spoiled ones: of the labels, and of one answer of the first model in the
window of the true landmarks.

Example:
  python -m benchmarks.learning.filled_labels --stills DIR/testset
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.learning.sets.spoiled import (
    LENGTH,
    chosen_stills,
    moments,
    spoiled_clips,
)
from data_pipeline.animation.spoiled_clip import ALL_SPOILS
from data_pipeline.crops.filled import FilledOptions, Model, cut_filled
from data_pipeline.crops.fingerprints import fingerprint
from data_pipeline.datasets.clips import Clip
from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.stores.filled_frames import open_model
from strrn_tf.evaluation.metrics import nme_interpupil
from strrn_tf.geometry import apply_matrix, box_from_landmarks
from strrn_tf.methods.verdict import compare, format_change
from strrn_tf.system.command_line import run_program
from strrn_tf.system.file_names import index_of

PROG = "python -m benchmarks.learning.filled_labels"


@dataclass(frozen=True)
class Options:
    """What to measure."""

    stills: Path
    """Folder of annotated test stills."""
    models: tuple[str, ...] = ("strrn-fast", "strrn-mdm")
    """The models that have to agree. The first one also answers alone."""
    kinds: tuple[str, ...] = tuple(ALL_SPOILS)
    """Kinds of spoiling."""
    clips: int = 24
    """Number of stills, evenly spread."""
    seed: int = 0
    """Decides what is seen."""
    output: Path = Path("runs/filled-labels")
    """Folder of the clips."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Print the table."""
    columns = (
        "kind",
        "spoiled",
        "labelled",
        "others",
        "label, %",
        "one answer",
        "change",
    )
    table = Table(*columns)
    models = [open_model(name) for name in options.models]
    for kind in options.kinds:
        table.add_row(kind, *measured(options, kind, models))
    Console().print(table)


def measured(options: Options, kind: str, models: Sequence[Model]) -> list[str]:
    """Return the cells of one kind of spoiling."""
    stills = chosen_stills(list_stills(options.stills, "test"), options.clips)
    # Other clips in another folder: those that are there are not written again.
    name = f"{kind}-{fingerprint(stills, seed=options.seed)[:8]}"
    folder = spoiled_clips(options.output / name, stills, kind, options.seed)
    spoiled, others, owners = 0, 0, []
    errors: dict[str, list[float]] = {"one": [], "label": []}
    for number, still in enumerate(stills):
        frames, images, kinds = moments(still, number, kind, options.seed)
        spoiled += kinds.count(kind)
        path = folder / f"{still.image_path.stem}.mp4"
        looked = FilledOptions(60.0, most=LENGTH)
        found = cut_filled(Clip(path.name, path), models, looked)
        if found is None:
            continue
        for name, matrix, label in zip(
            found.names, found.matrix, found.landmarks[:, 0], strict=True
        ):
            index = index_of(name)
            if kinds[index] != kind:
                others += 1
                continue
            truth = frames[index][1]
            answer = models[0].detect(images[index], box_from_landmarks(truth))
            errors["one"].append(float(nme_interpupil(answer, truth)))
            truth = apply_matrix(matrix, truth)
            errors["label"].append(float(nme_interpupil(label, truth)))
            owners.append(number)
    counts = map(str, (spoiled, len(owners), others))
    if not owners:
        return [*counts, "", "", ""]
    one, label = (np.array(errors[name]) for name in ("one", "label"))
    change = format_change(compare(one, label, np.array(owners)))
    return [*counts, f"{label.mean():.2f}", f"{one.mean():.2f}", change]


if __name__ == "__main__":
    sys.exit(main())
