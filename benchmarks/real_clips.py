"""How steady models are on videos that nobody has labelled.

    python benchmarks/real_clips.py MODEL... --videos DIR...

The three protocols of `evaluate.py` on every clip, the largest face of each frame as
MTCNN finds it: `detect` begins there in every frame, the others where they must.
Printed per protocol: jitter, the second difference of the landmarks in percent of the
inter-pupil distance, which holds the face's own acceleration, the same for all models;
share of frames lost; how far the landmarks are from those of `detect` (median, percent
of the distance of the outer eye corners).
"""

import argparse
from collections.abc import Iterator
from functools import cache, partial
from itertools import islice
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.clips import Clip, list_clips
from data_pipeline.face_boxes import find_face_box
from data_pipeline.video import open_video
from strrn_tf import FaceTracker
from strrn_tf.geometry import relative_distance
from strrn_tf.metrics import jitter_terms
from strrn_tf.protocols import PROTOCOLS, ProtocolRun


def main() -> None:
    """Print one row per model and protocol."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", help="names or exported folders")
    parser.add_argument("--videos", type=Path, nargs="+", required=True,
                        help="folders of clips")  # fmt: skip
    parser.add_argument("--frames", type=int, default=50, help="of every clip")
    options = parser.parse_args()
    clips = list_clips(options.videos)
    trackers = {name: FaceTracker.from_pretrained(name) for name in options.models}
    followed = {name: [] for name in trackers}
    for clip in track(clips, "Following faces", transient=True):
        for name, shapes in follow(clip, trackers, options.frames):
            followed[name].append(shapes)
    table = Table("model", "protocol", "jitter, %", "lost, %", "from detect, %")
    for name, shapes in followed.items():
        for number, protocol in enumerate(PROTOCOLS):
            cells = tell([one[number] for one in shapes], [one[0] for one in shapes])
            table.add_row(name, protocol, *cells)
    console = Console()
    console.print(table)
    frames = sum(len(one[0]) for one in shapes)
    console.print(f"{frames} frames of {len(clips)} clips")


def follow(
    clip: Clip, trackers: dict[str, FaceTracker], frames: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the landmarks (P, T, 68, 2) of all protocols on a clip, for every model."""
    runs = {
        name: [ProtocolRun(protocol, tracker) for protocol in PROTOCOLS]
        for name, tracker in trackers.items()
    }
    found = {name: [[] for _ in PROTOCOLS] for name in trackers}
    for frame in islice(open_video(clip.video_path), frames):
        box = cache(partial(find_face_box, frame.image))
        for name, some in runs.items():
            for run, shapes in zip(some, found[name], strict=True):
                shapes.append(run.advance(frame.image, box).landmarks)
    for name, shapes in found.items():
        yield name, np.array(shapes)


def tell(shapes: list[np.ndarray], detected: list[np.ndarray]) -> list[str]:
    """Return jitter, share of frames lost and distance from `detect`, as text.

    Args:
        shapes: for every clip (T, 68, 2), NaN in lost frames.
        detected: the same by `detect`.
    """
    jitter = np.concatenate([jitter_terms(one) for one in shapes])
    together = np.concatenate(shapes)
    apart = 100 * relative_distance(together, np.concatenate(detected))
    lost = 100 * np.isnan(together[:, 0, 0]).mean()
    return [f"{jitter.mean():.2f}", f"{lost:.1f}", f"{np.nanmedian(apart):.2f}"]


if __name__ == "__main__":
    main()
