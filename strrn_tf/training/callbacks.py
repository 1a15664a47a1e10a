"""Callbacks of a training: after every update, and after every checkpoint interval."""

import errno
import math
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from strrn_tf.system.atomic import replacing
from strrn_tf.system.failures import DiskFull, TrainingDiverged
from strrn_tf.system.interruption import Interrupted, StopRequest
from strrn_tf.training.run_folder import RunFolder, append_json_line


@dataclass(frozen=True)
class Checkpoints:
    """When a training is saved.

    Attributes:
        steps: updates of a checkpoint interval.
        seconds: shortest time between two checkpoints. Of intervals that take less time
            some are not saved: writing them would take longer than training.
    """

    steps: int = 100
    seconds: float = 30.0


def steps_done(trainer: keras.Model) -> int:
    """Return the number of updates of a compiled model."""
    return int(trainer.optimizer.iterations.numpy())


class StopWhenNotFinite(keras.callbacks.Callback):
    """Ends a training whose loss or metrics are not finite, before anything is saved.

    On JAX another thread checks the values while the next updates run. That thread must
    not touch the model, whose weights belong to the update in progress.
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


class Stopped(Interrupted):
    """A signal, handled between two updates."""


class StopBetweenUpdates(keras.callbacks.Callback):
    """Ends a training before the next update after the first signal.

    In the middle of an update, on JAX, the old weights are deleted and the new ones do
    not exist yet.

    Args:
        stop: set by a signal.
    """

    def __init__(self, stop: StopRequest) -> None:
        super().__init__()
        self.stop = stop

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if self.stop.is_set():
            raise Stopped(self.stop.number)


class SaveCheckpoint(keras.callbacks.Callback):
    """Writes weights and optimizer at the end of checkpoint intervals, atomically.

    The last interval is always saved.

    Args:
        path: the checkpoint, ending in ``.weights.h5``.
        seconds: shortest time between two checkpoints.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__()
        self.path = path
        self.seconds = seconds
        self.saved_at = -math.inf
        self.is_saved = False

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.is_saved = False
        if time.monotonic() - self.saved_at > self.seconds:
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
        DiskFull: there is no room. The file that was there is intact.
        TrainingDiverged: a weight is not finite. The file that was there is intact.
    """
    # A gradient that is not finite shows in the loss of the next update only.
    for variable in trainer.trainable_variables:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            raise _diverged(trainer, f"{variable.path} is not finite")
    try:
        with replacing(path) as new:
            trainer.save_weights(new, overwrite=True)
    except OSError as error:
        # HDF5 reports the system's reason only in its message.
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        if full or "No space left" in str(error):
            raise DiskFull(
                f"no room on the disk for {path}: the checkpoint before it is kept; "
                "free some space and run again with --resume"
            ) from error
        raise


def _diverged(trainer: keras.Model, values: str) -> TrainingDiverged:
    step = steps_done(trainer)
    return TrainingDiverged(
        f"training diverged by step {step}: {values}. The last good checkpoint is "
        "kept; train with a lower learning rate"
    )


class LogMetrics(keras.callbacks.Callback):
    """Appends one line to ``metrics.jsonl`` after every checkpoint interval.

    Args:
        folder: of the run.
        phase: name of the phase.
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
