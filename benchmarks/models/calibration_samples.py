"""Faces to calibrate a tracker's reliability on: animated stills with occluders.

Every clip is tracked. In every second one something hides the face for some frames, and
in every fourth one an object wanders over it: otherwise all faces would be visible, and
nearly all landmarks good.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.progress import track

from data_pipeline.animation.dataset import animate_dataset
from data_pipeline.animation.occluded_clip import OccludedFrame, wander
from data_pipeline.augmentation.occlusion import covering_block
from data_pipeline.datasets.three_hundred_vw import (
    SPLITS,
    list_sequences,
    read_annotation,
    sequence_ids,
)
from data_pipeline.datasets.three_hundred_w import Still
from data_pipeline.media.video import open_video
from strrn_tf import FaceTracker
from strrn_tf.geometry import box_from_landmarks, face_size, relative_distances
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.face import Face

# Two standard deviations of the shift of the boxes, in face sizes: that of MTCNN's.
BOX_SHIFT = 0.08
# The detector also runs without a track in one of this many frames.
DETECT_EVERY = 4
# Kinds of covers, their length in frames, and their side as a fraction of the side of a
# block that hides a face entirely.
COVERS = ("grey", "colour", "noise", "picture")
COVERED_FRAMES = 6
COVERED_SHARE = (0.4, 1.0)
# Area of a wandering object, a share of the face.
WANDERING_SHARE = (0.15, 0.4)
TRAINING_CLIPS, CLIPS_PER_CATEGORY = 50, 14


class Sample(NamedTuple):
    """A face, who it is, and how far it is from the truth.

    Attributes:
        face: that the tracker reports.
        errors: (68,) of its landmarks, fractions of the eye distance. NaN: no truth.
        hidden: (68,) bool, whether an object is before the landmark.
        person: still that the clip is made of.
        category: that of 300VW, "train" or "stills".
    """

    face: Face
    errors: np.ndarray
    hidden: np.ndarray
    person: str
    category: str | int

    @property
    def error(self) -> float:
        """Mean error of the landmarks."""
        return float(np.nanmean(self.errors))


def animated(
    root: Path, stills: list[Still], seeds: int, frames: int
) -> Iterator[Path]:
    """Yield folders of clips of stills; those of a former call are used again."""
    for seed in range(1, seeds + 1):
        few = min(1.0, len(stills) / (3 * CLIPS_PER_CATEGORY + TRAINING_CLIPS))
        yield animate_dataset(
            root / f"seed-{seed}",
            stills,
            clips_per_category=int(CLIPS_PER_CATEGORY * few),
            num_training_clips=int(TRAINING_CLIPS * few),
            frames_per_clip=frames,
            seed=seed,
        )


def collect(tracker: FaceTracker, root: Path) -> Iterator[Sample]:
    """Yield the faces of all clips, tracked and detected."""
    rng = np.random.default_rng(0)
    names = still_of_clip(root)
    for split in SPLITS:
        for sequence in track(
            list_sequences(root / "300vw", split), f"{root.name}, {split}"
        ):
            frames = [
                (frame.image, truth)
                for frame in open_video(sequence.video_path, from_zero=True)
                if np.isfinite(truth := read_annotation(sequence, frame.index)).all()
            ]
            clip = occluded(frames, rng)
            hidden_of = {id(frame.landmarks): frame.hidden for frame in clip}
            frames = [(frame.image, frame.landmarks) for frame in clip]
            person = names[sequence.name]
            for face, truth in [
                *tracked(tracker, frames, rng),
                *detected(tracker, frames[::DETECT_EVERY], rng),
            ]:
                errors = relative_distances(face.landmarks, truth)
                yield Sample(face, errors, hidden_of[id(truth)], person, split)


def occluded(frames: list, rng: np.random.Generator) -> list[OccludedFrame]:
    """Return a clip of which every second is covered, and every fourth wandered over.

    Covers hide no landmark by name.
    """
    kind = rng.random()
    if 0.5 <= kind < 0.75:
        return wander(rng, frames, rng.uniform(*WANDERING_SHARE))
    frames = with_covers(frames, rng) if kind < 0.5 else frames
    nothing = np.zeros(NUM_LANDMARKS, bool)
    return [OccludedFrame(image, truth, nothing, 0.0) for image, truth in frames]


def still_of_clip(root: Path) -> dict[str, str]:
    """Return the still that every clip of an animated data set was made of."""
    description = json.loads((root / "animated.json").read_text())
    clips = description["clips_per_category"], description["num_training_clips"]
    ids = [i for split in (1, 2, 3) for i in sequence_ids(split)[: clips[0]]]
    ids += sequence_ids("train")[: clips[1]]
    return dict(zip(ids, description["stills"], strict=True))


def tracked(
    tracker: FaceTracker, frames: list, rng: np.random.Generator
) -> Iterator[tuple[Face, np.ndarray]]:
    """Yield tracked faces of a video and their truths; a lost face is started again.

    A lost face has the landmarks of the detector in its last box, as it would have if
    no check had found it lost.
    """
    tracker.reset()
    seen, place = False, None
    for image, truth in frames:
        boxes = [] if seen else [near(box_from_landmarks(truth), rng)]
        faces = tracker.update(image, boxes=boxes)
        in_sight = [face for face in faces if face.state != "lost"]
        seen = bool(in_sight)
        if in_sight:
            place = in_sight[0].box
        elif faces and place is not None:
            guess = tracker.align(image, place)
            yield replace(faces[0], landmarks=guess), truth
        yield from ((face, truth) for face in in_sight if face.state == "tracked")


def detected(
    tracker: FaceTracker, frames: list, rng: np.random.Generator
) -> Iterator[tuple[Face, np.ndarray]]:
    """Yield detected faces and their truths, every frame by itself."""
    for image, truth in frames:
        tracker.reset()
        box = near(box_from_landmarks(truth), rng)
        yield from ((face, truth) for face in tracker.update(image, boxes=[box]))


def near(box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a box as a face finder would give it."""
    return box + face_size(box) * BOX_SHIFT / 2 * rng.standard_normal(4)


def with_covers(frames: list, rng: np.random.Generator) -> list:
    """Return the images and truths of a clip with something before the face."""
    kind = COVERS[rng.integers(len(COVERS))]
    start = int(rng.integers(1, max(2, len(frames) - COVERED_FRAMES)))
    share, aside = rng.uniform(*COVERED_SHARE), rng.uniform(-0.5, 0.5, 2)
    colour = rng.integers(0, 256, 3)
    result = list(frames)
    for i in range(start, min(start + COVERED_FRAMES, len(frames))):
        image, truth = frames[i]
        box = box_from_landmarks(truth)
        centre, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        centre = centre + (1 - share) * aside * 2 * sides
        half = share * sides / 2
        block = covering_block(np.concatenate([centre - half, centre + half]))
        result[i] = covered(image, *block, kind, colour, rng), truth
    return result


def covered(
    image: np.ndarray,
    start: np.ndarray,
    stop: np.ndarray,
    kind: str,
    colour: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return a copy of an image with a cover from xy ``start`` to ``stop``."""
    image = image.copy()
    part = image[start[1] : stop[1], start[0] : stop[0]]
    if kind == "picture":
        part[:] = image[::-1, ::-1][start[1] : stop[1], start[0] : stop[0]].copy()
    elif kind == "noise":
        part[:] = rng.integers(0, 256, part.shape)
    else:
        part[:] = 128 if kind == "grey" else colour
    return image
