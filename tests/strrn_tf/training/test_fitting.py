"""Fitting: resume without a difference, divergence, full disk, Ctrl-C."""

import dataclasses
import errno
import json
import signal
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.toy_models import Line
from support.weights import arrays

from strrn_tf.system.failures import DiskFull, TrainingDiverged
from strrn_tf.system.interruption import Interrupted
from strrn_tf.training.callbacks import Checkpoints, save_checkpoint
from strrn_tf.training.fitting import CHECKPOINTS, Phase, checkpoint_intervals
from strrn_tf.training.fitting import fit as fit_network
from strrn_tf.training.run_folder import RunFolder


def batches_from(start, poison=None):
    """Return the endless stream of batches from a number on; one may be poisoned."""

    def batch(number):
        rng = np.random.default_rng(int(number))
        x = rng.normal(size=(4, 2)).astype(np.float32)
        if poison is not None and number == poison:
            x[:] = np.nan
        return x, x[:, :1] - 2 * x[:, 1:] + 1

    def read(number):
        x, y = tf.numpy_function(batch, [number], [tf.float32, tf.float32])
        return {"x": tf.ensure_shape(x, (4, 2)), "y": tf.ensure_shape(y, (4, 1))}

    return tf.data.Dataset.range(start, 10**9).map(read)


PHASE = Phase("line-00", steps=10, learning_rate=0.05, weight_decay=1e-3)


# With a checkpoint after every second update.
fit = partial(fit_network, checkpoints=Checkpoints(steps=2, seconds=0.0))


def new_trainer(after_update=None, kind=Line):
    keras.utils.set_random_seed(1)
    return kind(after_update)


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path)
    folder.start({})
    return folder


def metrics(folder):
    return [json.loads(line) for line in folder.metrics.read_text().splitlines()]


def stopping(step, error):
    """Return what raises an error after an update, as Ctrl-C or a fault would."""

    def stop(number):
        if number == step:
            raise error

    return stop


class TestCheckpointIntervals:
    @pytest.mark.parametrize(
        ("done", "steps", "expected"),
        [
            (0, 300, [(0, 100, 3)]),
            (0, 250, [(0, 100, 2), (200, 50, 1)]),
            (37, 250, [(37, 63, 1), (100, 100, 1), (200, 50, 1)]),
            (0, 30, [(0, 30, 1)]),
            (250, 250, []),
            (300, 250, []),
            (0, 0, []),
        ],
    )
    def test_by_hand(self, done, steps, expected):
        assert list(checkpoint_intervals(done, steps, 100)) == expected

    def test_every_step_once_and_ends_at_multiples(self):
        assert CHECKPOINTS.steps == 100
        for done in range(0, 230, 7):
            taken = []
            for first, length, count in checkpoint_intervals(done, 230, 100):
                taken += range(first, first + length * count)
                if first % 100 + length < 100:
                    assert first + length == 230
            assert taken == list(range(done, 230))


class TestFit:
    def test_it_learns_and_keeps_books(self, folder):
        phase = Phase("line-00", steps=220, learning_rate=0.1, weight_decay=0.0)
        trainer = new_trainer()
        every = Checkpoints(steps=50, seconds=0.0)
        fit(trainer, batches_from, phase, folder, checkpoints=every)
        lines = metrics(folder)
        assert [line["step"] for line in lines] == [50, 100, 150, 200, 220]
        assert {line["phase"] for line in lines} == {"line-00"}
        assert lines[-1]["loss"] < 0.01 * lines[0]["loss"]
        kernel, bias = arrays(trainer.dense)
        np.testing.assert_allclose(kernel[:, 0], [1, -2], atol=0.05)
        np.testing.assert_allclose(bias, [1], atol=0.05)

    def test_three_and_two_intervals_are_five(self, folder, tmp_path):
        whole = new_trainer()
        fit(whole, batches_from, PHASE, folder)
        halves = RunFolder(tmp_path / "halves")
        halves.start({})

        # The third interval is lost half done.
        stop = stopping(5, RuntimeError("stopped"))
        with pytest.raises(RuntimeError, match="stopped"):
            fit(new_trainer(stop), batches_from, PHASE, halves)
        assert [line["step"] for line in metrics(halves)] == [2, 4]
        rest = new_trainer()
        rest.dense.kernel.assign([[9.0], [9.0]])  # must come from the checkpoint
        fit(rest, batches_from, PHASE, halves)
        assert int(rest.optimizer.iterations) == 10
        for a, b in zip(whole.variables, rest.variables, strict=True):
            if "metric" not in a.path and "loss" not in a.path:
                np.testing.assert_array_equal(a, b)
        for a, b in zip(
            whole.optimizer.variables, rest.optimizer.variables, strict=True
        ):
            np.testing.assert_array_equal(a, b)
        assert [line["step"] for line in metrics(halves)] == [2, 4, 6, 8, 10]

    def test_it_ends_with_the_mean_of_the_last_weights(self, folder, tmp_path):
        averaged = dataclasses.replace(PHASE, averaging=0.3)
        seen = []

        def note(number):
            seen.append(arrays(plain.dense))

        plain, whole = new_trainer(note), new_trainer()
        fit(plain, batches_from, dataclasses.replace(PHASE, name="plain"), folder)
        fit(whole, batches_from, averaged, folder)
        mean = seen[0]
        for weights in seen[1:]:  # a window of 3 updates
            mean = [m + (w - m) / 3 for m, w in zip(mean, weights, strict=True)]
        for found, expected in zip(arrays(whole.dense), mean, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4)

        # Stopped in the middle, it goes on with the weights and not with their mean.
        halves = RunFolder(tmp_path / "halves")
        halves.start({})
        stop = stopping(5, RuntimeError("stopped"))
        with pytest.raises(RuntimeError):
            fit(new_trainer(stop), batches_from, averaged, halves)
        for trainer in (new_trainer(), new_trainer()):  # the second only reads
            fit(trainer, batches_from, averaged, halves)
            for a, b in zip(arrays(trainer.dense), arrays(whole.dense), strict=True):
                np.testing.assert_array_equal(a, b)

    def test_generators_are_batches_too(self, folder, tmp_path):
        whole, other = new_trainer(), new_trainer()
        fit(whole, batches_from, PHASE, folder)
        elsewhere = RunFolder(tmp_path / "elsewhere")
        elsewhere.start({})

        def generated(start):
            return (batch for batch in batches_from(start))

        fit(other, generated, PHASE, elsewhere)
        for a, b in zip(arrays(whole), arrays(other), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_intervals_that_take_no_time_are_saved_at_the_end(self, folder):
        rarely = partial(fit_network, checkpoints=Checkpoints(steps=2, seconds=60.0))
        stop = stopping(7, RuntimeError("stopped"))
        with pytest.raises(RuntimeError):
            rarely(new_trainer(stop), batches_from, PHASE, folder)
        # The first interval was saved, and the next two were not due.
        whole, rest = new_trainer(), new_trainer()
        rarely(whole, batches_from, dataclasses.replace(PHASE, name="whole"), folder)
        rarely(rest, batches_from, PHASE, folder)
        steps = [x["step"] for x in metrics(folder) if x["phase"] == PHASE.name]
        assert steps == [2, 4, 6, 4, 6, 8, 10]
        again = new_trainer()
        rarely(again, lambda start: pytest.fail("no batch is needed"), PHASE, folder)
        for a, b, c in zip(*map(arrays, (whole, rest, again)), strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(a, c)

    def test_a_phase_that_is_done_is_only_read(self, folder):
        first = new_trainer()
        fit(first, batches_from, PHASE, folder)
        again = new_trainer()
        fit(again, lambda start: pytest.fail("no batch is needed"), PHASE, folder)
        for a, b in zip(arrays(first), arrays(again), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_every_batch_is_used_once(self, folder):
        seen = []

        def noted(start):
            def note(number):
                seen.append(int(number))
                return np.float32(number)

            def read(number):
                value = tf.numpy_function(note, [number], tf.float32)
                return {"x": tf.fill((4, 2), value), "y": tf.zeros((4, 1))}

            return tf.data.Dataset.range(start, 10**9).map(read)

        fit(new_trainer(), noted, Phase("n", 6, 1e-4, 0.0), folder)
        assert seen[:6] == list(range(6))

    def test_ctrl_c_saves_the_very_step(self, folder):
        whole = new_trainer()
        fit(whole, batches_from, Phase("whole", 10, 0.05, 1e-3), folder)

        stop = stopping(5, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            fit(new_trainer(stop), batches_from, PHASE, folder)
        saved = new_trainer()
        fit(saved, batches_from, dataclasses.replace(PHASE, steps=5), folder)
        assert int(saved.optimizer.iterations) == 5
        rest = new_trainer()
        fit(rest, batches_from, PHASE, folder)
        for a, b in zip(arrays(whole), arrays(rest), strict=True):
            np.testing.assert_array_equal(a, b)
        steps = [x["step"] for x in metrics(folder) if x["phase"] == PHASE.name]
        assert steps == [2, 4, 6, 8, 10]

    @pytest.mark.parametrize(
        "names",
        [
            ["SIGINT"],
            ["SIGTERM"],
            ["SIGHUP"],
            ["SIGUSR1"],  # a warning of a cluster's limit
            ["SIGXCPU"],
            ["SIGHUP", "SIGHUP", "SIGTERM"],  # a closed terminal, then a shutdown
        ],
    )
    def test_a_signal_waits_for_the_update_in_hand(self, folder, names):
        numbers = [getattr(signal, name) for name in names]

        def press(number):
            if number == 2:
                for one in numbers:
                    signal.raise_signal(one)

        handlers = [signal.getsignal(one) for one in numbers]
        with pytest.raises(Interrupted) as stop:
            fit(new_trainer(press), batches_from, PHASE, folder)
        assert stop.value.number == numbers[0]
        assert [signal.getsignal(one) for one in numbers] == handlers
        saved = new_trainer()
        fit(saved, batches_from, dataclasses.replace(PHASE, steps=1), folder)
        assert int(saved.optimizer.iterations) == 2

    def test_a_signal_in_the_last_update_is_not_forgotten(self, folder):
        def press(number):
            if number == PHASE.steps:
                signal.raise_signal(signal.SIGTERM)

        with pytest.raises(Interrupted):
            fit(new_trainer(press), batches_from, PHASE, folder)
        saved = new_trainer()
        fit(saved, batches_from, PHASE, folder)
        assert int(saved.optimizer.iterations) == PHASE.steps
        assert [line["step"] for line in metrics(folder)] == [2, 4, 6, 8, 10]


class TestDivergence:
    def test_a_loss_that_is_not_finite_stops_before_anything_is_saved(self, folder):
        def poisoned(start):
            return batches_from(start, poison=5)

        with pytest.raises(TrainingDiverged) as caught:
            fit(new_trainer(), poisoned, PHASE, folder)
        message = str(caught.value)
        assert "step 6: loss = nan" in message
        assert "\n" not in message
        # The checkpoint is that of step 4, and training goes on from it.
        rest = new_trainer()
        fit(rest, batches_from, PHASE, folder)
        assert [line["step"] for line in metrics(folder)] == [2, 4, 6, 8, 10]
        assert np.isfinite(np.concatenate([a.ravel() for a in arrays(rest)])).all()

    def test_a_weight_that_is_not_finite_is_not_saved(self, tmp_path):
        trainer = new_trainer()
        path = tmp_path / "checkpoint.weights.h5"
        trainer.compile(optimizer="sgd")
        trainer.optimizer.build(trainer.trainable_variables)
        save_checkpoint(trainer, path)
        before = path.read_bytes()
        trainer.dense.bias.assign([np.inf])
        with pytest.raises(TrainingDiverged, match="bias is not finite"):
            save_checkpoint(trainer, path)
        assert path.read_bytes() == before


class TestFullDisk:
    @pytest.mark.parametrize(
        "error",
        [
            OSError(errno.ENOSPC, "No space left on device"),
            # HDF5 reports it in its message only.
            OSError("Can't write data (error message = 'No space left on device')"),
        ],
    )
    def test_the_state_before_is_kept(self, folder, error):
        class Full(Line):
            """Has room for two checkpoints."""

            saved = 0

            def save_weights(self, path, **options):
                self.saved += 1
                if self.saved < 3:
                    super().save_weights(path, **options)
                    return
                Path(path).write_bytes(b"half")
                raise error

        with pytest.raises(DiskFull, match=r"no room on the disk for .*--resume"):
            fit(new_trainer(kind=Full), batches_from, PHASE, folder)
        names = [p.name for p in folder.checkpoint("x").parent.iterdir()]
        assert names == ["line-00.weights.h5"]
        rest = new_trainer()
        fit(rest, batches_from, PHASE, folder)
        assert [line["step"] for line in metrics(folder)] == [2, 4, 6, 8, 10]

    def test_another_error_is_not_called_a_full_disk(self, folder):
        class Forbidden(Line):
            def save_weights(self, path, **options):
                raise OSError(errno.EACCES, "Permission denied")

        with pytest.raises(OSError, match="Permission denied") as caught:
            fit(new_trainer(kind=Forbidden), batches_from, PHASE, folder)
        assert not isinstance(caught.value, DiskFull)
