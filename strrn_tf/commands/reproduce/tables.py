"""A table with our figures beside the paper's: on the screen, as CSV, LaTeX and PNG."""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.table import Table

from strrn_tf.commands.reproduce.rows import Column, PaperTable, Row
from strrn_tf.system.atomic import replacing, write_text

METRICS = (
    *("nme_interpupil", "nme_interpupil_median", "nme_interocular"),
    *("auc_005", "auc_008", "acc_005", "acc_008"),
    *("failure_008", "lost_frames", "jitter"),
)
LONG_COLUMNS = (
    *("row", "name", "category", "protocol", "metric"),
    *("mean", "std", "seeds", "paper"),
)
# Of the plot, in characters.
TITLE_WIDTH = 80
PAPER_COLOUR, OUR_COLOUR = "#D55E00", "#0072B2"
LATEX = {
    "%": r"\%",
    "&": r"\&",
    "L_tck": r"$\mathcal{L}_{tck}$",
    "L_det": r"$\mathcal{L}_{det}$",
    "λ": r"$\lambda$",
    "±": r"$\pm$",
}


@dataclass(frozen=True)
class Outcome:
    """What became of a row.

    Attributes:
        row: the row.
        results: per seed, the results of `strrn evaluate`; empty where there are none.
        reason: why there are none.
    """

    row: Row
    results: Sequence[list[dict]] = field(default_factory=list)
    reason: str = ""

    def values(
        self, metric: str, category: str, protocol: str | None = None
    ) -> np.ndarray:
        """Return one metric of every seed (S,), NaN where it has no value."""
        wanted = category, protocol or self.row.protocol
        found = [
            one[metric]
            for results in self.results
            for one in results
            if (one["category"], one["protocol"]) == wanted
        ]
        return np.array([np.nan if v is None else v for v in found], float)

    def column(self, column: Column) -> np.ndarray:
        """Return the figures of a column for every seed (S,)."""
        return column.factor * self.values(column.metric, column.category)


def spread(values: np.ndarray) -> float:
    """Return the standard deviation of a sample; NaN of fewer than two."""
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def cell(values: np.ndarray) -> str:
    """Return mean and, of two seeds or more, standard deviation; "-" of nothing."""
    if not len(values) or np.isnan(values).any():
        return "-"
    deviation = f" ± {spread(values):.2f}" if len(values) > 1 else ""
    return f"{values.mean():.2f}{deviation}"


def empty_table(title: str) -> Table:
    """Return a table for the screen, without columns."""
    padding = (0, 1, 0, 0)
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=padding)


def screen_table(table: PaperTable, outcomes: Sequence[Outcome], title: str) -> Table:
    """Return the table for the screen."""
    shown = empty_table(title)
    shown.add_column("\nmethod", min_width=12, overflow="fold")
    for name, columns in (("paper", _printed(table)), ("here", table.columns)):
        for column in columns:
            shown.add_column(f"{name}\n{column.heading}", justify="right")
    shown.add_column("\nprotocol", overflow="fold")
    for row in _cells(table, outcomes):
        shown.add_row(*row)
    return shown


def latex_table(table: PaperTable, outcomes: Sequence[Outcome], title: str) -> str:
    """Return a LaTeX table (package booktabs)."""
    paper, ours = len(_printed(table)), len(table.columns)
    heads = rf"& \multicolumn{{{paper}}}{{c}}{{paper}}"
    heads += rf" & \multicolumn{{{ours}}}{{c}}{{here}} & \\"
    headings = [column.heading for column in (*_printed(table), *table.columns)]
    lines = [
        r"\begin{table}",
        rf"\caption{{{_latex(title)}}}",
        rf"\begin{{tabular}}{{l{'r' * paper}{'r' * ours}l}}",
        r"\toprule",
        heads,
        " & ".join(["Method", *map(_latex, headings), "Protocol"]) + r" \\",
        r"\midrule",
        *(" & ".join(map(_latex, row)) + r" \\" for row in _cells(table, outcomes)),
        *(r"\bottomrule", r"\end{tabular}", r"\end{table}"),
    ]
    return "\n".join(lines) + "\n"


def long_table(table: PaperTable, outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return one line per row, category, protocol and metric, with mean and spread.

    Errors and jitter are in percent, areas and shares of frames between 0 and 1. The
    column ``paper`` has what the paper prints for that quantity, in the same unit.
    """
    printed = {
        (outcome.row.key, outcome.row.protocol, column.metric, column.category): figure
        / column.factor
        for outcome in outcomes
        for column, figure in zip(table.columns, outcome.row.paper, strict=False)
    }
    lines = []
    for outcome in outcomes:
        first = outcome.results[0] if outcome.results else []
        for one in first:
            category, protocol = one["category"], one["protocol"]
            for metric in METRICS:
                values = outcome.values(metric, category, protocol)
                key = outcome.row.key, protocol, metric, category
                lines.append(
                    (
                        *(outcome.row.key, outcome.row.name),
                        *(category, protocol, metric),
                        *(values.mean(), spread(values), len(values)),
                        printed.get(key, np.nan),
                    )
                )
    return pd.DataFrame(lines, columns=LONG_COLUMNS)


def plot(table: PaperTable, outcomes: Sequence[Outcome], title: str) -> Figure:
    """Return a panel per column: the paper's figures as circles, ours as dots."""
    columns, count = table.columns, len(outcomes)
    size = (3.2 + 2.4 * len(columns), 1.6 + 0.34 * count)
    figure = Figure(size, dpi=150, facecolor="white", layout="constrained")
    panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    for place, (axes, column) in enumerate(zip(panels, columns, strict=True)):
        for y, outcome in enumerate(outcomes):
            if place < len(outcome.row.paper):
                figure_of_paper = outcome.row.paper[place]
                axes.plot(figure_of_paper, y, "o", mfc="none", color=PAPER_COLOUR)
            values = outcome.column(column)
            if len(values) and np.isfinite(values).all():
                error = spread(values) if len(values) > 1 else None
                axes.errorbar(values.mean(), y, xerr=error, fmt="o", color=OUR_COLOUR)
        axes.set_title(column.heading, fontsize=10)
        axes.grid(axis="x", color="#e4e4e4", lw=0.8)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(count), [outcome.row.name for outcome in outcomes])
    panels[0].set_ylim(count - 0.5, -0.5)
    figure.suptitle(
        textwrap.fill(title, TITLE_WIDTH), x=0.01, ha="left", fontsize=11, weight="bold"
    )
    handles = [
        panels[0].plot([], [], "o", mfc="none", color=PAPER_COLOUR)[0],
        panels[0].plot([], [], "o", color=OUR_COLOUR)[0],
    ]
    figure.legend(handles, ["paper", "here"], loc="outside lower right", ncols=2)
    return figure


def write_table(
    folder: Path, name: str, table: PaperTable, outcomes: Sequence[Outcome], title: str
) -> list[Path]:
    """Write ``<name>.csv``, ``.tex`` and ``.png``; return their paths."""
    paths = [folder / f"{name}.{suffix}" for suffix in ("csv", "tex", "png")]
    text = io.StringIO()
    long_table(table, outcomes).to_csv(text, index=False, float_format="%.6g")
    write_text(paths[0], text.getvalue())
    write_text(paths[1], latex_table(table, outcomes, title))
    with replacing(paths[2]) as new:
        plot(table, outcomes, title).savefig(new)
    return paths


def _printed(table: PaperTable) -> tuple[Column, ...]:
    """Return the columns that the paper has."""
    return table.columns[: max(len(row.paper) for row in table.rows)]


def _cells(table: PaperTable, outcomes: Sequence[Outcome]) -> list[list[str]]:
    rows = []
    for outcome in outcomes:
        paper = [f"{figure:.2f}" for figure in outcome.row.paper]
        paper += ["-"] * (len(_printed(table)) - len(paper))
        ours = [cell(outcome.column(column)) for column in table.columns]
        rows.append([outcome.row.name, *paper, *ours, outcome.row.protocol])
    return rows


def _latex(text: str) -> str:
    for plain, written in LATEX.items():
        text = text.replace(plain, written)
    return text
