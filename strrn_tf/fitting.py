"""`keras.Model.fit` in a way that a kill at any moment loses nothing but a minute.

The stream of batches is endless and can start at any batch, so a "Keras epoch" is just
the stretch between two checkpoints. A checkpoint is one file of weights and optimizer;
the number of updates done is read from the optimizer in it, so there is no second file
that could disagree.
"""

import errno
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from strrn_tf.devices import ONE_DEVICE, Devices
from strrn_tf.failures import DiskFull, TrainingDiverged
from strrn_tf.interruption import stop_signal
from strrn_tf.omni.run_folder import RunFolder, append_json_line, write_atomically

CHECKPOINT_STEPS = 100
# Where a hundred updates take less, writing them all would take longer than training.
CHECKPOINT_SECONDS = 30.0
WARM_UP_STEPS = 200


@dataclass(frozen=True)
class Phase:
    """One training of one network.

    Attributes:
        name: file name of its checkpoint, such as ``detector-01``.
        steps: updates.
        learning_rate: peak.
        weight_decay: AdamW's.
    """

    name: str
    steps: int
    learning_rate: float
    weight_decay: float


def fit(
    trainer: keras.Model,
    batches_from: Callable[[int], Iterable],
    phase: Phase,
    folder: RunFolder,
    devices: Devices = ONE_DEVICE,
) -> None:
    """Train, starting where the phase's checkpoint ends.

    Args:
        trainer: a model with a loss of its own (``strrn_tf.training``).
        batches_from: gives the stream of batches without its first k.
        phase: what to train.
        folder: receives the checkpoint, a line of metrics per stretch and TensorBoard's
            files.
        devices: where to train.

    Raises:
        TrainingDiverged: the loss or a weight is not finite.
        DiskFull: a checkpoint could not be written.
    """
    if not phase.steps:
        return
    with devices.learner(trainer) as learner:
        use_xla = _use_xla() if devices.use_xla else False
        learner.compile(optimizer=_optimizer(phase, devices), jit_compile=use_xla)
        learner.optimizer.build(learner.trainable_variables)
        checkpoint = folder.checkpoint(phase.name)
        if checkpoint.exists():
            learner.load_weights(checkpoint)
        done = _steps_done(learner)
        where = f", on {devices.count} devices" if devices.count > 1 else ""
        print(f"{phase.name}: {done} of {phase.steps} updates are done{where}")
        callbacks = [
            StopWhenNotFinite(),
            SaveCheckpoint(checkpoint),
            LogMetrics(folder, phase.name),
        ]
        with stop_signal() as stop:
            callbacks.append(StopBetweenUpdates(stop))
            for start, stretch, count in stretches(done, phase.steps):
                first = start // CHECKPOINT_STEPS
                boards = _boards(folder.tensorboard(phase.name))
                try:
                    learner.fit(
                        _as_input(devices.shared_out(batches_from(start))),
                        steps_per_epoch=stretch,
                        initial_epoch=first,
                        epochs=first + count,
                        callbacks=[*callbacks, *boards],
                        shuffle=False,
                    )
                except KeyboardInterrupt:
                    save_checkpoint(learner, checkpoint)
                    raise


def stretches(done: int, steps: int) -> Iterator[tuple[int, int, int]]:
    """Yield (first step, steps of a stretch, number of stretches) up to ``steps``.

    Stretches end at multiples of ``CHECKPOINT_STEPS``; a run that was interrupted
    inside one does its rest first.
    """
    while done < steps:
        end = min(done - done % CHECKPOINT_STEPS + CHECKPOINT_STEPS, steps)
        whole = (steps - done) // CHECKPOINT_STEPS
        is_whole = end - done == CHECKPOINT_STEPS
        stretch, count = (CHECKPOINT_STEPS, whole) if is_whole else (end - done, 1)
        yield done, stretch, count
        done += stretch * count


def _boards(path: Path) -> list[keras.callbacks.Callback]:
    """Return the writer of TensorBoard's files, none where TensorFlow does not run."""
    if keras.backend.backend() != "tensorflow":
        return []
    return [keras.callbacks.TensorBoard(path, write_graph=False)]


def _as_input(batches: Iterable) -> Iterable:
    """Return batches as `fit` takes them: of generators it wants tuples."""
    is_generator = isinstance(batches, Iterator)
    return ((batch,) for batch in batches) if is_generator else batches


def _steps_done(trainer: keras.Model) -> int:
    return int(trainer.optimizer.iterations.numpy())


def _optimizer(phase: Phase, devices: Devices) -> keras.optimizers.Optimizer:
    warm_up = min(WARM_UP_STEPS, phase.steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=phase.learning_rate / 10,
        decay_steps=phase.steps - warm_up,
        alpha=0.01,
        warmup_target=phase.learning_rate,
        warmup_steps=warm_up,
    )
    return devices.adamw(
        learning_rate=schedule, weight_decay=phase.weight_decay, global_clipnorm=10.0
    )


def use_threads(count: int) -> None:
    """Limit the threads of one operation; 0 leaves the choice to the back end.

    Must be called before anything is computed.
    """
    if count and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(count)


def _use_xla() -> bool | str:
    """Say no on a CPU, where oneDNN's convolutions train twice as fast as XLA's."""
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False


class StopWhenNotFinite(keras.callbacks.Callback):
    """Ends training with the values named, before anything is saved.

    On JAX it looks while the next updates are under way, and at the latest before
    the end of a stretch.
    """

    async_safe = True

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        wrong = {k: v for k, v in (logs or {}).items() if not math.isfinite(float(v))}
        if wrong:
            values = ", ".join(f"{k} = {v}" for k, v in wrong.items())
            raise _diverged(self.model, values)


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
            raise KeyboardInterrupt


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
    step = _steps_done(trainer)
    return TrainingDiverged(
        f"training diverged at step {step}: {values}. The last good state is kept; "
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
        step = _steps_done(self.model)
        append_json_line(
            self.folder.metrics, {"phase": self.phase, "step": step, **values}
        )
