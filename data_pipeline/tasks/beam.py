"""Runs tasks as an Apache Beam pipeline on any runner."""

import contextlib
import io
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress

from data_pipeline.tasks.task import Task, use_one_thread
from strrn_tf.system.quiet import quiet_stderr

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

# Seconds between two updates of the progress bar.
INTERVAL = 1.0
# The default runs in processes of this machine.
DEFAULTS = ("--runner=DirectRunner", "--direct_running_mode=multi_processing")
# Beam's DirectRunner first fetches a server, Prism, from the network. This is its own
# fallback, with processes as workers.
RUNNERS = {"DirectRunner": "FnApiRunner"}


def run_on_beam(title: str, tasks: Sequence[Task], arguments: Sequence[str]) -> None:
    """Run tasks as a pipeline with a progress bar.

    A runner may repeat a task, for example after the death of a worker. Each run of a
    task must write the same files, each file atomically.

    Args:
        title: of the progress bar.
        tasks: the longest first. Runners that assign tasks in advance do so in turn.
        arguments: options of Beam. Without ``--runner`` processes of this machine work.

    Raises:
        ValueError: an option is wrong or a task failed. The message has the reason.
    """
    # What Beam and its workers report of themselves. The workers are processes, which
    # have the file descriptor but not Python's stderr.
    with quiet_stderr(keep=False):
        import apache_beam as beam

    options, is_local = parse_beam_options(arguments)
    failure = None
    quiet = quiet_stderr(keep=False) if is_local else contextlib.nullcontext()
    with quiet, _progress(title, [task.done for task in tasks]):
        pipeline = beam.Pipeline(options=options)
        # Without the shuffle one worker creates all tasks and does them.
        made = pipeline | "Tasks" >> beam.Create(tasks, reshuffle=False)
        _ = made | "Deal out" >> beam.Reshuffle() | title >> beam.Map(_do)
        try:
            pipeline.run().wait_until_finish()
        except RuntimeError as error:
            failure = error
    if failure:
        raise ValueError(f"{title} on Beam failed: {_reason(failure)}") from failure


def _do(task: Task) -> None:
    use_one_thread()
    task.work()


def parse_beam_options(arguments: Sequence[str]) -> "tuple[PipelineOptions, bool]":
    """Return Beam's options, and whether the pipeline stays on this machine.

    Raises:
        ValueError: a value is wrong, or a local runner does not know an option. Options
            of remote runners are not checked.
    """
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

    messages = io.StringIO()
    try:
        with contextlib.redirect_stderr(messages):
            options = PipelineOptions([*DEFAULTS, *arguments])
            known = options.get_all_options()
            given = options.get_all_options(retain_unknown_options=True)
    except SystemExit:
        message = messages.getvalue().strip().rpartition("error: ")[2]
        raise ValueError(f"Apache Beam: {message}") from None
    standard = options.view_as(StandardOptions)
    is_local = standard.runner in StandardOptions.LOCAL_RUNNERS
    unknown = sorted(given.keys() - known.keys())
    if unknown and is_local:
        raise ValueError(f"Apache Beam has no option --{', --'.join(unknown)}")
    standard.runner = RUNNERS.get(standard.runner, standard.runner)
    return options, is_local


def _reason(error: RuntimeError) -> str:
    """Return the last line of a worker's traceback, without Beam's suffix."""
    lines = str(error).strip().splitlines()
    last = lines[-1] if lines else "no reason given"
    return last.partition(" [while running")[0].removeprefix("RuntimeError: ")


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
