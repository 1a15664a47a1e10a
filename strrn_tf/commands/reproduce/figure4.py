"""Figure 4: STRRN against SBR on one sequence, frame by frame, and in pictures."""

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.image import imsave

from strrn_tf.drawing import draw_caption, overlay_frame, tile_sheet
from strrn_tf.evaluation.protocols import LandmarkTracker, ProtocolName
from strrn_tf.evaluation.scoring import (
    BoxFinder,
    FrameResult,
    LabelledFrame,
    evaluate_sequence,
    true_box,
)
from strrn_tf.geometry import apply_matrix, box_from_landmarks, crop_matrix
from strrn_tf.system.atomic import replacing, write_text
from strrn_tf.tracking.networks.crop import cut

COLOURS = {"STRRN": "#0072B2", "SBR": "#D55E00"}
PICTURES = 6
# Beyond it the curves are cut, so that one lost frame does not hide all others.
LARGEST_ERROR = 40.0


class Method(NamedTuple):
    """A model and how it is run: a label, the runtime object, a protocol, the boxes."""

    label: str
    tracker: LandmarkTracker
    protocol: ProtocolName
    find_box: BoxFinder = true_box


class Shot(NamedTuple):
    """One frame of one method: 0-based number, error in percent, and a picture."""

    frame: int
    error: float
    picture: np.ndarray | None


def track_sequence(
    method: Method,
    frames: Iterable[LabelledFrame],
    sequence: str,
    pictured: Sequence[int],
) -> list[Shot]:
    """Return errors (% of the inter-pupil distance) of all frames, pictures of some.

    Args:
        method: model and protocol.
        frames: the sequence, in order of time.
        sequence: its name.
        pictured: 0-based numbers of the frames to be shown.
    """
    pictures: dict[int, np.ndarray] = {}

    def watch(result: FrameResult, image: np.ndarray) -> None:
        if result.frame in pictured:
            pictures[result.frame] = _picture(result, image, method.label)

    results = evaluate_sequence(
        method.tracker,
        frames,
        group="3",
        sequence=sequence,
        protocols=(method.protocol,),
        find_box=method.find_box,
        observe=watch,
    )
    return [Shot(r.frame, r.nme_interpupil, pictures.get(r.frame)) for r in results]


def _picture(result: FrameResult, image: np.ndarray, label: str) -> np.ndarray:
    """Return the crop of a face with landmarks in green and the truth in blue."""
    matrix = crop_matrix(box_from_landmarks(result.shape))
    tile = overlay_frame(
        cut(image, matrix),
        apply_matrix(matrix, result.answer.landmarks),
        true=apply_matrix(matrix, result.true),
    )
    text = f"{label}, frame {result.frame}: {result.nme_interpupil:.1f} %"
    return draw_caption(tile, text)


def summary(shots: Sequence[Shot]) -> str:
    """Return in words the mean error of the frames, and how many were lost."""
    errors = np.array([shot.error for shot in shots])
    found = errors[np.isfinite(errors)]
    lost = f"{len(errors) - len(found)} of {len(errors)} frames lost"
    if not len(found):
        return lost
    return f"mean error {found.mean():.2f} % of the inter-pupil distance, {lost}"


def error_table(shots: Mapping[str, Sequence[Shot]]) -> pd.DataFrame:
    """Return one line per frame, one column per method, errors in percent."""
    columns = {
        label: pd.Series({s.frame: s.error for s in some})
        for label, some in shots.items()
    }
    return pd.DataFrame(columns).rename_axis("frame").reset_index()


def plot(errors: pd.DataFrame, title: str) -> Figure:
    """Return the curves of Figure 4 (a)."""
    figure = Figure((9.6, 3.6), dpi=150, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    for label in errors.columns[1:]:
        values = errors[label].to_numpy()
        mean = (
            values[np.isfinite(values)].mean() if np.isfinite(values).any() else np.nan
        )
        axes.plot(
            errors["frame"],
            np.minimum(values, LARGEST_ERROR),
            color=COLOURS[label],
            lw=1.4,
            label=f"{label}: mean {mean:.2f} %",
        )
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("frame")
    axes.set_ylabel("error (% of the inter-pupil distance)")
    axes.set_ylim(bottom=0)
    axes.set_title(title, loc="left", fontsize=11, weight="bold")
    axes.grid(color="#e4e4e4", lw=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def latex(errors: pd.DataFrame, source: str, title: str) -> str:
    """Return a LaTeX figure (package pgfplots) that reads the CSV file ``source``."""
    lines = [
        *(r"\begin{figure}", r"\begin{tikzpicture}"),
        r"\begin{axis}[xlabel={frame}, ylabel={error (\%)}, ymin=0]",
    ]
    for label in errors.columns[1:]:
        table = rf"table[col sep=comma, x=frame, y={label}]{{{source}}}"
        lines += [rf"\addplot+[no marks] {table};", rf"\addlegendentry{{{label}}}"]
    caption = title.replace("%", r"\%")
    lines += [r"\end{axis}", r"\end{tikzpicture}", rf"\caption{{{caption}}}"]
    return "\n".join([*lines, r"\end{figure}"]) + "\n"


def write_figure(
    folder: Path, name: str, shots: Mapping[str, Sequence[Shot]], title: str
) -> list[Path]:
    """Write ``<name>.csv``, ``.tex``, ``.png`` and ``<name>-pictures.png``."""
    errors = error_table(shots)
    ends = (".csv", ".tex", ".png", "-pictures.png")
    paths = [folder / f"{name}{end}" for end in ends]
    text = io.StringIO()
    errors.to_csv(text, index=False, float_format="%.4f")
    write_text(paths[0], text.getvalue())
    write_text(paths[1], latex(errors, paths[0].name, title))
    with replacing(paths[2]) as new:
        plot(errors, title).savefig(new)
    tiles = [
        s.picture for some in shots.values() for s in some if s.picture is not None
    ]
    sheet = tile_sheet(tiles, len(tiles) // len(shots))
    with replacing(paths[3]) as new:
        imsave(new, sheet)
    return paths


def spread_over(count: int) -> list[int]:
    """Return the numbers of the frames to picture, evenly over the sequence."""
    return np.unique(np.linspace(0, count - 1, PICTURES).astype(int)).tolist()
