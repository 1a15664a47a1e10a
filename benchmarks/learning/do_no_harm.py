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

A result that the judge refuses is the former model: its change is zero. Two columns
have the change by the judge, and that of the test had it not been asked. The last two
have the changes on ordinary faces: the test's before they were spoiled, or --clean. A
result should do no harm there either. The test of clips has ordinary faces anyway.

A set has a folder in --output, named after its data and the options too: others make
another one. Finished sets are files there, and a training that was stopped goes on.

Example:
  python -m benchmarks.learning.do_no_harm --clips DIR/videos --test DIR/helen/testset
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.learning.detection_errors import exported_errors
from benchmarks.learning.sets.cases import Case, Options, all_cases
from data_pipeline.crops.fingerprints import fingerprint
from strrn_tf.methods.verdict import BEFORE, NOTHING_LEARNT, compare, format_change
from strrn_tf.system.atomic import write_text
from strrn_tf.system.command_line import run_program

# Before TensorFlow is loaded: its start-up messages say nothing to a user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if TYPE_CHECKING:
    from data_pipeline.datasets.three_hundred_w import Still

PROG = "python -m benchmarks.learning.do_no_harm"


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
    found = {
        kind: [result(options, case) for case in cases]
        for kind, cases in all_cases(options).items()
    }
    columns = "set", "chosen", "error before, %", "after", "change", "judge", "trained"
    shown = Table(*columns, "clean faces", "trained, clean faces")
    shown.columns[0].no_wrap = True
    for one in chain(*found.values()):
        shown.add_row(*row(one))
    Console().print(shown)
    for kind, of_kind in found.items():
        if of_kind:
            print(summary(kind, of_kind))


def row(found: dict) -> list[str]:
    """Return the cells of a set."""
    means = (f"{np.mean(found[name]):.2f}" for name in ("before", "after"))
    others = f"{found['judged']:+.1f} %", f"{trained_change(found):+.1f} %"
    cells = [*means, exported_change(found), *others]
    clean = found["clean"]
    if clean:
        cells += [exported_change(clean), f"{trained_change(clean):+.1f} %"]
    return [found["name"], found["chosen"], *cells]


def exported_change(found: dict) -> str:
    """Return by how much the exported model's error differs, with an interval."""
    before, after, owners = (np.array(found[k]) for k in ("before", "after", "owners"))
    return format_change(compare(before, after, owners))


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


def result(options: Options, case: Case) -> dict:
    """Return the content of a set's file. The set is computed if it is missing.

    Another test has another file. It takes no other training.
    """
    test = fingerprint([*case.test, *case.clean], owners=list(case.owners))[:8]
    path = case.folder / f"result-{test}.json"
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    run = trained_run(options, case)
    verdict = json.loads((run / "verdict.json").read_text(encoding="utf-8"))
    chosen, rows = verdict["detector"]["chosen"], verdict["detector"]["rows"]
    chosen = chosen if rows else NOTHING_LEARNT
    clean = {}
    if case.clean:
        clean = errors(options, run, chosen, case.clean)
        clean["owners"] = [still.name for still in case.clean]
    found = {
        "name": case.name,
        "chosen": chosen,
        "judged": rows["after"]["change"] if rows else 0.0,
        **errors(options, run, chosen, case.test),
        "owners": list(case.owners),
        "clean": clean,
    }
    write_text(path, json.dumps(found) + "\n")
    return found


def trained_run(options: Options, case: Case) -> Path:
    """Return the folder of a set's training, which is done or finished if need be.

    Raises:
        ValueError: the training failed.
    """
    folder = case.folder / "run"
    models = ("init", "second", "judge")
    argv = [f"--{key}={getattr(options, key)}" for key in models]
    argv += [*case.data, f"--output={folder}", f"--cache={case.folder / 'crops'}"]
    argv += [f"--seed={options.seed}"]
    argv += ["--resume"] if (folder / "config.json").is_file() else []
    argv += shlex.split(options.train)
    command = [sys.executable, "-m", "strrn_tf", "train", *argv]
    if subprocess.run(command, check=False).returncode:
        raise ValueError(f"{case.name}: the training failed")
    return folder


def errors(
    options: Options, run: Path, chosen: str, stills: Sequence["Still"]
) -> dict[str, list[float]]:
    """Return the errors of stills: before, after, and of the trained weights."""

    def of(model: Path) -> list[float]:
        return exported_errors(model, tuple(stills))

    before = trained = of(options.init)
    if chosen != NOTHING_LEARNT:
        trained = of(run / "rounds" / "01" / "export")
    # Another choice is a mean of these.
    known = {BEFORE: before, NOTHING_LEARNT: before, "after": trained}
    after = known.get(chosen) or of(run / "export")
    return {"before": before, "after": after, "trained": trained}


if __name__ == "__main__":
    sys.exit(main())
