"""Write the drawn data set: stills in the 300-W layout, clips in the 300VW layout.

::

    root/
      300w/drawn/trainset/00000.jpg  .pts    stills to train on
      300w/drawn/testset/...                 other people
      300vw/001/vid.avi  annot/000001.pts    clips; ids of the published 300VW split
      drawn.json                             written last: what was drawn

Every still and every clip has a seed of its own, so the files do not depend on the
number of processes nor on an interruption, and no two of them show the same person.
"""

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from rich.progress import Progress

from data_pipeline.drawn.motion import FRAMES_PER_SECOND
from data_pipeline.drawn.pictures import draw_clip, draw_face
from data_pipeline.locking import filling
from data_pipeline.pts import write_pts
from data_pipeline.three_hundred_vw import SPLITS, sequence_ids
from strrn_tf.atomic import replacing, write_text

# Raise it when the same arguments begin to give other pictures.
VERSION = 1
_MARKER, _STARTED = "drawn.json", "drawn.started.json"
_JPEG_QUALITY = 95


def draw_dataset(
    root: Path,
    *,
    num_stills: int = 600,
    num_test_stills: int = 60,
    num_training_clips: int = 48,
    clips_per_category: int = 8,
    frames_per_clip: int = 40,
    seed: int = 0,
    workers: int | None = None,
) -> Path:
    """Draw the data set unless it is there already.

    An interrupted call is continued by the next one with the same arguments.

    Args:
        root: folder to fill; it must be empty or hold a drawn data set.
        num_stills: training stills.
        num_test_stills: test stills.
        num_training_clips: clips under ids of the training split, of the conditions
            of all three categories in turn; at most 50.
        clips_per_category: test clips of each category; at most 14.
        frames_per_clip: frames of every clip, at 25 per second.
        seed: decides every picture.
        workers: processes; by default two, or one on a single core.

    Returns:
        ``root`` as a path.

    Raises:
        ValueError: a number is out of range; or ``root`` holds a data set that was
            drawn with other arguments, or files of other origin.
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
    if multiprocessing.parent_process() is not None:
        raise RuntimeError(
            "draw_dataset was called while a worker of its own loaded the main script: "
            'call it below `if __name__ == "__main__":`'
        )
    with filling(root):
        if _is_complete(root, {"version": VERSION, **arguments}):
            return root
        tasks = [task for task, done in _tasks(root, arguments) if not done.exists()]
        _run(tasks, workers)
        os.replace(root / _STARTED, root / _MARKER)
    return root


def _check_numbers(arguments: dict[str, int]) -> None:
    """Raise a ``ValueError`` for a number of pictures that cannot be drawn."""
    limits = {
        "num_training_clips": len(sequence_ids("train")),
        "clips_per_category": min(len(sequence_ids(c)) for c in (1, 2, 3)),
    }
    for name, value in arguments.items():
        low = 1 if name == "frames_per_clip" else 0
        high = limits.get(name, 99_999)
        if not low <= value <= high:
            raise ValueError(f"`{name}` must be {low} to {high}. Received: {value}")


def _is_complete(root: Path, wanted: dict[str, int]) -> bool:
    """Return whether the data set is there; otherwise note that it is being drawn.

    Raises:
        ValueError: ``root`` holds something else.
    """
    for name in (_MARKER, _STARTED):
        if not (root / name).is_file():
            continue
        found = json.loads((root / name).read_text(encoding="utf-8"))
        if found == wanted:
            return name == _MARKER
        other = sorted(k for k in wanted.keys() | found.keys()
                       if wanted.get(k) != found.get(k))  # fmt: skip
        raise ValueError(
            f"{root} holds faces drawn with other arguments ({', '.join(other)}): "
            f"{found.get(other[0])} there, {wanted.get(other[0])} wanted. "
            "Delete the folder or name another one."
        )
    if root.exists() and any(root.iterdir()):
        raise ValueError(
            f"{root} is not empty and was not drawn by strrn. Name a new folder."
        )
    write_text(root / _STARTED, json.dumps(wanted, indent=1) + "\n")
    return False


def _tasks(
    root: Path, arguments: dict[str, int]
) -> Iterator[tuple[Callable[[], None], Path]]:
    """Yield every piece of work with the path that exists once it is done."""
    seed, frames = arguments["seed"], arguments["frames_per_clip"]
    counts = arguments["num_stills"], arguments["num_test_stills"]
    names = "trainset", "testset"
    for kind, (name, count) in enumerate(zip(names, counts, strict=True)):
        for index in range(count):
            path = root / "300w" / "drawn" / name / f"{index:05d}.jpg"
            yield partial(_write_still, path, (seed, kind, index)), path
    for kind, split in enumerate(SPLITS, 2):
        training = split == "train"
        name = "num_training_clips" if training else "clips_per_category"
        for index, sequence in enumerate(sequence_ids(split)[: arguments[name]]):
            category = 1 + index % 3 if training else split
            folder = root / "300vw" / sequence
            key = (seed, kind, index)
            yield partial(_write_clip, folder, key, category, frames), folder


def _write_still(path: Path, key: tuple[int, ...]) -> None:
    """Draw one still; the image is written last."""
    image, landmarks = draw_face(np.random.default_rng(key), None)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_pts(path.with_suffix(".pts"), landmarks)
    with replacing(path) as temporary:
        options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        if not cv2.imwrite(str(temporary), image[..., ::-1], options):
            raise OSError(f"{path} could not be written.")


def _write_clip(folder: Path, key: tuple[int, ...], category: int, frames: int) -> None:
    """Draw one clip into a temporary folder and rename that."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    (temporary / "annot").mkdir(parents=True)
    clip = draw_clip(np.random.default_rng(key), category, frames)
    writer = None
    for number, (image, landmarks) in enumerate(clip, 1):
        if writer is None:
            writer = _open_video(temporary / "vid.avi", image.shape[:2])
        writer.write(np.ascontiguousarray(image[..., ::-1]))
        write_pts(temporary / "annot" / f"{number:06d}.pts", landmarks)
    writer.release()
    os.replace(temporary, folder)


def _open_video(path: Path, size: tuple[int, int]) -> cv2.VideoWriter:
    """Return an opened Motion-JPEG writer for frames of ``size`` (H, W)."""
    code = cv2.VideoWriter_fourcc(*"MJPG")
    # OpenCV's own encoder: the same bytes whichever ffmpeg is installed.
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_OPENCV_MJPEG, code, FRAMES_PER_SECOND, size[::-1]
    )
    if not writer.isOpened():
        raise OSError(f"{path} could not be opened for writing.")
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, _JPEG_QUALITY)
    return writer


def _run(tasks: list[Callable[[], None]], workers: int | None) -> None:
    """Run the tasks in processes (or here, if one is enough), with a progress bar."""
    if workers is None:
        workers = min(2, os.cpu_count() or 1)
    workers = min(workers, len(tasks))
    with Progress(transient=True) as progress:
        bar = progress.add_task("Drawing faces", total=len(tasks))
        if workers <= 1:
            for task in tasks:
                task()
                progress.advance(bar)
            return
        # Forking a process that has started TensorFlow's threads may hang.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, _start_worker) as pool:
            pending = [pool.submit(task) for task in tasks]
            try:
                for future in as_completed(pending):
                    future.result()
                    progress.advance(bar)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _start_worker() -> None:
    """Leave the other cores to the other workers."""
    cv2.setNumThreads(1)
