"""`keras.Model.fit` with checkpoints: a kill at any moment loses at most a minute.

The stream of batches is endless and can start at any batch. A "Keras epoch" is the
interval between two checkpoints. A checkpoint is one file of weights and optimizer. The
number of updates is read from the optimizer, so no second file can disagree with it.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras

from strrn_tf.system.interruption import stop_signal
from strrn_tf.training.callbacks import (
    Checkpoints,
    LogMetrics,
    SaveCheckpoint,
    StopBetweenUpdates,
    Stopped,
    StopWhenNotFinite,
    save_checkpoint,
    steps_done,
)
from strrn_tf.training.devices import ONE_DEVICE, AdamW, Devices
from strrn_tf.training.run_folder import RunFolder

CHECKPOINTS = Checkpoints()
WARM_UP_STEPS = 200


@dataclass(frozen=True)
class Phase:
    """One training of one network.

    Attributes:
        name: name of its checkpoint, such as ``detector-01``.
        steps: updates.
        learning_rate: peak.
        weight_decay: AdamW's.
        averaging: window of the moving average of the weights, as a fraction of the
            updates. The training ends with the average; 0: with the last weights.
    """

    name: str
    steps: int
    learning_rate: float
    weight_decay: float
    averaging: float = 0.0


def fit(
    trainer: keras.Model,
    batches_from: Callable[[int], Iterable],
    phase: Phase,
    folder: RunFolder,
    devices: Devices = ONE_DEVICE,
    checkpoints: Checkpoints | None = None,
) -> None:
    """Train from the checkpoint of the phase, or from the beginning.

    Args:
        trainer: a model with its own loss (``strrn_tf.training.trainers``).
        batches_from: returns the stream of batches without its first k.
        phase: name, updates and learning rate.
        folder: receives the checkpoint, TensorBoard's files, and a line of metrics per
            checkpoint interval.
        devices: where to train.
        checkpoints: when to save; None: as `CHECKPOINTS`.

    Raises:
        TrainingDiverged: the loss or a weight is not finite.
        DiskFull: a checkpoint could not be written.
    """
    if not phase.steps:
        return
    checkpoints = checkpoints or CHECKPOINTS
    with devices.learner(trainer) as learner:
        _compile(learner, phase, devices)
        checkpoint = folder.checkpoint(phase.name)
        if checkpoint.exists():
            learner.load_weights(checkpoint)
        done = steps_done(learner)
        _say_where(phase, done, devices)
        callbacks = [
            StopWhenNotFinite(),
            SaveCheckpoint(checkpoint, checkpoints.seconds),
            LogMetrics(folder, phase.name),
        ]
        message = "stopping after this update; Ctrl-C again: at once"
        with stop_signal(message) as stop, _saved_on_signal(learner, checkpoint):
            callbacks.append(StopBetweenUpdates(stop))
            for start, steps, count in checkpoint_intervals(
                done, phase.steps, checkpoints.steps
            ):
                first = start // checkpoints.steps
                boards = _boards(folder.tensorboard(phase.name))
                with _input(devices.prepare_batches(batches_from(start))) as batches:
                    learner.fit(
                        batches,
                        steps_per_epoch=steps,
                        initial_epoch=first,
                        epochs=first + count,
                        callbacks=[*callbacks, *boards],
                        shuffle=False,
                    )
            # A signal in the last update: no other follows, which would stop for it.
            stop.raise_if_set()
        if phase.averaging:
            # Not in the checkpoint: one with all updates gives the average again.
            learner.optimizer.use_average(learner.trainable_variables)


def _compile(learner: keras.Model, phase: Phase, devices: Devices) -> None:
    use_xla = _use_xla() if devices.use_xla else False
    learner.compile(optimizer=make_optimizer(phase, devices), jit_compile=use_xla)
    learner.optimizer.build(learner.trainable_variables)


def _say_where(phase: Phase, done: int, devices: Devices) -> None:
    where = f", on {devices.count} devices" if devices.count > 1 else ""
    print(f"{phase.name}: {done} of {phase.steps} updates are done{where}")


def checkpoint_intervals(
    done: int, steps: int, interval: int
) -> Iterator[tuple[int, int, int]]:
    """Split the updates from ``done`` to ``steps`` into checkpoint intervals.

    Intervals end at multiples of ``interval``. A run that was interrupted inside one
    first completes it.

    Yields:
        Number of the first update, updates per interval, number of such intervals.
    """
    while done < steps:
        end = min(done - done % interval + interval, steps)
        whole = (steps - done) // interval
        is_whole = end - done == interval
        length, count = (interval, whole) if is_whole else (end - done, 1)
        yield done, length, count
        done += length * count


def _boards(path: Path) -> list[keras.callbacks.Callback]:
    """Return the writer of TensorBoard's files; none without TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        return []
    return [keras.callbacks.TensorBoard(path, write_graph=False)]


@contextmanager
def _input(batches: Iterable) -> Iterator[Iterable]:
    """Yield batches as Keras' `fit` takes them, and close a generator at the end."""
    if not isinstance(batches, Generator):
        yield batches
        return
    with closing(batches):
        yield ((batch,) for batch in batches)


@contextmanager
def _saved_on_signal(learner: keras.Model, checkpoint: Path) -> Iterator[None]:
    """Save the weights if a signal ends the block.

    On JAX an update deletes the old weights before the new ones exist. A second Ctrl-C
    in the middle of an update leaves nothing to save: the last checkpoint stays.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        if isinstance(stop, Stopped) or keras.backend.backend() != "jax":
            save_checkpoint(learner, checkpoint)
        raise
    except RuntimeError as error:
        # Keras looked for the weights after such an interrupted update.
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise


def make_optimizer(phase: Phase, devices: Devices) -> AdamW:
    """Return AdamW with the learning rates of a phase: warm-up, then a cosine."""
    warm_up = min(WARM_UP_STEPS, phase.steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=phase.learning_rate / 10,
        decay_steps=phase.steps - warm_up,
        alpha=0.01,
        warmup_target=phase.learning_rate,
        warmup_steps=warm_up,
    )
    window = max(phase.averaging * phase.steps, 1.0)
    average = {"use_ema": True, "ema_momentum": 1 - 1 / window}
    return devices.adamw(
        learning_rate=schedule,
        weight_decay=phase.weight_decay,
        global_clipnorm=10.0,
        **(average if phase.averaging else {}),
    )


def use_threads(count: int) -> None:
    """Limit the threads of one operation; 0 leaves the choice to the back end.

    It must be called before anything is computed.
    """
    if count and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(count)


def _use_xla() -> bool | str:
    """Return Keras' ``jit_compile``: False on a CPU.

    There oneDNN's convolutions train twice as fast as those of XLA.
    """
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False
