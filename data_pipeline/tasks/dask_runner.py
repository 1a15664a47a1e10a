"""What Beam's Dask runner does not do by itself: share, order and end the tasks."""

import contextlib
import logging
import sys
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.runner import PipelineResult

# What Beam calls it; it has no short name.
DASK = "apache_beam.runners.dask.dask_runner.DaskRunner"


def set_partitions(options: "PipelineOptions") -> None:
    """Give each task to Dask by itself, unless the user has set the partitions.

    Beam's default is 128 tasks a partition. One worker does a whole partition.

    Raises:
        ModuleNotFoundError: Dask is not installed.
    """
    # Beam's module fails in another way where Dask is missing.
    import distributed  # noqa: F401
    from apache_beam.runners.dask.dask_runner import DaskOptions

    dask = options.view_as(DaskOptions)
    if dask.npartitions is None and dask.partition_size is None:
        dask.partition_size = 1


@contextlib.contextmanager
def in_order() -> Iterator[None]:
    """Let Dask keep the order of the tasks of the pipelines that start meanwhile.

    Its own order is that of names, backwards: 9, 8, 10, 1, 0. Idle workers still begin
    with any one or two tasks each.
    """
    import dask

    with dask.annotate(priority=_priority):
        yield


def _priority(key: Hashable) -> int:
    """Return a higher priority for earlier partitions, whose keys end in a number."""
    return -key[-1] if isinstance(key, tuple) else 0


@contextlib.contextmanager
def watching(
    result: "PipelineResult", options: "PipelineOptions", paths: Sequence[Path]
) -> Iterator[None]:
    """Say so if no worker has joined; let Dask drop its tasks at the end or on Ctrl-C.

    A worker finishes the task that it is at.

    Args:
        result: of a pipeline that Dask runs.
        options: of this pipeline.
        paths: what the tasks leave, one for each task.

    Raises:
        RuntimeError: a task has killed several workers, or the scheduler was lost.
    """
    from apache_beam.runners.dask.dask_runner import DaskOptions
    from distributed import KilledWorker

    is_single = options.view_as(DaskOptions).partition_size == 1
    client = result.client
    address = client.scheduler.address
    # Dask logs whole tracebacks of what is raised here in a line.
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        if not client.scheduler_info()["workers"]:
            print(f"no worker has joined {address}", file=sys.stderr)
        yield
        # Beam takes tasks that the client has given up for done.
        if any(future.status != "finished" for future in result.futures):
            raise RuntimeError(f"the scheduler {address} was lost: run it again")
    except KilledWorker as error:
        known = paths if is_single else ()
        raise RuntimeError(_cause_of_death(error.task, known)) from error
    finally:
        client.close()
        logging.disable(before)


def _cause_of_death(key: Hashable, paths: Sequence[Path]) -> str:
    """Return which task killed its workers, as far as its key tells."""
    task = f"task {key}"
    if isinstance(key, tuple) and key[-1] < len(paths):
        task = str(paths[key[-1]])
    return f"all workers died that were to write {task}; their logs may say why"
