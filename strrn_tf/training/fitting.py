"""`keras.Model.fit` in a way that a kill at any moment loses nothing but a minute.

The stream of batches is endless and can start at any batch, so a "Keras epoch" is just
the stretch between two checkpoints. A checkpoint is one file of weights and optimizer;
the number of updates done is read from the optimizer in it, so there is no second file
that could disagree.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras

from strrn_tf.system.interruption import stop_signal
from strrn_tf.training.callbacks import (
    LogMetrics,
    SaveCheckpoint,
    StopBetweenUpdates,
    Stopped,
    StopWhenNotFinite,
    save_checkpoint,
    steps_done,
)
from strrn_tf.training.devices import ONE_DEVICE, Devices
from strrn_tf.training.run_folder import RunFolder

CHECKPOINT_STEPS = 100
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
        trainer: a model with a loss of its own (``strrn_tf.training.trainers``).
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
        done = steps_done(learner)
        where = f", on {devices.count} devices" if devices.count > 1 else ""
        print(f"{phase.name}: {done} of {phase.steps} updates are done{where}")
        callbacks = [
            StopWhenNotFinite(),
            SaveCheckpoint(checkpoint),
            LogMetrics(folder, phase.name),
        ]
        message = "stopping after the update in hand; Ctrl-C again: at once"
        with stop_signal(message) as stop, _saved_on_ctrl_c(learner, checkpoint):
            callbacks.append(StopBetweenUpdates(stop))
            for start, stretch, count in stretches(done, phase.steps):
                first = start // CHECKPOINT_STEPS
                boards = _boards(folder.tensorboard(phase.name))
                with _input(devices.shared_out(batches_from(start))) as batches:
                    learner.fit(
                        batches,
                        steps_per_epoch=stretch,
                        initial_epoch=first,
                        epochs=first + count,
                        callbacks=[*callbacks, *boards],
                        shuffle=False,
                    )


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


@contextmanager
def _input(batches: Iterable) -> Iterator[Iterable]:
    """Yield batches as `fit` takes them: tuples of a generator's, which ends here."""
    if not isinstance(batches, Generator):
        yield batches
        return
    with closing(batches):
        yield ((batch,) for batch in batches)


@contextmanager
def _saved_on_ctrl_c(learner: keras.Model, checkpoint: Path) -> Iterator[None]:
    """Save the weights if Ctrl-C ends this.

    On JAX an update takes the weights and gives others back, so there is nothing to
    save where a second Ctrl-C cuts it off: the last checkpoint stands.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        if isinstance(stop, Stopped) or keras.backend.backend() != "jax":
            save_checkpoint(learner, checkpoint)
        raise
    except RuntimeError as error:
        # Keras looked for the weights after such an update.
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise


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
