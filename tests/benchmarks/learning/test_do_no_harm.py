"""Sets of pictures and clips: their results are kept by data and options."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.layouts import write_300w

from benchmarks.learning import do_no_harm
from benchmarks.learning.do_no_harm import Options, result, row, summary
from benchmarks.learning.sets import cases
from benchmarks.learning.sets.cases import all_cases
from data_pipeline.media.images import read_image
from strrn_tf.methods.verdict import NOTHING_LEARNT

QUARTER = "a quarter of the way"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Replace trainings and scores; return the folders of the trainings."""
    done = []

    def trained(options, case):
        run = case.folder / "run"
        run.mkdir(parents=True, exist_ok=True)
        rows = {"after": {"change": -3.0}}
        verdict = {"detector": {"chosen": QUARTER, "rows": rows}}
        (run / "verdict.json").write_text(json.dumps(verdict))
        done.append(run)
        return run

    def described(model):
        return SimpleNamespace(tracking_sha256=str(model))

    def scores(model, stills):
        error = {"export": 3.0 if model.parent.name == "run" else 2.0}
        return [error.get(model.name, 4.0)] * len(stills)

    monkeypatch.setattr(do_no_harm, "trained_run", trained)
    monkeypatch.setattr(do_no_harm, "exported_errors", scores)
    monkeypatch.setattr(cases, "load", described)
    return done


def shifted(folder, **others):
    """Return the options of a set of six pictures."""
    if not (folder / "babies").exists():
        write_300w(folder, {"babies": 6})
    given = {"shifted": (folder / "babies",), "output": folder / "output"}
    return Options(**given, **others)


def results(options):
    """Return the results of all sets."""
    kinds = all_cases(options).values()
    return [result(options, case) for of_kind in kinds for case in of_kind]


def test_a_finished_set_is_not_trained_again(runs, tmp_path):
    options = shifted(tmp_path)
    [first] = results(options)
    assert first["before"] == [4.0, 4.0]
    assert first["after"] == [3.0, 3.0]
    assert first["trained"] == [2.0, 2.0]
    assert results(options) == [first]
    assert len(runs) == 1


@pytest.mark.parametrize("option", ["init", "second", "judge", "train", "seed"])
def test_other_options_are_another_training(option, runs, tmp_path):
    options = shifted(tmp_path)
    results(options)
    other = {"train": "--threads=1", "seed": 1}.get(option, Path("another"))
    results(replace(options, **{option: other}))
    assert len(set(runs)) == 2
    assert len({run.parent.name.rpartition("-")[0] for run in runs}) == 1


def test_the_seed_is_that_of_the_training_too(tmp_path, monkeypatch):
    commands = []

    def done(command, **_):
        commands.append(command)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(do_no_harm.subprocess, "run", done)
    case = cases.Case("set", tmp_path, ["--unlabelled", "clips"], [], [])
    do_no_harm.trained_run(Options(seed=3), case)
    assert "--seed=3" in commands[0]


def test_other_data_are_another_training_and_another_test_is_scored(runs, tmp_path):
    options = shifted(tmp_path)
    results(options)
    # The third picture is kept out, the second one is learnt.
    test, learnt = (tmp_path / "babies" / f"image_000{n}.pts" for n in (2, 1))
    test.write_text(test.read_text() + "\n")
    results(options)
    assert len(runs) == 2
    assert len(set(runs)) == 1
    learnt.write_text(learnt.read_text() + "\n")
    results(options)
    assert len(set(runs)) == 2


def test_other_faces_are_scored_where_they_are_given(runs, tmp_path):
    [without] = results(shifted(tmp_path))
    assert without["clean"] == {}
    assert len(row(without)) == 7
    write_300w(tmp_path, {"clean": 4})
    [found] = results(shifted(tmp_path, clean=tmp_path / "clean"))
    assert len(found["before"]) == 2
    assert [len(values) for values in found["clean"].values()] == [4] * 4
    assert row(found)[-2:] == ["-25.0 % (interval -25.0 to -25.0)", "-50.0 %"]
    assert len(set(runs)) == 1


@pytest.mark.parametrize("of_moments", [False, True])
def test_the_clean_faces_are_those_of_the_spoiled_test(runs, tmp_path, of_moments):
    stills = write_300w(tmp_path, {"stills": 7}) / "stills"
    given = {"moments" if of_moments else "degraded": stills, "kinds": ("small",)}
    options = Options(**given, clips_of_moments=0, output=tmp_path / "output")
    [case] = (case for of_kind in all_cases(options).values() for case in of_kind)
    assert case.name == ("moments-small" if of_moments else "shifted-small")
    spoiled, clean = ([s.image_path for s in x] for x in (case.test, case.clean))
    assert [path.name for path in clean] == ["image_0002.jpg", "image_0005.jpg"]
    assert [path.stem for path in spoiled] == [path.stem for path in clean]
    assert {path.parent for path in clean} == {stills}
    assert read_image(spoiled[0]).shape == read_image(clean[0]).shape
    assert (read_image(spoiled[0]) != read_image(clean[0])).any()


def test_sets_of_clips_are_drawn_by_the_seed(runs, tmp_path):
    for number in range(12):
        (tmp_path / "clips").mkdir(exist_ok=True)
        (tmp_path / "clips" / f"{number}.mp4").write_bytes(b"x" * number)
    write_300w(tmp_path, {"test": 2})
    given = {"clips": tmp_path / "clips", "test": tmp_path / "test", "sets": 2}
    options = Options(**given, output=tmp_path / "output")

    def learnt(seed):
        found = all_cases(replace(options, seed=seed))["clips"]
        folders = [Path(case.data[1]) for case in found]
        return [sorted(path.name for path in f.rglob("*.mp4")) for f in folders]

    first = learnt(0)
    assert all(3 <= len(names) <= 5 for names in first)
    assert first[0] != first[1]
    assert learnt(0) == first != learnt(1)


def found(chosen, judged, before, after, trained):
    errors = {"before": [before], "after": [after], "trained": [trained]}
    return {"chosen": chosen, "judged": judged, **errors}


def test_sets_without_anything_to_learn_are_neither_accepted_nor_judged():
    line = summary(
        "clips",
        [
            found(NOTHING_LEARNT, 0.0, 4.0, 4.0, 4.0),
            found("before", 2.0, 4.0, 4.0, 3.0),
            found("a quarter of the way", -8.0, 4.0, 3.0, 2.0),
        ],
    )
    assert "1 of 3 accepted, in 1 was nothing to learn" in line
    assert "from -25.0 to +0.0 %" in line
    assert line.endswith("agree on the sign of 1 of 2")
