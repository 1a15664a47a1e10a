"""Writes animated clips of annotated stills in the 300VW layout.

::

    root/
      300vw/001/vid.avi  annot/000001.pts   clips, with ids of the published split
      animated.json                         the arguments; written last

Every clip has a seed and a still of its own.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from data_pipeline.animation.clip import animate_still
from data_pipeline.crops.fingerprints import fingerprint
from data_pipeline.datasets.three_hundred_vw import sequence_ids
from data_pipeline.datasets.three_hundred_w import Still
from data_pipeline.media.clip_writer import write_clip
from data_pipeline.media.images import read_image
from data_pipeline.media.pts import read_pts
from data_pipeline.synthetic.scene.motion import FRAMES_PER_SECOND
from data_pipeline.tasks.generated_folder import generate_folder
from data_pipeline.tasks.task import Task

# To be raised with every change that gives other pictures for the same arguments.
VERSION = 1
CATEGORIES = (1, 2, 3)


def animate_dataset(
    root: Path,
    stills: Sequence[Still],
    *,
    clips_per_category: int = 14,
    num_training_clips: int = 0,
    frames_per_clip: int = 60,
    seed: int = 0,
    workers: int | None = None,
) -> Path:
    """Animate stills unless the folder is complete.

    A call with the same arguments continues an interrupted one.

    Args:
        root: folder to fill. It must be empty or hold animated stills.
        stills: annotated images. The seed decides which are used.
        clips_per_category: number of test clips of each category, at most 14.
        num_training_clips: number of clips with ids of the training split, at most 50.
            Their conditions are those of the three categories in turn.
        frames_per_clip: frames of every clip, at 25 per second.
        seed: decides every picture.
        workers: number of processes. The default is two, or one on a single core.

    Returns:
        ``root`` as a path.

    Raises:
        ValueError: a number is out of range, there are fewer stills than clips, or
            ``root`` was filled with other arguments or holds other files.
    """
    root, stills = Path(root), list(stills)
    clips = list(_clips(clips_per_category, num_training_clips))
    _check(len(clips), len(stills), frames_per_clip, seed)
    chosen = np.random.default_rng(seed).permutation(len(stills))[: len(clips)]
    arguments = {
        "version": VERSION,
        "stills": [stills[i].name for i in chosen],
        "fingerprint": fingerprint([stills[i] for i in chosen]),
        "clips_per_category": clips_per_category,
        "num_training_clips": num_training_clips,
        "frames_per_clip": frames_per_clip,
        "seed": seed,
    }
    tasks: list[Task] = []
    for number, (still, (sequence, category)) in enumerate(
        zip(chosen, clips, strict=True)
    ):
        folder = root / "300vw" / sequence
        key = (seed, number)
        work = partial(_write, folder, stills[still], key, category, frames_per_clip)
        tasks.append(Task(work, folder))
    return generate_folder(root, "animated", arguments, tasks, workers)


def _check(clips: int, stills: int, frames_per_clip: int, seed: int) -> None:
    """Raise a ``ValueError`` if a number is out of range."""
    if frames_per_clip < 1:
        raise ValueError(
            f"`frames_per_clip` must be positive. Received: {frames_per_clip}"
        )
    if seed < 0:
        raise ValueError(f"`seed` must not be negative. Received: {seed}")
    if not 0 < clips <= stills:
        raise ValueError(
            f"{clips} clips need as many stills, at least one. Received: {stills}. Ask "
            "for fewer clips."
        )


def _clips(per_category: int, training: int) -> Iterator[tuple[str, int]]:
    """Yield the id and the category of every clip."""
    ids = {split: sequence_ids(split) for split in ("train", *CATEGORIES)}
    limits = {
        "num_training_clips": (training, len(ids["train"])),
        "clips_per_category": (per_category, min(len(ids[c]) for c in CATEGORIES)),
    }
    for name, (value, high) in limits.items():
        if not 0 <= value <= high:
            raise ValueError(f"`{name}` must be 0 to {high}. Received: {value}")
    for category in CATEGORIES:
        yield from ((i, category) for i in ids[category][:per_category])
    for number, sequence in enumerate(ids["train"][:training]):
        yield sequence, 1 + number % len(CATEGORIES)


def _write(
    folder: Path, still: Still, key: tuple[int, int], category: int, frames: int
) -> None:
    """Animate one still."""
    image, landmarks = read_image(still.image_path), read_pts(still.landmarks_path)
    rng = np.random.default_rng(key)
    clip = animate_still(rng, image, landmarks, category, frames)
    write_clip(folder, clip, FRAMES_PER_SECOND)
