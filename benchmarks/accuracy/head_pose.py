"""How exact the pose of heads is, on drawn heads and by labels of photographs.

Drawn heads are turned by known angles. Each has its own shape and expression. The first
table has the mean errors in degrees by the size of the yaw: of the angles one by one,
and of the whole rotation. Its rows "exact" use the exact landmarks, its rows "tracked"
those of a tracker on clips in which a head turns from left to right. The camera is the
assumed one: the focal length is not given.

``--people`` is a folder of photographs with a file ``labels.csv``. Its columns are the
name of a picture, five points in pixels from 1 (leye_x, leye_y, reye, nose, lmouth,
rmouth), and the pose as MTFL has it: 1 left profile, 2 left, 3 frontal, 4 right,
5 right profile. The second table has the yaw by this label and how often its sign is
that of the label. The box of the face is that of the average head on the five points.
Pictures whose sign is another are named.

Example:
  python -m benchmarks.accuracy.head_pose --people DIR/mtfl
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_pipeline.media.images import read_image
from data_pipeline.synthetic.head.face_model import Expression, Pose, sample_identity
from data_pipeline.synthetic.head.person import Person
from data_pipeline.synthetic.pictures import draw_turned_face
from data_pipeline.synthetic.scene.motion import sample_expression
from strrn_tf import FaceTracker
from strrn_tf.geometry import box_from_landmarks
from strrn_tf.geometry.average_head import AVERAGE_HEAD
from strrn_tf.geometry.head_pose import (
    Camera,
    HeadPose,
    fit_from_afar,
    place_head,
    rotation_matrix,
)
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.accuracy.head_pose"
YAWS = (0, 20, 40, 60)
SIZE = (480, 640)
# Face: a quarter to a half of the picture's height.
SCALES = (60.0, 120.0)
# Two degrees a frame, 50 a second.
CLIP_FRAMES = 61
NAMES = {1: "left profile", 2: "left", 3: "frontal", 4: "right", 5: "right profile"}


@dataclass(frozen=True)
class Options:
    """What to measure."""

    model: str = "strrn-hgn"
    """Name of a shipped model, run folder or exported folder."""
    heads: int = 500
    """Drawn heads with exact landmarks."""
    clips: int = 3
    """Drawn clips that are tracked."""
    people: Path | None = None
    """Folder of photographs with labels."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Print both tables."""
    table = Table("landmarks", "yaw", "heads", "yaw error", "pitch", "roll", "rotation")
    add_rows(table, "exact", list(exact_heads(options.heads)))
    tracker = FaceTracker.from_pretrained(options.model)
    add_rows(table, "tracked", list(tracked_heads(tracker, options.clips)))
    Console().print(table)
    if options.people:
        print_people(tracker, options.people)


def exact_heads(count: int) -> Iterator[tuple[HeadPose, HeadPose]]:
    """Yield the true and the found pose of heads with exact landmarks."""
    for seed in range(count):
        rng = np.random.default_rng((1, seed))
        true = HeadPose(rng.uniform(-60, 60), *rng.uniform(-20, 20, 2).tolist())
        expression = sample_expression(rng) if seed % 2 else Expression()
        person = Person(sample_identity(rng))
        landmarks = person.landmarks(expression, drawn_pose(true, rng))
        yield true, place_head(landmarks, Camera.of_image(SIZE)).pose


def tracked_heads(
    tracker: FaceTracker, count: int
) -> Iterator[tuple[HeadPose, HeadPose]]:
    """Yield the true and the found pose of heads in clips that are tracked."""
    for seed in track(range(count), "clips", transient=True):
        tracker.reset()
        rng = np.random.default_rng((2, seed))
        place = rng.integers(2**31)
        pitch, roll = rng.uniform(-15, 15, 2).tolist()
        for yaw in np.linspace(-60, 60, CLIP_FRAMES):
            true = HeadPose(float(yaw), pitch, roll)
            pose = drawn_pose(true, np.random.default_rng(place))
            image, landmarks = draw_turned_face(
                np.random.default_rng((3, seed)), pose, SIZE
            )
            # Drawn faces are found by their boxes: the search is not measured here.
            for face in tracker.update(image, boxes=[box_from_landmarks(landmarks)]):
                if face.state != "lost":
                    yield true, face.pose


def drawn_pose(pose: HeadPose, rng: np.random.Generator) -> Pose:
    """Return a pose somewhere in the picture."""
    scale = rng.uniform(*SCALES)
    place = np.array(SIZE[::-1]) * rng.uniform(0.4, 0.6, 2)
    return Pose(*np.radians(pose).tolist(), scale, tuple(place.tolist()))


def add_rows(
    table: Table, name: str, poses: Sequence[tuple[HeadPose, HeadPose]]
) -> None:
    """Add the mean errors of true and found poses, by the size of the true yaw."""
    true, found = (np.array(which) for which in zip(*poses, strict=True))
    errors = np.column_stack([np.abs(found - true), rotation_errors(true, found)])
    for low, high in [*pairwise(YAWS), (YAWS[0], 40)]:
        inside = (np.abs(true[:, 0]) >= low) & (np.abs(true[:, 0]) <= high)
        cells = [f"{value:.1f}" for value in errors[inside].mean(0)]
        table.add_row(name, f"{low} to {high}", str(inside.sum()), *cells)


def rotation_errors(true: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the angles (N,) in degrees between poses (N, 3)."""
    pairs = zip(true, found, strict=True)
    traces = [
        np.trace(rotation_matrix(HeadPose(*a)).T @ rotation_matrix(HeadPose(*b)))
        for a, b in pairs
    ]
    return np.degrees(np.arccos(np.clip((np.array(traces) - 1) / 2, -1, 1)))


def print_people(tracker: FaceTracker, folder: Path) -> None:
    """Print the table of photographs, and the names of those with a wrong sign."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    paths = folder.rglob("*.*")
    pictures = {p.relative_to(folder).with_suffix("").as_posix(): p for p in paths}
    yaws: dict[int, list[float]] = {label: [] for label in NAMES}
    wrong = []
    for row in track(rows, "photographs", transient=True):
        label, yaw = int(row["pose"]), yaw_of(tracker, pictures[row["name"]], row)
        yaws[label].append(yaw)
        if label != 3 and np.sign(yaw) != np.sign(label - 3):
            wrong.append(f"{row['name']}: {NAMES[label]}, yaw {yaw:+.0f}")
    table = Table("label", "photographs", "median yaw", "sign as the label, %")
    for label, found in yaws.items():
        if not found:
            continue
        right = 100 * np.mean(np.sign(found) == np.sign(label - 3))
        share = "" if label == 3 else f"{right:.1f}"
        cells = [str(len(found)), f"{np.median(found):+.1f}", share]
        table.add_row(NAMES[label], *cells)
    Console().print(table)
    print("\n".join(wrong))


def yaw_of(tracker: FaceTracker, path: Path, row: dict[str, str]) -> float:
    """Return the yaw of the face of one photograph."""
    image = read_image(path)
    names = ("leye", "reye", "nose", "lmouth", "rmouth")
    points = [[float(row[f"{name}_{axis}"]) - 1 for axis in "xy"] for name in names]
    landmarks = tracker.align(image, box_on(np.array(points)))
    return place_head(landmarks, Camera.of_image(image.shape)).pose.yaw


def box_on(points: np.ndarray) -> np.ndarray:
    """Return the box (4,) of the average head on five points (5, 2)."""
    eyes = [AVERAGE_HEAD[i : i + 6].mean(0) for i in (36, 42)]
    turn, scale, origin = fit_from_afar(
        np.stack([*eyes, *AVERAGE_HEAD[[30, 48, 54]]]), points
    )
    return box_from_landmarks(scale * AVERAGE_HEAD @ turn[:2].T + origin)


if __name__ == "__main__":
    sys.exit(main())
