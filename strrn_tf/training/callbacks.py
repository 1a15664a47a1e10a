"""What a training does between updates and at the ends of its stretches."""

import errno
import math
import threading
import time
from pathlib import Path

import keras
import numpy as np

from strrn_tf.training.failures import DiskFull, TrainingDiverged
from strrn_tf.training.run_folder import RunFolder, append_json_line, write_atomically

# Where a hundred updates take less, writing them all would take longer than training.
CHECKPOINT_SECONDS = 30.0


def steps_done(trainer: keras.Model) -> int:
    """Return how many updates a compiled model has had."""
    return int(trainer.optimizer.iterations.numpy())


class StopWhenNotFinite(keras.callbacks.Callback):
    """Ends training with the values named, before anything is saved.

    On JAX they are looked at while the next updates are under way, in another thread,
    which must not touch the model: its weights belong to the update in hand.
    """

    async_safe = True

    def __init__(self) -> None:
        super().__init__()
        self.wrong: dict[str, float] = {}

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        values = {name: float(value) for name, value in (logs or {}).items()}
        wrong = {k: v for k, v in values.items() if not math.isfinite(v)}
        self.wrong = self.wrong or wrong

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._stop()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.wrong:
            values = ", ".join(f"{k} = {v}" for k, v in self.wrong.items())
            raise _diverged(self.model, values)


class Stopped(KeyboardInterrupt):
    """Ctrl-C, taken up between two updates."""


class StopBetweenUpdates(keras.callbacks.Callback):
    """Turns the first Ctrl-C into an end before the next update.

    In the middle of one, on JAX, the weights before it are gone and those after it are
    not there yet.

    Args:
        stop: set by Ctrl-C.
    """

    def __init__(self, stop: threading.Event) -> None:
        super().__init__()
        self.stop = stop

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if self.stop.is_set():
            raise Stopped


class SaveCheckpoint(keras.callbacks.Callback):
    """Writes weights and optimizer at the end of stretches, atomically.

    After a stretch, if the last time was ``CHECKPOINT_SECONDS`` ago, and after the last
    one.

    Args:
        path: the checkpoint, ending in ``.weights.h5``.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.saved_at = -math.inf
        self.is_saved = False

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.is_saved = False
        if time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
            self._save()

    def on_train_end(self, logs: dict | None = None) -> None:
        if not self.is_saved:
            self._save()

    def _save(self) -> None:
        save_checkpoint(self.model, self.path)
        self.saved_at, self.is_saved = time.monotonic(), True


def save_checkpoint(trainer: keras.Model, path: Path) -> None:
    """Write weights and optimizer, atomically.

    Raises:
        DiskFull: there is no room; the file that was there is intact.
        TrainingDiverged: a weight is not finite; the same.
    """
    # A gradient that is not finite shows in the loss of the next update only.
    for variable in trainer.trainable_variables:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            raise _diverged(trainer, f"{variable.path} is not finite")
    try:
        write_atomically(path, lambda new: trainer.save_weights(new, overwrite=True))
    except OSError as error:
        # HDF5 reports the reason of the system only in words.
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        if full or "No space left" in str(error):
            raise DiskFull(
                f"no room on the disk for {path}: the state before it is kept; free "
                "some space and run again with --resume"
            ) from error
        raise


def _diverged(trainer: keras.Model, values: str) -> TrainingDiverged:
    step = steps_done(trainer)
    return TrainingDiverged(
        f"training diverged by step {step}: {values}. The last good state is kept; "
        "train with a lower learning rate"
    )


class LogMetrics(keras.callbacks.Callback):
    """Appends one line to ``metrics.jsonl`` after every stretch.

    Args:
        folder: of the run.
        phase: its name.
    """

    def __init__(self, folder: RunFolder, phase: str) -> None:
        super().__init__()
        self.folder = folder
        self.phase = phase

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        values = {k: float(v) for k, v in (logs or {}).items()}
        step = steps_done(self.model)
        append_json_line(
            self.folder.metrics, {"phase": self.phase, "step": step, **values}
        )
