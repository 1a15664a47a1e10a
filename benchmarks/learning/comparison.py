"""The table of an experiment: every training beside the control."""

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.learning.experiment import Experiment
from benchmarks.learning.trainings import Trainings
from strrn_tf.methods.verdict import compare, format_change


def print_table(options: Trainings, experiments: Sequence["Experiment"]) -> None:
    """Train what is missing, and print the table of all seeds."""
    from strrn_tf.training.fitting import use_threads

    use_threads(options.threads)
    cells = [f"start {options.learner}", f"start {options.other}", *options.arms]
    errors = {
        cell: [np.array(e.result(cell)["errors"]) for e in experiments]
        for cell in cells
    }
    columns = "training", "error, inter-pupil %", "median", "against the control"
    shown = Table(*columns)
    for cell, values in errors.items():
        change = ""
        if cell in options.arms and cell != "control" and "control" in errors:
            owners = [e.owners for e in experiments]
            change = against(errors["control"], values, owners)
        means, medians = (
            ", ".join(f"{statistic(v):.2f}" for v in values)
            for statistic in (np.mean, np.median)
        )
        shown.add_row(cell, means, medians, change)
    Console().print(shown)
    if {"control", "fused", "exact"} <= set(errors):
        control, fused, exact = (
            np.mean([v.mean() for v in errors[c]])
            for c in ("control", "fused", "exact")
        )
        share = 100 * (control - fused) / (control - exact)
        print(f"fused labels close {share:.0f} % of the gap from control to exact")


def against(
    control: list[np.ndarray], values: list[np.ndarray], owners: list[Sequence[str]]
) -> str:
    """Return the change of the error and its interval, paired on the test pictures."""
    # A group is drawn with its errors of all seeds.
    group = np.unique(np.concatenate(owners), return_inverse=True)[1]
    before, after = np.concatenate(control), np.concatenate(values)
    return format_change(compare(before, after, group))
