"""Report of the changes that all rounds have made on the clips: numbers and a sheet.

The clips have no labels. The numbers therefore compare the networks with each other, on
frames that they have learnt from. The sheet shows the landmarks of the same frames
before and after, for a person to judge.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from strrn_tf.drawing import FAULTY, draw_caption, draw_landmarks, tile_sheet
from strrn_tf.geometry import (
    CROP_SIZE,
    apply_matrix,
    relative_distance,
    similarity,
)
from strrn_tf.methods.cycle_scores import CycleScores
from strrn_tf.methods.round_report import (
    SHEET_COLUMNS,
    SHEET_ROWS,
    RoundData,
    accepted_by_clip,
    median_percent,
    summarise_round,
)
from strrn_tf.system.atomic import write_json
from strrn_tf.system.file_names import clip_of
from strrn_tf.tracking.networks.crop import cut
from strrn_tf.training.run_folder import RunFolder

# Two tiles for each frame: before, after.
FRAMES_SHOWN = SHEET_ROWS * SHEET_COLUMNS // 2
# Enlarges the face in a tile: a crop is wider than a comparison needs.
ZOOM = 1.2
# Median motion of the tracker as a fraction of that of the detector. Below this limit
# the tracker has become the identity, whose cycle errors are always 0.
IDENTITY_FRACTION = 0.25


def write_gain(
    folder: RunFolder, before: CycleScores, after: CycleScores, data: RoundData
) -> None:
    """Write ``report.png`` and then ``report.json`` of a run.

    Args:
        folder: of the run.
        before: scores of N pairs before the first round.
        after: scores of the same pairs after the last round.
        data: names and frames of the pairs.
    """
    moved = relative_distance(after.detected, before.detected)
    chosen = most_changed(moved, data.names)
    picture = _sheet(chosen, moved, before, after, data)
    data.write_picture(folder.report_picture, picture)
    report = {
        "before": summarise_round(before),
        "after": summarise_round(after),
        "detector_moved_median": median_percent(moved),
        "shown": [data.names[i] for i in chosen],
        "clips": _clips(moved, before, after, data.names),
    }
    write_json(folder.report, report)


def describe_gain(folder: RunFolder) -> str:
    """Describe in a few lines the report that ``write_gain`` has written."""
    report = json.loads(folder.report.read_text(encoding="utf-8"))
    before, after = report["before"], report["after"]
    rows = (
        (100, "acceptance_rate", "pairs trusted by both networks"),
        (1, "l_tck_median", "cycle error of the tracker"),
        (1, "agreement_median", "distance between detector and tracker"),
        (1, "detected_from_start_median", "motion of the face, by the detector"),
        (1, "tracked_from_start_median", "motion of the face, by the tracker"),
    )
    lines = [
        f"{before['pairs']} pairs of frames of the clips, the networks compared with "
        "each other, which shows no gain, in %, before and after:"
    ]
    for factor, key, name in rows:
        old, new = factor * before[key], factor * after[key]
        lines.append(f"  {name:46}{old:7.2f}{new:7.2f}")
    seen = after["detected_from_start_median"]
    if after["tracked_from_start_median"] < IDENTITY_FRACTION * seen:
        lines.append("  the tracker stands still: its figures mean nothing")
    return "\n".join(
        [
            *lines,
            "the detector's landmarks moved by "
            f"{report['detector_moved_median']:.2f} % (median); the frames with the "
            f"largest changes are in {folder.report_picture}",
        ]
    )


def most_changed(moved: np.ndarray, names: Sequence[str]) -> list[int]:
    """Return the pairs for a sheet, most changed first, from as many clips as possible.

    Args:
        moved: (N,) distance between the landmarks before and after, as a fraction of
            the eye distance.
        names: of the pairs, `clip.mp4#000123`.
    """
    ranks: dict[str, int] = {}
    ranked = []
    for i in np.argsort(-moved).tolist():
        rank = ranks[clip_of(names[i])] = ranks.get(clip_of(names[i]), -1) + 1
        ranked.append((rank, -moved[i], i))
    chosen = sorted(ranked)[:FRAMES_SHOWN]
    return [i for *_, i in sorted(chosen, key=lambda one: one[1])]


def _clips(
    moved: np.ndarray, before: CycleScores, after: CycleScores, names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return for every clip pairs, pairs accepted before and after, and the change."""
    counts = [accepted_by_clip(one, names) for one in (before, after)]
    of_clip = np.array([clip_of(name) for name in names])
    return {
        clip: {
            "pairs": count["pairs"],
            "accepted": [one[clip]["accepted"] for one in counts],
            "moved_median": median_percent(moved[of_clip == clip]),
        }
        for clip, count in counts[0].items()
    }


def _sheet(
    chosen: Sequence[int],
    moved: np.ndarray,
    before: CycleScores,
    after: CycleScores,
    data: RoundData,
) -> np.ndarray:
    """Draw the chosen frames t twice: with the landmarks detected before and after.

    Args:
        chosen: numbers of the pairs.
        moved: see ``most_changed``.
        before: see ``write_gain``.
        after: see ``write_gain``.
        data: names and frames of the pairs.

    Returns:
        (H, W, 3) uint8.
    """
    middle = (CROP_SIZE - 1) / 2
    closer = similarity(ZOOM, 0.0, np.full(2, middle * (1 - ZOOM)))
    tiles = []
    for i in chosen:
        tile = cut(data.images(i)[1], closer)
        # OpenCV draws ASCII only; `report.json` has the full names.
        name = data.names[i].rpartition("/")[2].encode("ascii", "replace").decode()
        was, now = (apply_matrix(closer, one.detected[i]) for one in (before, after))
        tiles += [
            draw_caption(draw_landmarks(tile, was, colour=FAULTY), f"before  {name}"),
            draw_caption(draw_landmarks(tile, now), f"after  {100 * moved[i]:.1f} %"),
        ]
    return tile_sheet(tiles, min(SHEET_COLUMNS, len(tiles)))
