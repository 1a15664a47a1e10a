"""Moments in which a face is lost or spoiled: live tracking beside `--offline`.

Annotated stills are animated in the first two categories of 300VW. Every clip is used
twice: as it is, and shaken quickly. Runs of six frames are spoiled, one of each kind:

* block: an object before 50 to 90 % of the width and of the height of the face
* dark: a sixteenth of the light, and noise
* small: the face is 18 pixels wide
* blur: motion blur over a third of the face

The first table holds the errors of the spoiled frames, of the six frames behind each
run and of all others, in percent of the distance of the pupils, with the 95 % interval
of a bootstrap over people. A lost face counts with its last place. The second one holds
the landmark jitter of a picture that does not move, with new noise in every frame, and
the error jitter of the clean frames. The third one compares the reliability of the
faces that were filled in with the share of them that is good.

Clips in which another face of the picture is followed from the start are left out.

Example:
  python -m benchmarks.accuracy.transient_loss strrn-fast --stills DIR --people 6
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.accuracy.occlusion import FREE_CATEGORIES, is_another_face, read_clips
from data_pipeline.animation.dataset import animate_dataset
from data_pipeline.animation.spoiled_clip import (
    BEHIND,
    CLEAN,
    SPOILS,
    shaken,
    spoil_runs,
)
from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.media.images import write_image
from data_pipeline.synthetic.scene.motion import FRAMES_PER_SECOND
from strrn_tf import FaceTracker
from strrn_tf.drawing import draw_landmarks
from strrn_tf.evaluation.metrics import held, jitter_terms, nme_interpupil
from strrn_tf.geometry import relative_distance
from strrn_tf.methods.verdict import compare
from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.confidence.reliability import GOOD
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.offline.tracker import OfflineTracker

PROG = "python -m benchmarks.accuracy.transient_loss"
KINDS = tuple(SPOILS)
SLOW, FAST = "slow", "fast"
MOTIONS = (SLOW, FAST)
MODES = ("live", "offline")
NOISE, REST = 3.0, 40


@dataclass(frozen=True)
class Options:
    """What to measure."""

    model: tyro.conf.Positional[str]
    """Name or folder of a model."""
    stills: Path
    """Annotated stills that the model was not trained on, in the 300-W layout."""
    people: int = 6
    """Clips of each of two categories, at most 14. Each shows another person."""
    frames: int = 80
    """Frames of every clip, at least 62."""
    seed: int = 0
    """Decides every picture."""
    cache: Path = Path("runs/transient-loss")
    """Folder for the clips, which are kept."""
    pictures: Path | None = None
    """Folder for the worst spoiled frame of every clip. Red is live, green offline."""


class Trackers(NamedTuple):
    """The two that are compared."""

    live: FaceTracker
    offline: OfflineTracker

    def answers(self, images: Sequence[np.ndarray]) -> dict[str, list[list[Face]]]:
        """Return the faces of all frames of a clip by "live" and "offline"."""
        self.live.reset()
        self.offline.reset()
        pairs = [
            (image, number / FRAMES_PER_SECOND) for number, image in enumerate(images)
        ]
        return {
            "live": [self.live.update(*pair) for pair in pairs],
            "offline": list(self.offline.track(pairs)),
        }


class Result(NamedTuple):
    """What live and offline tracking answered of a spoiled clip.

    Attributes:
        person: number of the still.
        motion: one of ``MOTIONS``.
        landmarks: (T, 68, 2), the exact ones.
        kinds: of every frame: one of ``KINDS``, ``BEHIND`` or ``CLEAN``.
        faces: by mode, one face or None for every frame.
        errors: by mode, (T,) in percent; lost frames have the last place.
    """

    person: int
    motion: str
    landmarks: np.ndarray
    kinds: list[str]
    faces: dict[str, list[Face | None]]
    errors: dict[str, np.ndarray]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Measure and print."""
    if options.frames < 62:
        raise ValueError(f"--frames must be at least 62. Received: {options.frames}")
    trackers = Trackers(
        FaceTracker.from_pretrained(options.model),
        OfflineTracker.from_pretrained(options.model),
    )
    root = animate_dataset(
        options.cache / f"seed-{options.seed}-{options.people}-{options.frames}",
        list(list_stills(options.stills, "test")),
        clips_per_category=options.people,
        frames_per_clip=options.frames,
        seed=options.seed,
    )
    free = (c for c in read_clips(root) if c.category in FREE_CATEGORIES)
    results, rest, left_out = [], [], 0
    for person, whole in enumerate(track(free, "people", 2 * options.people)):
        if is_another_face(trackers.live, *whole.frames[0]):
            left_out += 1
            continue
        for motion in MOTIONS:
            rng = np.random.default_rng((options.seed, person))
            frames = shaken(rng, whole.frames) if motion == FAST else whole.frames
            images, kinds = spoil_runs(rng, frames)
            truth = np.stack([landmarks for _, landmarks in frames])
            faces, errors = measure(trackers, images, truth)
            results.append(Result(person, motion, truth, kinds, faces, errors))
            if options.pictures:
                write_worst(options.pictures, results[-1], images)
        rest.append(resting(trackers, whole.frames[0][0], person))
    console = Console(width=110)
    console.print(error_table(results))
    console.print(jitter_table(results, rest))
    console.print(reliability_table(results))
    console.print(f"left out, for another face of the picture is followed: {left_out}")


def measure(
    trackers: Trackers, images: Sequence[np.ndarray], truth: np.ndarray
) -> tuple[dict[str, list[Face | None]], dict[str, np.ndarray]]:
    """Track a clip; return faces and errors, see ``Result``."""
    answers = trackers.answers(images)
    faces = {mode: [_seen(row) for row in rows] for mode, rows in answers.items()}
    errors = {
        mode: nme_interpupil(held(np.stack([shape_of(f) for f in row])), truth)
        for mode, row in faces.items()
    }
    return faces, errors


def _seen(faces: Sequence[Face]) -> Face | None:
    return next((face for face in faces if face.state != "lost"), None)


def shape_of(face: Face | None) -> np.ndarray:
    """Return the landmarks (68, 2) of a face, NaN without one."""
    return np.full((68, 2), np.nan) if face is None else face.landmarks


def error_table(results: Sequence[Result]) -> Table:
    """Return the table of errors and lost frames."""
    table = Table(
        "frames", "motion", "number", "live, %", "offline, %", "medians, %",
        "change, %", "95 % interval", "lost",
    )  # fmt: skip
    rows = [
        *((kind, (kind,), motion) for kind in KINDS for motion in MOTIONS),
        *(("all spoiled", KINDS, motion) for motion in (*MOTIONS, None)),
        *((name, (name,), motion) for name in (BEHIND, CLEAN)
          for motion in (*MOTIONS, None)),
    ]  # fmt: skip
    for name, kinds, motion in rows:
        chosen = [
            (result, number)
            for result in results
            if motion in (None, result.motion)
            for number, kind in enumerate(result.kinds)
            if kind in kinds
        ]
        people = np.array([result.person for result, _ in chosen])
        errors = [np.array([r.errors[mode][i] for r, i in chosen]) for mode in MODES]
        lost = [sum(r.faces[mode][i] is None for r, i in chosen) for mode in MODES]
        known = np.isfinite(errors[0]) & np.isfinite(errors[1])
        found = compare(errors[0][known], errors[1][known], people[known])
        table.add_row(
            name,
            motion or "both",
            str(len(chosen)),
            *(f"{e[known].mean():.2f}" for e in errors),
            ", ".join(f"{np.median(e[known]):.2f}" for e in errors),
            f"{found['change']:+.1f}",
            f"{found['low']:+.1f} to {found['high']:+.1f}",
            ", ".join(map(str, lost)),
        )
    return table


def resting(trackers: Trackers, image: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Return the landmark jitter of a picture with new noise in every frame."""
    rng = np.random.default_rng(seed)
    noisy = (image + rng.normal(0, NOISE, image.shape) for _ in range(REST))
    images = [np.clip(np.rint(picture), 0, 255).astype(np.uint8) for picture in noisy]
    return {
        mode: jitter_terms(np.stack([shape_of(_seen(faces)) for faces in rows]))
        for mode, rows in trackers.answers(images).items()
    }


def jitter_table(
    results: Sequence[Result], rest: Sequence[dict[str, np.ndarray]]
) -> Table:
    """Return the table of jitter at rest and in clean frames."""
    table = Table("jitter, %", *MODES)
    cells = [np.concatenate([one[mode] for one in rest]).mean() for mode in MODES]
    table.add_row("at rest", *(f"{cell:.3f}" for cell in cells))
    for motion in MOTIONS:
        cells = []
        for mode in MODES:
            terms = [
                jitter_terms(
                    np.stack([shape_of(r.faces[mode][i]) for i in numbers]),
                    r.landmarks[numbers],
                    frames=numbers,
                )
                for r in results
                if r.motion == motion
                for numbers in [[i for i, k in enumerate(r.kinds) if k == CLEAN]]
            ]
            cells.append(f"{np.concatenate(terms).mean():.3f}")
        table.add_row(f"clean frames, {motion}", *cells)
    return table


def reliability_table(results: Sequence[Result]) -> Table:
    """Return the table of reliabilities of faces that were filled in, and others."""
    table = Table("offline faces", "number", "good, %", "mean reliability, %")
    pairs = [
        (face, truth)
        for result in results
        for face, truth in zip(result.faces["offline"], result.landmarks, strict=True)
        if face is not None
    ]
    for name in ("filled", "others"):
        chosen = [p for p in pairs if (p[0].state == "filled") == (name == "filled")]
        good = [relative_distance(f.landmarks, truth) < GOOD for f, truth in chosen]
        sure = [face.reliability for face, _ in chosen]
        shares = [f"{100 * np.mean(v):.1f}" if v else "" for v in (good, sure)]
        table.add_row(name, str(len(chosen)), *shares)
    return table


def write_worst(folder: Path, result: Result, images: Sequence[np.ndarray]) -> None:
    """Write the spoiled frame of a clip with the largest error of offline tracking."""
    errors = result.errors["offline"]
    spoiled = [i for i, kind in enumerate(result.kinds) if kind in KINDS]
    number = max(spoiled, key=errors.__getitem__)
    picture = images[number]
    for mode, colour in (("live", 0.0), ("offline", 1.0)):
        shape = shape_of(result.faces[mode][number])
        picture = draw_landmarks(picture, shape, colour)
    clip = f"{result.kinds[number]}-{result.motion}-{result.person}"
    name = f"{errors[number]:05.1f}-{clip}-{number}.png"
    write_image(folder / name, picture)


if __name__ == "__main__":
    sys.exit(main())
