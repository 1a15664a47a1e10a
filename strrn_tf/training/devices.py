"""Training on several accelerators of one machine: Keras' own distribution.

A batch is shared out evenly, so that an update is that of one device with the whole
batch: losses are means over the batch, gradients are summed over the devices and then
clipped, batch normalisation sees the whole batch, and what depends on a sample's place
in the batch goes by its place in the whole. Results differ in rounding alone.

Only the network in training is on all devices, as a twin. The networks that predict and
are exported stay on one, and receive the weights when the training ends.
"""

import functools
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import keras

# Where batches carry the samples' places in the whole batch.
PLACE = "place"


class Trainer(Protocol):
    """A Keras model that can be made once more, with the same weights."""

    def twin(self) -> keras.Model:
        """Return a new model with the same networks and weights."""


class Devices:
    """One device: nothing is shared out.

    Attributes:
        count: number of devices.
        use_xla: whether Keras may compile the updates with XLA.
    """

    count = 1
    use_xla = True

    @contextmanager
    def learner(self, trainer: keras.Model) -> Iterator[keras.Model]:
        """Yield what is to be trained in place of the trainer, which learns alike."""
        yield trainer

    def shared_out(self, batches: Iterable) -> Iterable:
        """Return the batches as a learner needs them."""
        return batches

    def adamw(self, **options: Any) -> keras.optimizers.Optimizer:
        """Return the optimizer of a learner."""
        return keras.optimizers.AdamW(**options)


ONE_DEVICE = Devices()


class _Several(Devices):
    """Learners are twins on all devices."""

    def __init__(self, count: int) -> None:
        self.count = count

    @contextmanager
    def learner(self, trainer: Trainer) -> Iterator[keras.Model]:
        with self.scope():
            twin = trainer.twin()
            _normalise_together(twin)
            yield twin
        trainer.set_weights(twin.get_weights())

    def scope(self) -> AbstractContextManager:
        """Return the context in which variables are made on all devices."""
        raise NotImplementedError


class _Parallel(_Several):
    """JAX: ``keras.distribution``. A batch is one array, wherever its parts are."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(len(names))
        self._parallel = keras.distribution.DataParallel(devices=names)

    def scope(self) -> AbstractContextManager:
        return self._parallel.scope()


class _Mirrored(_Several):
    """TensorFlow: ``tf.distribute``. Every device sees its part of a batch alone."""

    # All-reduce and XLA do not go together.
    use_xla = False

    def __init__(self, names: list[str]) -> None:
        super().__init__(len(names))
        self._strategy = _mirrored_strategy(tuple(names))

    def scope(self) -> AbstractContextManager:
        return self._strategy.scope()

    def shared_out(self, batches: Iterable) -> Iterable:
        import tensorflow as tf

        def number(batch: dict) -> dict:
            size = tf.shape(next(iter(batch.values())))[0]
            return {**batch, PLACE: tf.range(size)}

        return batches.map(number)

    def adamw(self, *, global_clipnorm: float, **options: Any) -> "SummedAdamW":
        # Of the mean over devices, which is the sum by their number.
        clipnorm = global_clipnorm / self.count
        return SummedAdamW(global_clipnorm=clipnorm, **options)


@functools.cache
def _mirrored_strategy(names: tuple[str, ...]) -> Any:
    """Return the strategy of some devices, always the same one.

    The sums that two of them take in one process get mixed up, or wait for each other.
    """
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(names)


class SummedAdamW(keras.optimizers.AdamW):
    """Clips what all devices have found together, where Keras clips each one's part.

    Keras sums over the devices after clipping; the sum of equal means is the sum.
    """

    def apply_gradients(self, grads_and_vars: Iterable, **options: Any) -> Any:
        import tensorflow as tf

        gradients, variables = zip(*grads_and_vars, strict=True)
        context = tf.distribute.get_replica_context()
        means = context.all_reduce(tf.distribute.ReduceOp.MEAN, list(gradients))
        return super().apply_gradients(zip(means, variables, strict=True), **options)


def choose_devices(count: int, batch_sizes: Iterable[int] = ()) -> Devices:
    """Return the first devices of the best kind that there is.

    Args:
        count: number of devices.
        batch_sizes: of what is to be trained.

    Raises:
        ValueError: there are fewer devices, a batch cannot be shared out evenly, or the
            back end has no distribution.
    """
    if count < 1:
        raise ValueError(f"--devices must be at least 1. Received: {count}")
    if count == 1:
        return ONE_DEVICE
    for size in batch_sizes:
        if size % count:
            raise ValueError(
                f"--devices {count} cannot share out a batch of {size} evenly: choose "
                "another batch size"
            )
    backend = keras.backend.backend()
    kinds = {"tensorflow": _Mirrored, "jax": _Parallel}
    if backend not in kinds:
        raise ValueError(
            f"--devices {count} needs Keras' back end tensorflow or jax. "
            f"Received: {backend}"
        )
    names = keras.distribution.list_devices()
    if count > len(names):
        raise ValueError(
            f"--devices {count}: not so many are here, only {', '.join(names)}"
        )
    return kinds[backend](names[:count])


def _normalise_together(model: keras.Model) -> None:
    """Let batch normalisation see the whole batch; on JAX it does anyway."""
    if keras.backend.backend() != "tensorflow":
        return
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
