"""Train a shipped model from nothing: every step, from the data to the model card.

The steps are commands, which are run one after another. A finished one is skipped, and
a training that was begun is resumed, so a stopped command goes on when it is repeated.
The result is a folder in OUTPUT/published, with the reliability fitted. The models
share the runs in OUTPUT: `strrn-mdm` takes the tracker of the runs of `strrn-hgn`.

Example:
  python -m benchmarks.models.train_shipped strrn-fast --data DIR
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.models.shipped_steps import NEEDS, STEPS, ModelName
from benchmarks.models.steps import Step
from strrn_tf.system.atomic import write_json
from strrn_tf.system.command_line import run_program
from strrn_tf.system.locking import exclusive_lock

PROG = "python -m benchmarks.models.train_shipped"


@dataclass(frozen=True)
class Options:
    """Which model, from what, and where."""

    model: tyro.conf.Positional[ModelName]
    """Name of the model."""
    data: Path
    """Folder of the data, see "What DIR is" in docs/data.md."""
    output: Path = Path("runs/shipped")
    """Folder of all runs, of the data folders and of the result."""
    labellers: tuple[str, str] = ("strrn-hgn", "strrn-mdm")
    """The models that label the photographs for strrn-fast."""
    threads: int = 0
    """Threads of one operation of a training; 0: one per core."""
    updates_divided_by: int = 1
    """To try the commands: so many times fewer updates, and short evaluations. Give it
    another --output."""
    dry_run: bool = False
    """Print the commands and run none."""

    @property
    def places(self) -> dict[str, str]:
        """The texts for the braces of a step."""
        first, second = self.labellers
        folders = {"data": str(self.data), "out": str(self.output)}
        return {**folders, "first": first, "second": second}

    def words(self, step: Step) -> list[str]:
        """Return the words of a step that decide its result."""
        return step.words(self.places, self.updates_divided_by)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Run the steps that are not finished.

    Raises:
        ValueError: data are missing, a step failed, or --output has another's steps.
    """
    if options.updates_divided_by < 1:
        raise ValueError(
            "--updates-divided-by must be at least 1. "
            f"Received: {options.updates_divided_by}"
        )
    steps = STEPS[options.model]
    if options.dry_run:
        for number, step in enumerate(steps, 1):
            print(f"# {heading(options, number, step)}")
            print(shlex.join(["python", *options.words(step)]))
        return
    missing = [n for n in NEEDS[options.model] if not (options.data / n).is_dir()]
    if missing:
        raise ValueError(f"{options.data} lacks {', '.join(missing)}: see docs/data.md")
    with exclusive_lock(options.output):
        run_all(options, steps)


def heading(options: Options, number: int, step: Step) -> str:
    """Return which step of how many one is, and what it trains."""
    title = step.title(options.updates_divided_by)
    return f"step {number} of {len(STEPS[options.model])}: {title}"


def run_all(options: Options, steps: Sequence[Step]) -> None:
    """Run the steps that are not finished, and record the others."""
    record = Record(options.output / "steps.json")
    for step in steps:
        record.check(step.name, options.words(step))
    for number, step in enumerate(steps, 1):
        made = options.output / step.makes
        if record.is_finished(step.name) and made.exists():
            print(f"{heading(options, number, step)}: finished before", flush=True)
            continue
        # What was measured, exported and published is of the former files.
        behind = [later.name for later in steps[number:] if not later.updates]
        record.begin(step.name, options.words(step), behind)
        print(heading(options, number, step), flush=True)
        call(step.name, command(options, step))
        if not made.exists():
            raise ValueError(f"step {step.name}: {made} was not written")
        record.finish(step.name)
    print(f"the model is in {options.output / 'published' / options.model}")


def command(options: Options, step: Step) -> list[str]:
    """Return the words of a step's process."""
    words = [sys.executable, *options.words(step)]
    if not step.updates:
        return words
    if (options.output / step.name / "config.json").is_file():
        words.append("--resume")
    return words + (["--threads", str(options.threads)] if options.threads else [])


def call(name: str, words: Sequence[str]) -> None:
    """Run a process to its end; a signal to this one ends it, and it saves.

    Raises:
        ValueError: it failed.
    """
    # In a session of its own: Ctrl-C reaches only this process, which passes it on
    # once. A second signal would end the process before it has saved.
    process = subprocess.Popen(words, start_new_session=True)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        print(f"step {name} saves what it has", file=sys.stderr)
        process.terminate()
        while process.poll() is None:
            # Impatience must not leave it behind.
            with suppress(KeyboardInterrupt):
                process.wait()
        raise
    if code:
        raise ValueError(
            f"step {name} ended with exit code {code}; the same command goes on there"
        )


class Record:
    """The commands of the steps that were begun in a folder, as a file.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        text = path.read_text(encoding="utf-8") if path.is_file() else "{}"
        self._steps: dict[str, dict] = json.loads(text)

    def check(self, name: str, words: Sequence[str]) -> None:
        """Check that a step was not begun by another command.

        Raises:
            ValueError: it was.
        """
        before = self._steps.get(name, {"command": list(words)})["command"]
        if before != list(words):
            raise ValueError(
                f"{self._path.parent} has {name} of another command "
                f"(python {shlex.join(before)}): choose another --output"
            )

    def is_finished(self, name: str) -> bool:
        """Return whether a step has come to its end."""
        return self._steps.get(name, {}).get("finished", False)

    def begin(self, name: str, words: Sequence[str], behind: Sequence[str]) -> None:
        """Write that a step begins, and that those behind it are not finished."""
        self._steps[name] = {"command": list(words), "finished": False}
        for other in set(behind) & self._steps.keys():
            self._steps[other]["finished"] = False
        write_json(self._path, self._steps)

    def finish(self, name: str) -> None:
        """Write that a step has come to its end."""
        self._steps[name]["finished"] = True
        write_json(self._path, self._steps)


if __name__ == "__main__":
    sys.exit(main())
