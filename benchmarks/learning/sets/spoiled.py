"""Pictures and clips whose faces are spoiled in one way, for ``do_no_harm``."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_pipeline.animation.clip import animate_still
from data_pipeline.animation.occluded_clip import Frames
from data_pipeline.animation.spoiled_clip import ALL_SPOILS, spoil_runs
from data_pipeline.annotations.reading import read_annotation
from data_pipeline.annotations.whole_head import whole_shape
from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.media.images import read_image, write_image
from data_pipeline.media.video import write_video
from data_pipeline.synthetic.scene.motion import FRAMES_PER_SECOND

if TYPE_CHECKING:
    from data_pipeline.datasets.three_hundred_w import Still

# Frames of a clip, and moments in it in which the face is spoiled.
LENGTH, MOMENTS = 80, 4
# Conditions of the clips in turn: the first two categories of 300VW.
CATEGORIES = (1, 2)


def spoiled_stills(folder: Path, stills: Path, kind: str, seed: int) -> Path:
    """Return a folder of stills that are all spoiled in one way; written if missing.

    Args:
        folder: to write to.
        stills: folder of annotated stills.
        kind: one of ``ALL_SPOILS``.
        seed: decides what is seen.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, still in enumerate(list_stills(stills, "test")):
        path = folder / f"{still.image_path.stem}.png"
        if not path.is_file():
            image, shape = read_face(still)
            spoil = ALL_SPOILS[kind](np.random.default_rng((seed, number)))
            # The picture is last: what is there is complete.
            shutil.copy(still.landmarks_path, path.with_suffix(".pts"))
            write_image(path, spoil(image, shape))
    return folder


def unspoiled(stills: Path, spoiled: Sequence["Still"]) -> list["Still"]:
    """Return the stills that spoiled ones were made of, in their order.

    Args:
        stills: folder that ``spoiled_stills`` was given.
        spoiled: some of its results.
    """
    found = {still.image_path.stem: still for still in list_stills(stills, "test")}
    return [found[still.image_path.stem] for still in spoiled]


def spoiled_clips(
    folder: Path, stills: Sequence["Still"], kind: str, seed: int
) -> Path:
    """Return a folder of animated stills with spoiled moments; written if missing.

    Args:
        folder: to write to.
        stills: one for every clip.
        kind: one of ``ALL_SPOILS``. Moments differ in what random there is in it.
        seed: decides what is seen.
    """
    for number, still in enumerate(stills):
        path = folder / f"{still.image_path.stem}.mp4"
        if not path.is_file():
            _, images, _ = moments(still, number, kind, seed)
            write_video(path, images, FRAMES_PER_SECOND)
    return folder


def moments(
    still: "Still", number: int, kind: str, seed: int
) -> tuple[Frames, list[np.ndarray], list[str]]:
    """Return the frames of an animated still, those with spoiled moments, their kinds.

    Args:
        still: annotated.
        number: of the clip.
        kind: one of ``ALL_SPOILS``.
        seed: decides what is seen.
    """
    rng = np.random.default_rng((seed, number))
    category = CATEGORIES[number % len(CATEGORIES)]
    frames: Frames = list(animate_still(rng, *read_face(still), category, LENGTH))
    return frames, *spoil_runs(rng, frames, (kind,) * MOMENTS)


def chosen_stills(stills: Sequence["Still"], count: int) -> list["Still"]:
    """Return ``count`` stills, evenly spread, or all if they are fewer."""
    count = min(count, len(stills))
    return [stills[i] for i in np.linspace(0, len(stills) - 1, count).astype(int)]


def read_face(still: "Still") -> tuple[np.ndarray, np.ndarray]:
    """Return the image of a still, and all landmarks (68, 2) in it."""
    annotation = read_annotation(still.landmarks_path, still.labels)
    return read_image(still.image_path), whole_shape(annotation)
