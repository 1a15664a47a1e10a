"""The picture of `strrn prepare`: faces, their sizes, differences and problems."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np

from strrn_tf.drawing import WHITE, draw_caption, draw_landmarks, tile_sheet
from strrn_tf.evaluation.figures import plot_table, printable, shorten
from strrn_tf.system.atomic import replacing

# One sample of a source: its name, frames (T, S, S, 3) uint8, landmarks (T, 68, 2).
Example = tuple[str, np.ndarray, np.ndarray]

TILE, ROWS, WIDTH_OF_SHEET = 160, 6, 1600
# Largest number of lines of the table and of the list. `report.json` has all.
MOST_LINES = 40
WIDTH, HISTOGRAM_HEIGHT, ROW_HEIGHT = 12.0, 2.4, 0.22  # inches
# Side of the face box, as a fraction of the stored crop, see `crop_matrix`.
FACE_FRACTION = 315 / 1.6 / 385


def headline(summary: Mapping[str, Any]) -> str:
    """Return a summary of the result in one line."""
    kinds = ", ".join(f"{n} {kind}" for kind, n in summary["samples"].items() if n)
    line = f"{summary['dataset']}: {summary['sources']} sources, {kinds or 'nothing'}"
    for key, words in (
        ("sources_left_out", "left out by the filter"),
        ("sources_with_problems", "with problems"),
    ):
        if summary[key]:
            line += f"; {summary[key]} {words}"
    faceless = summary["searched_frames_without_face"]
    return line + (f"; {faceless} frames without a face" if faceless else "")


def choose_examples(
    reports: Sequence[Mapping[str, Any]], kind: str, num_frames: int
) -> list[tuple]:
    """Return (report, number of the sample), spread evenly over the sources.

    Args:
        reports: of the sources.
        kind: such as "pairs".
        num_frames: of a sample, which are shown side by side.
    """
    samples = [(r, k) for r in reports for k in range(len(r["samples"].get(kind, ())))]
    count = ROWS * (WIDTH_OF_SHEET // (TILE * num_frames))
    sources = [r for r in reports if r["samples"].get(kind)]
    if len(sources) >= count:  # one of each
        samples = [(r, len(r["samples"][kind]) // 2) for r in sources]
    chosen = np.unique(np.linspace(0, len(samples) - 1, count).astype(int))
    return [samples[i] for i in chosen] if samples else []


def write_picture(
    path: Path,
    summary: Mapping[str, Any],
    examples: Mapping[str, Sequence[Example]],
    min_face: float | None,
) -> None:
    """Write the picture.

    Args:
        path: PNG file.
        summary: content of `report.json`.
        examples: some samples by the title of their sheet.
        min_face: limit of the filter in pixels; None without a filter.
    """
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    sheets = {title: _sheet(group) for title, group in examples.items() if group}
    rows = _table_rows(summary)
    findings = _lines([f"{f['where']}: {f['what']}" for f in summary["findings"]])
    heights = [WIDTH * len(s) / s.shape[1] + 0.35 for s in sheets.values()]
    heights += [HISTOGRAM_HEIGHT, ROW_HEIGHT * (len(findings) + 1)]
    heights.append(ROW_HEIGHT * (len(rows) + 1))
    figure = plt.figure(figsize=(WIDTH, sum(heights) + 0.4), layout="constrained")
    figure.suptitle(printable(headline(summary)), x=0.01, ha="left", fontsize=13)
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    for row, (title, sheet) in enumerate(sheets.items()):
        axis = figure.add_subplot(grid[row])
        axis.set_title(title, loc="left", fontsize=10)
        axis.imshow(sheet)
        axis.axis("off")
    _plot_faces(figure.add_subplot(grid[-3]), summary, min_face)
    axis = figure.add_subplot(grid[-2])
    axis.axis("off")
    text = "\n".join(["Differences from the published data set:", *findings])
    axis.text(0, 1, printable(text), va="top", fontsize=8, transform=axis.transAxes)
    plot_table(figure.add_subplot(grid[-1]), rows, texts=(0, len(rows[0]) - 1))
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)


def _sheet(examples: Sequence[Example]) -> np.ndarray:
    tiles = [_tile(*example) for example in examples]
    return tile_sheet(tiles, WIDTH_OF_SHEET // tiles[0].shape[1])


def _tile(name: str, frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Return the frames side by side, with landmarks or else the face box."""
    scale = TILE / frames.shape[1]
    drawn = []
    for image, shape in zip(frames, landmarks, strict=True):
        small = cv2.resize(image, (TILE, TILE), interpolation=cv2.INTER_AREA)
        if np.isfinite(shape).any():
            small = draw_landmarks(small, (shape + 0.5) * scale - 0.5)
        else:
            margin = round(TILE * (1 - FACE_FRACTION) / 2)
            end = TILE - 1 - margin
            cv2.rectangle(small, (margin, margin), (end, end), WHITE, 1)
        drawn.append(small)
    text = name.encode("ascii", "replace").decode()
    return draw_caption(np.hstack(drawn), text[-22 * len(frames) :])


def _plot_faces(
    axis: "matplotlib.axes.Axes", summary: Mapping[str, Any], min_face: float | None
) -> None:
    """Draw the histogram of the median face size of the sources."""
    kept, out = [], []
    for source in summary["by_source"].values():
        if source.get("face"):
            (out if source["left_out"] else kept).append(source["face"])
    largest = max([100.0, *kept, *out])
    edges = np.linspace(0, largest, 41)
    labels, colours = ["kept", "left out"], ["tab:green", "tab:red"]
    axis.hist([kept, out], edges, stacked=True, label=labels, color=colours)
    if min_face is not None:
        axis.axvline(min_face, color="black", lw=1, label=f"--min-face {min_face:g}")
    xlabel = "median face of a source, pixels of the original"
    axis.set(xlabel=xlabel, ylabel="sources", xlim=(0, largest * 1.02))
    axis.legend(fontsize=8, loc="upper right")


def _table_rows(summary: Mapping[str, Any]) -> list[list[str]]:
    """Return a row per source, those with problems first."""
    sources = summary["by_source"]

    def order(name: str) -> tuple:
        source = sources[name]
        found = bool(source["problems"]), bool(source["left_out"])
        return not any(found), -len(source.get("frames_without_face", ())), name

    rows = [["source", "samples", "no face", "face px", "remark"]]
    for name in sorted(sources, key=order)[:MOST_LINES]:
        source = sources[name]
        remark = source["left_out"] or "; ".join(source["problems"])
        rows.append(
            [
                shorten(name),
                str(sum(source["samples"].values())),
                str(len(source.get("frames_without_face", ()))),
                f"{source.get('face') or 0:.0f}",
                shorten(remark.rpartition(f"{name}: ")[2], 45),
            ]
        )
    if len(sources) > MOST_LINES:
        rest = f"and {len(sources) - MOST_LINES} more: report.json"
        rows.append([rest, *[""] * (len(rows[0]) - 1)])
    return rows


def _lines(lines: Sequence[str]) -> list[str]:
    shown = [shorten(line, 150) for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        shown.append(f"and {len(lines) - MOST_LINES} more: report.json")
    return shown or ["none was found"]
