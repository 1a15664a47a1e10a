"""How the live tracker follows faces that are hidden in part, or entirely.

Annotated stills are animated in the three categories of 300VW. Before the faces of the
first two an ellipse with a texture wanders, whose area is 20, 30 or 40 % of the face.
In the second table the picture ends in the face instead: 10, 20 or 30 % of it are
outside. Both tables hold for each share:

* lost: share of the frames in which the tracker sees no face where it is. The first
  frame has a box; later the tracker finds the face itself.
* visible, hidden: error of these landmarks in percent of the distance of the outer eye
  corners. Beside it the ratio to the same landmarks of the same clips without object.
* ECE: expected calibration error of the confidence of single landmarks, and of the
  hidden ones alone.
* AUC: probability that a hidden landmark has less confidence than a visible one.

The third table holds the share of the frames in which a face is claimed although a
cover hides it, or it has left the picture. The last one compares the protocols `live`
and `track-redetect` of `strrn evaluate`, where lost frames count with the last place.

Example:
  python -m benchmarks.accuracy.occlusion strrn-mdm --stills DIR --people 6
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.models.calibration_error import area_under_curve, calibration_error
from data_pipeline.animation.dataset import animate_dataset
from data_pipeline.animation.occluded_clip import (
    Frames,
    OccludedFrame,
    cover,
    cut_off,
    leave,
    wander,
)
from data_pipeline.datasets.three_hundred_vw import list_sequences, read_annotation
from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.media.video import open_video
from strrn_tf import FaceTracker
from strrn_tf.evaluation.metrics import nme_interpupil
from strrn_tf.evaluation.scoring import (
    LabelledFrame,
    evaluate_sequence,
    summarise_results,
)
from strrn_tf.geometry import box_from_landmarks, eye_distance, face_size
from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.confidence.reliability import GOOD
from strrn_tf.tracking.face import Face

PROG = "python -m benchmarks.accuracy.occlusion"
SHARES = (0.0, 0.2, 0.3, 0.4)
OUTSIDE_SHARES = (0.0, 0.1, 0.2, 0.3)
CATEGORIES = (1, 2, 3)
# Those without objects of their own.
FREE_CATEGORIES = (1, 2)
LIVE, STEPS = "live", "track-redetect"
NOTHING = np.full(68, np.nan)
# Percent of the distance of the pupils. An answer further away is of another face.
ANOTHER_FACE = 50.0
HIDDEN_BY = ("cover", "sliding cover", "leaving")


@dataclass(frozen=True)
class Options:
    """What to measure."""

    model: tyro.conf.Positional[str]
    """Name or folder of a model."""
    stills: Path
    """Annotated stills that the model was not trained on, in the 300-W layout."""
    people: int = 14
    """Clips of each category, at most 14. Each shows another person."""
    frames: int = 40
    """Frames of every clip."""
    seed: int = 0
    """Decides every picture."""
    protocols: bool = True
    """Also compare `live` with `track-redetect`."""
    cache: Path = Path("runs/occlusion")
    """Folder for the clips, which are kept."""


class Clip(NamedTuple):
    """A clip of ``animate_dataset``."""

    name: str
    category: int
    frames: Frames


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Measure and print."""
    tracker = FaceTracker.from_pretrained(options.model)
    root = animate_dataset(
        options.cache / f"seed-{options.seed}-{options.people}-{options.frames}",
        list(list_stills(options.stills, "test")),
        clips_per_category=options.people,
        frames_per_clip=options.frames,
        seed=options.seed,
    )
    clips = list(read_clips(root))
    free = [clip for clip in clips if clip.category in FREE_CATEGORIES]
    console = Console()
    console.print(partial_table(tracker, free, options.seed, "object", wander, SHARES))
    cut = "outside", cut_off, OUTSIDE_SHARES
    console.print(partial_table(tracker, free, options.seed, *cut))
    console.print(whole_table(tracker, free, options.seed))
    if options.protocols:
        console.print(protocol_table(tracker, clips))


def read_clips(root: Path) -> Iterator[Clip]:
    """Yield the clips of a folder of ``animate_dataset``."""
    for category in CATEGORIES:
        for sequence in list_sequences(root / "300vw", category):
            frames = [
                (frame.image, read_annotation(sequence, frame.index))
                for frame in open_video(sequence.video_path, from_zero=True)
            ]
            yield Clip(sequence.name, category, frames)


def is_another_face(
    tracker: FaceTracker, image: np.ndarray, landmarks: np.ndarray
) -> bool:
    """Return whether the face that is found first is not that of some landmarks."""
    tracker.reset()
    face = next(iter(tracker.update(image, 0.0)), None)
    if face is None:
        return False
    error = nme_interpupil(face.landmarks[None], landmarks[None])[0]
    return bool(error > ANOTHER_FACE)


def follow(tracker: FaceTracker, clip: Sequence[OccludedFrame]) -> list[Face | None]:
    """Return what the tracker says of every frame. The first one has a box."""
    tracker.reset()
    seen = []
    for frame in clip:
        boxes = None if seen else [box_from_landmarks(frame.landmarks)]
        faces = tracker.update(frame.image, boxes=boxes)
        seen.append(next((f for f in faces if is_claimed(f, frame)), None))
    return seen


def is_claimed(face: Face, frame: OccludedFrame) -> bool:
    """Return whether a face is seen where the true one is. Others may be in sight."""
    apart = np.linalg.norm(face.landmarks.mean(0) - frame.landmarks.mean(0))
    return bool(apart < face_size(box_from_landmarks(frame.landmarks)) / 2)


def partial_table(
    tracker: FaceTracker,
    clips: list[Clip],
    seed: int,
    name: str,
    hide: Callable[[np.random.Generator, Frames, float], list[OccludedFrame]],
    shares: Sequence[float],
) -> Table:
    """Return the table of faces of which a function hides shares."""
    table = Table(
        f"{name}, %", "frames", "lost, %", "visible, %", "ratio",
        "hidden, %", "ratio", "ECE", "hidden", "AUC", padding=0,
    )  # fmt: skip
    plain: list[np.ndarray] = []
    for share in shares:
        lost, errors, hidden, sure = [], [], [], []
        for number, clip in enumerate(track(clips, f"{100 * share:.0f} %")):
            rng = np.random.default_rng((seed, number))
            occluded = hide(rng, clip.frames, share)
            seen = follow(tracker, occluded)
            lost += [face is None for face in seen]
            hidden += [frame.hidden for frame in occluded]
            for face, frame in zip(seen, occluded, strict=True):
                errors.append(landmark_errors(face, frame.landmarks))
                sure.append(NOTHING if face is None else face.landmark_confidence)
        plain = plain or errors
        cells = partial_cells(*map(np.stack, (errors, plain, hidden, sure)))
        table.add_row(
            f"{100 * share:.0f}", str(len(lost)), f"{100 * np.mean(lost):.1f}", *cells
        )
    return table


def partial_cells(
    errors: np.ndarray, plain: np.ndarray, hidden: np.ndarray, sure: np.ndarray
) -> list[str]:
    """Return errors of visible and hidden landmarks, their ratios, both ECE and AUC.

    Args:
        errors: (N, 68) fractions of the eye distance; NaN where the face is lost.
        plain: (N, 68), those of the same frames without object.
        hidden: (N, 68) bool.
        sure: (N, 68) confidence of the landmarks.
    """
    known = np.isfinite(errors) & np.isfinite(plain)
    cells = []
    for chosen in (known & ~hidden, known & hidden):
        now, before = errors[chosen], plain[chosen]
        cells += (
            [f"{100 * now.mean():.2f}", f"{now.mean() / before.mean():.2f}"]
            if now.size
            else ["", ""]
        )
    judged = np.isfinite(sure) & np.isfinite(errors)
    if not judged.any():
        return [*cells, "", "", ""]
    for chosen in (judged, judged & hidden):
        apart = calibration_error(sure[chosen], errors[chosen] < GOOD)
        cells.append(f"{apart:.3f}" if chosen.any() else "")
    is_hidden = hidden[judged]
    both = is_hidden.any() and not is_hidden.all()
    area = area_under_curve(-sure[judged], is_hidden) if both else np.nan
    return [*cells, f"{area:.3f}" if both else ""]


def whole_table(tracker: FaceTracker, clips: list[Clip], seed: int) -> Table:
    """Return the table of faces that are covered entirely, or gone."""
    table = Table("face hidden by", "frames", "claimed, %", "of first 4 frames, %")
    for kind in HIDDEN_BY:
        claims, first_claims = [], []
        for number, clip in enumerate(track(clips, kind)):
            rng, first = np.random.default_rng((seed, number)), len(clip.frames) // 3
            occluded = (
                leave(clip.frames, first)
                if kind == "leaving"
                else cover(rng, clip.frames, first, slides=kind == "sliding cover")
            )
            claimed = [face is not None for face in follow(tracker, occluded)[first:]]
            claims += claimed
            first_claims += claimed[:4]
        table.add_row(
            kind,
            str(len(claims)),
            f"{100 * np.mean(claims):.1f}",
            f"{100 * np.mean(first_claims):.1f}",
        )
    return table


def protocol_table(tracker: FaceTracker, clips: list[Clip]) -> Table:
    """Return the table of ``live`` beside ``track-redetect``."""
    results = []
    for clip in track(clips, "protocols"):
        results += evaluate_sequence(
            tracker,
            (LabelledFrame(i, *frame) for i, frame in enumerate(clip.frames)),
            group=str(clip.category),
            sequence=clip.name,
            protocols=(STEPS, LIVE),
        )
    rows = {(r["category"], r["protocol"]): r for r in summarise_results(results)}
    table = Table("category", STEPS, f"{LIVE}, lost counted", "ratio", "lost, %")
    for category in dict.fromkeys(name for name, _ in rows):
        steps, live = rows[category, STEPS], rows[category, LIVE]
        errors = [row["nme_interpupil_held"] for row in (steps, live)]
        lost = live["states"]["lost"] / sum(live["states"].values())
        table.add_row(
            category,
            *(f"{error:.2f}" for error in errors),
            f"{errors[1] / errors[0]:.3f}",
            f"{100 * lost:.1f}",
        )
    return table


def landmark_errors(face: Face | None, truth: np.ndarray) -> np.ndarray:
    """Return the errors (68,) as fractions of the eye distance, NaN if it is lost."""
    if face is None:
        return NOTHING
    return np.linalg.norm(face.landmarks - truth, axis=-1) / eye_distance(truth)


if __name__ == "__main__":
    sys.exit(main())
