"""Training: resume without a difference, divergence, full disk, kills, exit codes."""

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from support import arrays
from toy_models import toy_mean_shape

import train
from data_pipeline.clips import list_clips
from data_pipeline.face_boxes import find_face_boxes
from data_pipeline.fingerprints import fingerprint
from data_pipeline.images import write_image
from data_pipeline.pts import write_pts
from data_pipeline.store_writer import Samples, StoreWriter
from data_pipeline.stored_window import STORED_SIZE
from strrn_tf import fitting
from strrn_tf.failures import DiskFull, TrainingDiverged
from strrn_tf.fitting import Phase, fit, save_checkpoint, stretches
from strrn_tf.omni.run_folder import RunFolder


class Line(keras.Model):
    """A trainer small enough to be traced in no time; its loss is its metric too."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.build((None, 2))

    def build(self, shape):
        self.dense.build(shape)
        super().build(shape)

    def call(self, inputs):
        return self.dense(inputs["x"])

    def compute_loss(self, x=None, y=None, y_pred=None, *_, **__):
        return keras.ops.mean((y_pred - x["y"]) ** 2)


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


def new_trainer():
    keras.utils.set_random_seed(1)
    return Line()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "CHECKPOINT_STEPS", 2)
    folder = RunFolder(tmp_path)
    folder.start({})
    return folder


def metrics(folder):
    return [json.loads(line) for line in folder.metrics.read_text().splitlines()]


class TestStretches:
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
        assert list(stretches(done, steps)) == expected

    def test_every_step_once_and_ends_at_multiples(self):
        for done in range(0, 230, 7):
            taken = []
            for first, length, count in stretches(done, 230):
                taken += range(first, first + length * count)
                if first % 100 + length < 100:
                    assert first + length == 230
            assert taken == list(range(done, 230))


class TestFit:
    def test_it_learns_and_keeps_books(self, folder):
        phase = Phase("line-00", steps=60, learning_rate=0.2, weight_decay=0.0)
        trainer = new_trainer()
        fit(trainer, batches_from, phase, folder)
        lines = metrics(folder)
        assert [line["step"] for line in lines] == list(range(2, 61, 2))
        assert {line["phase"] for line in lines} == {"line-00"}
        assert lines[-1]["loss"] < 0.02 * lines[0]["loss"]
        kernel, bias = arrays(trainer.dense)
        np.testing.assert_allclose(kernel[:, 0], [1, -2], atol=0.2)
        np.testing.assert_allclose(bias, [1], atol=0.2)

    def test_three_and_two_stretches_are_five(self, folder, tmp_path):
        whole = new_trainer()
        fit(whole, batches_from, PHASE, folder)
        halves = RunFolder(tmp_path / "halves")
        halves.start({})

        class Stop(Exception):
            pass

        def stop_at(step):
            def numbered(start):
                for number, batch in enumerate(batches_from(start), start):
                    if number == step:
                        raise Stop
                    yield batch

            return numbered

        # 5 of 10 updates: the third stretch is lost half done.
        with pytest.raises(Stop):
            fit(new_trainer(), stop_at(5), PHASE, halves)
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

    def test_ctrl_c_saves_the_very_step(self, folder, monkeypatch):
        whole = new_trainer()
        fit(whole, batches_from, Phase("whole", 10, 0.05, 1e-3), folder)

        interrupted = new_trainer()
        on_batch = fitting.StopWhenNotFinite.on_train_batch_end

        def interrupt(self, batch, logs=None):
            on_batch(self, batch, logs)
            if int(self.model.optimizer.iterations) == 5:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(fitting.StopWhenNotFinite, "on_train_batch_end", interrupt)
            with pytest.raises(KeyboardInterrupt):
                fit(interrupted, batches_from, PHASE, folder)
        rest = new_trainer()
        fit(rest, batches_from, PHASE, folder)
        for a, b in zip(arrays(whole), arrays(rest), strict=True):
            np.testing.assert_array_equal(a, b)
        steps = [x["step"] for x in metrics(folder) if x["phase"] == PHASE.name]
        assert steps == [2, 4, 6, 8, 10]
        # Step 5 was saved, so the stretch that was resumed had one step.
        assert int(rest.optimizer.iterations) == 10


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

    def test_the_command_line_says_it_in_one_line(self, monkeypatch, capsys):
        def diverge(options):
            raise TrainingDiverged("training diverged at step 7: loss = nan")

        monkeypatch.setattr(train, "run", diverge)
        assert train.main(["--preset", "tiny"]) == 1
        expected = "python train.py: training diverged at step 7: loss = nan\n"
        assert capsys.readouterr().err == expected


class TestFullDisk:
    @pytest.mark.parametrize(
        "error",
        [
            OSError(errno.ENOSPC, "No space left on device"),
            # HDF5 says it in words alone.
            OSError("Can't write data (error message = 'No space left on device')"),
        ],
    )
    def test_the_state_before_is_kept(self, folder, monkeypatch, error):
        save = Line.save_weights
        calls = []

        def fill(self, path, **options):
            calls.append(path)
            if len(calls) < 3:
                return save(self, path, **options)
            Path(path).write_bytes(b"half")
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(Line, "save_weights", fill)
            with pytest.raises(DiskFull, match=r"no room on the disk for .*--resume"):
                fit(new_trainer(), batches_from, PHASE, folder)
        names = [p.name for p in folder.checkpoint("x").parent.iterdir()]
        assert names == ["line-00.weights.h5"]
        rest = new_trainer()
        fit(rest, batches_from, PHASE, folder)
        assert [line["step"] for line in metrics(folder)] == [2, 4, 6, 8, 10]

    def test_another_error_is_not_called_a_full_disk(self, folder, monkeypatch):
        def fail(self, path, **options):
            raise OSError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Line, "save_weights", fail)
        with pytest.raises(OSError, match="Permission denied") as caught:
            fit(new_trainer(), batches_from, PHASE, folder)
        assert not isinstance(caught.value, DiskFull)


def write_stills(root, count=4):
    """Write faces that are dots on grey, in the 300-W layout."""
    rng = np.random.default_rng(0)
    for number in range(count):
        image = rng.integers(90, 160, (320, 320, 3)).astype(np.uint8)
        shape = toy_mean_shape() + rng.normal(0, 4, (68, 2)).astype(np.float32)
        for x, y in shape.round().astype(int).tolist():
            cv2.circle(image, (x, y), 4, (230, 40, 40), -1)
        path = root / "drawn" / "trainset" / f"{number}.png"
        write_image(path, image)
        write_pts(path.with_suffix(".pts"), shape)


def write_clips(root, cache):
    """Write two clips, and their store: no face detector has to look at them."""
    rng = np.random.default_rng(1)
    for name in ("a", "b"):
        for number in range(3):
            image = np.full((20, 20, 3), 40 * number, np.uint8)
            write_image(root / name / f"{number:03d}.png", image)
    clips = list_clips(root)
    options = {"pairs_per_clip": 2, "seed": 0, "rule": "largest"}
    mark = fingerprint(clips, kind="pairs", box_finder=find_face_boxes, **options)
    writer = StoreWriter(cache / "clips", mark, 2)
    for clip in clips:
        frames = rng.integers(0, 255, (2, 2, STORED_SIZE, STORED_SIZE, 3))
        names = [f"{clip.name}#{number:06d}" for number in (1, 2)]
        blank = np.full((2, 2, 68, 2), np.nan, np.float32)
        matrix = np.tile(np.eye(2, 3), (2, 1, 1))
        samples = Samples(names, frames.astype(np.uint8), blank, matrix)
        writer.append(clip.name, samples, {})
    writer.finish()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with stills, clips and a cache."""
    place = tmp_path_factory.mktemp("training")
    write_stills(place / "300w")
    write_clips(place / "videos", place / "cache")
    return place


def options(place, output, *more):
    return [
        *("--preset", "tiny", "--backbone", "mdm", "--output", str(output)),
        *("--stills", str(place / "300w"), "--unlabelled", str(place / "videos")),
        *("--cache", str(place / "cache"), "--pairs-per-clip", "2"),
        *("--detector.steps", "5", "--detector.round-steps", "5"),
        *("--tracker.steps", "5", "--tracker.round-steps", "5"),
        *("--detector.batch-size", "2", "--tracker.batch-size", "2"),
        # Networks that know nothing must agree on something.
        *("--threshold", "100", "--assignment", "literal", "--rounds", "1"),
        *more,
    ]


def train_in_forks(place, output, deaths):
    """Train until the end, dying on the way; return the exit codes."""
    process = subprocess.run(
        [
            *(sys.executable, str(Path(__file__).with_name("training_process.py"))),
            json.dumps(deaths),
            *options(place, output, "--resume"),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=place,
    )
    return [int(line) for line in process.stdout.splitlines()]


def final_weights(output):
    files = sorted((output / "checkpoints").glob("*.weights.h5"))
    weights = {}
    for name in ("detector", "tracker"):
        model = keras.models.load_model(
            output / "export" / f"{name}.keras", compile=False
        )
        weights[name] = arrays(model)
    return [f.name for f in files], weights


# Where a run dies: in the training of the detector (between checkpoints, while one is
# renamed), of the tracker, while clips are distilled (report written, criticism not),
# in the round's training, and while the result is exported.
KILLS = [
    ("step", 3, "SIGKILL"),
    ("replace", 2, "SIGKILL"),
    ("step", 6, "SIGINT"),
    ("replace", 5, "SIGKILL"),
    ("step", 4, "SIGKILL"),
]


def test_killed_anywhere_it_ends_with_the_same_weights(place, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert train_in_forks(place, whole, [None]) == [0]
    codes = train_in_forks(place, killed, [*KILLS, None])
    expected = {"SIGKILL": -signal.SIGKILL, "SIGINT": 130}
    assert codes == [*(expected[name] for *_, name in KILLS), 0]
    phases, weights = final_weights(whole)
    assert phases == [
        f"{network}-0{n}.weights.h5"
        for network in ("detector", "tracker")
        for n in (0, 1)
    ]
    phases_after, weights_after = final_weights(killed)
    assert phases_after == phases
    for name in weights:
        for a, b in zip(weights[name], weights_after[name], strict=True):
            np.testing.assert_array_equal(a, b)
    assert not list(killed.rglob("new-*"))


class TestMistakes:
    """Exit code 2, one line that says what and how to mend it, nothing touched."""

    def fails(self, capsys, *argv):
        assert train.main([str(a) for a in argv]) == 2
        message = capsys.readouterr().err
        assert message.startswith("python train.py: ")
        assert message.count("\n") == 1
        return message

    def test_unknown_option(self, capsys):
        assert "--colour" in self.fails(capsys, "--colour", "red")

    def test_wrong_value(self, capsys):
        message = self.fails(capsys, "--mix-stills", "2")
        assert "`mix_stills` must lie in 0 to 1" in message

    def test_missing_stills(self, capsys, tmp_path):
        argv = ("--stills", tmp_path / "nowhere", "--output", tmp_path / "run")
        assert "there is no such folder" in self.fails(capsys, *argv)
        assert not (tmp_path / "run").exists()

    def test_no_clips(self, capsys, place, tmp_path):
        argv = options(place, tmp_path / "run")
        at = argv.index("--unlabelled")
        message = self.fails(capsys, *argv[:at], *argv[at + 2 :])
        assert "give --unlabelled DIR, or --rounds 0" in message

    def test_init_is_no_exported_folder(self, capsys, tmp_path):
        message = self.fails(capsys, "--init", tmp_path)
        assert f"--init {tmp_path}: is no exported folder" in message

    def test_a_run_that_exists(self, capsys, place, tmp_path):
        (tmp_path / "config.json").write_text("{}")
        message = self.fails(capsys, *options(place, tmp_path))
        assert f"{tmp_path} holds a run already: add --resume" in message

    def test_other_options_on_resume(self, capsys, place, tmp_path):
        config = {"run": {"seed": 0}, "init": None, "data": {}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        message = self.fails(capsys, *options(place, tmp_path, "--resume"))
        assert f"{tmp_path} was started with other options (run: " in message


def test_help_names_the_options(capsys):
    assert train.main(["--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("--backbone", "--lambda", "--resume", "--threshold", "--init"):
        assert option in shown


def test_lambda_is_short_for_the_weight_of_l_det():
    parsed = train.parse(["--lambda", "0", "--no-temporal"])
    assert parsed.run_config.algorithm.l_det_weight == 0
    assert not parsed.run_config.algorithm.temporal
    assert train.parse([]).run_config.algorithm.l_det_weight == 0.4
