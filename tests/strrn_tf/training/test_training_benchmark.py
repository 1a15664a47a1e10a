"""``benchmarks/speed/training.py`` measures updates on realistic batches."""

from benchmarks.speed import pipeline, training


def test_every_network_can_be_measured():
    options = training.Options(preset="tiny", batch_size=2)
    batches = training.random_batches(2)
    for network, trainer in training.trainers(options, "mdm").items():
        assert training.milliseconds_per_sample(trainer, batches[network], 1) > 0


def test_batches_are_like_those_of_the_streams_that_feed_the_networks():
    streams = pipeline.streams(pipeline.Options(batch_size=2))
    for network, batch in training.random_batches(2).items():
        fed = next(iter(streams[training.FEEDS[network]]))
        shapes = {name: tuple(value.shape) for name, value in fed.items()}
        assert shapes == {name: value.shape for name, value in batch.items()}
