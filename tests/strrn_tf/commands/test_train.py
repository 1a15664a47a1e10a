"""`strrn train`: the same weights after a kill anywhere; mistakes; exit codes."""

import json
import signal
import subprocess
import sys
from dataclasses import replace

import cv2
import h5py
import numpy as np
import pytest
from support.layouts import picture, pts, put, shape_at, write_300w
from support.places import PROGRAMS
from support.toy_models import toy_mean_shape

from data_pipeline.crops.face_boxes import find_face_boxes
from data_pipeline.crops.fingerprints import fingerprint
from data_pipeline.crops.samples import Samples
from data_pipeline.crops.window import STORED_SIZE
from data_pipeline.datasets.clips import list_clips
from data_pipeline.media.images import write_image
from data_pipeline.media.pts import write_pts
from data_pipeline.stores.store_writer import StoreWriter
from strrn_tf.commands import train
from strrn_tf.commands.train_options import run_settings
from strrn_tf.commands.train_setup import adapt_detector, initial_networks, prepare_run
from strrn_tf.config import RunConfig, to_json
from strrn_tf.models.build import build_networks
from strrn_tf.system.command_line import exit_code
from strrn_tf.system.failures import TrainingDiverged
from strrn_tf.system.renamed import OPTIONS
from strrn_tf.tracking.networks.model_folder import load
from strrn_tf.training.run_folder import RunFolder


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
    options["box_finder"] = find_face_boxes
    for length, place, kind in ((2, "clips", "pairs"), (3, "triplets", "3 frames")):
        mark = fingerprint(clips, kind=kind, **options)
        writer = StoreWriter(cache / place, mark, length)
        for clip in clips:
            frames = rng.integers(0, 255, (2, length, STORED_SIZE, STORED_SIZE, 3))
            names = [f"{clip.name}#{number:06d}" for number in (1, 2)]
            blank = np.full((2, length, 68, 2), np.nan, np.float32)
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


def options(place, *more):
    return [
        *("--preset", "tiny", "--backbone", "mdm"),
        *("--stills", str(place / "300w"), "--unlabelled", str(place / "videos")),
        *("--cache", str(place / "cache"), "--pairs-per-clip", "2"),
        *("--detector.steps", "5", "--detector.round-steps", "5"),
        *("--tracker.steps", "5", "--tracker.round-steps", "5"),
        *("--detector.batch-size", "2", "--tracker.batch-size", "2"),
        # Networks that know nothing must agree on something.
        *("--threshold", "100", "--assignment", "literal"),
        *more,
    ]


def train_in_forks(place, deaths, *more, export="export"):
    """Train in some run folders to the end, dying on the way; return the exit codes."""
    named = {str(output): chosen for output, chosen in deaths.items()}
    process = subprocess.run(
        [
            *(sys.executable, str(PROGRAMS / "training_process.py")),
            *(json.dumps(named), export),
            *options(place, "--resume", *more),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=place,
    )
    return [int(line) for line in process.stdout.splitlines()]


def phases_of(output):
    """Return the weights and the optimizer of every phase, by its name."""
    phases = {}
    for path in (output / "checkpoints").iterdir():
        arrays = phases[path.name] = {}
        with h5py.File(path) as file:
            file.visititems(lambda name, item, to=arrays: read_item(name, item, to))
    return phases


def read_item(name, item, to):
    if isinstance(item, h5py.Dataset):
        to[name] = item[()]


def same_phases(one, other, names):
    one, other = phases_of(one), phases_of(other)
    assert sorted(one) == sorted(other) == [f"{name}.weights.h5" for name in names]
    for phase, arrays in one.items():
        assert arrays.keys() == other[phase].keys()
        assert len(arrays) > 20
        for name, array in arrays.items():
            np.testing.assert_array_equal(other[phase][name], array, f"{phase} {name}")


# Where a run dies: between two checkpoints of the detector, then while one takes its
# place; Ctrl-C and SIGTERM in the training of the tracker; among the pseudo-labels of a
# round, then when all of it is written but the last file; in the round's training of
# the tracker.
DEATHS = [
    ["step", 3, "SIGKILL"],
    ["detector-00", 2, "SIGKILL"],
    ["step", 4, "SIGINT"],
    ["step", 2, "SIGTERM"],
    [".pts", 3, "SIGKILL"],
    ["criticism.npz", 1, "SIGKILL"],
    ["tracker-01", 2, "SIGKILL"],
]
PHASES = ["detector-00", "detector-01", "tracker-00", "tracker-01"]


def test_killed_in_training_it_ends_with_the_same_weights(place, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    # To be quick: no export, three deaths, and networks that are traced in a third of
    # the time. The slow test has all of them.
    deaths = {whole: [None], killed: [DEATHS[1], DEATHS[5], DEATHS[6], None]}
    quick = ["--no-spatial", "--no-temporal", "--global-context", "False"]
    quick += ["--rollout-steps", "0"]
    codes = train_in_forks(place, deaths, *quick, export="no-export")
    assert codes == [0, *[-signal.SIGKILL] * 3, 0]
    same_phases(whole, killed, PHASES)


def test_every_round_is_exported_and_the_gain_reported(place, tmp_path):
    events, run = [], RunFolder(tmp_path / "run")
    chosen = train.parse([*options(place), "--output", str(run.root), "--rounds", "2"])
    training, _ = prepare_run(chosen, run)
    training = replace(
        training, fit=lambda _, __, phase, *___: events.append(phase.name)
    )
    train.run_method(
        chosen, training, lambda to: events.append(str(to.relative_to(run.root)))
    )
    # Whether anything teaches the tracker depends on its random weights.
    assert [name for name in events if "tracker" not in name] == [
        *("detector-00", "rounds/00/export", "detector-01", "rounds/01/export"),
        *("detector-02", "export"),
    ]
    assert run.report_picture.is_file()


@pytest.mark.slow
def test_sbr_killed_in_training_ends_with_the_same_weights(place, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    deaths = {whole: [None], killed: [["detector-01", 2, "SIGKILL"], None]}
    codes = train_in_forks(place, deaths, "--method", "sbr", export="no-export")
    assert codes == [0, -signal.SIGKILL, 0]
    same_phases(whole, killed, ["detector-00", "detector-01", "tracker-00"])
    assert json.loads((whole / "config.json").read_text())["sbr"]["weight"] == 0.2


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["mdm", "hgn"])
def test_killed_anywhere_it_ends_with_the_same_export(place, tmp_path, backbone):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    chosen = ("--backbone", backbone)
    deaths = {whole: [None], killed: [*DEATHS, None]}
    codes = train_in_forks(place, deaths, *chosen)
    expected = {"SIGKILL": -signal.SIGKILL, "SIGINT": 130, "SIGTERM": 143}
    assert codes == [0, *(expected[name] for *_, name in DEATHS), 0]
    same_phases(whole, killed, PHASES)
    for name in ("detector.tflite", "tracker.tflite"):
        one, other = ((run / "export" / name).read_bytes() for run in (whole, killed))
        assert one == other
    files = [
        sorted(p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file())
        for run in (whole, killed)
    ]
    kept = [[f for f in names if "tensorboard" not in f] for names in files]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ((), "strrn evaluate --model runs/mdm --category all"),
        (("--output", "my run"), "strrn evaluate --model 'my run' --category all"),
        (("--stills", "a b"), "--model runs/mdm --dataset 300w --data-root 'a b'"),
        (
            ("--stills", "a", "--mapping", "m.json", "--missing-mark", "-999"),
            "--mapping m.json --data-root DIR, with stills that were not learnt",
        ),
        (("--data-root", "data"), "--model runs/mdm --category all --data-root data"),
        (
            ("--init", "strrn-mdm", "--unlabelled", "videos"),
            "strrn track VIDEO --model runs/strrn-mdm",
        ),
        (
            ("--init", "strrn-mdm", "--photographs", "pictures"),
            "strrn track VIDEO --model runs/strrn-mdm",
        ),
    ],
)
def test_the_next_command_fits_the_data(words, command):
    assert train.next_command(train.parse(words)).endswith(command)


def test_stills_that_were_learnt_are_not_to_be_scored(tmp_path):
    write_300w(tmp_path, {"plain": 3, "300w/helen/trainset": 3})
    plain = train.next_command(train.parse(["--stills", str(tmp_path / "plain")]))
    assert plain.endswith("--data-root DIR, with stills that were not learnt")
    split = train.next_command(train.parse(["--stills", str(tmp_path / "300w")]))
    assert split.endswith(f"--data-root {tmp_path / '300w'}")
    for name in ("talk.mp4#000001", "talk.mp4#000009"):
        write_image(tmp_path / "frames" / f"{name}.png", picture())
        put(tmp_path / "frames" / f"{name}.pts", pts(shape_at()))
    videos = tmp_path / "videos"
    put(videos / "talk.mp4", b"")
    words = ["--init", "strrn-fast", "--stills", str(tmp_path / "frames")]
    frames = train.next_command(train.parse([*words, "--unlabelled", str(videos)]))
    assert frames == "strrn track VIDEO --model runs/strrn-fast"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [("before", "go on with --model strrn-fast"), ("after", "next: strrn track VIDEO")],
)
def test_after_a_refusal_the_former_model_is_used(tmp_path, chosen, expected):
    words = ["--init", "strrn-fast", "--unlabelled", "videos"]
    folder = RunFolder(tmp_path)
    folder.export.mkdir()
    (folder.export / "model.json").write_text("{}")
    folder.verdict.write_text(json.dumps({"detector": {"chosen": chosen}}))
    assert expected in train.closing_message(train.parse(words), folder)


class TestMistakes:
    """Exit code 2, one line that says what and how to mend it, nothing touched."""

    def fails(self, capsys, *argv):
        assert train.main([str(a) for a in argv]) == 2
        message = capsys.readouterr().err
        assert message.startswith("strrn train: ")
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
        argv = [*options(place), "--output", str(tmp_path / "run")]
        at = argv.index("--unlabelled")
        message = self.fails(capsys, *argv[:at], *argv[at + 2 :])
        assert "give --unlabelled DIR, or --rounds 0" in message

    def test_init_without_videos_or_without_a_model(self, capsys, tmp_path):
        message = self.fails(capsys, "--init", tmp_path)
        assert "give --unlabelled DIR" in message
        videos = ("--unlabelled", tmp_path)
        message = self.fails(capsys, "--init", tmp_path, "--stills", tmp_path, *videos)
        assert f"{tmp_path} has no model.json" in message

    def test_init_goes_on_as_what_it_is(self, capsys, tmp_path):
        init = ("--init", "strrn-hgn", "--unlabelled", tmp_path, "--stills", tmp_path)
        message = self.fails(capsys, *init, "--backbone", "mdm")
        assert "the model of --init has hgn; leave --backbone out" in message
        assert "nothing to train" in self.fails(capsys, *init, "--rounds", "0")
        on_stills = ("--init", "strrn-hgn", "--stills", tmp_path, "--rounds", "0")
        larger = train.parse([str(a) for a in (*on_stills, "--input-size", "256")])
        assert larger.input_size == 256
        chosen = train.parse([str(a) for a in init])
        assert (chosen.backbone, chosen.preset) == ("hgn", "default")
        assert chosen.folder.name == "strrn-hgn"

    def test_without_labels_the_defaults_are_cautious(self, capsys, tmp_path):
        init = ("--init", "strrn-mdm", "--unlabelled", str(tmp_path))

        def detector(*words):
            chosen = train.parse([*init, *words])
            learning = chosen.detector
            return (
                *(learning.round_steps, learning.round_learning_rate),
                chosen.algorithm.augmentation_annealing,
            )

        usual = RunConfig().detector
        expected = (usual.round_steps, usual.round_learning_rate, 0)
        for labels in ("--stills", "--data-root"):
            assert detector(labels, str(tmp_path)) == expected
        assert not capsys.readouterr().err
        steps, rate, annealed = detector("--labels", "paper")
        assert "no --stills" in capsys.readouterr().err
        # With fused labels the number of pictures sets a limit, too.
        assert detector() == (1200, rate, annealed)
        assert steps < expected[0] / 3
        assert rate < expected[1] / 3
        assert annealed == 1
        assert detector("--detector.round-steps", "1500") == (1500, rate, annealed)
        assert detector("--augmentation-annealing", "0") == (1200, rate, 0)

        # Labels that strrn annotate wrote are a model's too.
        stills = tmp_path / "annotations"
        stills.mkdir()
        (tmp_path / "annotations.json").touch()
        for place in (stills, tmp_path):
            assert detector("--stills", str(place)) == (steps, rate, annealed)
            assert "a model's labels only" in capsys.readouterr().err

    def test_a_fresh_tracker_is_for_init_and_needs_stills(self, capsys, tmp_path):
        assert "--init" in self.fails(capsys, "--fresh-tracker")
        init = ("--init", "strrn-mdm", "--unlabelled", tmp_path)
        message = self.fails(capsys, *init, "--fresh-tracker")
        assert "give --stills" in message
        with_stills = (*init, "--stills", tmp_path, "--no-spatial")
        assert "add --fresh-tracker" in self.fails(capsys, *with_stills)

    def test_another_size_is_of_hourglasses_and_needs_stills(self, capsys, tmp_path):
        message = self.fails(capsys, "--input-size", "192")
        assert "`input_size` needs the backbone hgn" in message
        size = ("--init", "strrn-hgn", "--unlabelled", tmp_path, "--input-size", "128")
        assert "give --stills" in self.fails(capsys, *size)
        chosen = train.parse([str(a) for a in (*size, "--stills", tmp_path)])
        _, (detector, _) = initial_networks(chosen, None, load("strrn-hgn"))
        assert detector.settings["input_size"] == 128
        chosen = replace(chosen, input_size=64)
        _, (detector, _) = initial_networks(chosen, None, load("strrn-hgn"))
        assert detector.settings["input_size"] == 64

    def test_a_new_mdm_has_a_global_context_branch(self):
        def has_branch(*words):
            return train.parse(list(words)).run_config.global_context

        assert has_branch()
        for words in (("--global-context", "False"), ("--backbone", "hgn")):
            assert not has_branch(*words)
        assert not has_branch("--preset", "paper")

    def test_an_mdm_that_is_trained_further_keeps_its_structure(self, tmp_path):
        model = ("--init", "strrn-mdm", "--unlabelled", tmp_path, "--stills", tmp_path)

        def has_branch(parent, *words):
            config = RunConfig(preset="tiny", global_context=parent)
            detector, _ = build_networks(config, toy_mean_shape())
            chosen = train.parse([str(a) for a in (*model, *words)])
            return bool(adapt_detector(detector, chosen).global_context)

        assert has_branch(True)
        assert has_branch(False, "--global-context", "True")
        assert not has_branch(False)
        assert not has_branch(False, "--global-context", "False")
        with pytest.raises(ValueError, match="leave --global-context out"):
            has_branch(True, "--global-context", "False")

    def test_sbr_without_stills(self, capsys, tmp_path):
        argv = ("--init", "strrn-mdm", "--unlabelled", tmp_path, "--method", "sbr")
        argv = (*argv, "--output", tmp_path / "run", "--cache", tmp_path / "cache")
        assert train.main([str(a) for a in argv]) == 2
        message = capsys.readouterr().err.splitlines()[-1]
        assert "--method sbr learns from annotated stills too" in message

    def test_a_run_that_exists(self, capsys, place, tmp_path):
        (tmp_path / "config.json").write_text("{}")
        message = self.fails(capsys, *options(place), "--output", tmp_path)
        assert f"{tmp_path} holds a run already: add --resume" in message

    def test_other_options_on_resume(self, capsys, place, tmp_path):
        arguments = [*options(place), "--output", str(tmp_path), "--resume"]
        run = to_json(train.parse([str(a) for a in arguments]).run_config)
        config = {"run": {**run, "seed": 7}, "init": None, "data": {}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        message = self.fails(capsys, *arguments)
        assert f"{tmp_path} was started with other options (run: " in message

    def test_a_run_that_is_not_there_is_not_resumed(self, capsys, tmp_path):
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "config.json").write_text("{}")
        message = self.fails(capsys, "--resume", "--output", tmp_path / "mien")
        assert "mien holds no run to resume. Runs there: mine\n" in message

    def test_another_method_on_resume(self, capsys, place, tmp_path):
        arguments = [*options(place), "--output", str(tmp_path), "--resume"]
        sbr = train.parse([str(a) for a in (*arguments, "--method", "sbr")])
        config = {**run_settings(sbr), "init": None, "data": {"clips": "triplets"}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        message = self.fails(capsys, *arguments)
        assert "other options (method: sbr then, strrn now)" in message


def test_help_names_the_options(capsys):
    assert train.main(["--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("--backbone", "--lambda", "--resume", "--threshold", "--init"):
        assert option in shown


class TestOldNames:
    """Options of version 0.1.0: hidden, and answered by a line that names the new."""

    def test_values_and_one_line_each(self, capsys):
        words = ("--glance", "False", "--cool-down=0.25", "--mending", "0.5")
        chosen = train.parse([*words, "--drift_steps", "7"]).run_config
        assert capsys.readouterr().err.splitlines() == [
            "strrn train: --glance is now called --global-context",
            "strrn train: --cool-down is now called --augmentation-annealing",
            "strrn train: --mending is now called --correction-fraction",
            "strrn train: --drift_steps is now called --rollout-steps",
        ]
        new = ("--global-context", "False", "--augmentation-annealing", "0.25")
        new = (*new, "--correction-fraction", "0.5", "--rollout-steps", "7")
        assert train.parse(new).run_config == chosen
        assert not capsys.readouterr().err
        assert not chosen.global_context
        assert chosen.algorithm.augmentation_annealing == 0.25
        assert chosen.algorithm.correction_fraction == 0.5
        assert chosen.algorithm.rollout_steps == 7

    def test_a_switch_off_names_what_is_written_for_it(self, capsys):
        assert train.parse(["--no-glance"]).global_context is False
        expected = "strrn train: --no-glance is now called --global-context=False"
        assert capsys.readouterr().err.splitlines() == [expected]

    def test_with_defaults_of_their_own_they_are_reported_once(self, capsys, tmp_path):
        init = ("--init", "strrn-mdm", "--unlabelled", str(tmp_path))
        assert train.parse([*init, "--mending", "0.5"]).algorithm.correction_fraction
        assert capsys.readouterr().err.count("--mending") == 1

    def test_the_help_does_not_show_them(self, capsys):
        assert train.main(["--help"]) == 0
        shown = capsys.readouterr().out
        for old, new in OPTIONS.items():
            assert old not in shown
            assert new in shown


def test_lambda_is_short_for_the_weight_of_l_det():
    parsed = train.parse(["--lambda", "0", "--no-temporal"])
    assert parsed.run_config.algorithm.l_det_weight == 0
    assert not parsed.run_config.algorithm.temporal
    assert train.parse([]).run_config.algorithm.l_det_weight == 0.4


def test_divergence_is_one_line_and_exit_code_1(capsys):
    def diverge():
        raise TrainingDiverged("training diverged at step 7: loss = nan")

    assert exit_code("strrn train", diverge) == 1
    expected = "strrn train: training diverged at step 7: loss = nan\n"
    assert capsys.readouterr().err == expected
