"""A process of its own that trains and dies at chosen moments.

    python training_process.py DEATHS EXPORT OPTIONS...

EXPORT is "export" or "no-export". DEATHS is a JSON object: run folders, each with a
list that has one entry for every start in turn: null (run to the end) or [moment,
number, signal]. A moment is "step" (an update of any network), counted from 1 by the
number, or a part of a path (a file of this name takes its final place for the n-th
time; death comes before it does). Every start is a fork: TensorFlow is imported once.
Exit codes go to stdout, one a line.
"""

import json
import os
import signal
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[3]))

import keras  # noqa: F401 - imported before forking, but not used: no thread has started
import tensorflow  # noqa: F401

import data_pipeline.batches.training_data  # noqa: F401
import strrn_tf.export.tflite  # noqa: F401
from strrn_tf.commands import train
from strrn_tf.export import run
from strrn_tf.training import callbacks, fitting


def die_at(moment: str, number: int, name: str) -> None:
    """Send this process a signal at its n-th update or before its n-th such rename."""
    left = [number]

    def count(what: str) -> None:
        if moment not in what:
            return
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), getattr(signal, name))

    replace, on_batch = os.replace, callbacks.StopWhenNotFinite.on_train_batch_end

    def counted_replace(*names: object) -> None:
        count(str(names[1]))
        replace(*names)

    def counted_batch(self: object, batch: int, logs: dict | None = None) -> None:
        on_batch(self, batch, logs)
        count("step")

    os.replace = counted_replace
    callbacks.StopWhenNotFinite.on_train_batch_end = counted_batch


def main() -> None:
    """Run one fork after the other."""
    fitting.CHECKPOINTS = callbacks.Checkpoints(steps=2, seconds=0.0)
    deaths, export, *options = sys.argv[1:]
    if export == "no-export":
        run.export_run = lambda *_, **__: None
    starts = [(run, d) for run, some in json.loads(deaths).items() for d in some]
    for output, death in starts:
        child = os.fork()
        if child == 0:
            # What the library prints is not the test's business.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            if death:
                die_at(*death)
            os._exit(train.main([*options, "--output", output]))
        status = os.waitpid(child, 0)[1]
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
