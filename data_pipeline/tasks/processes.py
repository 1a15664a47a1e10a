"""Runs many tasks in processes of this machine, or as an Apache Beam pipeline.

Every task leaves a path when it is done. Callers leave out tasks whose path exists, so
a second call continues interrupted work.
"""

import multiprocessing
import multiprocessing.connection
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from rich.progress import Progress

from data_pipeline.tasks.task import Task, use_one_thread
from strrn_tf.system.interruption import leave_signals_to_parent, shielding_children

# Seconds after which a signal has reached all processes of a command.
SIGNAL_DELAY = 1.0


def run_tasks(
    title: str,
    tasks: Sequence[Task],
    workers: int | None = None,
    beam: Sequence[str] | None = None,
) -> None:
    """Run tasks with a progress bar.

    Tasks start in the given order. The longest should come first, so that all workers
    end together. Ctrl-C ends the processes at once. The first error of a task is raised
    here.

    Args:
        title: of the progress bar.
        tasks: independent of each other.
        workers: number of processes; 0 for one on every core. The default is two, or
            one on a single core. A single worker is this process.
        beam: options of Apache Beam, such as ``--runner=FlinkRunner``. With them the
            tasks run as a pipeline. Every worker must see the same files under the same
            names.

    Raises:
        ValueError: an option of Beam is wrong.
        ChildProcessError: a process was killed.
    """
    if workers is None:
        workers = min(2, os.cpu_count() or 1)
    workers = workers or os.cpu_count() or 1
    if not tasks:
        return
    if beam is not None:
        from data_pipeline.tasks.beam import run_on_beam

        run_on_beam(title, tasks, [f"--direct_num_workers={workers}", *beam])
        return
    workers = min(workers, len(tasks))
    with Progress(transient=True) as progress:
        bar = progress.add_task(title, total=len(tasks))
        if workers <= 1:
            for task in tasks:
                task.work()
                progress.advance(bar)
            return
        try:
            for future in _in_processes(tasks, workers):
                future.result()
                progress.advance(bar)
        except BrokenProcessPool:
            # What killed a worker may be a signal to all, which ends this process too.
            time.sleep(SIGNAL_DELAY)
            raise ChildProcessError(
                "a worker process was killed: memory may be short, give fewer "
                "--workers; the same command goes on where this one stopped"
            ) from None


def _in_processes(tasks: Sequence[Task], workers: int) -> Iterator[Future]:
    """Yield futures of the tasks as they complete. Closing it ends the workers."""
    others = set(multiprocessing.active_children())
    # A fork of a process with TensorFlow's threads may hang.
    context = multiprocessing.get_context("spawn")
    if os.name == "posix":
        from multiprocessing import resource_tracker

        # It needs the shield too, and lifts it when it starts.
        with shielding_children():
            resource_tracker.ensure_running()
    pool = ProcessPoolExecutor(workers, context, begin_worker)
    try:
        with shielding_children():
            pending = [pool.submit(task.work) for task in tasks]
        yield from as_completed(pending)
    except BaseException:
        # A shutdown waits for the running tasks, and a closed pool for all tasks.
        for worker in set(multiprocessing.active_children()) - others:
            worker.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def begin_worker() -> None:
    """Set up a worker process: one thread, and an end with its parent."""
    leave_signals_to_parent()
    use_one_thread()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent has ended, even by a kill.

    Otherwise processes of the pool do all queued tasks and then wait for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
