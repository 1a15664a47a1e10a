"""The commands that make shipped models are read by the parsers of their programs."""

import json
import shlex
import sys
from importlib import import_module
from types import SimpleNamespace

import pytest
from support.places import ROOT

from benchmarks.models import train_shipped
from benchmarks.models.shipped_steps import NEEDS, STEPS
from benchmarks.models.steps import UPDATES, Step, training
from strrn_tf.commands import evaluate, export, train, train_options
from strrn_tf.system.command_line import parse_options

each_model = pytest.mark.parametrize("model", STEPS)


def options(tmp_path, model="strrn-fast", **others):
    """Return options with data that are there."""
    for name in NEEDS[model]:
        (tmp_path / "data" / name).mkdir(parents=True, exist_ok=True)
    places = {"data": tmp_path / "data", "output": tmp_path / "runs"}
    return train_shipped.Options(model, **places, **others)


def printed(model, capsys, *more):
    """Return the commands that --dry-run prints, as words behind ``python``."""
    arguments = [model, "--data", "my data", "--dry-run", *more]
    assert train_shipped.main(arguments) == 0
    text = capsys.readouterr().out
    titles = [x for x in text.splitlines() if x.startswith("# step ")]
    words = shlex.split(text, comments=True)
    starts = [i for i, word in enumerate(words) if word == "python"]
    commands = [
        words[i + 1 : j] for i, j in zip(starts, [*starts[1:], None], strict=True)
    ]
    assert len(titles) == len(commands) == len(STEPS[model])
    return commands


def model_of_a_run(folder):
    """Stand for the model that an earlier step has made."""
    backbone = "mdm" if folder.name.startswith("mdm") else "hgn"
    return SimpleNamespace(description={"backbone": backbone, "preset": "default"})


def parse(words, monkeypatch):
    """Return the options that a command's own parser reads."""
    assert words[0] == "-m"
    if words[1] == "strrn_tf":
        programs = {"train": train, "export": export, "evaluate": evaluate}
        monkeypatch.setattr(train_options, "load", model_of_a_run)
        return programs[words[2]].parse(words[3:])
    module = import_module(words[1])
    return parse_options(module.Options, words[2:], prog=module.PROG, description="")


@each_model
@pytest.mark.parametrize("trial", [(), ("--updates-divided-by", "1000")])
def test_every_command_is_read_by_its_own_parser(model, trial, capsys, monkeypatch):
    commands = printed(model, capsys, *trial)
    trainings = [parse(w, monkeypatch) for w in commands if "train" in w[:3]]
    others = [parse(w, monkeypatch) for w in commands if "train" not in w[:3]]
    assert len(trainings) == sum(bool(step.updates) for step in STEPS[model])
    assert others
    whole = next(s for s in STEPS[model] if s.updates).updates["detector"]
    assert trainings[0].detector.steps == (whole // 1000 if trial else whole)
    # Labels of clips are those of Algorithm 1, whatever the models are called.
    assert {x.labels for x in trainings} == {"paper"}


@each_model
def test_a_step_reads_only_what_was_made_before(model):
    made = set()
    for step in STEPS[model]:
        words = step.words({"data": "D", "out": "O", "first": "a", "second": "b"})
        writes = "--output", "--cache", "--json", "--picture"
        at = {i + 1 for i, word in enumerate(words) if word in writes}
        read = {w for i, w in enumerate(words) if w[:2] == "O/" and i not in at}
        for path in read:
            found = [m for m in made if f"{m}/".startswith(f"{path}/")]
            found += [m for m in made if f"{path}/".startswith(f"{m}/")]
            assert found, (step.name, path)
        made |= {f"O/{step.makes}", *(words[i] for i in at)}
        assert "saved_models" not in " ".join(words)


def test_a_trial_has_at_least_one_update_where_there_are_some():
    step = training("x", "", detector=2500, detector_round=0, tracker=10)
    assert step.counts(1000) == {"detector": 2, "detector_round": 0, "tracker": 1}
    assert step.title() == "x, updates: 2500 of the detector, 10 of the tracker"
    assert step.words({"out": "O"}, 1000)[-6:] == [
        *(UPDATES["detector"], "2", UPDATES["detector_round"], "0"),
        *(UPDATES["tracker"], "1"),
    ]


class Ran(list):
    """The commands that ran; a step called two stops unless it is resumed.

    Args:
        steps: that can run.
        output: folder of the runs.
    """

    def __init__(self, steps, output):
        super().__init__()
        self.makes = {step.name: output / step.makes for step in steps}

    def __call__(self, name, words):
        self.append(words)
        if name == "two" and "--resume" not in words:
            raise ValueError("stopped")
        self.makes[name].parent.mkdir(parents=True, exist_ok=True)
        self.makes[name].write_text("{}")


@pytest.fixture
def ran(monkeypatch, tmp_path):
    """Put three steps in the place of strrn-fast's; return the commands that ran."""
    steps = (
        training("one", "", detector=1),
        training("two", "", detector=1),
        Step("three", "-m three {out}", "three/model.json"),
    )
    monkeypatch.setitem(STEPS, "strrn-fast", steps)
    ran = Ran(steps, tmp_path / "runs")
    monkeypatch.setattr(train_shipped, "call", ran)
    return ran


def begin(given, name):
    """Write what a training writes at its begin."""
    (given.output / name).mkdir(parents=True, exist_ok=True)
    (given.output / name / "config.json").write_text("{}")


def test_a_stopped_command_goes_on(tmp_path, ran, capsys):
    given = options(tmp_path, threads=3)
    with pytest.raises(ValueError, match="stopped"):
        train_shipped.run(given)
    assert [words[-2:] for words in ran] == [["--threads", "3"]] * 2
    begin(given, "two")
    ran.clear()
    train_shipped.run(given)
    assert len(ran) == 2
    assert "--resume" in ran[0]
    assert ran[1][1:] == ["-m", "three", str(given.output)]
    out = capsys.readouterr().out
    assert "step 1 of 3: one, updates: 1 of the detector: finished before" in out
    ran.clear()
    train_shipped.run(given)
    assert ran == []


def test_what_lies_behind_a_step_that_ran_is_made_again(tmp_path, ran):
    given = options(tmp_path)
    begin(given, "two")
    train_shipped.run(given)
    ran.clear()
    (given.output / "one/export/model.json").unlink()
    train_shipped.run(given)
    # A training that is complete would refuse another model to start from.
    assert len(ran) == 2
    assert ran[1][1:3] == ["-m", "three"]


def test_the_runs_of_another_command_stay(tmp_path, ran):
    given = options(tmp_path)
    with pytest.raises(ValueError, match="stopped"):
        train_shipped.run(given)
    ran.clear()
    other = options(tmp_path, updates_divided_by=1000, threads=1)
    record = json.loads((given.output / "steps.json").read_text())
    assert record["one"]["finished"]
    assert not record["two"]["finished"]
    record["one"]["command"][-1] = "7"
    (given.output / "steps.json").write_text(json.dumps(record))
    with pytest.raises(
        ValueError, match=r"has one of another command .*another --output"
    ):
        train_shipped.run(other)
    assert ran == []


def test_missing_data_are_named(tmp_path, capsys):
    arguments = ["strrn-hgn", "--data", str(tmp_path), "--updates-divided-by"]
    assert train_shipped.main([*arguments, "1"]) == 2
    assert "lacks 300w, videos, youtube_celebrities" in capsys.readouterr().err
    assert train_shipped.main([*arguments, "0"]) == 2
    assert "--updates-divided-by must be at least 1" in capsys.readouterr().err


def test_a_failed_command_is_one_line():
    train_shipped.call("x", [sys.executable, "-c", ""])
    with pytest.raises(ValueError, match="step x ended with exit code 3"):
        train_shipped.call("x", [sys.executable, "-c", "raise SystemExit(3)"])


@each_model
def test_the_card_names_the_command(model):
    card = (ROOT / "saved_models" / model / "MODEL_CARD.md").read_text("utf-8")
    assert f"{train_shipped.PROG} {model} --data DIR" in card


@each_model
def test_the_reliability_of_an_untrained_model_is_not_fitted(model):
    places = {"data": "D", "out": "O", "first": "a", "second": "b"}
    step = next(x for x in STEPS[model] if x.name == f"{model}-reliability")
    whole, tried = step.words(places), step.words(places, 1000)
    assert whole[2] == f"O/{model}/export"
    assert "--write" in whole
    # The shipped model is only measured.
    assert tried[2] == model
    assert "--write" not in tried
