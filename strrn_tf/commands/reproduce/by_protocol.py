"""All protocols of a table's rows side by side, against the row of the control.

What a protocol gains is read across the rows of one model. What learning gains is read
against the control, which has had as many updates on the annotated stills alone.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from strrn_tf.commands.reproduce.rows import CONTROL
from strrn_tf.commands.reproduce.tables import Outcome, cell
from strrn_tf.evaluation.protocols import PROTOCOLS
from strrn_tf.methods.verdict import compare

POOLED = "all"
# Heading, metric, category, and the factor that makes percent of it.
COLUMNS = (
    *((f"Cat. {c}", "nme_interpupil", c, 1) for c in "123"),
    ("mean", "nme_interpupil", POOLED, 1),
    ("median", "nme_interpupil_median", POOLED, 1),
    ("above 8 %", "failure_008", POOLED, 100),
    ("lost", "lost_frames", POOLED, 1),
)


def protocol_table(outcomes: Sequence[Outcome]) -> Table:
    """Return a line per row and protocol, with mean and spread over the seeds.

    The last column is the change of the error against the control with the same
    backbone, with the 95 % interval of a paired bootstrap over the sequences, in which
    every sequence has the mean of its seeds.
    """
    shown = Table(
        title="All protocols: error in % of the inter-pupil distance, frames lost",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("method", overflow="fold")
    shown.add_column("protocol", no_wrap=True)
    for heading, *_ in COLUMNS:
        shown.add_column(heading, justify="right")
    shown.add_column("against the control")
    for outcome in outcomes:
        control = _control_of(outcome, outcomes)
        for number, protocol in enumerate(_protocols(outcome)):
            name = outcome.row.name if not number else ""
            shown.add_row(name, protocol, *_cells(outcome, control, protocol))
    return shown


def change(outcome: Outcome, control: Outcome, protocol: str) -> dict[str, float]:
    """Return the change against the control in percent, as ``verdict.compare`` does.

    Sequences in which either has no frame are left out.
    """
    theirs, ours = (_by_sequence(one, protocol) for one in (control, outcome))
    names = [name for name in ours if np.isfinite(theirs.get(name, np.nan))]
    names = [name for name in names if np.isfinite(ours[name])]
    before, after = (np.array([of[name] for name in names]) for of in (theirs, ours))
    return compare(before, after, np.arange(len(names)))


def _cells(outcome: Outcome, control: Outcome | None, protocol: str) -> Iterator[str]:
    for _, metric, category, factor in COLUMNS:
        yield cell(factor * outcome.values(metric, category, protocol))
    if control is None:
        yield ""
        return
    found = change(outcome, control, protocol)
    yield f"{found['change']:+.1f} % ({found['low']:+.1f} to {found['high']:+.1f})"


def _protocols(outcome: Outcome) -> list[str]:
    known = {one["protocol"] for results in outcome.results for one in results}
    return [protocol for protocol in PROTOCOLS if protocol in known]


def _control_of(outcome: Outcome, outcomes: Sequence[Outcome]) -> Outcome | None:
    """Return the control with the same backbone; None of itself or without results."""
    backbone = outcome.row.training.backbone
    for other in outcomes:
        is_control = other.row.name.startswith(CONTROL) and other.results
        if is_control and other.row.training.backbone == backbone:
            return None if other is outcome else other
    return None


def _by_sequence(outcome: Outcome, protocol: str) -> dict[str, float]:
    """Return the mean error of every sequence over the seeds; NaN where it is lost."""
    seeds = [
        one["per_sequence"]
        for results in outcome.results
        for one in results
        if (one["category"], one["protocol"]) == (POOLED, protocol)
    ]
    return {
        name: float(np.mean([_number(seed[name]["nme_interpupil"]) for seed in seeds]))
        for name in (seeds[0] if seeds else ())
    }


def _number(value: float | None) -> float:
    return np.nan if value is None else value
