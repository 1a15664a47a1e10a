"""The sheet of worst frames: where a model fails, on one sheet."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from strrn_tf.drawing import FAULTY, TRUTH, draw_landmarks
from strrn_tf.evaluation.scoring import FrameResult
from strrn_tf.geometry import apply_matrix, box_from_landmarks, crop_matrix
from strrn_tf.tracking.networks.crop import cut

TILE, TILE_MARGIN = 360, 1.5
COLUMNS = 6


class Tile(NamedTuple):
    """A drawn crop (TILE, TILE, 3) and its caption on the sheet."""

    error: float
    group: str
    sequence: str
    frame: int
    protocol: str
    image: np.ndarray


class WorstFrames:
    """Collects the worst frames while an evaluation runs (it is an observer).

    Neighbouring frames fail alike, so of a sequence at most ``per_sequence`` frames are
    kept, at least ``gap`` frames apart. Crops are drawn at once; no frame is held.
    """

    def __init__(
        self, count: int = 24, *, per_sequence: int = 3, gap: int = 15
    ) -> None:
        self.count, self.per_sequence, self.gap = count, per_sequence, gap
        self._kept: dict[tuple[str, str, str], list[Tile]] = {}

    def __len__(self) -> int:
        """Return how many tiles are held in memory."""
        return sum(map(len, self._kept.values()))

    def __call__(self, result: FrameResult, image: np.ndarray) -> None:
        """Keep the frame if it is among the worst of its sequence."""
        track = (result.group, result.sequence, result.protocol)
        kept, error = self._kept.get(track, []), result.nme_interpupil
        near = [abs(tile.frame - result.frame) < self.gap for tile in kept]
        if any(n and t.error >= error for n, t in zip(near, kept, strict=True)):
            return
        others = [tile for n, tile in zip(near, kept, strict=True) if not n]
        if len(others) >= self.per_sequence and others[-1].error >= error:
            return
        group, sequence, protocol = track
        image = draw_tile(result, image)
        others.append(Tile(error, group, sequence, result.frame, protocol, image))
        others.sort(key=lambda tile: -tile.error)
        self._kept[track] = others[: self.per_sequence]
        self._forget()

    def _forget(self) -> None:
        """Drop what can no longer be shown, so that many stills need little memory."""
        if len(self._kept) > 4 * self.count:
            best = sorted(self._kept, key=lambda track: -self._kept[track][0].error)
            self._kept = {track: self._kept[track] for track in best[: self.count]}

    def tiles(self) -> list[Tile]:
        """Return the worst of all, worst first.

        A moment at which several protocols fail is shown once, by the worst of them.
        """
        shown: list[Tile] = []
        tiles = [tile for kept in self._kept.values() for tile in kept]
        for tile in sorted(tiles, key=lambda tile: -tile.error):
            if not any(self._is_same_moment(tile, other) for other in shown):
                shown.append(tile)
        return shown[: self.count]

    def _is_same_moment(self, tile: Tile, other: Tile) -> bool:
        is_near = abs(tile.frame - other.frame) < self.gap
        return is_near and tile[1:3] == other[1:3]


def draw_tile(result: FrameResult, image: np.ndarray) -> np.ndarray:
    """Return the crop around the true face, predicted over true landmarks."""
    matrix = crop_matrix(box_from_landmarks(result.shape), TILE, TILE_MARGIN)
    crop = cut(image, matrix, TILE)
    true = apply_matrix(matrix, result.true)
    predicted = apply_matrix(matrix, result.answer.landmarks)
    crop = draw_landmarks(crop, true, colour=TRUTH, points=False)
    return draw_landmarks(crop, predicted, colour=FAULTY)


def plot_worst(tiles: Sequence[Tile], title: str = "") -> Figure:
    """Return the sheet of worst frames: predicted (orange) over true (blue)."""
    columns = min(COLUMNS, max(3, len(tiles)))
    rows = max(1, -(-len(tiles) // columns))
    width, head, height = 2.2 * columns, 0.6, 2.55 * rows
    total = head + height
    figure = Figure((width, total), dpi=145, facecolor="white")
    grid = figure.add_gridspec(
        rows,
        columns,
        left=0.01,
        right=0.99,
        bottom=0.06 / total,
        top=1 - (head + 0.2) / total,
        wspace=0.04,
        hspace=0.19,
    )
    for place, tile in enumerate(tiles):
        axes = figure.add_subplot(grid[divmod(place, columns)])
        axes.imshow(tile.image)
        axes.set_axis_off()
        axes.set_title(_tile_caption(tile), fontsize=7, pad=3, linespacing=1.3)
    x, y = 0.12 / width, 1 - 0.14 / total
    heading = title or "Worst frames"
    figure.text(x, y, heading, fontsize=11, weight="bold", va="top")
    key = "predicted: orange with points    ground truth: blue    error: inter-pupil"
    figure.text(x, y - 0.24 / total, key, fontsize=7.5, color="#555555", va="top")
    return figure


def _tile_caption(tile: Tile) -> str:
    error = "lost" if np.isinf(tile.error) else f"{tile.error:.1f} %"
    if "/" in tile.sequence:  # a still
        return f"{tile.sequence.rsplit('/', 1)[-1]}\n{error}"
    return f"{tile.sequence}, frame {tile.frame}, {tile.protocol}\n{error}"
