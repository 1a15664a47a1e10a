"""Compare `FaceFinder` with the `mtcnn` package: same faces, same boxes, how fast.

The row "ours, 40 px" is ``min_face=40``; "ours, share 0.1" is
``min_face_fraction=0.1``. Everything runs on one core. Times are processor time of the
second search of an image; other work on the machine hardly changes it.

* Frames of videos. The package is the truth, with its defaults (smallest face 20
  pixels). The table holds the share of its faces found (IoU of at least 0.5), boxes
  that it does not have, the largest difference of a box side, and time.
* Stills with landmarks, each pasted at a random place and size into a 640 x 360 frame.
  The table holds the share of the annotated faces that either finds, and time.

Example:
  python -m benchmarks.accuracy.face_finder --videos DIR/videos --stills DIR/300w
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from mtcnn import MTCNN
from numpy.typing import ArrayLike
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.media.pts import read_pts
from data_pipeline.media.suffixes import is_video
from strrn_tf.geometry import box_from_landmarks, face_size, overlap
from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.face_detection.face_boxes import landmark_box
from strrn_tf.tracking.face_detection.face_finder import FaceFinder

PROG = "python -m benchmarks.accuracy.face_finder"
CANVAS = (360, 640)
FACE_SIZES = (40, 240)
Finder = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Options:
    """What to search, and with which smallest faces."""

    videos: tuple[Path, ...]
    """Folders of videos."""
    stills: Path
    """Folder of images with .pts files beside them."""
    min_face: tuple[float, ...] = (20, 40, 60)
    """Smallest faces to compare, pixels."""
    count_above: float = 40
    """Faces of which the longer side is below this, in pixels, are not counted."""
    frames_per_video: int = 3
    """Frames to search of every video."""
    num_stills: int = 300
    """Stills to paste and search."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def package_finder() -> Finder:
    """Return the package as a function from an image to boxes (N, 4), not clipped."""
    mtcnn = MTCNN()

    def find(image: np.ndarray) -> np.ndarray:
        found = mtcnn.detect_faces(
            image, fit_to_image=False, box_format="xyxy", output_type="numpy"
        )
        return np.reshape(found, (-1, 16))[:, 1:5] if len(found) else np.empty((0, 4))

    return find


def our_finder(**arguments: float) -> Finder:
    """Return a `FaceFinder` as a function from an image to boxes (N, 4)."""
    finder = FaceFinder(**arguments)

    def find(image: np.ndarray) -> np.ndarray:
        return np.reshape([face.box for face in finder.find(image)], (-1, 4))

    return find


def video_frames(folders: list[Path], per_video: int) -> Iterator[np.ndarray]:
    """Yield RGB frames, evenly spaced, of every video below the folders."""
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if is_video(p)):
            capture = cv2.VideoCapture(str(path))
            count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            for i in np.linspace(0, count - 1, per_video + 2)[1:-1]:
                capture.set(cv2.CAP_PROP_POS_FRAMES, int(i))
                ok, frame = capture.read()
                if ok:
                    yield np.ascontiguousarray(frame[..., ::-1])


def pasted_stills(folder: Path, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (frame, landmark box): stills pasted into frames filled with their blur."""
    rng = np.random.default_rng(0)
    paths = sorted(folder.rglob("*.pts"))
    for path in [paths[i] for i in rng.permutation(len(paths))[:count]]:
        image_path = next(p for p in path.parent.glob(f"{path.stem}.*") if p != path)
        image, box = cv2.imread(str(image_path)), box_from_landmarks(read_pts(path))
        size = np.exp(rng.uniform(*np.log(FACE_SIZES)))
        height, width = image.shape[:2]
        scale = min(size / face_size(box), CANVAS[0] / height, CANVAS[1] / width)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=3)
        frame = cv2.blur(cv2.resize(image, CANVAS[::-1]), (61, 61))
        y, x = (rng.integers(0, CANVAS[i] - small.shape[i] + 1) for i in (0, 1))
        frame[y : y + small.shape[0], x : x + small.shape[1]] = small
        yield np.ascontiguousarray(frame[..., ::-1]), box * scale + [x, y, x, y]


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return IoU (N,) of one box with boxes (N, 4)."""
    return np.array([overlap(box, other) for other in boxes])


def timed(find: Finder, image: np.ndarray) -> tuple[np.ndarray, float]:
    """Return boxes and milliseconds of a second call, the first being preparation."""
    find(image)
    start = time.process_time()
    boxes = find(image)
    return boxes, (time.process_time() - start) * 1e3


def compare_on_videos(
    finders: dict[str, Finder], frames: list[np.ndarray], above: float
) -> Table:
    """Return the table of video frames; the first finder is the truth."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in finders}
    times: dict[str, list[float]] = {name: [] for name in finders}
    for frame in track(frames, "video frames", transient=True):
        for name, find in finders.items():
            boxes, ms = timed(find, frame)
            found[name].append(boxes)
            times[name].append(ms)
    nominal = [frame.shape[:2] == CANVAS for frame in frames]
    title = f"{len(frames)} video frames ({sum(nominal)} of 640x360)"
    table = table_of(title, "found", "more", "side px", "ms", "640x360 ms")
    for name in finders:
        truth = next(iter(found.values()))
        distances, missed, more = match(truth, found[name], above)
        table.add_row(
            name,
            f"{len(distances)}/{len(distances) + missed}",
            f"{more}",
            spread(distances, "{:.2f}", (50, 95, 100)),
            spread(times[name]),
            spread(np.array(times[name])[nominal]),
        )
    return table


def table_of(title: str, *headings: str) -> Table:
    """Return an empty table with a column of finders and the given ones."""
    table = Table("finder", title=title, caption="median / p95 (/ maximum)")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def spread(
    values: ArrayLike, form: str = "{:.1f}", percentiles: tuple[int, ...] = (50, 95)
) -> str:
    """Return percentiles as text, a dash when there is nothing to summarise."""
    if not len(values):
        return "-"
    return " / ".join(form.format(v) for v in np.percentile(values, percentiles))


def match(
    truth: list[np.ndarray], found: list[np.ndarray], above: float
) -> tuple[np.ndarray, int, int]:
    """Return side differences of the matches, faces missed, boxes not in the truth."""
    distances, missed, more = [], 0, 0
    for wanted, given in zip(truth, found, strict=True):
        for box in wanted[face_size(wanted) >= above]:
            ious = overlaps(box, given) if len(given) else np.zeros(1)
            if ious.max() < 0.5:
                missed += 1
                continue
            distances.append(np.abs(given[ious.argmax()] - box).max())
        for box in given[face_size(given) >= above]:
            more += not len(wanted) or overlaps(box, wanted).max() < 0.5
    return np.array(distances), missed, more


def compare_on_stills(finders: dict[str, Finder], folder: Path, count: int) -> Table:
    """Return the table of pasted stills."""
    hits = {name: [] for name in finders}
    times = {name: [] for name in finders}
    stills = pasted_stills(folder, count)
    for frame, box in track(stills, "stills", count, transient=True):
        for name, find in finders.items():
            boxes, ms = timed(find, frame)
            times[name].append(ms)
            hits[name].append(
                len(boxes) > 0 and overlaps(box, landmark_box(boxes)).max() >= 0.5
            )
    title = f"{count} stills in 640x360, faces of {FACE_SIZES[0]}-{FACE_SIZES[1]} px"
    table = table_of(title, "found", "ms")
    for name in finders:
        found = f"{sum(hits[name])}/{count}"
        table.add_row(name, found, spread(times[name]))
    return table


def run(options: Options) -> None:
    """Print both tables."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    finders = {"mtcnn package": package_finder()}
    for min_face in options.min_face:
        finders[f"ours, {min_face:g} px"] = our_finder(min_face=min_face)
    finders["ours, share 0.1"] = our_finder(min_face_fraction=0.1)
    frames = list(video_frames(options.videos, options.frames_per_video))
    console = Console()
    console.print(compare_on_videos(finders, frames, options.count_above))
    console.print(compare_on_stills(finders, options.stills, options.num_stills))


if __name__ == "__main__":
    sys.exit(main())
