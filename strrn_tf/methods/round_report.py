"""Report of a round of Algorithm 1: numbers, pseudo-labels, and sheets of frames."""

import shutil
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from strrn_tf.config import AlgorithmConfig, to_json
from strrn_tf.drawing import draw_caption, draw_landmarks, tile_sheet
from strrn_tf.geometry import relative_distance
from strrn_tf.methods.cycle_scores import CycleScores
from strrn_tf.system.atomic import write_json
from strrn_tf.system.file_names import clip_of
from strrn_tf.training.run_folder import RunFolder, append_json_line

SHEET_ROWS, SHEET_COLUMNS = 4, 6


class RoundData(Protocol):
    """Names and frames of the pairs; writes pseudo-labels and pictures."""

    names: Sequence[str]

    def images(self, index: int) -> np.ndarray:
        """Return frames t-1 and t (2, 315, 315, 3) uint8 of one pair."""

    def write_pseudo_label(self, folder: object, index: int, shape: np.ndarray) -> None:
        """Write frame t of a pair as an image with a ``.pts`` file."""

    def write_picture(self, path: object, picture: np.ndarray) -> None:
        """Write an RGB image."""


def summarise_round(scores: CycleScores) -> dict[str, Any]:
    """Return counts, acceptance rate and medians, errors in % of the eye distance.

    The medians show a collapse of the tracker. It has become the identity if
    ``tracked_from_start`` is near 0 and ``detected_from_start`` is large. It copies the
    detector if ``agreement_median`` is near 0.
    """
    distance = relative_distance(scores.tracked, scores.detected)
    moved = relative_distance(scores.tracked, scores.detected_before)
    detected_moved = relative_distance(scores.detected, scores.detected_before)
    accepted = scores.accepted
    return {
        "pairs": len(accepted),
        "accepted": int(accepted.sum()),
        "acceptance_rate": float(accepted.mean()),
        "d_det": int(scores.teaches_detector.sum()),
        "d_tck": int(scores.teaches_tracker.sum()),
        "l_det_median": median_percent(scores.l_det),
        "l_tck_median": median_percent(scores.l_tck),
        "agreement_median": median_percent(distance),
        "agreement_median_accepted": median_percent(distance[accepted]),
        "tracked_from_start_median": median_percent(moved),
        "detected_from_start_median": median_percent(detected_moved),
    }


def write_round(
    folder: RunFolder,
    number: int,
    scores: CycleScores,
    data: RoundData,
    config: AlgorithmConfig,
) -> None:
    """Write ``report.json``, the pseudo-labels in the 300-W layout and the sheets."""
    report = summarise_round(scores)
    target = folder.round(number)
    # A killed attempt at this round may have left some.
    shutil.rmtree(target / "pseudo_labels", ignore_errors=True)
    for name, members, shapes in (
        ("detector", scores.teaches_detector, scores.tracked),
        ("tracker", scores.teaches_tracker, scores.detected),
    ):
        for i in np.flatnonzero(members):
            labels = target / "pseudo_labels" / name
            data.write_pseudo_label(labels, int(i), shapes[i])
    worst_first = np.argsort(-np.maximum(scores.l_det, scores.l_tck))
    for name, members in (
        ("accepted", scores.accepted),
        ("rejected", ~scores.accepted),
    ):
        chosen = worst_first[members[worst_first]]
        if len(chosen):
            picture = _sheet(_spread(chosen), scores, data)
            data.write_picture(target / f"{name}.png", picture)
    clips = accepted_by_clip(scores, data.names)
    write_json(
        target / "report.json",
        {"round": number, **report, "config": to_json(config), "clips": clips},
    )
    append_json_line(folder.metrics, {"phase": "round", "round": number, **report})


def filled_sheet(
    pictures: Sequence[np.ndarray],
    landmarks: np.ndarray,
    names: Sequence[str],
    index: np.ndarray,
) -> np.ndarray:
    """Draw frames in which a face is filled in, evenly spread.

    Args:
        pictures: N crops (S, S, 3) uint8 of one size.
        landmarks: (N, 68, 2) in their pixels.
        names: such as ``clip.mp4#000123``.
        index: (n,) of those from which to choose.
    """
    tiles = [
        draw_caption(
            draw_landmarks(pictures[i], landmarks[i]), names[i].rpartition("/")[2]
        )
        for i in _spread(index)
    ]
    return tile_sheet(tiles, min(SHEET_COLUMNS, len(tiles)))


def accepted_by_clip(
    scores: CycleScores, names: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Return for every clip the numbers of all pairs and of accepted pairs."""
    clips: dict[str, dict[str, int]] = {}
    for name, accepted in zip(names, scores.accepted.tolist(), strict=True):
        clip = clips.setdefault(clip_of(name), {"pairs": 0, "accepted": 0})
        clip["pairs"] += 1
        clip["accepted"] += accepted
    return clips


def median_percent(errors: np.ndarray) -> float | None:
    """Return the median of fractions (N,) in percent; None if N is 0."""
    return round(100 * float(np.median(errors)), 3) if len(errors) else None


def _spread(chosen: np.ndarray) -> np.ndarray:
    """Return as many as fit on a sheet, evenly from the first to the last."""
    count = min(len(chosen), SHEET_ROWS * SHEET_COLUMNS)
    return chosen[np.linspace(0, len(chosen) - 1, count).astype(int)]


def _sheet(chosen: np.ndarray, scores: CycleScores, data: RoundData) -> np.ndarray:
    """Draw tracked (green) over detected (blue) shapes, with both cycle errors."""
    tiles = []
    for i in chosen:
        tile = data.images(int(i))[1]
        tile = draw_landmarks(
            tile, scores.detected[i], colour=(60, 200, 255), points=False
        )
        tile = draw_landmarks(tile, scores.tracked[i])
        errors = f"det {100 * scores.l_det[i]:.1f}  tck {100 * scores.l_tck[i]:.1f} %"
        tiles.append(draw_caption(tile, errors))
    return tile_sheet(tiles, min(SHEET_COLUMNS, len(tiles)))
