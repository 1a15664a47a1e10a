"""How steady models are on videos that nobody has labelled.

    python benchmarks/accuracy/real_clips.py MODEL... --videos DIR...

The three protocols of `evaluate.py` on every clip, the largest face of each frame as
MTCNN finds it: `detect` begins there in every frame, the others where they must.
Printed per protocol: jitter, the second difference of the landmarks in percent of the
inter-pupil distance, which holds the face's own acceleration, the same for all models;
how far the landmarks are from those of `detect` (median, percent of the distance of the
outer eye corners); share of frames lost of those in which MTCNN sees a face.
"""

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
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


def main() -> None:
    """Print one row per model and protocol."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", help="names or exported folders")
    parser.add_argument("--videos", type=Path, nargs="+", required=True,
                        help="folders of clips")  # fmt: skip
    parser.add_argument("--frames", type=int, default=50, help="of every clip")
    options = parser.parse_args()
    console = Console()
    try:
        trackers = {name: FaceTracker.from_pretrained(name) for name in options.models}
        clips = list_clips(options.videos)
    except ValueError as error:
        parser.error(str(error))
    results: list[tuple[dict[str, np.ndarray], np.ndarray]] = []
    for clip in track(clips, "Tracking faces", console=console, transient=True):
        try:
            results.append(run_protocols(clip, trackers, options.frames))
        except (ValueError, OSError) as error:
            console.print(f"left out: {error}")
    table = Table("model", "protocol", "jitter, %", "from detect, %", "lost, %")
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
    """Return jitter, distance from `detect` and share of frames lost, as text.

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
    main()
