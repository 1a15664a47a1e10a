"""The run folder: a run is not mixed with another, and one process trains in it."""

import json
import os
import re

import pytest
from filelock import FileLock, Timeout

from strrn_tf.training.run_folder import RunFolder, append_json_line

CONFIG = {"run": {"seed": 0, "detector": {"steps": 5}}, "data": {"stills": "abc"}}


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "run")


def test_lines_are_appended_with_their_time(tmp_path):
    path = tmp_path / "metrics.jsonl"
    append_json_line(path, {"step": 1})
    append_json_line(path, {"step": 2})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    assert lines[0]["time"] <= lines[1]["time"]


def test_paths(folder):
    assert folder.checkpoint("detector-01").name == "detector-01.weights.h5"
    assert folder.round(3) == folder.root / "rounds" / "03"


def test_starting_writes_the_settings(folder):
    assert not folder.check(CONFIG, resume=False)
    assert not folder.check(CONFIG, resume=True)
    folder.start(CONFIG)
    about = json.loads(folder.config.read_text())
    assert about | CONFIG == about
    assert about.keys() - CONFIG.keys() == {"version", "git_commit"}
    assert folder.checkpoint("x").parent.is_dir()


def test_a_run_is_not_overwritten(folder):
    folder.start(CONFIG)
    with pytest.raises(ValueError, match="holds a run already: add --resume"):
        folder.check(CONFIG, resume=False)
    assert folder.check(CONFIG, resume=True)
    with pytest.raises(ValueError, match="started with other options"):
        folder.check({"run": {"seed": 1}}, resume=True)


def test_resuming_with_the_same_options_changes_nothing(folder):
    folder.start(CONFIG)
    before = folder.config.read_bytes()
    folder.start(CONFIG)
    assert folder.config.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"run": {"seed": 1, "detector": {"steps": 5}}}, "run: seed: 0 then, 1 now"),
        (
            {"run": {"seed": 0, "detector": {"steps": 6}}},
            "run: detector: steps: 5 then, 6 now",
        ),
        ({"data": {"stills": "xyz"}}, "data: stills: abc then, xyz now"),
    ],
)
def test_resuming_with_other_options_is_refused(folder, change, reason):
    folder.start(CONFIG)
    with pytest.raises(ValueError, match=reason):
        folder.start({**CONFIG, **change})


def test_a_damaged_configuration_is_a_clear_error(folder):
    folder.start(CONFIG)
    folder.config.write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        folder.start(CONFIG)


def test_two_processes_cannot_train_in_one_folder(folder):
    other = RunFolder(folder.root)
    with (
        folder.locked(),
        pytest.raises(ValueError, match="another process"),
        other.locked(),
    ):
        pytest.fail("both were let in")
    with other.locked():
        pass  # the first claim has ended


def write_leftovers(root):
    """Write what a killed process leaves, and a file that only looks like it."""
    root.mkdir(parents=True, exist_ok=True)
    (root / ".123.tmp.model.json").touch()
    (root / ".123.tmp.points").mkdir()
    (root / ".mine.tmp.x").touch()
    return sorted(os.listdir(root))


def test_what_a_killed_process_was_writing_is_removed_from_a_run(folder):
    folder.start(CONFIG)
    write_leftovers(folder.export)
    with folder.locked():
        folder.start(CONFIG)
        assert os.listdir(folder.export) == [".mine.tmp.x"]


def test_a_folder_that_is_no_run_is_left_alone(folder):
    before = write_leftovers(folder.root)
    with folder.locked():
        assert not folder.check(CONFIG, resume=True)
        assert sorted(os.listdir(folder.root)) == before


def test_a_run_with_other_options_is_left_alone(folder):
    folder.start(CONFIG)
    before = write_leftovers(folder.export)
    other = {**CONFIG, "data": {"stills": "xyz"}}
    with folder.locked(), pytest.raises(ValueError, match="other options"):
        folder.check(other, resume=True)
    with folder.locked(), pytest.raises(ValueError, match="other options"):
        folder.start(other)
    assert sorted(os.listdir(folder.export)) == before


def test_a_lock_that_cannot_be_made_is_no_other_process(folder, monkeypatch):
    def acquire(lock, timeout=None):
        raise Timeout(lock.lock_file)

    monkeypatch.setattr(FileLock, "acquire", acquire)
    with pytest.raises(OSError, match="cannot be made"), folder.locked():
        pytest.fail("it was let in")


@pytest.mark.parametrize("sbr", [None, {"weight": 0.5}])
def test_older_versions_did_not_name_the_method(folder, sbr):
    folder.start({**CONFIG, "sbr": sbr})
    method, other = ("sbr", "strrn") if sbr else ("strrn", "sbr")
    assert folder.check({"method": method, **CONFIG}, resume=True)
    with pytest.raises(ValueError, match=f"method: {method} then, {other} now"):
        folder.check({"method": other, **CONFIG, "data": {}}, resume=True)


def test_a_run_of_an_older_version_is_named_as_such(folder):
    folder.start(CONFIG)
    newer = {**CONFIG["run"], "detector": {"steps": 5, "share": 0.5}}
    with pytest.raises(ValueError, match=r"older version.*option --detector\.share"):
        folder.check({"run": newer}, resume=True)
    # Of a later option the value is known with which nothing changes.
    newer = {**CONFIG["run"], "global_context": True}
    with pytest.raises(
        ValueError,
        match=r"option --global-context\. Add --global-context False, resume",
    ):
        folder.check({"run": newer}, resume=True)


@pytest.mark.parametrize(
    ("option", "value", "cure"),
    [
        ("tracked_seconds", 20.0, "Add --fused.tracked-seconds 0.0, resume"),
        ("own_answers", True, "Add --fused.no-own-answers, resume"),
    ],
)
def test_an_option_of_fused_labels_that_is_new_is_named_with_its_cure(
    folder, option, value, cure
):
    folder.start({**CONFIG, "fused": {"questions": 4}})
    newer = {**CONFIG, "fused": {"questions": 4, option: value}}
    with pytest.raises(ValueError, match=re.escape(cure)):
        folder.check(newer, resume=True)


@pytest.mark.parametrize(
    ("newer", "cure"),
    [
        ({"algorithm": {"box_scale": 0.3}}, "Add --box-scale 0.15, resume"),
        ({"algorithm": {"cycle_form": "x"}}, "Add --cycle-form squared, resume"),
        ({"algorithm": {}, "input_size": 157}, "Leave --input-size out, resume"),
    ],
)
def test_the_cure_of_a_new_option_is_one_of_the_command_line(folder, newer, cure):
    folder.start({"run": {"algorithm": {}}})
    with pytest.raises(ValueError, match=re.escape(cure)):
        folder.check({"run": newer}, resume=True)


def test_labels_that_have_become_the_default_are_named_with_their_cure(folder):
    folder.start({**CONFIG, "fused": None})
    with pytest.raises(ValueError, match=r"fused: add --labels paper\)"):
        folder.check({**CONFIG, "fused": {"questions": 4}}, resume=True)


def test_an_option_that_is_gone_is_named(folder):
    folder.start({**CONFIG, "run": {**CONFIG["run"], "global_context": True}})
    with pytest.raises(
        ValueError, match=r"\(run: global_context: True then, None now\)"
    ):
        folder.check({"run": CONFIG["run"]}, resume=True)


# config.json of a run of version 0.1.0, with settings that are renamed since.
OLD_CONFIG = {
    "version": "0.1.0",
    "git_commit": None,
    "method": "strrn",
    "run": {
        "backbone": "mdm",
        "seed": 0,
        "glance": True,
        "detector": {"steps": 5},
        "algorithm": {
            "rounds": 1,
            "drift_steps": 2,
            "source_shares": [1.0, 2.0],
            "mending": 0.3,
            "cool_down": 0.5,
        },
    },
    "sbr": None,
}


def test_a_run_with_old_names_goes_on(folder):
    folder.root.mkdir()
    folder.config.write_text(json.dumps(OLD_CONFIG))
    before = folder.config.read_bytes()
    algorithm = {
        "rounds": 1,
        "rollout_steps": 2,
        "source_shares": [1.0, 2.0],
        "correction_fraction": 0.3,
        "augmentation_annealing": 0.5,
    }
    run = {"backbone": "mdm", "seed": 0, "global_context": True}
    run |= {"detector": {"steps": 5}, "algorithm": algorithm}
    now = {"method": "strrn", "run": run, "sbr": None}
    assert folder.check(now, resume=True)
    folder.start(now)
    # Read by either version.
    assert folder.config.read_bytes() == before
    other = {**now, "run": {**run, "algorithm": {**algorithm, "rollout_steps": 3}}}
    with pytest.raises(ValueError, match="algorithm: rollout_steps: 2 then, 3 now"):
        folder.check(other, resume=True)


def test_a_file_is_no_run_folder(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match="is a file"):
        RunFolder(tmp_path / "notes.txt").check({}, resume=False)
