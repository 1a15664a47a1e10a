"""What an evaluation shows: CED plot, table of metrics, files.

Figures and tables are returned, and ``write_report`` writes them all. Drawing on
images is in ``drawing.py``, the sheet in ``worst_frames.py``; both are offered here.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from strrn_tf.drawing import draw_landmarks, overlay_frame
from strrn_tf.evaluation import metrics
from strrn_tf.evaluation.scoring import FrameResult, frame_table, summarise_results
from strrn_tf.evaluation.worst_frames import WorstFrames, plot_worst
from strrn_tf.system.atomic import replacing

__all__ = [
    "WorstFrames",
    "draw_landmarks",
    "metrics_table",
    "overlay_frame",
    "plot_ced",
    "plot_worst",
    "show_metrics",
    "write_report",
]

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = {
    "detect": "--",
    "detect-last": (0, (6, 1, 1, 1, 1, 1)),
    "track": ":",
    "track-redetect": "-",
    "live": "-.",
}
NORMALISER_WORDS = {"interpupil": "inter-pupil", "interocular": "outer eye corner"}
CED_LIMIT = 10.0


def plot_ced(
    frames: pd.DataFrame, title: str = "", *, normaliser: str = "interpupil"
) -> Figure:
    """Return the cumulative error distributions, one per category and protocol.

    Lost frames never reach the curve, so it ends below 100 % where there are some.

    Args:
        frames: of :func:`strrn_tf.evaluation.scoring.frame_table`.
        title: heading of the plot.
        normaliser: "interpupil" or "interocular".
    """
    figure = Figure((9.6, 4.8), dpi=150, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    categories = list(frames["category"].unique())
    protocols = list(frames["protocol"].unique())
    curves = {
        key: part[f"nme_{normaliser}"].to_numpy()
        for key, part in frames.groupby(["category", "protocol"], sort=False)
    }
    names = [_curve_name(*key, categories, protocols) for key in curves]
    width = max(map(len, names), default=0)
    for name, (key, errors) in zip(names, curves.items(), strict=True):
        by_category = len(categories) > 1
        place = categories.index(key[0]) if by_category else protocols.index(key[1])
        line = LINES[key[1]] if len(protocols) > 1 else "-"
        found = errors[np.isfinite(errors)]
        nme = f"{found.mean():.2f} %" if found.size else "lost"
        auc = f"{100 * metrics.auc(errors, 8.0):.1f} %"
        axes.step(
            *_curve(errors),
            where="post",
            color=COLOURS[place % len(COLOURS)],
            linestyle=line,
            lw=1.8,
            label=f"{name:<{width}} {nme:>8} {auc:>7}",
        )
    _dress_axes(axes, title, NORMALISER_WORDS[normaliser])
    _add_legend(figure, heading=f"{'':<{width}} {'NME':>8} {'AUC@8':>7}")
    return figure


def _curve_name(
    category: str, protocol: str, categories: list[str], protocols: list[str]
) -> str:
    """Name a curve by what distinguishes it from the others."""
    words = f"category {category}" if category in ("1", "2", "3") else category
    if len(categories) == 1:
        return protocol
    return words if len(protocols) == 1 else f"{words}, {protocol}"


def _curve(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the exact CED in percent: a step at every error."""
    within = np.sort(errors[errors <= CED_LIMIT])
    below = np.concatenate([np.arange(within.size + 1), [within.size]])
    x = np.concatenate([[0.0], within, [CED_LIMIT]])
    return x, 100 * below / errors.size


def _dress_axes(axes: Axes, title: str, normaliser: str) -> None:
    axes.set_xlim(0, CED_LIMIT)
    axes.set_ylim(0, 100)
    axes.set_xlabel(f"error (% of the {normaliser} distance)")
    axes.set_ylabel("frames with at most this error (%)")
    axes.set_title(title, loc="left", fontsize=11, weight="bold")
    axes.grid(color="#e4e4e4", lw=0.8)
    axes.set_axisbelow(True)
    axes.axvline(8, color="#888888", lw=0.8, linestyle=(0, (4, 3)))
    axes.spines[["top", "right"]].set_visible(False)


def _add_legend(figure: Figure, heading: str) -> None:
    """Put the legend beside the axes, where it never hides a curve."""
    font = {"family": "monospace", "size": 7.5}
    figure.legend(
        loc="outside right upper",
        title=heading,
        alignment="right",
        prop=font,
        title_fontproperties={**font, "weight": "bold"},
        frameon=False,
        handlelength=2.4,
    )


# (heading, metric, factor to percent, decimals)
TABLE_COLUMNS = (
    ("NME\npupil", "nme_interpupil", 1, 2),
    ("per\nseq.", "nme_interpupil_sequences", 1, 2),
    ("NME\nocul.", "nme_interocular", 1, 2),
    ("AUC\n8 %", "auc_008", 100, 1),
    ("below\n5 %", "acc_005", 100, 1),
    ("below\n8 %", "acc_008", 100, 1),
    ("error\njitter", "jitter", 1, 2),
)


def metrics_table(summaries: Sequence[dict], title: str = "") -> Table:
    """Return the table for the screen, all in percent; it fits 80 columns.

    Args:
        summaries: of :func:`strrn_tf.evaluation.scoring.summarise_results`.
        title: heading of the table.
    """
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0)
    table.add_column("category\n", no_wrap=True)
    table.add_column("protocol\n", no_wrap=True)
    for heading in ("frames\n", "lost\n", *(column[0] for column in TABLE_COLUMNS)):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in summaries:
        cells = []
        for _, metric, factor, decimals in TABLE_COLUMNS:
            value = factor * row[metric]
            cells.append("-" if np.isnan(value) else f"{value:.{decimals}f}")
        counts = (f"{row['frames']:,}", f"{row['lost_frames']:,}")
        table.add_row(row["category"], row["protocol"], *counts, *cells)
    return table


def show_metrics(summaries: Sequence[dict], title: str) -> None:
    """Print the table, and below it what lost frames cost: its NME leaves them out.

    They count with their last landmarks. Only of `live`: it is what users run.
    """
    console = Console(highlight=False)
    console.print(metrics_table(summaries, title))
    for row in summaries:
        if row["protocol"] == "live" and row["lost_frames"]:
            group, error = row["category"], row["nme_interpupil_held"]
            words = f"category {group}, live, lost frames counted"
            console.print(f"{words}: NME {error:.2f}")


def write_report(
    folder: Path,
    title: str,
    header: dict,
    results: Sequence[FrameResult],
    worst: WorstFrames,
) -> None:
    """Write metrics.json, frames.csv, ced.png and worst.png.

    All four are made before the first replaces an old one, each by a rename, so a
    report is never half written.

    Args:
        folder: made if it is missing.
        title: heading of the plots.
        header: what was evaluated and how; stands in metrics.json before ``results``.
        results: of all frames.
        worst: the observer of the evaluation.
    """
    frames = frame_table(results)
    metrics_json = _json(header | {"results": summarise_results(results)})
    # The first is renamed last: where it is, the others are.
    with (
        replacing(folder / "metrics.json", shared=True) as metrics_path,
        replacing(folder / "worst.png", shared=True) as worst_path,
        replacing(folder / "frames.csv", shared=True) as frames_path,
        replacing(folder / "ced.png", shared=True) as ced_path,
    ):
        text = json.dumps(metrics_json, indent=2, allow_nan=False) + "\n"
        metrics_path.write_text(text, encoding="utf-8")
        frames.to_csv(
            frames_path, index=False, float_format="%.4f", lineterminator="\n"
        )
        plot_ced(frames, title).savefig(ced_path)
        plot_worst(worst.tiles(), f"{title}: worst frames").savefig(worst_path)


def _json(value: object) -> object:
    """Return a value as JSON knows it; NaN, which it does not know, becomes null."""
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
