"""Apache Beam's options, and what this project adds to them for two of its runners."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from data_pipeline.tasks.dask_runner import DASK, set_partitions
from strrn_tf.system.quiet import quiet_stderr

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

# The default runs in processes of this machine.
DEFAULTS = ("--runner=DirectRunner", "--direct_running_mode=multi_processing")
# What Beam calls the runners that are named here in another way. Its DirectRunner first
# fetches a server, Prism, from the network. This is its own fallback, with processes as
# workers.
RUNNERS = {"DirectRunner": "FnApiRunner", "DaskRunner": DASK}


def parse_beam_options(arguments: Sequence[str]) -> "tuple[PipelineOptions, bool]":
    """Return Beam's options, and whether the pipeline stays on this machine.

    Raises:
        ValueError: a value is wrong, or a local runner or Dask's does not know an
            option. Options of other remote runners are not checked.
        ModuleNotFoundError: the runner is Dask's, which is not installed.
    """
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

    with _raising_value_errors():
        options = PipelineOptions([*DEFAULTS, *arguments])
        standard = options.view_as(StandardOptions)
        is_local = standard.runner in StandardOptions.LOCAL_RUNNERS
        standard.runner = RUNNERS.get(standard.runner, standard.runner)
        if standard.runner == DASK:
            set_partitions(options)
        # Values are checked only when they are asked for.
        known = options.get_all_options()
        given = options.get_all_options(retain_unknown_options=True)
    unknown = sorted(given.keys() - known.keys())
    if unknown and (is_local or standard.runner == DASK):
        raise ValueError(f"Apache Beam has no option --{', --'.join(unknown)}")
    return options, is_local


@contextlib.contextmanager
def _raising_value_errors() -> Iterator[None]:
    """Raise a ``ValueError`` where argparse prints a message and ends the process."""
    messages = io.StringIO()
    try:
        # Beam logs unknown options, which the caller names.
        with quiet_stderr(keep=False), contextlib.redirect_stderr(messages):
            yield
    except SystemExit:
        message = messages.getvalue().strip().rpartition("error: ")[2]
        raise ValueError(f"Apache Beam: {message}") from None
