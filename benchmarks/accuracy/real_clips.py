"""How steady models are on videos that nobody has labelled.

Every clip runs through the three protocols of `strrn evaluate`. Boxes are those of the
largest face that MTCNN finds: `detect` starts from them in every frame, the other
protocols where they must. The table holds for each protocol:

* landmark jitter: second difference of the landmarks in percent of the inter-pupil
  distance. It includes the acceleration of the face, the same for all models.
* distance to the landmarks of `detect`: median, in percent of the distance of the outer
  eye corners.
* share of frames lost, of those in which MTCNN finds a face.

Example:
  python -m benchmarks.accuracy.real_clips strrn-mdm --videos DIR --frames 30
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.crops.face_boxes import find_face_box
from data_pipeline.datasets.clips import Clip, list_clips
from data_pipeline.media.video import open_video
from strrn_tf import FaceTracker
from strrn_tf.evaluation.metrics import jitter_terms
from strrn_tf.evaluation.protocols import PROTOCOLS, ProtocolRun
from strrn_tf.geometry import relative_distance
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.accuracy.real_clips"


@dataclass(frozen=True)
class Options:
    """What to measure."""

    models: tyro.conf.Positional[
        Annotated[tuple[str, ...], tyro.conf.arg(metavar="MODEL [MODEL ...]")]
    ]
    """Names of shipped models, run folders or exported folders."""
    videos: tuple[Path, ...]
    """Folders of clips."""
    frames: int = 50
    """Frames of every clip."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Print one row per model and protocol."""
    if not options.models:
        raise ValueError("no model is named")
    console = Console()
    trackers = {name: FaceTracker.from_pretrained(name) for name in options.models}
    clips = list_clips(options.videos)
    results: list[tuple[dict[str, np.ndarray], np.ndarray]] = []
    for clip in track(clips, "Tracking faces", console=console, transient=True):
        try:
            results.append(run_protocols(clip, trackers, options.frames))
        except (ValueError, OSError) as error:
            console.print(f"left out: {error}")
    table = Table(
        "model", "protocol", "landmark jitter, %", "from detect, %", "lost, %"
    )
    for name in trackers if results else ():
        clips_of_model = [shapes[name] for shapes, _ in results]
        for number, protocol in enumerate(PROTOCOLS):
            cells = figures([c[number] for c in clips_of_model],
                            [c[0] for c in clips_of_model],
                            [seen for _, seen in results])  # fmt: skip
            table.add_row(name, protocol, *cells)
    console.print(table)
    frames = sum(seen.sum() for _, seen in results)
    console.print(f"{frames} frames with a face, of {len(results)} clips")


def run_protocols(
    clip: Clip, trackers: dict[str, FaceTracker], frames: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return for every model the landmarks (P, T, 68, 2) of all protocols on a clip.

    T counts from the first frame in which MTCNN sees a face to the last; beside them
    whether it sees one (T,).

    Raises:
        ValueError: the file cannot be read, or shows no face.
    """
    runs = {
        name: [ProtocolRun(protocol, tracker) for protocol in PROTOCOLS]
        for name, tracker in trackers.items()
    }
    found = {name: [] for name in trackers}
    seen = []
    for frame in islice(open_video(clip.video_path), frames):
        box = find_face_box(frame.image)
        seen.append(box is not None)
        for name, some in runs.items():
            answers = [run.advance(frame.image, lambda box=box: box) for run in some]
            found[name].append([answer.landmarks for answer in answers])
    if not any(seen):
        raise ValueError(f"{clip.name}: no face was found")
    inside = slice(seen.index(True), len(seen) - seen[::-1].index(True))
    shapes = {name: np.stack(some[inside], axis=1) for name, some in found.items()}
    return shapes, np.array(seen[inside])


def figures(
    shapes: list[np.ndarray], detected: list[np.ndarray], seen: list[np.ndarray]
) -> list[str]:
    """Return landmark jitter, distance from `detect` and share of frames lost, as text.

    Args:
        shapes: for every clip (T, 68, 2), NaN in lost frames.
        detected: the same by `detect`.
        seen: whether MTCNN sees a face (T,).
    """
    jitter = np.concatenate([jitter_terms(one) for one in shapes])
    together = np.concatenate(shapes)
    lost = np.isnan(together[:, 0, 0])[np.concatenate(seen)]
    apart = 100 * relative_distance(together, np.concatenate(detected))
    apart = apart[np.isfinite(apart)]
    return [
        f"{jitter.mean():.2f}" if jitter.size else "-",
        f"{np.median(apart):.2f}" if apart.size else "-",
        f"{100 * lost.mean():.1f}",
    ]


if __name__ == "__main__":
    sys.exit(main())
