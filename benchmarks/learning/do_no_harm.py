"""Does self-training without stills ever harm, and does it help where a model is weak?

The command is the one of users: `strrn train --init MODEL --unlabelled CLIPS`, with two
models that label and a third one that judges on pictures that are kept out. Clips in
which no face is lost for a moment leave nothing to learn.

* clips: sets of three to five videos, drawn by a seed. The result is scored on --test,
  other people. It should never be worse there.
* shifted: folders of annotated pictures of another kind, one set each. Every third
  picture (or folder of pictures) is kept out and is the test, the others are given to
  the training without their annotations. The result should be better there.
* degraded: the same with the stills of one folder, spoiled in one way, see
  ``data_pipeline.animation.spoiled_clip``; every way is a set.
* moments: stills of one folder are animated, and their faces are spoiled for moments,
  in one way in every set. The test is stills of other people, spoiled alike.

A result that the judge refuses is the former model: its change is zero. The last two
columns have the change by the judge, and that of the test had it not been asked. Every
finished set is a file in --output, and a training that was stopped goes on.

Example:
  python -m benchmarks.learning.do_no_harm --clips DIR/videos --test DIR/helen/testset
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.learning.domain_shift import divide_pictures
from benchmarks.learning.spoiled_sets import (
    chosen_stills,
    spoiled_clips,
    spoiled_stills,
)
from data_pipeline.animation.spoiled_clip import ALL_SPOILS
from strrn_tf.methods.verdict import BEFORE, NOTHING_LEARNT, compare, format_change
from strrn_tf.system.atomic import write_text
from strrn_tf.system.command_line import run_program

# Before TensorFlow is loaded: its start-up messages say nothing to a user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if TYPE_CHECKING:
    from data_pipeline.datasets.three_hundred_w import Still

PROG = "python -m benchmarks.learning.do_no_harm"
FEWEST, MOST = 3, 5


@dataclass(frozen=True, kw_only=True)
class Options:
    """Data, models, and where results are kept."""

    clips: Path | None = None
    """Folder of videos without annotations."""
    test: Path | None = None
    """Folder of annotated stills, on which what --clips taught is scored."""
    shifted: tuple[Path, ...] = ()
    """Folders of annotated pictures of another kind, a set each. A mapping.json in a
    folder tells which points its annotations have."""
    degraded: Path | None = None
    """Folder of annotated stills that are spoiled."""
    moments: Path | None = None
    """Folder of annotated stills that are animated and spoiled for moments. Every third
    still is the test."""
    kinds: tuple[str, ...] = tuple(ALL_SPOILS)
    """Kinds of spoiling for --degraded and --moments."""
    clips_of_moments: int = 48
    """Number of animated stills."""
    sets: int = 20
    """Number of sets of clips."""
    seed: int = 0
    """Draws the sets."""
    init: Path = Path("strrn-fast")
    """Model that is trained further."""
    second: Path = Path("strrn-mdm")
    """Model that labels beside it."""
    judge: Path = Path("strrn-hgn")
    """Model that judges."""
    train: str = ""
    """Further options of `strrn train`, such as "--pairs-per-clip=6 --threads=1"."""
    output: Path = Path("runs/do-no-harm")
    """Folder of runs and results."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Train what is missing, and print the table.

    Raises:
        ValueError: there is nothing to learn from.
    """
    if bool(options.clips) != bool(options.test):
        raise ValueError("--clips and --test need each other")
    given = options.clips, options.shifted, options.degraded, options.moments
    if not any(given):
        raise ValueError(
            "give --clips and --test, or --shifted, --degraded or --moments"
        )
    cells = []
    if options.clips:
        cells = [clips_cell(options, number) for number in range(options.sets)]
    harm = [result(options, *cell) for cell in cells]
    folders = list(options.shifted)
    if options.degraded:
        folders += [
            spoiled_stills(place / kind, options.degraded, kind, options.seed)
            for place in [options.output / "degraded"]
            for kind in options.kinds
        ]
    shifts = [result(options, *shifted_cell(options, path)) for path in folders]
    kinds = options.kinds if options.moments else ()
    moments = [result(options, *moments_cell(options, kind)) for kind in kinds]
    columns = "set", "chosen", "error before, %", "after", "change", "judge", "trained"
    shown = Table(*columns)
    shown.columns[0].no_wrap = True
    for found in (*harm, *shifts, *moments):
        before, after = np.array(found["before"]), np.array(found["after"])
        change = format_change(compare(before, after, np.array(found["owners"])))
        means = f"{before.mean():.2f}", f"{after.mean():.2f}"
        others = f"{found['judged']:+.1f} %", f"{trained_change(found):+.1f} %"
        shown.add_row(found["name"], found["chosen"], *means, change, *others)
    Console().print(shown)
    kinds = ("clips", harm), ("shifted", shifts), ("moments", moments)
    for kind, all_found in kinds:
        if all_found:
            print(summary(kind, all_found))


def summary(kind: str, found: Sequence[dict]) -> str:
    """Return one line on all sets of a kind."""
    changes = [100 * (np.mean(f["after"]) / np.mean(f["before"]) - 1) for f in found]
    idle = sum(f["chosen"] == NOTHING_LEARNT for f in found)
    accepted = sum(f["chosen"] not in (BEFORE, NOTHING_LEARNT) for f in found)
    agree = sum(f["judged"] * trained_change(f) > 0 for f in found)
    return (
        f"{kind}: {accepted} of {len(found)} accepted, in {idle} was nothing to learn; "
        f"change of the error from {min(changes):+.1f} to {max(changes):+.1f} %, mean "
        f"{np.mean(changes):+.1f} %; judge and test agree on the sign of {agree} of "
        f"{len(found) - idle}"
    )


def trained_change(found: dict) -> float:
    """Return by how much the trained model's error differs, accepted or not, in %."""
    return 100 * (np.mean(found["trained"]) / np.mean(found["before"]) - 1)


def clips_cell(options: Options, number: int) -> tuple:
    """Return the name, the training's data, and the test of a set of clips."""
    from data_pipeline.datasets.three_hundred_w import list_stills
    from data_pipeline.media.suffixes import is_video

    found = sorted(p for p in options.clips.rglob("*") if is_video(p) and p.is_file())
    rng = np.random.default_rng((options.seed, number))
    count = min(int(rng.integers(FEWEST, MOST + 1)), len(found))
    chosen = [found[i] for i in sorted(rng.choice(len(found), count, replace=False))]
    name = f"clips-{options.seed}-{number:02d}"
    folder = linked(options.output / name / "clips", chosen)
    test = list_stills(options.test, "test")
    return name, ["--unlabelled", str(folder)], test, [s.name for s in test]


def shifted_cell(options: Options, folder: Path) -> tuple:
    """Return the name, the training's data, and the test of pictures of a kind."""
    learnt, test, owners = divide_pictures(folder)
    name = f"shifted-{folder.name}"
    pictures = linked(
        options.output / name / "pictures", [s.image_path for s in learnt]
    )
    return name, ["--photographs", str(pictures)], test, owners


def moments_cell(options: Options, kind: str) -> tuple:
    """Return the name, the training's data, and the test of clips with such moments."""
    learnt, _, _ = divide_pictures(options.moments)
    chosen = chosen_stills(learnt, options.clips_of_moments)
    folder = options.output / f"moments-{kind}"
    clips = spoiled_clips(folder / "clips", chosen, kind, options.seed)
    spoiled = spoiled_stills(folder / "test", options.moments, kind, options.seed)
    _, test, owners = divide_pictures(spoiled)
    return folder.name, ["--unlabelled", str(clips)], test, owners


def linked(folder: Path, paths: Sequence[Path]) -> Path:
    """Return a folder of links to files, each in a folder named as its own."""
    for path in paths:
        link = folder / path.parent.name / path.name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(path.resolve())
    return folder


def result(
    options: Options, name: str, data: list[str], test: Sequence, owners: Sequence[str]
) -> dict:
    """Return the content of a set's file. The set is computed if it is missing."""
    path = options.output / name / "result.json"
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    folder = options.output / name / "run"
    models = ("init", "second", "judge")
    argv = [f"--{key}={getattr(options, key)}" for key in models]
    argv += [*data, f"--output={folder}", f"--cache={options.output / name / 'crops'}"]
    argv += ["--resume"] if (folder / "config.json").is_file() else []
    argv += shlex.split(options.train)
    command = [sys.executable, "-m", "strrn_tf", "train", *argv]
    if subprocess.run(command, check=False).returncode:
        raise ValueError(f"{name}: the training failed")
    verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    chosen, rows = verdict["detector"]["chosen"], verdict["detector"]["rows"]
    before = trained = errors_of(options.init, tuple(test))
    if rows:
        trained = errors_of(folder / "rounds" / "01" / "export", tuple(test))
    # Another choice is a mean of these.
    known = {BEFORE: before, "after": trained}
    after = known.get(chosen) or errors_of(folder / "export", tuple(test))
    found = {
        "name": name,
        "chosen": chosen if rows else NOTHING_LEARNT,
        "judged": rows["after"]["change"] if rows else 0.0,
        "before": before,
        "after": after,
        "trained": trained,
        "owners": list(owners),
    }
    write_text(path, json.dumps(found) + "\n")
    return found


@cache
def errors_of(model: Path, test: tuple["Still", ...]) -> list[float]:
    """Return the inter-pupil errors of a model's detector in percent.

    All sets of clips share a model and a test: they are scored once.
    """
    from data_pipeline.annotations.reading import read_annotation
    from data_pipeline.annotations.whole_head import whole_shape
    from data_pipeline.media.images import read_image
    from strrn_tf.evaluation.metrics import nme
    from strrn_tf.geometry import box_from_landmarks
    from strrn_tf.tracking.tracker import FaceTracker

    tracker = FaceTracker.from_pretrained(str(model))
    errors = []
    for still in test:
        annotation = read_annotation(still.landmarks_path, still.labels)
        whole = whole_shape(annotation)
        image = read_image(still.image_path)
        found = tracker.align(image, box_from_landmarks(whole))
        errors.append(float(nme(found, annotation.landmarks, "interpupil", whole)))
    return errors


if __name__ == "__main__":
    sys.exit(main())
