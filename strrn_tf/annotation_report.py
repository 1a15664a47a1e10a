"""The report of `strrn annotate`: counts, and a picture to judge them by."""

import json
from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np

from strrn_tf.annotating import VERDICTS
from strrn_tf.atomic import replacing, write_text


def write_report(
    output: Path, reports: Mapping[str, dict], sheets: Mapping[str, np.ndarray]
) -> dict[str, int]:
    """Write ``report.json`` and ``report.png``.

    Args:
        output: folder of the annotations.
        reports: of every video: ``verdicts`` and ``cycle_errors``.
        sheets: pictures (H, W, 3) uint8 of some faces, by their title.

    Returns:
        The number of faces of every verdict.
    """
    totals = {v: sum(r["verdicts"][v] for r in reports.values()) for v in VERDICTS}
    videos = {
        name: {key: report[key] for key in ("verdicts", "problem") if key in report}
        for name, report in reports.items()
    }
    text = json.dumps({"faces": totals, "videos": videos}, indent=1)
    write_text(output / "report.json", text + "\n")
    errors = np.concatenate([r["cycle_errors"] for r in reports.values()] or [[]])
    _plot(output, totals, errors, sheets)
    return totals


def _plot(
    output: Path,
    totals: dict[str, int],
    errors: np.ndarray,
    sheets: Mapping[str, np.ndarray],
) -> None:
    """Draw the sheets above the cycle errors."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    # A sheet is 12 inches wide; the plot below is two high.
    heights = [12 * len(s) / s.shape[1] + 0.3 for s in sheets.values()] + [2.2]
    figure, axes = plt.subplots(
        len(heights), 1, figsize=(12, sum(heights)), height_ratios=heights,
        layout="constrained",
    )  # fmt: skip
    for axis, (title, sheet) in zip(axes, sheets.items(), strict=False):
        axis.set_title(title, loc="left")
        axis.imshow(sheet)
        axis.axis("off")
    axes[-1].hist(np.clip(100 * errors, 0, 10), bins=np.linspace(0, 10, 101))
    axes[-1].set_xlabel("cycle error, % of the eye distance (10: and more)")
    axes[-1].set_ylabel("faces")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in totals.items())
    axes[-1].set_title(counts, loc="left")
    with replacing(output / "report.png") as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)
