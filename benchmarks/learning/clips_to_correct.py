"""The clips and pictures of people that `corrected_frames` corrects."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_pipeline.animation.clip import animate_still
from data_pipeline.annotations.annotation import Annotation
from data_pipeline.annotations.whole_head import whole_shape
from data_pipeline.crops.fingerprints import fingerprint
from data_pipeline.crops.samples import Samples, merge
from data_pipeline.crops.window import cut_samples
from data_pipeline.datasets.labelled_stills import list_labelled
from data_pipeline.datasets.three_hundred_w import (
    Stills,
    list_stills,
    read_landmarks,
)
from data_pipeline.media.images import read_image
from strrn_tf.geometry import face_size, upright_box
from strrn_tf.system.atomic import replacing
from strrn_tf.system.file_names import file_name, frame_name

CATEGORIES = 3
# Standard deviation of the place of a window, as a fraction of the face size.
BESIDE = 0.04


@dataclass(frozen=True)
class ClipOptions:
    """Which clips there are."""

    stills: Path | None = None
    """Folder of annotated stills that are animated."""
    people: Path | None = None
    """Folder with a folder of annotated pictures for each person."""
    mapping: Path | None = None
    """Mapping file of --people."""
    output: Path = Path("runs/corrected-frames")
    """Folder of crops, checkpoints and results."""
    clips: int = 4
    """Clips, or people, of a seed."""
    frames: int = 16
    """Frames of a clip that are used, of twice as many; pictures of a person."""

    def __post_init__(self) -> None:
        if not (self.stills or self.people):
            raise ValueError("there are no clips: give --stills or --people")


def stills_of(options: ClipOptions, kind: str) -> Stills:
    """Return all annotated stills of a kind: "stills" or "people"."""
    if kind == "stills":
        return list_stills(options.stills, "test")
    return list_labelled(options.people, mapping=options.mapping)


def read_crops(
    options: ClipOptions, kind: str, seed: int, *, strangers: bool = False
) -> Samples:
    """Return the frames of the clips of a seed (T = 1), ``frames`` of each.

    Their names are those of the still that is animated, or of the folder of a person,
    with a number.

    Args:
        options: data and numbers.
        kind: "stills" or "people".
        seed: decides which ones.
        strangers: return clips of other people than without.
    """
    part = "strangers" if strangers else "clips"
    numbers = options.clips, options.frames, seed
    data = fingerprint(stills_of(options, kind))[:8]
    path = options.output / f"{'-'.join(map(str, (part, kind, *numbers, data)))}.npz"
    if not path.is_file():
        count = options.clips
        people = slice(count, 2 * count) if strangers else slice(count)
        made = merge(
            list((animated if kind == "stills" else pictures)(options, seed, people))
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {k: v for k, v in made._asdict().items() if v is not None}
        with replacing(path) as new:
            np.savez(new, **arrays)
    with np.load(path) as found:
        return Samples(**{**found, "names": found["names"].tolist()})


def animated(options: ClipOptions, seed: int, people: slice) -> Iterator[Samples]:
    """Yield every second frame of animated stills."""
    found = stills_of(options, "stills")
    chosen = np.random.default_rng(seed).permutation(len(found))[people]
    for number, still in enumerate(found[i] for i in chosen):
        rng = np.random.default_rng((seed, chosen[number]))
        image, shape = read_image(still.image_path), read_landmarks(still)
        category, name = 1 + number % CATEGORIES, file_name(still.name)
        clip = animate_still(rng, image, shape, category, 2 * options.frames)
        for t, (frame, landmarks) in enumerate(clip):
            if t % 2:
                yield cut_frame(frame_name(name, t), frame, landmarks, rng)


def pictures(options: ClipOptions, seed: int, people: slice) -> Iterator[Samples]:
    """Yield pictures of some people."""
    of: dict[str, list] = {}
    for still in stills_of(options, "people"):
        of.setdefault(still.name.rpartition("/")[0], []).append(still)
    names = [n for n, stills in of.items() if len(stills) >= options.frames]
    rng = np.random.default_rng(seed)
    for name in rng.permutation(names)[people]:
        order = rng.permutation(len(of[name]))[: options.frames]
        for t, i in enumerate(order):
            still = of[name][i]
            arrays = read_image(still.image_path), read_landmarks(still)
            yield cut_frame(frame_name(name, t), *arrays, rng)


def cut_frame(
    name: str, image: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator
) -> Samples:
    """Return the sample of a frame, in a window that lies beside the face a little."""
    whole = whole_shape(Annotation(landmarks))
    box, roll = upright_box(whole)
    box = box + np.tile(rng.normal(0, BESIDE * face_size(box), 2), 2)
    sample = cut_samples(name, [image], landmarks[None], box, whole[None], roll=roll)
    fitted = sample.landmarks if sample.whole is None else sample.whole
    return sample._replace(whole=fitted)
