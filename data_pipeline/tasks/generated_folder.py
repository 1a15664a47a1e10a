"""Folders of pictures that the project makes itself, in processes and resumable.

Every picture or clip is a task with a path that exists once it is done, so an
interrupted call is continued by the next one. A marker file says what was asked for;
it is renamed when all is there.
"""

import json
import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_pipeline.tasks.processes import run_tasks
from data_pipeline.tasks.task import Task
from strrn_tf.system.atomic import remove_leftovers, write_text
from strrn_tf.system.locking import filling


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
        tasks: one for every picture or clip.
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
            remove_leftovers(root)
            missing = [task for task in tasks if not task.done.exists()]
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
