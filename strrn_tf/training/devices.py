"""Training on several accelerators of one machine: Keras' own distribution.

Every batch is split evenly among the devices. An update is then the same as that of one
device with the whole batch, except for rounding: losses are means over the whole batch,
gradients are summed over the devices and then clipped, and batch normalisation sees the
whole batch. A sample's index is its index in the whole batch.

Only a replica of the network in training is on all devices. The networks that predict
and are exported stay on one device. They receive the weights when the training ends.
"""

import functools
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import keras

# Key of the samples' indices in the whole batch, in a batch that was split.
SAMPLE_INDEX = "sample_index"


class Trainer(Protocol):
    """A Keras model that can be replicated."""

    def replica(self) -> keras.Model:
        """Return a new model with the same networks and weights."""


class Devices:
    """One device: batches are not split.

    Attributes:
        count: number of devices.
        use_xla: whether Keras may compile the updates with XLA.
    """

    count = 1
    use_xla = True

    @contextmanager
    def learner(self, trainer: keras.Model) -> Iterator[keras.Model]:
        """Yield the model to train. Its weights are the trainer's afterwards."""
        yield trainer

    def prepare_batches(self, batches: Iterable) -> Iterable:
        """Return the batches in the form that a learner needs."""
        return batches

    def adamw(self, **options: Any) -> "AdamW":
        """Return the optimizer of a learner."""
        return AdamW(**options)


class AdamW(keras.optimizers.AdamW):
    """AdamW whose moving average of the weights is taken when it is asked for.

    Keras puts the average in the place of the weights at the end of every call of
    `fit`. A training is several calls, and goes on with the weights.
    """

    def finalize_variable_values(self, var_list: Iterable) -> None:
        """Leave the weights as they are."""

    def use_average(self, variables: Iterable) -> None:
        """Put the moving average in the place of the weights."""
        super().finalize_variable_values(variables)


ONE_DEVICE = Devices()


class _Several(Devices):
    """Learners are replicas on all devices."""

    def __init__(self, count: int) -> None:
        self.count = count

    @contextmanager
    def learner(self, trainer: Trainer) -> Iterator[keras.Model]:
        with self.scope():
            replica = trainer.replica()
            _synchronise_batch_norm(replica)
            yield replica
        trainer.set_weights(replica.get_weights())

    def scope(self) -> AbstractContextManager:
        """Return the context in which variables are made on all devices."""
        raise NotImplementedError


class _Parallel(_Several):
    """JAX: ``keras.distribution``. A batch stays one array, split among devices."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(len(names))
        self._parallel = keras.distribution.DataParallel(devices=names)

    def scope(self) -> AbstractContextManager:
        return self._parallel.scope()


class _Mirrored(_Several):
    """TensorFlow: ``tf.distribute``. Every device sees only its part of a batch."""

    # All-reduce does not work under XLA.
    use_xla = False

    def __init__(self, names: list[str]) -> None:
        super().__init__(len(names))
        self._strategy = _mirrored_strategy(tuple(names))

    def scope(self) -> AbstractContextManager:
        return self._strategy.scope()

    def prepare_batches(self, batches: Iterable) -> Iterable:
        import tensorflow as tf

        def add_index(batch: dict) -> dict:
            size = tf.shape(next(iter(batch.values())))[0]
            return {**batch, SAMPLE_INDEX: tf.range(size)}

        return batches.map(add_index)

    def adamw(self, *, global_clipnorm: float, **options: Any) -> "SummedAdamW":
        # The norm of the mean over devices, which is the sum divided by their number.
        clipnorm = global_clipnorm / self.count
        return SummedAdamW(global_clipnorm=clipnorm, **options)


@functools.cache
def _mirrored_strategy(names: tuple[str, ...]) -> Any:
    """Return the strategy of some devices, always the same object.

    With two strategies in one process, their all-reduces mix or block each other.
    """
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(names)


class SummedAdamW(AdamW):
    """AdamW that clips the gradient of the whole batch; Keras clips each device's part.

    Keras sums over the devices after clipping. Here every device passes on the mean
    over all devices, so that this sum is the sum of the gradients.
    """

    def apply_gradients(self, grads_and_vars: Iterable, **options: Any) -> Any:
        import tensorflow as tf

        gradients, variables = zip(*grads_and_vars, strict=True)
        context = tf.distribute.get_replica_context()
        means = context.all_reduce(tf.distribute.ReduceOp.MEAN, list(gradients))
        return super().apply_gradients(zip(means, variables, strict=True), **options)


def choose_devices(
    count: int, batch_sizes: Iterable[int] = (), *, backend: str | None = None
) -> Devices:
    """Return the first devices of the fastest kind that the machine has.

    Args:
        count: number of devices.
        batch_sizes: of the networks to train.
        backend: Keras' back end; None: the one that runs.

    Raises:
        ValueError: there are fewer devices, a batch cannot be split evenly, or the back
            end cannot distribute.
    """
    if count < 1:
        raise ValueError(f"--devices must be at least 1. Received: {count}")
    if count == 1:
        return ONE_DEVICE
    for size in batch_sizes:
        if size % count:
            raise ValueError(
                f"--devices {count} cannot split a batch of {size} evenly: choose "
                "another batch size"
            )
    backend = backend or keras.backend.backend()
    kinds = {"tensorflow": _Mirrored, "jax": _Parallel}
    if backend not in kinds:
        raise ValueError(
            f"--devices {count} needs Keras' back end tensorflow or jax. "
            f"Received: {backend}"
        )
    names = keras.distribution.list_devices()
    if count > len(names):
        raise ValueError(f"--devices {count}: the machine has only {', '.join(names)}")
    return kinds[backend](names[:count])


def _synchronise_batch_norm(model: keras.Model) -> None:
    """Let batch normalisation see the whole batch; on JAX it always does."""
    if keras.backend.backend() != "tensorflow":
        return
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
