"""Fit a model's reliability on labelled clips, and say how well it tells.

    python benchmarks/calibrate.py MODEL --clips DIR... --picture reliability.png

Every DIR has the layout of 300VW. What is printed is held out: the people are divided
into five parts, and the faces of each are judged by weights fitted on the other four.
Per category: expected calibration error (ten bins), mean error, and by how much it
falls when the least reliable tenth of the frames is rejected; beside it by how much it
would fall if the worst tenth were known. With --write the weights fitted on all go into
the model's model.json. Clips with exact landmarks are made by

    python -m data_pipeline.animation STILLS DIR --training-clips 50
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.optimize import minimize

from data_pipeline.three_hundred_vw import (
    SPLITS,
    list_sequences,
    read_annotation,
    sequence_ids,
)
from data_pipeline.video import open_video
from strrn_tf import FaceTracker
from strrn_tf.geometry import box_from_landmarks, face_size, relative_distance
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.model_folder import seal
from strrn_tf.tracking.reliability import GOOD, Reliability, features

BINS, PARTS = 10, 5
# A bin with fewer faces is not drawn.
FEWEST = 20
# Two standard deviations of the shift of the boxes, in face sizes: that of MTCNN's.
BOX_SHIFT = 0.08
# Every so many frames the detector is also asked without a track.
DETECT_EVERY = 4


class Sample(NamedTuple):
    """A face, who it is, and how far it is from the truth.

    ``error`` is a fraction of the eye distance, ``category`` that of 300VW or "train".
    """

    face: Face
    error: float
    person: str
    category: str | int


def main() -> None:
    """Fit, judge, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="name or exported folder")
    parser.add_argument("--clips", type=Path, nargs="+", required=True)
    parser.add_argument("--picture", type=Path, help="PNG of the calibration curves")
    parser.add_argument("--write", action="store_true", help="into model.json")
    options = parser.parse_args()
    tracker = FaceTracker.from_pretrained(options.model, smooth=False)
    samples = [one for root in options.clips for one in collect(tracker, root)]
    said = held_out(samples)
    report(samples, said)
    if options.picture:
        draw(samples, said, options.picture)
    if options.write:
        write(tracker, fit(samples))


def collect(tracker: FaceTracker, root: Path) -> Iterator[Sample]:
    """Yield the faces of all clips, tracked and detected."""
    rng = np.random.default_rng(0)
    names = people(root)
    inner = root / "300vw" if (root / "300vw").is_dir() else root
    for split in SPLITS:
        for sequence in track(list_sequences(inner, split), f"{root}, {split}"):
            frames = [
                (frame.image, truth)
                for frame in open_video(sequence.video_path)
                if np.isfinite(truth := read_annotation(sequence, frame.index)).all()
            ]
            person = names.get(sequence.name, f"{root}/{sequence.name}")
            for face, truth in [
                *tracked(tracker, frames, rng),
                *detected(tracker, frames[::DETECT_EVERY], rng),
            ]:
                error = float(relative_distance(face.landmarks, truth))
                yield Sample(face, error, person, split)


def people(root: Path) -> dict[str, str]:
    """Return the still that every clip of an animated data set was made of."""
    note = root / "animated.json"
    if not note.is_file():
        return {}
    told = json.loads(note.read_text())
    clips = told["clips_per_category"], told["num_training_clips"]
    ids = [i for split in (1, 2, 3) for i in sequence_ids(split)[: clips[0]]]
    ids += sequence_ids("train")[: clips[1]]
    return dict(zip(ids, told["stills"], strict=True))


def tracked(
    tracker: FaceTracker, frames: list, rng: np.random.Generator
) -> Iterator[tuple[Face, np.ndarray]]:
    """Yield faces and truths of a video followed, begun anew where it is lost."""
    tracker.reset()
    seen = False
    for image, truth in frames:
        boxes = [] if seen else [near(box_from_landmarks(truth), rng)]
        faces = tracker.update(image, boxes=boxes)
        seen = any(face.state != "lost" for face in faces)
        yield from ((face, truth) for face in faces if face.state == "tracked")


def detected(
    tracker: FaceTracker, frames: list, rng: np.random.Generator
) -> Iterator[tuple[Face, np.ndarray]]:
    """Yield the faces, and truths, that the detector sees in every frame for itself."""
    for image, truth in frames:
        tracker.reset()
        box = near(box_from_landmarks(truth), rng)
        yield from ((face, truth) for face in tracker.update(image, boxes=[box]))


def near(box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a box as a face finder would give it."""
    return box + face_size(box) * BOX_SHIFT / 2 * rng.standard_normal(4)


def fit(samples: list[Sample]) -> Reliability:
    """Return the logistic functions of largest likelihood."""
    weights = {}
    for state in ("tracked", "detected"):
        chosen = [sample for sample in samples if sample.face.state == state]
        x = np.array([[1, *features(sample.face)] for sample in chosen])
        good = np.array([sample.error < GOOD for sample in chosen])

        def loss(w: np.ndarray, x: np.ndarray = x, good: np.ndarray = good) -> float:
            return (
                np.logaddexp(0, np.where(good, -1, 1) * (x @ w)).mean() + 1e-4 * w @ w
            )

        found = minimize(loss, np.zeros(x.shape[1]), method="BFGS")
        weights[f"of_{state}"] = [round(float(w), 4) for w in found.x]
    return Reliability(**weights)


def held_out(samples: list[Sample]) -> np.ndarray:
    """Return the reliability of every face by weights that have not seen the person."""
    names = sorted({sample.person for sample in samples})
    order = np.random.default_rng(0).permutation(len(names))
    part_of = {name: int(order[i]) % PARTS for i, name in enumerate(names)}
    parts = np.array([part_of[sample.person] for sample in samples])
    said = np.empty(len(samples))
    for part in range(PARTS):
        fitted = fit([samples[i] for i in np.flatnonzero(parts != part)])
        inside = np.flatnonzero(parts == part)
        said[inside] = [fitted(samples[i].face) for i in inside]
    return said


def report(samples: list[Sample], said: np.ndarray) -> None:
    """Print one row per category and state."""
    columns = "clips", "state", "faces", "good", "ECE", "error", "fall", "at best"
    table = Table(*columns)
    categories = np.array([str(sample.category) for sample in samples])
    states = np.array([sample.face.state for sample in samples])
    errors = np.array([sample.error for sample in samples])
    everything = np.full(len(samples), True)
    for name in (*map(str, SPLITS), "all"):
        for state in ("tracked", "detected"):
            chosen = everything if name == "all" else categories == name
            chosen = chosen & (states == state)
            error, good = errors[chosen], errors[chosen] < GOOD
            table.add_row(
                name,
                state,
                str(chosen.sum()),
                f"{100 * good.mean():.1f} %",
                f"{calibration_error(said[chosen], good):.3f}",
                f"{100 * error.mean():.2f} %",
                f"{100 * fall(error, -said[chosen]):.1f} %",
                f"{100 * fall(error, error):.1f} %",
            )
    Console().print(table)


def fall(errors: np.ndarray, order: np.ndarray) -> float:
    """Return by what share the mean falls without the tenth that is last in order."""
    kept = errors[np.argsort(order)[: len(errors) - len(errors) // 10]]
    return float(1 - kept.mean() / errors.mean())


def calibration_error(said: np.ndarray, good: np.ndarray) -> float:
    """Return the expected calibration error: |said - true| averaged over bins."""
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    gaps = [
        (bins == b).mean() * abs(said[bins == b].mean() - good[bins == b].mean())
        for b in np.unique(bins)
    ]
    return float(sum(gaps))


def draw(samples: list[Sample], said: np.ndarray, path: Path) -> None:
    """Write the calibration curves."""
    figure, axes = plt.subplots(figsize=(5, 5), dpi=100)
    axes.plot([0, 1], [0, 1], color="0.7", label="perfect")
    states = np.array([sample.face.state for sample in samples])
    good = np.array([sample.error < GOOD for sample in samples])
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    for state, colour in (("tracked", "tab:blue"), ("detected", "tab:orange")):
        inside = [(bins == b) & (states == state) for b in range(BINS)]
        inside = [chosen for chosen in inside if chosen.sum() >= FEWEST]
        x, y = ([values[chosen].mean() for chosen in inside] for values in (said, good))
        sizes = [600 * chosen.mean() + 5 for chosen in inside]
        axes.plot(x, y, color=colour, label=state)
        axes.scatter(x, y, sizes, color=colour)
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="reliability",
        ylabel=f"share of faces with an error below {100 * GOOD:.0f} % of the eyes",
    )
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)
    print(f"{path} is written")


def as_entry(reliability: Reliability) -> dict:
    """Return the entry of model.json."""
    return {
        "meaning": "probability that the mean error is below 5 % of the eye distance",
        "of_tracked": list(reliability.of_tracked),
        "of_detected": list(reliability.of_detected),
    }


def write(tracker: FaceTracker, reliability: Reliability) -> None:
    """Put the weights into the model's description."""
    description = {**tracker.folder.description, "reliability": as_entry(reliability)}
    seal(tracker.folder.path, description)
    print(f"{tracker.folder.path / 'model.json'} is written")


if __name__ == "__main__":
    main()
