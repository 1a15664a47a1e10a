"""Folders of generated pictures: made in parallel, resumable, and never mixed.

Every picture or clip is a task whose path exists once the task is done, so a later call
continues an interrupted one. A marker file holds the arguments. It is called
``<marker>.started.json`` while the folder is filled and ``<marker>.json`` afterwards.
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


def generate_folder(
    root: Path,
    marker: str,
    arguments: dict[str, Any],
    tasks: Sequence[Task],
    workers: int | None = None,
) -> Path:
    """Do the tasks that are not done yet, unless the folder is complete.

    Args:
        root: folder to fill. It must be empty or bear the same marker.
        marker: name of the marker file without its suffix, such as "drawn".
        arguments: everything that decides the pictures.
        tasks: one for every picture or clip.
        workers: number of processes. The default is two, or one on a single core.

    Returns:
        ``root``.

    Raises:
        ValueError: ``root`` was filled with other arguments, or holds other files.
        RuntimeError: a worker process imports the main script and calls this again.
    """
    if multiprocessing.parent_process() is not None:
        raise RuntimeError(
            "a worker process loaded the main script, which generates pictures: do so "
            'below `if __name__ == "__main__":`'
        )
    with filling(root):
        if not _is_complete(root, marker, arguments):
            remove_leftovers(root)
            missing = [task for task in tasks if not task.done.exists()]
            run_tasks("Generating faces", missing, workers)
            os.replace(root / f"{marker}.started.json", root / f"{marker}.json")
    return root


def _is_complete(root: Path, marker: str, wanted: dict[str, Any]) -> bool:
    """Return whether the folder is complete; otherwise write the marker of the start.

    Raises:
        ValueError: ``root`` was filled with other arguments, or holds other files.
    """
    done, started = root / f"{marker}.json", root / f"{marker}.started.json"
    for path in (done, started):
        if not path.is_file():
            continue
        found = json.loads(path.read_text(encoding="utf-8"))
        if found == wanted:
            return path == done
        names = sorted(wanted.keys() | found.keys())
        other = [name for name in names if wanted.get(name) != found.get(name)]
        raise ValueError(
            f"{root} was generated with other arguments ({', '.join(other)}): "
            f"{found.get(other[0])} there, {wanted.get(other[0])} wanted. Delete the "
            "folder or name another one."
        )
    if root.exists() and any(root.iterdir()):
        raise ValueError(
            f"{root} is not empty and has no {done.name}. Name a new folder."
        )
    write_text(started, json.dumps(wanted, indent=1) + "\n")
    return False
