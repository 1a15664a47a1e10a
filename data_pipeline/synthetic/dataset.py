"""Writes the synthetic data set: stills as in 300-W, clips as in 300VW.

::

    root/
      300w/drawn/trainset/00000.jpg  .pts    stills to train on
      300w/drawn/testset/...                 other people
      300vw/001/vid.avi  annot/000001.pts    clips, with ids of the published split
      drawn.json                             the arguments; written last

Every still and clip has a seed of its own. So the files do not depend on the number of
processes or on interruptions, and no two show the same person.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from data_pipeline.datasets.three_hundred_vw import SPLITS, sequence_ids
from data_pipeline.media.clip_writer import write_clip
from data_pipeline.media.images import write_image
from data_pipeline.media.pts import write_pts
from data_pipeline.synthetic.pictures import draw_clip, draw_face
from data_pipeline.synthetic.scene.motion import FRAMES_PER_SECOND
from data_pipeline.tasks.generated_folder import generate_folder
from data_pipeline.tasks.task import Task

# To be raised with every change that gives other pictures for the same arguments.
VERSION = 1
CATEGORIES = (1, 2, 3)


def draw_dataset(
    root: Path,
    *,
    num_stills: int = 600,
    num_test_stills: int = 60,
    num_training_clips: int = 48,
    clips_per_category: int = 8,
    frames_per_clip: int = 40,
    categories: Sequence[int] = CATEGORIES,
    seed: int = 0,
    workers: int | None = None,
) -> Path:
    """Draw the data set unless the folder is complete.

    A call with the same arguments continues an interrupted one.

    Args:
        root: folder to fill. It must be empty or hold a synthetic data set.
        num_stills: number of training stills.
        num_test_stills: number of test stills.
        num_training_clips: number of clips with ids of the training split, at most 50.
            Their conditions are those of the three categories in turn.
        clips_per_category: number of test clips of each category, at most 14.
        frames_per_clip: frames of every clip, at 25 per second.
        categories: those that test clips are drawn of.
        seed: decides every picture.
        workers: number of processes. The default is two, or one on a single core.

    Returns:
        ``root`` as a path.

    Raises:
        ValueError: a number is out of range; or ``root`` was filled with other
            arguments or holds other files.
    """
    root = Path(root)
    arguments = {
        "num_stills": num_stills,
        "num_test_stills": num_test_stills,
        "num_training_clips": num_training_clips,
        "clips_per_category": clips_per_category,
        "frames_per_clip": frames_per_clip,
        "seed": seed,
    }
    _check_numbers(arguments)
    if not {*categories} <= {*CATEGORIES}:
        raise ValueError(
            f"`categories` must be among {CATEGORIES}. Received: {categories}"
        )
    tasks = list(_tasks(root, arguments, {"train", *categories}))
    if tuple(categories) != CATEGORIES:
        # Left out where it changes nothing: folders of older versions do not name it.
        arguments["categories"] = list(categories)
    return generate_folder(
        root, "drawn", {"version": VERSION, **arguments}, tasks, workers
    )


def _check_numbers(arguments: dict[str, int]) -> None:
    """Raise a ``ValueError`` if a number is out of range."""
    limits = {
        "num_training_clips": len(sequence_ids("train")),
        "clips_per_category": min(len(sequence_ids(c)) for c in CATEGORIES),
    }
    for name, value in arguments.items():
        low = 1 if name == "frames_per_clip" else 0
        high = limits.get(name, 99_999)
        if not low <= value <= high:
            raise ValueError(f"`{name}` must be {low} to {high}. Received: {value}")


def _tasks(
    root: Path, arguments: dict[str, int], splits: Collection[int | str]
) -> Iterator[Task]:
    """Yield a task for every still, and for every clip of the given splits."""
    seed, frames = arguments["seed"], arguments["frames_per_clip"]
    counts = arguments["num_stills"], arguments["num_test_stills"]
    names = "trainset", "testset"
    for kind, (name, count) in enumerate(zip(names, counts, strict=True)):
        for index in range(count):
            path = root / "300w" / "drawn" / name / f"{index:05d}.jpg"
            yield Task(partial(_write_still, path, (seed, kind, index)), path)
    for kind, split in enumerate(SPLITS, 2):
        if split not in splits:
            continue
        training = split == "train"
        name = "num_training_clips" if training else "clips_per_category"
        for index, sequence in enumerate(sequence_ids(split)[: arguments[name]]):
            category = 1 + index % 3 if training else split
            folder = root / "300vw" / sequence
            key = (seed, kind, index)
            work = partial(_write_clip, folder, key, category, frames)
            yield Task(work, folder)


def _write_still(path: Path, key: tuple[int, ...]) -> None:
    """Draw one still. The image is written last, because it marks the task as done."""
    image, landmarks = draw_face(np.random.default_rng(key), None)
    write_pts(path.with_suffix(".pts"), landmarks)
    write_image(path, image)


def _write_clip(folder: Path, key: tuple[int, ...], category: int, frames: int) -> None:
    """Draw one clip."""
    clip = draw_clip(np.random.default_rng(key), category, frames)
    write_clip(folder, clip, FRAMES_PER_SECOND)
