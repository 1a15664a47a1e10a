"""One step on the way to a shipped model, and the kinds of steps.

A command may name places in braces: ``{data}`` is the folder of the data, ``{out}``
that of all runs, ``{first}`` and ``{second}`` are the models that label photographs.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

# The option of `strrn train` that has so many updates, by the network's training.
UPDATES = {
    "detector": "--detector.steps",
    "detector_round": "--detector.round-steps",
    "tracker": "--tracker.steps",
    "tracker_round": "--tracker.round-steps",
}


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        name: of the step. A training has a run folder of this name.
        command: words behind ``python``, with places in braces.
        makes: a file below ``{out}`` that is there when the step is finished.
        updates: of a training, by the names in ``UPDATES``.
        trial: further words where only the commands are tried.
        instead: a command that takes the place of this one there.
    """

    name: str
    command: str
    makes: str
    updates: Mapping[str, int] = field(default_factory=dict)
    trial: str = ""
    instead: str = ""

    def words(self, places: Mapping[str, str], divided_by: int = 1) -> list[str]:
        """Return the words behind ``python``.

        Args:
            places: texts for the braces.
            divided_by: fewer updates by this factor, at least one; above 1 those
                evaluations are short that have a ``trial``.
        """
        command = self.instead if self.instead and divided_by > 1 else self.command
        words = [word.format(**places) for word in shlex.split(command)]
        for kind, count in self.counts(divided_by).items():
            words += [UPDATES[kind], str(count)]
        return words + (shlex.split(self.trial) if divided_by > 1 else [])

    def counts(self, divided_by: int = 1) -> dict[str, int]:
        """Return the updates by the names in ``UPDATES``."""
        return {k: max(n // divided_by, min(n, 1)) for k, n in self.updates.items()}

    def title(self, divided_by: int = 1) -> str:
        """Return the name and the number of updates of each network."""
        counts = self.counts(divided_by)
        sums = {
            network: sum(n for kind, n in counts.items() if kind.startswith(network))
            for network in ("detector", "tracker")
        }
        parts = [f"{n} of the {network}" for network, n in sums.items() if n]
        return self.name + (f", updates: {', '.join(parts)}" if parts else "")


def training(name: str, options: str, **updates: int) -> Step:
    """Return the step of one training."""
    places = f"--output {{out}}/{name} --cache {{out}}/cache"
    command = f"-m strrn_tf train {options} {places}"
    return Step(name, command, f"{name}/export/model.json", updates)


def export(name: str, options: str) -> Step:
    """Return the step that makes a model of others."""
    command = f"-m strrn_tf export {options} --output {{out}}/{name}/export"
    return Step(name, command, f"{name}/export/model.json")


def evaluation(name: str, boxes: str) -> Step:
    """Return the step that measures a model on Helen's test images."""
    report = f"reports/{name}-{boxes}"
    command = f"-m strrn_tf evaluate --dataset 300w --model {{out}}/{name}"
    command += f" --data-root {{data}}/300w/helen/testset --boxes {boxes}"
    command += f" --output {{out}}/{report}"
    makes = f"{report}/metrics.json"
    return Step(f"{name}-{boxes}", command, makes, trial="--max-frames 20")


def groups(name: str) -> Step:
    """Return the step that measures a model on groups of faces."""
    made = f"reports/{name}-groups.json"
    command = f"-m benchmarks.accuracy.groups {{out}}/{name}"
    command += f" --stills {{data}}/300w/helen/testset --json {{out}}/{made}"
    return Step(f"{name}-groups", command, made)


def failures(name: str) -> Step:
    """Return the step that finds a model's worst frames of drawn faces."""
    report = f"reports/{name}-drawn"
    command = f"-m strrn_tf evaluate --category 3 --model {{out}}/{name}"
    command += f" --output {{out}}/{report}"
    made = f"{report}/worst.png"
    return Step(f"{name}-failures", command, made, trial="--max-frames 3")


def reliability(name: str) -> Step:
    """Return the step that fits a model's reliability to Helen's test images."""
    made = f"reports/{name}-reliability.png"
    program = "-m benchmarks.models.calibrate"
    options = "--stills {data}/300w/helen/testset --cache {out}/calibration"
    options += f" --picture {{out}}/{made}"
    command = f"{program} {{out}}/{name}/export {options} --write"
    # A model of few updates finds no face. The shipped one does, and stays as it is.
    instead = f"{program} {name} {options} --seeds 1 --frames 6"
    return Step(f"{name}-reliability", command, made, instead=instead)


def publication(name: str, options: str) -> Step:
    """Return the step that writes a model's folder, with card and figures."""
    fence = "```\n"
    made_by = f"python -m benchmarks.models.train_shipped {name} --data DIR"
    command = f"-m benchmarks.models.publish_model {{out}}/{name} --name {name}"
    command += f" --precision int8 --output {{out}}/published {options}"
    command += f" --reports {{out}}/reports/{name}-gt {{out}}/reports/{name}-mtcnn"
    command += f" --command {shlex.quote(fence + made_by + fence[::-1])}"
    return Step(f"{name}-published", command, f"published/{name}/model.json")


def measured(name: str, options: str, *more: Step) -> tuple[Step, ...]:
    """Return the steps behind the export in 8 bits."""
    reports = evaluation(name, "gt"), evaluation(name, "mtcnn"), *more
    return *reports, reliability(name), publication(name, options)


def measured_by_clips(name: str, run: str) -> tuple[Step, ...]:
    """Return these steps for a model that has learnt clips in a run."""
    options = f"--rounds-of {{out}}/{run} --groups {{out}}/reports/{name}-groups.json"
    options += f" --failures {{out}}/reports/{name}-drawn/worst.png"
    return measured(name, options, groups(name), failures(name))
