"""Moments in which a face is lost or spoiled: live tracking beside `--offline`.

Annotated stills are animated in the first two categories of 300VW. Every clip is used
twice: as it is, and shaken quickly. Runs of six frames are spoiled, one of each kind:

* block: an object before 50 to 90 % of the width and of the height of the face
* dark: a sixteenth of the light, and noise
* small: the face is 18 pixels wide
* blur: motion blur over a third of the face

The first table holds the errors of the spoiled frames, of the six frames behind them
and of all others, in percent of the distance of the pupils. A lost face counts with its
last place. Beside them is the change from live to offline with the 95 % interval of a
bootstrap over people, and the frames that are lost. The last rows are of frames that
are clean before and behind, by motion.

The second table holds the landmark jitter of a picture that does not move, with new
noise in every frame, and the error jitter of the clean frames.

The third one compares the reliability of the faces that were filled in with the share
of them that is good.

Example:
  python -m benchmarks.accuracy.transient_loss strrn-fast --stills DIR --people 6
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.accuracy.occlusion import FREE_CATEGORIES, read_clips
from data_pipeline.animation.dataset import animate_dataset
from data_pipeline.animation.occluded_clip import Frames
from data_pipeline.augmentation.occlusion import Occluder, paint_occluder
from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.synthetic.scene.photograph import motion_blur
from strrn_tf import FaceTracker
from strrn_tf.evaluation.metrics import held, jitter_terms, nme_interpupil
from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    box_sides,
    face_size,
    similarity,
)
from strrn_tf.methods.verdict import compare
from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.confidence.reliability import GOOD
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.offline.tracker import OfflineTracker

PROG = "python -m benchmarks.accuracy.transient_loss"
KINDS = ("block", "dark", "small", "blur")
MOTIONS = ("slow", "fast")
RUN = 6
CLEAN, BEHIND = "clean", "behind"
SMALL = 18
# Shaking: half range in sides of the face box and in radians, and swings per second.
SHAKE, SHAKE_ROLL, SWINGS, FPS = 0.35, 0.12, 1.2, 25
NOISE = 3.0


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
    """Frames of every clip, at least 40."""
    seed: int = 0
    """Decides every picture."""
    cache: Path = Path("runs/transient-loss")
    """Folder for the clips, which are kept."""
    pictures: Path | None = None
    """Folder for pictures of the worst spoiled frames of offline tracking."""


class Clip(NamedTuple):
    """A spoiled clip.

    Attributes:
        person: number of the still.
        motion: one of ``MOTIONS``.
        images: (H, W, 3) uint8 each.
        landmarks: (T, 68, 2).
        kinds: of every frame: one of ``KINDS``, ``BEHIND`` or ``CLEAN``.
    """

    person: int
    motion: str
    images: list[np.ndarray]
    landmarks: np.ndarray
    kinds: list[str]


class Result(NamedTuple):
    """What live and offline tracking answered of a clip.

    Attributes:
        clip: the clip.
        faces: by "live" and "offline", one face or None for every frame.
        errors: by "live" and "offline", (T,) in percent; lost frames have the last
            place.
    """

    clip: Clip
    faces: dict[str, list[Face | None]]
    errors: dict[str, np.ndarray]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Measure and print."""
    if options.frames < 40:
        raise ValueError(f"--frames must be at least 40. Received: {options.frames}")
    live = FaceTracker.from_pretrained(options.model)
    root = animate_dataset(
        options.cache / f"seed-{options.seed}-{options.people}-{options.frames}",
        list(list_stills(options.stills, "test")),
        clips_per_category=options.people,
        frames_per_clip=options.frames,
        seed=options.seed,
    )
    free = [c.frames for c in read_clips(root) if c.category in FREE_CATEGORIES]
    clips = [
        spoiled(np.random.default_rng((options.seed, person)), frames, person, motion)
        for person, frames in enumerate(free)
        for motion in MOTIONS
    ]
    results = [measure(options.model, live, clip) for clip in track(clips, "clips")]
    console = Console(width=110)
    console.print(error_table(results))
    console.print(jitter_table(options.model, live, results, free))
    console.print(reliability_table(results))
    if options.pictures:
        write_pictures(options.pictures, results)


def spoiled(
    rng: np.random.Generator, frames: Frames, person: int, motion: str
) -> Clip:
    """Return a clip in which four runs of frames are spoiled, in random order."""
    if motion == "fast":
        frames = shaken(rng, frames)
    images = [image for image, _ in frames]
    landmarks = np.stack([points for _, points in frames])
    kinds = [CLEAN] * len(frames)
    # The first run leaves time for a template, the last one for the frames behind it.
    starts = np.linspace(10, len(frames) - 2 * RUN - 4, len(KINDS)).astype(int)
    for kind, start in zip(rng.permutation(KINDS), starts.tolist(), strict=True):
        spoil = SPOILS[kind](rng, images[start], landmarks[start])
        for number in range(start, start + RUN):
            images[number] = spoil(images[number], landmarks[number])
            kinds[number], kinds[number + RUN] = str(kind), BEHIND
    return Clip(person, motion, images, landmarks, kinds)


def shaken(rng: np.random.Generator, frames: Frames) -> Frames:
    """Return the frames of a head that is shaken in the picture, with motion blur."""
    size = face_size(box_from_landmarks(frames[0][1]))
    phases = rng.uniform(0, 2 * np.pi, 3)
    result, before = [], None
    for number, (image, landmarks) in enumerate(frames):
        swing = np.sin(2 * np.pi * SWINGS * number / FPS * np.array([1, 0.8, 1.1]) + phases)
        height, width = image.shape[:2]
        middle = similarity(1.0, 0.0, np.array([width / 2, height / 2]))
        turn = similarity(
            1.0, SHAKE_ROLL * swing[2], SHAKE * size * swing[:2] * (1, 0.5)
        )
        turn[:, 2] += middle[:, 2] - turn[:, :2] @ middle[:, 2]
        moved = cv2.warpAffine(
            image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE
        )
        places = apply_matrix(turn, landmarks).astype(np.float32)
        shift = np.zeros(2) if before is None else (places - before).mean(0)
        result.append((motion_blur(moved, 0.3 * shift), places))
        before = places
    return result


def _block(rng: np.random.Generator, image: np.ndarray, landmarks: np.ndarray):
    """Return a function that puts one object before the face."""
    part, place = rng.uniform(0.5, 0.9, 2), rng.uniform(-0.25, 0.25, 2)
    fill = ("colour", "noise")[rng.integers(2)]
    colour = tuple(rng.integers(0, 256, 3).tolist())
    texture = tuple(rng.integers(0, 300, 2).tolist())

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        side = image.shape[0]
        box = box_from_landmarks(landmarks)
        centre = (box[:2] + box[2:]) / 2 + place * box_sides(box)
        axes = part * box_sides(box) / 2 / side
        painted = np.ascontiguousarray(image).copy()
        paint_occluder(
            painted,
            Occluder(tuple(centre / side), tuple(axes), 0.0, 4, fill, colour, texture),
        )
        return painted

    return spoil


def _dark(rng: np.random.Generator, image: np.ndarray, landmarks: np.ndarray):
    """Return a function that takes light away and adds noise."""

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        # Tones are the 2.2th root of the light.
        dark = image * (1 / 16) ** (1 / 2.2) + rng.normal(0, 10, image.shape)
        return np.clip(np.rint(dark), 0, 255).astype(np.uint8)

    return spoil


def _small(rng: np.random.Generator, image: np.ndarray, landmarks: np.ndarray):
    """Return a function that leaves a face of few pixels."""

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        scale = SMALL / box_sides(box_from_landmarks(landmarks))[0]
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)

    return spoil


def _blur(rng: np.random.Generator, image: np.ndarray, landmarks: np.ndarray):
    """Return a function that blurs by motion in one direction."""
    angle = rng.uniform(0, np.pi)
    direction = np.array([np.cos(angle), np.sin(angle)])

    def spoil(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        length = face_size(box_from_landmarks(landmarks)) / 3
        return motion_blur(image, length * direction)

    return spoil


SPOILS = {"block": _block, "dark": _dark, "small": _small, "blur": _blur}


def measure(model: str, live: FaceTracker, clip: Clip) -> Result:
    """Track a clip live and offline. The first frame has a box in neither."""
    live.reset()
    pairs = [(image, number / FPS) for number, image in enumerate(clip.images)]
    answers = {
        "live": [live.update(*pair) for pair in pairs],
        "offline": list(OfflineTracker.from_pretrained(model).track(pairs)),
    }
    faces = {name: [_seen(f) for f in rows] for name, rows in answers.items()}
    errors = {
        name: nme_interpupil(held(np.stack([shape_of(f) for f in rows])), clip.landmarks)
        for name, rows in faces.items()
    }
    return Result(clip, faces, errors)


def _seen(faces: Sequence[Face]) -> Face | None:
    return next((face for face in faces if face.state != "lost"), None)


def shape_of(face: Face | None) -> np.ndarray:
    """Return the landmarks (68, 2) of a face, NaN without one."""
    return np.full((68, 2), np.nan) if face is None else face.landmarks


def error_table(results: Sequence[Result]) -> Table:
    """Return the table of errors and lost frames."""
    table = Table(
        "frames", "motion", "number", "live, %", "offline, %", "change, %",
        "95 % interval", "lost live", "lost offline",
    )  # fmt: skip
    rows = [
        *((kinds, (kind,), motion) for kind in KINDS for motion in MOTIONS
          for kinds in (kind,)),
        *(("all spoiled", KINDS, motion) for motion in (*MOTIONS, None)),
        *((name, (name,), motion) for name in (BEHIND, CLEAN)
          for motion in (*MOTIONS, None)),
    ]  # fmt: skip
    for name, kinds, motion in rows:
        chosen = [
            (result, number)
            for result in results
            if motion in (None, result.clip.motion)
            for number, kind in enumerate(result.clip.kinds)
            if kind in kinds
        ]
        people = np.array([result.clip.person for result, _ in chosen])
        errors = [
            np.array([result.errors[mode][number] for result, number in chosen])
            for mode in ("live", "offline")
        ]
        lost = [
            sum(result.faces[mode][number] is None for result, number in chosen)
            for mode in ("live", "offline")
        ]
        known = np.isfinite(errors[0]) & np.isfinite(errors[1])
        found = compare(errors[0][known], errors[1][known], people[known])
        table.add_row(
            name,
            motion or "both",
            str(len(chosen)),
            *(f"{e[known].mean():.2f}" for e in errors),
            f"{found['change']:+.1f}",
            f"{found['low']:+.1f} to {found['high']:+.1f}",
            *map(str, lost),
        )
    return table


def jitter_table(
    model: str, live: FaceTracker, results: Sequence[Result], clips: Sequence[Frames]
) -> Table:
    """Return the table of jitter at rest and in clean frames."""
    table = Table("jitter, %", "live", "offline")
    rest = {"live": [], "offline": []}
    for person, frames in enumerate(track(clips, "rest")):
        rng = np.random.default_rng(person)
        pairs = [(_noisy(rng, frames[0][0]), number / FPS) for number in range(40)]
        live.reset()
        answers = {
            "live": [live.update(*pair) for pair in pairs],
            "offline": list(OfflineTracker.from_pretrained(model).track(pairs)),
        }
        for mode, rows in answers.items():
            shapes = np.stack([shape_of(_seen(faces)) for faces in rows])
            rest[mode].append(jitter_terms(shapes))
    table.add_row("at rest", *(f"{np.concatenate(rest[m]).mean():.3f}" for m in rest))
    for motion in MOTIONS:
        cells = []
        for mode in rest:
            terms = [
                jitter_terms(
                    np.stack([shape_of(r.faces[mode][i]) for i in numbers]),
                    r.clip.landmarks[numbers],
                    frames=numbers,
                )
                for r in results
                if r.clip.motion == motion
                for numbers in [[i for i, k in enumerate(r.clip.kinds) if k == CLEAN]]
            ]
            cells.append(f"{np.concatenate(terms).mean():.3f}")
        table.add_row(f"clean frames, {motion}", *cells)
    return table


def _noisy(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    noise = rng.normal(0, NOISE, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def reliability_table(results: Sequence[Result]) -> Table:
    """Return the table of reliabilities of faces that were filled in, and others."""
    table = Table("offline faces", "number", "good, %", "mean reliability, %")
    for is_filled in (True, False):
        good, sure = [], []
        for result in results:
            for face, truth in zip(
                result.faces["offline"], result.clip.landmarks, strict=True
            ):
                if face is None or (face.state == "filled") != is_filled:
                    continue
                error = np.linalg.norm(face.landmarks - truth, axis=-1).mean()
                good.append(error < GOOD * np.linalg.norm(truth[45] - truth[36]))
                sure.append(face.reliability)
        table.add_row(
            "filled" if is_filled else "others",
            str(len(good)),
            *(f"{100 * np.mean(v):.1f}" if v else "" for v in (good, sure)),
        )
    return table


def write_pictures(folder: Path, results: Sequence[Result], count: int = 12) -> None:
    """Write the spoiled frames with the largest errors of offline tracking.

    Red is live, green is offline, white is exact.
    """
    spots = [
        (result.errors["offline"][number], result, number)
        for result in results
        for number, kind in enumerate(result.clip.kinds)
        if kind in KINDS
    ]
    folder.mkdir(parents=True, exist_ok=True)
    worst, taken = [], set()
    for error, result, number in sorted(spots, key=lambda spot: -spot[0]):
        key = result.clip.person, result.clip.motion, result.clip.kinds[number]
        if key not in taken and len(worst) < count:
            taken.add(key)
            worst.append((error, result, number))
    for rank, (error, result, number) in enumerate(worst):
        picture = np.ascontiguousarray(result.clip.images[number][..., ::-1])
        for shape, colour in (
            (result.clip.landmarks[number], (255, 255, 255)),
            (shape_of(result.faces["live"][number]), (0, 0, 255)),
            (shape_of(result.faces["offline"][number]), (0, 255, 0)),
        ):
            for x, y in shape[np.isfinite(shape).all(-1)]:
                cv2.circle(picture, (round(float(x)), round(float(y))), 2, colour, -1)
        clip = result.clip
        name = f"{rank:02}-{clip.kinds[number]}-{clip.motion}-{clip.person}-{number}"
        cv2.imwrite(str(folder / f"{name}-{error:.0f}.png"), picture)


if __name__ == "__main__":
    sys.exit(main())
