"""What the rounds of Algorithm 1 have changed on the clips: numbers and a sheet.

Nobody has labelled the clips, so the networks judge themselves here; what they say of
the same frames before and after is for the eye to compare.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from strrn_tf.drawing import FAULTY, draw_caption, draw_landmarks, tile_sheet
from strrn_tf.geometry import relative_distance
from strrn_tf.omni.criticism import Criticism
from strrn_tf.omni.round_report import (
    SHEET_COLUMNS,
    SHEET_ROWS,
    RoundData,
    accepted_by_clip,
    clip_of,
    summarise_round,
)
from strrn_tf.omni.run_folder import RunFolder, write_json

LEGEND = "where the detector changed most    before: orange    after: green, points"


def write_gain(
    folder: RunFolder, before: Criticism, after: Criticism, data: RoundData
) -> str:
    """Write ``report.json`` and ``report.png`` of a run.

    Args:
        folder: of the run.
        before: what the networks said of N pairs before the first round.
        after: the same after the last one.
        data: names and pictures of the pairs.

    Returns:
        The numbers in a few lines.
    """
    moved = 100 * relative_distance(after.detected, before.detected)
    report = {
        "before": summarise_round(before),
        "after": summarise_round(after),
        "detector_moved_median": round(float(np.median(moved)), 3),
        "clips_before": accepted_by_clip(before, data.names),
        "clips_after": accepted_by_clip(after, data.names),
    }
    chosen = most_changed(moved, data.names)
    picture = _sheet(chosen, moved, before, after, data)
    path = folder.report.with_suffix(".png")
    data.write_picture(path, picture)
    write_json(folder.report, report)
    return f"{tell(report)}; look where most: {path}"


def most_changed(moved: np.ndarray, names: Sequence[str]) -> list[int]:
    """Return at most a sheet of pairs, most changed first, of as many clips as can be.

    Args:
        moved: (N,) how far the landmarks of a pair are from where they were.
        names: of the pairs, `clip.mp4#000123`.
    """
    ranks: dict[str, int] = {}
    ranked = []
    for i in np.argsort(-moved).tolist():
        rank = ranks[clip_of(names[i])] = ranks.get(clip_of(names[i]), -1) + 1
        ranked.append((rank, -moved[i], i))
    chosen = sorted(ranked)[: SHEET_ROWS * SHEET_COLUMNS]
    return [i for *_, i in sorted(chosen, key=lambda one: one[1])]


def tell(report: dict[str, Any]) -> str:
    """Return in a few lines what has changed."""
    before, after = report["before"], report["after"]
    moved = report["detector_moved_median"]
    rows = (
        (100, "acceptance_rate", "trusted, %"),
        (1, "l_tck_median", "way back of tracked shapes, %"),
        (1, "agreement_median", "detector and tracker apart, %"),
    )
    lines = [
        f"  {name:32}{factor * before[key]:6.2f} -> {factor * after[key]:.2f}"
        for factor, key, name in rows
    ]
    return "\n".join(
        [
            f"on the {before['pairs']} pairs of frames, before -> after:",
            *lines,
            f"the detector's landmarks moved by {moved:.2f} % of the eye distance "
            "(median)",
        ]
    )


def _sheet(
    chosen: Sequence[int],
    moved: np.ndarray,
    before: Criticism,
    after: Criticism,
    data: RoundData,
) -> np.ndarray:
    """Return detected shapes after (green) over those before (orange)."""
    tiles = []
    for i in chosen:
        tile = data.images(i)[1]
        tile = draw_landmarks(tile, before.detected[i], colour=FAULTY, points=False)
        tile = draw_landmarks(tile, after.detected[i])
        name = data.names[i].rpartition("/")[2]
        tiles.append(draw_caption(tile, f"{moved[i]:.1f} %  {name}"))
    sheet = tile_sheet(tiles, min(SHEET_COLUMNS, len(tiles)))
    room = sheet.shape[1] // 25
    return draw_caption(np.pad(sheet, ((0, room), (0, 0), (0, 0))), LEGEND)
