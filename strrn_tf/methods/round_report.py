"""What a round of Algorithm 1 accepted, and why: numbers, pseudo-labels, a sheet."""

import shutil
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from strrn_tf.config import AlgorithmConfig, to_json
from strrn_tf.drawing import draw_caption, draw_landmarks, tile_sheet
from strrn_tf.geometry import relative_distance
from strrn_tf.methods.criticism import Criticism
from strrn_tf.training.run_folder import RunFolder, append_json_line, write_json

SHEET_ROWS, SHEET_COLUMNS = 4, 6


class RoundData(Protocol):
    """Names and pictures of the pairs, and where pseudo-labels are written."""

    names: Sequence[str]

    def images(self, index: int) -> np.ndarray:
        """Return frames t-1 and t (2, 315, 315, 3) uint8 of one pair."""

    def write_pseudo_label(self, folder: object, index: int, shape: np.ndarray) -> None:
        """Write frame t of a pair as an image with a ``.pts`` file."""

    def write_picture(self, path: object, picture: np.ndarray) -> None:
        """Write an RGB image."""


def summarise_round(pseudo: Criticism) -> dict[str, Any]:
    """Return counts, acceptance and the signs of a collapse, errors in percent.

    ``tracked_from_start`` near 0 beside a large ``detected_from_start`` means that the
    tracker has become the identity; ``agreement`` near 0 that it copies the detector.
    """
    agreement = relative_distance(pseudo.tracked, pseudo.detected)
    moved = relative_distance(pseudo.tracked, pseudo.detected_before)
    detected_moved = relative_distance(pseudo.detected, pseudo.detected_before)
    accepted = pseudo.accepted
    return {
        "pairs": len(accepted),
        "accepted": int(accepted.sum()),
        "acceptance_rate": float(accepted.mean()),
        "d_det": int(pseudo.teaches_detector.sum()),
        "d_tck": int(pseudo.teaches_tracker.sum()),
        "l_det_median": median_percent(pseudo.l_det),
        "l_tck_median": median_percent(pseudo.l_tck),
        "agreement_median": median_percent(agreement),
        "agreement_median_accepted": median_percent(agreement[accepted]),
        "tracked_from_start_median": median_percent(moved),
        "detected_from_start_median": median_percent(detected_moved),
    }


def write_round(
    folder: RunFolder,
    number: int,
    pseudo: Criticism,
    data: RoundData,
    config: AlgorithmConfig,
) -> None:
    """Write ``report.json``, the pseudo-labels in the 300-W layout and the sheets."""
    report = summarise_round(pseudo)
    target = folder.round(number)
    # What a killed attempt at this round has left.
    shutil.rmtree(target / "pseudo_labels", ignore_errors=True)
    for name, members, shapes in (
        ("detector", pseudo.teaches_detector, pseudo.tracked),
        ("tracker", pseudo.teaches_tracker, pseudo.detected),
    ):
        for i in np.flatnonzero(members):
            place = target / "pseudo_labels" / name
            data.write_pseudo_label(place, int(i), shapes[i])
    worst_first = np.argsort(-np.maximum(pseudo.l_det, pseudo.l_tck))
    for name, members in (
        ("accepted", pseudo.accepted),
        ("rejected", ~pseudo.accepted),
    ):
        chosen = worst_first[members[worst_first]]
        if len(chosen):
            picture = _sheet(_spread(chosen), pseudo, data)
            data.write_picture(target / f"{name}.png", picture)
    clips = accepted_by_clip(pseudo, data.names)
    write_json(
        target / "report.json",
        {"round": number, **report, "config": to_json(config), "clips": clips},
    )
    append_json_line(folder.metrics, {"phase": "round", "round": number, **report})


def accepted_by_clip(
    pseudo: Criticism, names: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Return for every clip its number of pairs and of those that were accepted."""
    clips: dict[str, dict[str, int]] = {}
    for name, accepted in zip(names, pseudo.accepted.tolist(), strict=True):
        clip = clips.setdefault(clip_of(name), {"pairs": 0, "accepted": 0})
        clip["pairs"] += 1
        clip["accepted"] += accepted
    return clips


def clip_of(name: str) -> str:
    """Return the name of the clip of a pair, `clip.mp4#000123`."""
    return name.rpartition("#")[0]


def median_percent(errors: np.ndarray) -> float | None:
    """Return the median of fractions (N,) in percent, None if there are none."""
    return round(100 * float(np.median(errors)), 3) if len(errors) else None


def _spread(chosen: np.ndarray) -> np.ndarray:
    """Return at most a sheet of them, evenly from the worst to the best."""
    count = min(len(chosen), SHEET_ROWS * SHEET_COLUMNS)
    return chosen[np.linspace(0, len(chosen) - 1, count).astype(int)]


def _sheet(chosen: np.ndarray, pseudo: Criticism, data: RoundData) -> np.ndarray:
    """Return tracked (green) over detected (blue) shapes with both cycle errors."""
    tiles = []
    for i in chosen:
        tile = data.images(int(i))[1]
        tile = draw_landmarks(
            tile, pseudo.detected[i], colour=(60, 200, 255), points=False
        )
        tile = draw_landmarks(tile, pseudo.tracked[i])
        errors = f"det {100 * pseudo.l_det[i]:.1f}  tck {100 * pseudo.l_tck[i]:.1f} %"
        tiles.append(draw_caption(tile, errors))
    return tile_sheet(tiles, min(SHEET_COLUMNS, len(tiles)))
