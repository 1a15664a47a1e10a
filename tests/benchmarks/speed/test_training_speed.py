"""``benchmarks/speed/training.py`` measures updates on realistic batches."""

import numpy as np
import pytest

from benchmarks.speed import pipeline, training


class Clock:
    """Goes only when it is moved."""

    seconds = 0.0

    def __call__(self):
        return self.seconds


class Trainer:
    """Its updates take known times, in seconds."""

    def __init__(self, clock, times):
        self.clock, self.times = clock, iter(times)

    def train_on_batch(self, batch):
        self.clock.seconds += next(self.times)


def test_the_first_two_updates_are_left_out_of_the_median():
    clock = Clock()
    trainer = Trainer(clock, [9.0, 7.0, 0.1, 0.8, 0.2])
    batch = training.random_batches(2)["detector"]
    measured = training.milliseconds_per_sample(trainer, batch, 3, clock)
    assert measured == pytest.approx(1000 * 0.2 / 2)


def test_every_network_learns_while_it_is_measured():
    options = training.Options(preset="tiny", batch_size=2)
    batches = training.random_batches(2)
    for network, trainer in training.trainers(options, "mdm").items():
        before = trainer.get_weights()
        training.milliseconds_per_sample(trainer, batches[network], 1)
        pairs = zip(before, trainer.get_weights(), strict=True)
        assert any(np.any(one != other) for one, other in pairs)
        assert int(trainer.optimizer.iterations) == 3


def test_batches_are_like_those_of_the_streams_that_feed_the_networks():
    streams = pipeline.streams(pipeline.Options(batch_size=2))
    for network, batch in training.random_batches(2).items():
        fed = next(iter(streams[training.STREAM_OF_NETWORK[network]]))
        shapes = {name: tuple(value.shape) for name, value in fed.items()}
        assert shapes == {name: value.shape for name, value in batch.items()}
