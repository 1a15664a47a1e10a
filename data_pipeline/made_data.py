"""Folders of pictures that the project makes itself, in processes and resumable.

Every picture or clip is a task with a path that exists once it is done, so an
interrupted call is continued by the next one. A marker file says what was asked for;
it is renamed when all is there.
"""

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
from rich.progress import Progress

from data_pipeline.locking import filling
from strrn_tf.atomic import write_text

Task = tuple[Callable[[], None], Path]


def make_data(
    root: Path,
    kind: str,
    arguments: dict[str, Any],
    tasks: Sequence[Task],
    workers: int | None = None,
) -> Path:
    """Do the tasks that are not done, unless the folder is complete.

    Args:
        root: folder to fill; it must be empty or hold the same kind of data.
        kind: such as "drawn"; names the marker ``<kind>.json``.
        arguments: what decides the pictures.
        tasks: functions that processes can be given, each with the path that exists
            once it is done.
        workers: processes; by default two, or one on a single core.

    Returns:
        ``root``.

    Raises:
        ValueError: ``root`` holds data made with other arguments, or files of other
            origin.
    """
    if multiprocessing.parent_process() is not None:
        raise RuntimeError(
            "pictures were to be made while a worker loaded the main script: make them "
            'below `if __name__ == "__main__":`'
        )
    with filling(root):
        if not _is_complete(root, kind, arguments):
            missing = [task for task, done in tasks if not done.exists()]
            run_tasks(f"Making {kind} faces", missing, workers)
            os.replace(root / f"{kind}.started.json", root / f"{kind}.json")
    return root


def _is_complete(root: Path, kind: str, wanted: dict[str, Any]) -> bool:
    """Return whether the data are there; otherwise note that they are being made.

    Raises:
        ValueError: ``root`` holds something else.
    """
    done, started = root / f"{kind}.json", root / f"{kind}.started.json"
    for path in (done, started):
        if not path.is_file():
            continue
        found = json.loads(path.read_text(encoding="utf-8"))
        if found == wanted:
            return path == done
        other = sorted(k for k in wanted.keys() | found.keys()
                       if wanted.get(k) != found.get(k))  # fmt: skip
        raise ValueError(
            f"{root} holds {kind} faces made with other arguments "
            f"({', '.join(other)}): {found.get(other[0])} there, "
            f"{wanted.get(other[0])} wanted. Delete the folder or name another one."
        )
    if root.exists() and any(root.iterdir()):
        raise ValueError(
            f"{root} is not empty and holds no {kind} faces. Name a new folder."
        )
    write_text(started, json.dumps(wanted, indent=1) + "\n")
    return False


def run_tasks(
    title: str, tasks: Sequence[Callable[[], None]], workers: int | None = None
) -> None:
    """Run tasks in processes (or here, if one is enough), with a progress bar.

    Ctrl-C ends the processes at once; the first error of a task is raised here.

    Args:
        title: of the progress bar.
        tasks: functions that processes can be given.
        workers: processes; by default two, or one on a single core.
    """
    if workers is None:
        workers = min(2, os.cpu_count() or 1)
    workers = min(workers, len(tasks))
    with Progress(transient=True) as progress:
        bar = progress.add_task(title, total=len(tasks))
        if workers <= 1:
            for task in tasks:
                task()
                progress.advance(bar)
            return
        for future in _in_processes(tasks, workers):
            future.result()
            progress.advance(bar)


def _in_processes(
    tasks: Sequence[Callable[[], None]], workers: int
) -> Iterator[Future]:
    """Yield the tasks' futures as they are done; end the workers if that is left."""
    others = set(multiprocessing.active_children())
    # Forking a process that has started TensorFlow's threads may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, cv2.setNumThreads, (1,))
    try:
        with _deaf_to_interrupts():
            pending = [pool.submit(task) for task in tasks]
        yield from as_completed(pending)
    except BaseException:
        # A shutdown alone would wait for the tasks in hand, and a closed pool for all.
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start processes that leave Ctrl-C, which all of a terminal's get, to this one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
