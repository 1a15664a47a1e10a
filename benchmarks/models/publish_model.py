"""Put a run's models into saved_models/ with what they are and how good they are.

Takes the networks of a run on real data and the reports that strrn evaluate wrote of
them, and writes an exported folder whose model.json and MODEL_CARD.md state training
data, licence terms and every measured figure.

Example:
  python -m benchmarks.models.publish_model runs/real-mdm --name strrn-mdm --reports
      runs/evaluation/real-mdm-300w --groups groups.json --failures worst.png
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Annotated

import tyro

from benchmarks.models.lighten_model import lighten
from strrn_tf.config import Precision
from strrn_tf.system.command_line import run_program

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PROG = "python -m benchmarks.models.publish_model"
# Drawn faces on which the networks are compared with Keras.
FACES = 8
FIGURES = (
    *("frames", "lost_frames", "nme_interpupil", "nme_interocular"),
    *("auc_008", "failure_008"),
)
# Entries that `calibrate` writes.
FITTED = ("reliability", "landmark_confidence")
LICENCE = (
    "Weights: research use only. They were trained on 300-W images and annotations and "
    "on public video clips whose terms allow research use only; none of these data are "
    "distributed with the weights. Code: Apache-2.0."
)
CARD = """# {name}

Two networks for 68 facial landmarks (iBUG markup): an {backbone} detector for single
images, and the STRRN tracker from frame to frame. `model.json` has the exact form of
the inputs.

## How it was made

{command}

## Data and terms

{licence}

{data}
- Not for identifying people, and not for decisions about them. The training faces are
  mostly adults in photographs from the web. Other groups were not measured.

## Measured

{table}

```
strrn evaluate --dataset 300w --data-root DIR/300w/helen/testset --model {name}
```

`docs/data.md` says what `DIR` is. The same with `--boxes mtcnn`. NME is in percent, the
other metrics are fractions. The stills are crops that we made of Helen's images. The
weights are {precision}, as shipped. None of the 330 faces is in the training data.
There is one crop per face and no mirror averaging.

{groups}## Known failures

- Large yaw, beyond about 60 degrees: seen on clips, not measured.
- One half of the face hidden; faces below about 40 pixels.
- The jaw under beards and hands is a guess.
- The tracker alone drifts within tens of frames
  (`python -m benchmarks.accuracy.drift`). In `FaceTracker` the detector corrects it.
{failures}"""
DATA = """\
- {stills} of the 3148 annotated training stills of 300-W: parts of `afw`,
  `helen/trainset` and `lfpw/trainset`, cropped around faces of at most 200 pixels.
- {pairs} unlabelled pairs of consecutive frames of {clips} clips. The last round of
  Algorithm 1 trusted {accepted}: {d_det} for the detector, {d_tck} for a tracker."""
GROUPS = """\
The same stills in groups. Four groups are by the turn of the head, four by size (all
faces shrunk). In one a fifth of each face is hidden, and one has the model's own boxes:

{table}

`python -m benchmarks.accuracy.groups {name} --stills DIR/300w/helen/testset`

"""
FAILURES = """
![The frames of synthetic faces where landmarks are worst](failures.jpg)

`strrn evaluate --category 3 --model {name}`: found in orange, true in blue. The
model was not trained on synthetic faces.
"""


@dataclass(frozen=True)
class Options:
    """What to publish."""

    run: Annotated[Path, tyro.conf.Positional]
    """Run folder that holds export/."""
    name: str
    """Name under saved_models/."""
    reports: tuple[Path, ...] = ()
    """Folders written by strrn evaluate for this run."""
    groups: Path | None = None
    """What `benchmarks/accuracy/groups.py --json` wrote of this model."""
    failures: Path | None = None
    """worst.png that strrn evaluate wrote for this model on drawn faces."""
    command: str = ""
    """The command that trained it, or several, as Markdown."""
    data: str = ""
    """What it was trained on, as a Markdown list. Without it, what the run says of its
    stills and of its last round."""
    precision: Precision = "float32"
    """Of the weights in the TFLite files; `accuracy/variants.py` compares them."""
    light: bool = True
    """Store the kernels of the .keras files in float16 and failures.jpg in quality 80:
    half the room in every clone. See `lighten_model.py`."""
    output: Path = Path("saved_models")
    """Where exported folders lie."""
    rounds_of: Path | None = None
    """Run folder whose data and last round are stated. Default: that of the run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Export again, now with everything that is known."""
    from data_pipeline.media.images import read_image, write_image
    from data_pipeline.synthetic.crops import draw_crops
    from strrn_tf.export.tflite import export_models
    from strrn_tf.models.build import load_networks
    from strrn_tf.tracking.networks.model_folder import load, seal

    source = load(options.run / "export")
    failures = read_image(options.failures) if options.failures else None
    accuracy = [row for folder in options.reports for row in figures(folder)]
    facts = training_facts(options)
    info = {
        "name": options.name,
        "backbone": source.description["backbone"],
        "preset": source.description["preset"],
        "mean_shape": source.mean_shape,
        "training_data": facts,
        "accuracy": accuracy,
        "licence": LICENCE,
    }
    info |= inherited_entries(source.description, options.precision)
    card = CARD.format(
        name=options.name,
        backbone=info["backbone"].upper(),
        licence=fill(f"**{LICENCE}**", 88),
        table=markdown(accuracy),
        command=options.command,
        groups=groups_of(options),
        precision=options.precision,
        failures=FAILURES.format(name=options.name) if options.failures else "",
        data=options.data or DATA.format(**facts),
    )
    crops = draw_crops(FACES)
    folder = options.output / options.name
    export_models(
        *load_networks(options.run / "export"),
        folder,
        info=info,
        crops=crops,
        starts=source.mean_shape[None].repeat(len(crops), 0),
        card=card,
        precision=options.precision,
    )
    if failures is not None:
        write_image(folder / "failures.jpg", failures)
        seal(folder, load(folder).description)
    if options.light:
        lighten(folder)
    print(f"published {folder}")


def inherited_entries(description: Mapping, precision: Precision) -> dict:
    """Return the entries of the run's description that hold for the published files.

    The reliability holds for weights of the precision that it was fitted to.
    """
    from strrn_tf.export.description import PARTS
    from strrn_tf.export.learnt_stills import KEY

    kept = (*PARTS, KEY)
    if description["weights"] == precision:
        kept += FITTED
    return {key: description[key] for key in kept if key in description}


def figures(folder: Path) -> list[dict]:
    """Return the rows of one report with what was evaluated."""
    report = json.loads((folder / "metrics.json").read_text())
    return [
        {
            "dataset": report["dataset"],
            "boxes": report["boxes"],
            **{k: row[k] for k in ("category", "protocol", *FIGURES) if k in row},
        }
        for row in report["results"]
    ]


def groups_of(options: Options) -> str:
    """Return the section of the card on groups of faces, none without a file."""
    if options.groups is None:
        return ""
    rows = json.loads(options.groups.read_text())
    models = {row.pop("model") for row in rows}
    if models != {str(options.run)}:
        raise ValueError(
            f"{options.groups} is of {', '.join(sorted(models))}, not of {options.run}"
        )
    return GROUPS.format(table=markdown(rows), name=options.name)


def training_facts(options: Options) -> dict:
    """Return counts of the run's data and of its last round, or what is published."""
    folder = options.rounds_of or options.run
    if options.data:
        return {"data": options.data}
    described = json.loads((folder / "export" / "model.json").read_text())
    counts = described["training_data"]
    if "stills" in counts:
        return counts
    reports = sorted((folder / "rounds").glob("*/report.json"))
    last = json.loads(reports[-1].read_text())
    return {
        "stills": counts["annotated stills"],
        "pairs": counts["unlabelled pairs of frames"],
        "clips": len(last["clips"]),
        **{k: last[k] for k in ("accepted", "d_det", "d_tck")},
    }


def markdown(rows: list[dict]) -> str:
    """Return the figures as a table."""
    if not rows:
        return "Nothing was measured."
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        shown = [cell(row.get(c, ""), 3 if c.endswith("_008") else 2) for c in columns]
        lines.append("| " + " | ".join(shown) + " |")
    return "\n".join(lines)


def cell(value: object, digits: int) -> str:
    """Return a value of a table as text, fractions with so many digits."""
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
