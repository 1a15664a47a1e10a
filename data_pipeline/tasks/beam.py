"""Runs tasks as an Apache Beam pipeline on any runner."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress

from data_pipeline.tasks.beam_options import parse_beam_options
from data_pipeline.tasks.dask_runner import DASK, in_order, watching
from data_pipeline.tasks.task import Task, use_one_thread
from strrn_tf.system.quiet import quiet_stderr

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

# Seconds between two updates of the progress bar.
INTERVAL = 1.0
# Seconds after which a network disk shows what another machine wrote. NFS believes its
# own copy of a folder for up to a minute.
SETTLING = 90.0


def run_on_beam(title: str, tasks: Sequence[Task], arguments: Sequence[str]) -> None:
    """Run tasks as a pipeline with a progress bar.

    A runner may repeat a task, for example after the death of a worker. Each run of a
    task must write the same files, each file atomically. A task that finds its work
    done should end at once: Dask repeats all tasks of a worker that died.

    Args:
        title: of the progress bar.
        tasks: the longest first. Runners that assign tasks in advance do so in turn.
        arguments: options of Beam. Without ``--runner`` processes of this machine work.

    Raises:
        ValueError: an option is wrong, a task failed, or its path is not here. The
            message has the reason.
        ModuleNotFoundError: the runner needs a package that is not installed.
    """
    # What Beam and its workers report of themselves. The workers are processes, which
    # have the file descriptor but not Python's stderr.
    with quiet_stderr(keep=False):
        import apache_beam  # noqa: F401

    options, is_local = parse_beam_options(arguments)
    failure = None
    quiet = quiet_stderr(keep=False) if is_local else contextlib.nullcontext()
    with quiet, _progress(title, [task.done for task in tasks]):
        try:
            _run_pipeline(title, tasks, options)
        # Runners raise what they like, Dask's what the task has raised.
        except Exception as error:
            failure = error
    if failure:
        raise ValueError(f"{title} on Beam failed: {_reason(failure)}") from failure
    _await_paths([task.done for task in tasks])


def _run_pipeline(
    title: str, tasks: Sequence[Task], options: "PipelineOptions"
) -> None:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import StandardOptions

    is_dask = options.view_as(StandardOptions).runner == DASK
    pipeline = beam.Pipeline(options=options)
    # Without the shuffle one worker creates all tasks and does them. Dask leaves it
    # out: its workers take a partition at a time.
    made = pipeline | "Tasks" >> beam.Create(tasks, reshuffle=False)
    _ = made | "Deal out" >> beam.Reshuffle() | title >> beam.Map(_do)
    with in_order() if is_dask else contextlib.nullcontext():
        result = pipeline.run()
    paths = [task.done for task in tasks]
    with watching(result, options, paths) if is_dask else contextlib.nullcontext():
        result.wait_until_finish()


def _do(task: Task) -> None:
    use_one_thread()
    task.work()


def _reason(error: Exception) -> str:
    """Return the last line of a worker's traceback, without Beam's suffix."""
    lines = str(error).strip().splitlines()
    last = lines[-1] if lines else "no reason given"
    if not isinstance(error, RuntimeError):
        return f"{type(error).__name__}: {' '.join(lines) or last}"
    return last.partition(" [while running")[0].removeprefix("RuntimeError: ")


def _await_paths(paths: Sequence[Path]) -> None:
    """Wait until this machine sees what other machines wrote.

    Raises:
        ValueError: a path stays missing.
    """
    end = time.monotonic() + SETTLING
    while True:
        # Listing a folder makes a network disk ask its server.
        for folder in {path.parent for path in paths}:
            with contextlib.suppress(OSError):
                os.listdir(folder)
        paths = [path for path in paths if not path.exists()]
        if not paths:
            return
        if time.monotonic() > end:
            raise ValueError(
                f"a worker has written {paths[0]}, which is not on this machine: all "
                "machines must have the same disk under the same name"
            )
        time.sleep(INTERVAL)


@contextlib.contextmanager
def _progress(title: str, paths: Sequence[Path]) -> Iterator[None]:
    """Show the number of existing paths, which works for every runner."""
    stop = threading.Event()

    def watch() -> None:
        waiting = list(paths)
        while not stop.wait(INTERVAL):
            waiting = [path for path in waiting if not path.exists()]
            progress.update(bar, completed=len(paths) - len(waiting))

    with Progress(transient=True) as progress:
        bar = progress.add_task(title, total=len(paths))
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()
