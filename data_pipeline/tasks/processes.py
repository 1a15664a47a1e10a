"""Many tasks of one kind, in processes of this machine or as an Apache Beam pipeline.

Every task leaves a path when it is done. Whoever runs them leaves out those whose path
exists, so work that was interrupted is continued by doing it again.
"""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager

from rich.progress import Progress

from data_pipeline.tasks.task import Task, use_one_thread


def run_tasks(
    title: str,
    tasks: Sequence[Task],
    workers: int | None = None,
    beam: Sequence[str] | None = None,
) -> None:
    """Run tasks in processes (or here, if one is enough), with a progress bar.

    Tasks begin in the order given: put the longest first, so that none is left alone at
    the end. Ctrl-C ends the processes at once; the first error of a task is raised
    here.

    Args:
        title: of the progress bar.
        tasks: independent of each other.
        workers: processes; by default two, or one on a single core; 0: as many as there
            are cores.
        beam: options of Apache Beam, such as ``--runner=FlinkRunner``: the tasks are a
            pipeline then. Every worker has to see the same files by the same names.

    Raises:
        ValueError: an option of Beam is wrong.
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
        for future in _in_processes(tasks, workers):
            future.result()
            progress.advance(bar)


def _in_processes(tasks: Sequence[Task], workers: int) -> Iterator[Future]:
    """Yield the tasks' futures as they are done; end the workers if that is left."""
    others = set(multiprocessing.active_children())
    # Forking a process that has started TensorFlow's threads may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, begin_worker)
    try:
        with _deaf_to_interrupts():
            pending = [pool.submit(task.work) for task in tasks]
        yield from as_completed(pending)
    except BaseException:
        # A shutdown alone would wait for the tasks in hand, and a closed pool for all.
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def begin_worker() -> None:
    """Prepare a process that works for this one: one thread, and it ends with it."""
    use_one_thread()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, were it by a kill.

    The pool's own processes would do all that is queued, and then wait for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


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
