"""The report of `strrn annotate`: counts, and a picture to judge them by."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from strrn_tf.commands.annotate.criteria import ERROR_EDGES, RELIABILITY_EDGES, VERDICTS
from strrn_tf.evaluation.figures import plot_table, shorten
from strrn_tf.system.atomic import replacing, write_text

# Videos in the table of the picture; `report.json` has all.
MOST_VIDEOS = 40
WIDTH, HISTOGRAM_HEIGHT, ROW_HEIGHT = 12.0, 2.6, 0.22  # inches
COLOURS = {
    "accepted": "tab:green", "repeated": "yellowgreen", "unchecked": "silver",
    "unreliable": "tab:red", "lost": "black",
}  # fmt: skip
MEANINGS = {
    "accepted": "tracks back, detector agrees, new",
    "repeated": "tracks back, like the last accepted one",
    "unchecked": "only detected: nothing to track back to",
    "unreliable": "does not track back, or the detector disagrees",
    "lost": "known, but not seen",
}


def write_report(
    output: Path,
    reports: Mapping[str, dict],
    sheets: Mapping[str, np.ndarray],
    max_cycle_error: float,
    passed_over: Sequence[str] = (),
) -> dict[str, int]:
    """Write ``report.json`` and ``report.png``.

    Args:
        output: folder of the annotations.
        reports: of every video, from ``VerdictCounts``, and ``problem`` if any.
        sheets: pictures (H, W, 3) uint8 of some faces, by their title.
        max_cycle_error: what was accepted at most, a fraction of the eye distance.
        passed_over: names of files in the folders that are in no video.

    Returns:
        The number of faces of every verdict.
    """
    totals = {v: sum(r["verdicts"][v] for r in reports.values()) for v in VERDICTS}
    videos = {name: _summary(report) for name, report in reports.items()}
    content = {"faces": totals, "videos": videos, "passed_over": list(passed_over)}
    text = json.dumps(content, indent=1)
    write_text(output / "report.json", text + "\n")
    _plot(output / "report.png", totals, reports, sheets, max_cycle_error)
    return totals


def headline(totals: Mapping[str, int]) -> str:
    """Return in one line how much was accepted."""
    return (
        f"{totals['accepted']} of {_seen(totals)} faces accepted "
        f"({100 * _accepted_share(totals):.0f} %); "
        f"{totals['repeated']} more track back well and show nothing new"
    )


def _seen(verdicts: Mapping[str, int]) -> int:
    """Return how many faces were seen: a lost one is a face that is not."""
    return sum(verdicts.values()) - verdicts["lost"]


def _accepted_share(verdicts: Mapping[str, int]) -> float:
    return verdicts["accepted"] / max(1, _seen(verdicts))


def _summary(report: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        key: report[key]
        for key in ("verdicts", "frames_with_face", "problem")
        if key in report
    }
    return kept | {"accepted_share": round(_accepted_share(report["verdicts"]), 4)}


def _plot(
    path: Path,
    totals: dict[str, int],
    reports: Mapping[str, dict],
    sheets: Mapping[str, np.ndarray],
    max_cycle_error: float,
) -> None:
    """Draw the sheets, below them both histograms, and the table of the videos."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = _table_rows(reports)
    heights = [WIDTH * len(s) / s.shape[1] + 0.35 for s in sheets.values()]
    heights += [HISTOGRAM_HEIGHT, ROW_HEIGHT * (len(rows) + 2)]
    figure = plt.figure(figsize=(WIDTH, sum(heights) + 0.4), layout="constrained")
    figure.suptitle(headline(totals), x=0.01, ha="left", fontsize=14)
    grid = figure.add_gridspec(len(heights), 2, height_ratios=heights)
    for row, (title, sheet) in enumerate(sheets.items()):
        axis = figure.add_subplot(grid[row, :])
        axis.set_title(f"some that were {title}", loc="left")
        axis.imshow(sheet)
        axis.axis("off")
    _plot_reliability(figure.add_subplot(grid[-2, 0]), totals, reports)
    _plot_errors(figure.add_subplot(grid[-2, 1]), reports, max_cycle_error)
    plot_table(figure.add_subplot(grid[-1, :]), rows, texts=(0, len(rows[0]) - 1))
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)


def _plot_reliability(
    axis: "matplotlib.axes.Axes",
    totals: Mapping[str, int],
    reports: Mapping[str, dict],
) -> None:
    """Draw the histogram of reliability, one part of a bar for every verdict."""
    base = np.zeros(len(RELIABILITY_EDGES) - 1)
    for verdict, colour in COLOURS.items():
        bars = base * 0
        for report in reports.values():
            bars += report["reliability"][verdict]
        label = f"{totals[verdict]} {verdict}: {MEANINGS[verdict]}"
        left, width = RELIABILITY_EDGES[:-1], np.diff(RELIABILITY_EDGES)
        axis.bar(left, bars, width, base, align="edge", color=colour, label=label)
        base += bars
    axis.legend(fontsize=7, loc="upper left", framealpha=0.7)
    # Room for the legend above the bars.
    axis.set(xlabel="reliability", ylabel="faces", ylim=(0, 1.7 * max(1, base.max())))


def _plot_errors(
    axis: "matplotlib.axes.Axes", reports: Mapping[str, dict], limit: float
) -> None:
    counts = sum(np.array(report["cycle_error"]) for report in reports.values())
    edges = 100 * ERROR_EDGES
    axis.bar(edges[:-1], counts, np.diff(edges), align="edge")
    axis.axvline(100 * limit, color="tab:red")
    axis.text(100 * limit, 0.97, f"  accepted up to {100 * limit:g}", color="tab:red",
              transform=axis.get_xaxis_transform(), va="top")  # fmt: skip
    last = f"{edges[-1]:g}: and more"
    axis.set(xlabel=f"cycle error, % of the eye distance ({last})", ylabel="faces")


def _table_rows(reports: Mapping[str, dict]) -> list[list[str]]:
    """Return one row per video, those with the largest accepted share last."""
    rows = [["video", *VERDICTS, "share", "problem"]]
    shares = {name: _summary(r)["accepted_share"] for name, r in reports.items()}
    names = sorted(reports, key=lambda name: shares[name])
    for name in names[:MOST_VIDEOS]:
        report = reports[name]
        counts = [str(report["verdicts"][verdict]) for verdict in VERDICTS]
        problem = shorten(report.get("problem", "").rpartition(f"{name}: ")[2])
        rows.append([shorten(name), *counts, f"{100 * shares[name]:.0f} %", problem])
    if len(names) > MOST_VIDEOS:
        rest = f"and {len(names) - MOST_VIDEOS} more: report.json"
        rows.append([rest, *[""] * (len(rows[0]) - 1)])
    return rows
