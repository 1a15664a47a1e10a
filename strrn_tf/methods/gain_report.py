"""What the rounds of Algorithm 1 have changed on the clips: numbers and a sheet.

Nobody has labelled the clips, so the networks judge themselves here, on frames that
they have learnt from; what they say of the same frames before and after is for the eye.
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
from strrn_tf.methods.criticism import Criticism
from strrn_tf.methods.round_report import (
    SHEET_COLUMNS,
    SHEET_ROWS,
    RoundData,
    accepted_by_clip,
    clip_of,
    median_percent,
    summarise_round,
)
from strrn_tf.tracking.networks.crop import cut
from strrn_tf.training.run_folder import RunFolder, write_json

# Two tiles for each: before, after.
FRAMES_SHOWN = SHEET_ROWS * SHEET_COLUMNS // 2
# The window of a crop is wider than a face by more than a comparison needs.
ZOOM = 1.2
# A tracker that is to follow and moves its start by less than this share of the way
# that the detector sees has become the identity, which always finds its way back.
STANDS_STILL = 0.25


def write_gain(
    folder: RunFolder, before: Criticism, after: Criticism, data: RoundData
) -> None:
    """Write ``report.png`` and then ``report.json`` of a run.

    Args:
        folder: of the run.
        before: what the networks said of N pairs before the first round.
        after: the same after the last one.
        data: names and pictures of the pairs.
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


def tell_gain(folder: RunFolder) -> str:
    """Return in a few lines what ``write_gain`` has written."""
    report = json.loads(folder.report.read_text())
    before, after = report["before"], report["after"]
    rows = (
        (1, 100, "acceptance_rate", "trusted by both networks"),
        (-1, 1, "l_tck_median", "from the start after tracking there and back"),
        (-1, 1, "agreement_median", "detector and tracker apart"),
        (0, 1, "detected_from_start_median", "way of the face, says the detector"),
        (0, 1, "tracked_from_start_median", "way of the face, says the tracker"),
    )
    lines = [
        f"{before['pairs']} pairs of frames of the clips, as the networks see "
        "themselves, in %, before and after:"
    ]
    for sign, factor, key, name in rows:
        old, new = factor * before[key], factor * after[key]
        verdict = _verdict(sign * (new - old)) if sign else ""
        lines.append(f"  {name:46}{old:7.2f}{new:7.2f}  {verdict}".rstrip())
    seen = after["detected_from_start_median"]
    if after["tracked_from_start_median"] < STANDS_STILL * seen:
        lines.append("  the tracker stands still: what it says of itself means nothing")
    return "\n".join(
        [
            *lines,
            f"the detector's landmarks lie {report['detector_moved_median']:.2f} % "
            f"elsewhere (median); see for yourself where most: {folder.report_picture}",
        ]
    )


def most_changed(moved: np.ndarray, names: Sequence[str]) -> list[int]:
    """Return at most a sheet of pairs, most changed first, of as many clips as can be.

    Args:
        moved: (N,) how far the landmarks of a pair are from where they were, fractions
            of the eye distance.
        names: of the pairs, `clip.mp4#000123`.
    """
    ranks: dict[str, int] = {}
    ranked = []
    for i in np.argsort(-moved).tolist():
        rank = ranks[clip_of(names[i])] = ranks.get(clip_of(names[i]), -1) + 1
        ranked.append((rank, -moved[i], i))
    chosen = sorted(ranked)[:FRAMES_SHOWN]
    return [i for *_, i in sorted(chosen, key=lambda one: one[1])]


def _verdict(gain: float) -> str:
    """Name a difference of two figures, positive: better, as far as it is printed."""
    if abs(gain) < 0.005:
        return "same"
    return "better" if gain > 0 else "worse"


def _clips(
    moved: np.ndarray, before: Criticism, after: Criticism, names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return for every clip its pairs, those accepted before and after, the change."""
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
    before: Criticism,
    after: Criticism,
    data: RoundData,
) -> np.ndarray:
    """Return the chosen frames t twice: as detected before, and after.

    Args:
        chosen: numbers of the pairs.
        moved: (N,) of all pairs, as of ``most_changed``.
        before: of all pairs, as of ``write_gain``.
        after: the same.
        data: names and pictures of the pairs.

    Returns:
        (H, W, 3) uint8.
    """
    middle = (CROP_SIZE - 1) / 2
    closer = similarity(ZOOM, 0.0, np.full(2, middle * (1 - ZOOM)))
    tiles = []
    for i in chosen:
        tile = cut(data.images(i)[1], closer)
        # OpenCV draws ASCII alone; `report.json` has the names as they are.
        name = data.names[i].rpartition("/")[2].encode("ascii", "replace").decode()
        was, now = (apply_matrix(closer, one.detected[i]) for one in (before, after))
        tiles += [
            draw_caption(draw_landmarks(tile, was, colour=FAULTY), f"before  {name}"),
            draw_caption(draw_landmarks(tile, now), f"after  {100 * moved[i]:.1f} %"),
        ]
    return tile_sheet(tiles, min(SHEET_COLUMNS, len(tiles)))
