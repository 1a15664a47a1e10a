"""All protocols of a table's rows, and their change against the row of the control.

What a protocol gains is read between the lines of one row. What learning gains is read
against the control, which has had as many updates on the annotated stills alone.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from rich.table import Table

from strrn_tf.commands.reproduce.tables import Outcome, cell, empty_table
from strrn_tf.evaluation.protocols import PROTOCOLS
from strrn_tf.evaluation.scoring import POOLED
from strrn_tf.methods.verdict import FEWEST_GROUPS, compare

# Heading, metric, category, and the factor that makes percent of it.
COLUMNS = (
    *((f"cat. {c}", "nme_interpupil", c, 1) for c in "123"),
    ("all", "nme_interpupil", POOLED, 1),
    ("median", "nme_interpupil_median", POOLED, 1),
    ("above 8 %", "failure_008", POOLED, 100),
)
CHANGE = "against the control"
TITLE = "All protocols: mean errors in % of the inter-pupil distance"


def protocol_table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return a line per row and protocol, as text: mean and spread over the seeds.

    The last column is the change of the error against the control with the same
    backbone, see `change`; empty where the table has no such control.
    """
    lines = []
    for outcome in outcomes:
        control = _control_of(outcome, outcomes)
        for protocol in _protocols(outcome):
            found = [
                cell(factor * outcome.values(metric, category, protocol))
                for _, metric, category, factor in COLUMNS
            ]
            lost = outcome.values("lost_frames", POOLED, protocol).mean()
            changed = change(outcome, control, protocol) if control else ""
            lines.append([outcome.row.name, protocol, *found, f"{lost:g}", changed])
    headings = ["method", "protocol", *(heading for heading, *_ in COLUMNS)]
    headings += ["lost frames", CHANGE]
    return pd.DataFrame(lines, columns=headings)


def screen_protocols(table: pd.DataFrame) -> Table:
    """Return what `protocol_table` made for the screen, a heading for every row."""
    shown = empty_table(TITLE)
    for heading in table.columns[1:]:
        shown.add_column(heading, overflow="fold")
    for name, rows in table.groupby("method", sort=False):
        shown.add_row(f"[bold]{name}[/bold]")
        for _, row in rows.iterrows():
            shown.add_row(*row[1:])
    return shown


def change(outcome: Outcome, control: Outcome, protocol: str) -> str:
    """Return the change against the control in percent, as text.

    In brackets is the 95 % interval of a paired bootstrap over the sequences, in which
    a sequence has the mean of its seeds and weighs as much as it has frames. Lost
    frames count with the last landmarks before them. A sequence that either loses
    throughout is left out, which is then said. With few sequences there is no interval.
    """
    theirs, ours = (_by_sequence(one, protocol) for one in (control, outcome))
    names = [name for name in ours if np.isfinite([ours[name], theirs[name]]).all()]
    if not names:
        return "-"
    before, after = (np.array([of[name] for name in names]) for of in (theirs, ours))
    found = compare(before, after, np.arange(len(names)))
    text = f"{found['change']:+.1f} %"
    if len(names) >= FEWEST_GROUPS:
        text += f" ({found['low']:+.1f} to {found['high']:+.1f})"
    left_out = len(ours) - len(names)
    return f"{text}, left out: {left_out}" if left_out else text


def _protocols(outcome: Outcome) -> list[str]:
    known = {one["protocol"] for results in outcome.results for one in results}
    return [protocol for protocol in PROTOCOLS if protocol in known]


def _control_of(outcome: Outcome, outcomes: Sequence[Outcome]) -> Outcome | None:
    """Return the control with the same backbone; None of itself or without results."""
    for other in outcomes:
        training = other.row.training
        shares_backbone = training.backbone == outcome.row.training.backbone
        if training.is_control and other.results and shares_backbone:
            return None if other is outcome else other
    return None


def _by_sequence(outcome: Outcome, protocol: str) -> dict[str, float]:
    """Return the summed error of every sequence; NaN where it is lost throughout."""
    seeds = [
        one["per_sequence"]
        for results in outcome.results
        for one in results
        if (one["category"], one["protocol"]) == (POOLED, protocol)
    ]
    return {
        name: float(np.mean([_summed_error(seed[name]) for seed in seeds]))
        for name in (seeds[0] if seeds else ())
    }


def _summed_error(sequence: dict) -> float:
    error = sequence["nme_interpupil_held"]
    return np.nan if error is None else error * sequence["frames"]
