"""`strrn reproduce`: rows as data, each model made once, tables, Figure 4, mistakes."""

import io
import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from support.layouts import write_sequence
from support.places import ROOT
from support.toy_models import toy_mean_shape
from support.waiting import soon

from data_pipeline.media.images import read_image, write_image
from data_pipeline.media.pts import write_pts
from strrn_tf.commands import train
from strrn_tf.commands.cli import main
from strrn_tf.commands.reproduce.by_protocol import (
    CHANGE,
    change,
    protocol_table,
    screen_protocols,
)
from strrn_tf.commands.reproduce.command import Options, make_figure4
from strrn_tf.commands.reproduce.data import Data, LacksData
from strrn_tf.commands.reproduce.figure4 import Shot, summary, write_figure
from strrn_tf.commands.reproduce.rows import FIGURE4, TABLES, Training
from strrn_tf.commands.reproduce.stages import StageFailed, Stages
from strrn_tf.commands.reproduce.tables import Outcome, cell, write_table

ROWS = {row.key: row for table in TABLES.values() for row in table.rows}
# What a tracker learns from stills depends on these.
OF_THE_TRACKER = (
    *("l_det_weight", "l_tck_weight", "cycle_form", "temporal", "spatial"),
)


@pytest.mark.parametrize("key", ROWS)
def test_rows_are_understood_by_the_training(key):
    training = ROWS[key].training
    start = ["--backbone", training.backbone]
    plain, row = train.parse(start), train.parse([*start, *training.options])
    ours, usual = row.run_config.algorithm, plain.run_config.algorithm
    changed = any(getattr(ours, n) != getattr(usual, n) for n in OF_THE_TRACKER)
    assert training.own_tracker == changed
    assert training.annotated == (ours.annotated_fraction > 0)
    assert (row.method == "sbr") == (key == "sbr")


def test_the_paper_is_copied_right():
    """Sums over columns of the printed tables, added by hand."""
    sums = {
        name: [
            sum(column)
            for column in zip(*(r.paper for r in t.rows if r.paper), strict=True)
        ]
        for name, t in TABLES.items()
    }
    assert sums["table1"] == pytest.approx([45.48, 40.11, 61.17])
    assert sums["table2"] == pytest.approx([130.79, 320.80])
    assert sums["table3"] == pytest.approx([45.10, 40.33, 49.57])
    assert [FIGURE4[name].key for name in ("STRRN", "SBR")] == ["strrn-mdm", "sbr"]


@pytest.fixture
def place(tmp_path):
    """Return data: stills, two training and three test sequences."""
    for name in ("001", "002", "114", "203", "410"):
        folder = tmp_path / "data" / "300vw" / name
        folder.mkdir(parents=True)
        (folder / "vid.avi").touch()
    (tmp_path / "300w").mkdir()
    write_still(tmp_path / "300w")
    return tmp_path


def write_still(folder):
    write_image(folder / "a.png", np.zeros((40, 40, 3), np.uint8))
    write_pts(folder / "a.pts", toy_mean_shape() / 8)


def data_of(place, **options):
    return Data(place / "data", place / "300w", **options)


class Processes:
    """Stands in for `subprocess.Popen`: notes the calls, writes what they would."""

    def __init__(self, fails=()):
        self.calls, self.fails = [], fails

    def __call__(self, program, stdout, **_):
        *_, command = program[:4]
        options = program[4:]
        self.calls.append((command, options))
        place = Path(options[options.index("--output") + 1])
        if "--interrupted" in options:
            self.last = Process(KeyboardInterrupt())
            return self.last
        if any(word in options for word in self.fails):
            stdout.write("Traceback\nstrrn train: training diverged\n")
            return Process(1)
        if command == "train":
            phases = ("detector-00", "tracker-00")
            self.found = [p for p in phases if checkpoint(place, p).exists()]
            for phase in phases:
                checkpoint(place, phase).parent.mkdir(parents=True, exist_ok=True)
                checkpoint(place, phase).write_text(f"{phase} of {place.name}")
            (place / "export").mkdir()
            (place / "export" / "model.json").touch()
        else:
            (place / "metrics.json").write_text(json.dumps({"results": ["fine"]}))
        return Process(0)


class Process:
    """Ends with a code; or, where it is an exception, waiting is interrupted once."""

    def __init__(self, code):
        self.code, self.events = code, []

    def wait(self):
        self.events.append("waited for")
        if isinstance(self.code, BaseException) and len(self.events) == 1:
            raise self.code
        return self.code

    def send_signal(self, number):
        self.events.append(number)


# A training that can be interrupted.
PATIENT = """
import time
print("begun", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    print("saved")
"""


def checkpoint(folder, phase):
    return folder / "checkpoints" / f"{phase}.weights.h5"


@pytest.fixture
def processes():
    return Processes()


class TestStages:
    def test_rows_share_what_they_can(self, place, processes):
        made = Stages(
            place / "out", data_of(place), ("--preset", "tiny"), popen=processes
        )
        alone = made.model(ROWS["mdm"].training, 0)
        assert len(processes.calls) == 1
        assert "--rounds" in processes.calls[0][1]
        assert made.model(ROWS["before"].training, 0) == alone
        for key, found in (
            ("strrn-mdm", ["detector-00", "tracker-00"]),
            ("sbr", ["detector-00", "tracker-00"]),
            ("no-l-det", ["detector-00"]),
            ("no-spatial", ["detector-00"]),
            # Annotations of clips are learnt from the first update on.
            ("semi-10", []),
        ):
            before = len(processes.calls)
            folder = Path(made.model(ROWS[key].training, 0))
            assert len(processes.calls) == before + 1
            assert processes.found == found
            assert folder != Path(alone)
        # The full model is in all three tables.
        before = len(processes.calls)
        models = {
            made.model(ROWS[k].training, 0) for k in ("full", "strrn-mdm", "300vw")
        }
        assert len(models) == 1
        assert len(processes.calls) == before

    def test_another_seed_or_option_is_another_model(self, place, processes):
        made = Stages(place / "out", data_of(place), popen=processes)
        training = ROWS["full"].training
        others = replace(made, train=("--rounds", "2"))
        models = {made.model(training, 0), made.model(training, 1)}
        assert len({*models, others.model(training, 0)}) == 3
        seeds = [c[c.index("--seed") + 1] for _, c in processes.calls]
        assert seeds == ["0", "0", "1", "1", "0", "0"]  # stills, then clips

    def test_what_is_done_is_not_done_again(self, place, processes):
        for _ in range(2):
            made = Stages(
                place / "out",
                data_of(place),
                (),
                ("--max-frames", "3"),
                popen=processes,
            )
            model = made.model(ROWS["full"].training, 0)
            assert made.results(model) == ["fine"]
        scripts = [command for command, _ in processes.calls]
        assert scripts == ["train", "train", "evaluate"]
        assert "--max-frames" in processes.calls[-1][1]

    def test_other_data_or_another_model_to_begin_with_is_another_row(
        self, place, processes, monkeypatch
    ):
        monkeypatch.setenv("STRRN_MODELS", str(place / "shipped"))
        description = place / "shipped" / "strrn-mdm" / "model.json"
        description.parent.mkdir(parents=True)
        description.touch()
        made = Stages(
            place / "out", data_of(place, init={"mdm": "strrn-mdm"}), popen=processes
        )
        training, still = ROWS["full"].training, place / "300w" / "a.pts"
        clip, test = (place / "data" / "300vw" / n / "vid.avi" for n in ("001", "114"))
        models, scores = [made.model(training, 0)], [made.scores("strrn-mdm")]
        for path in (description, still, clip, test):
            path.write_bytes(path.read_bytes() + b"\n")
            models.append(made.model(training, 0))
            scores.append(made.scores("strrn-mdm"))
        assert len(set(models[:4])) == 4
        assert models[4] == models[3]  # test clips are not learnt from
        assert scores[0] != scores[1] == scores[2] == scores[3] != scores[4]

    def test_a_failure_has_the_last_line(self, place, processes):
        processes.fails = ("--no-temporal",)
        made = Stages(place / "out", data_of(place), popen=processes)
        with pytest.raises(StageFailed, match=r"exit code 1.*training diverged"):
            made.model(ROWS["no-temporal"].training, 0)

    def test_ctrl_c_is_passed_on_once_and_waited_for(self, place, processes):
        made = Stages(
            place / "out", data_of(place), ("--interrupted",), popen=processes
        )
        with pytest.raises(KeyboardInterrupt):
            made.model(ROWS["mdm"].training, 0)
        events = ["waited for", signal.SIGINT, "waited for"]
        assert processes.last.events == events

    @pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for a signal")
    def test_a_training_does_not_outlive_a_killed_command(self, place):
        script, log = place / "train.py", place / "log.txt"
        script.write_text(PATIENT)
        command = (
            "import sys; from pathlib import Path; "
            "from strrn_tf.commands.reproduce.stages import Stages; "
            "stages = Stages(Path(), None, program=(sys.executable, sys.argv[1])); "
            "stages.run('x', 'train', [], Path(sys.argv[2]))"
        )
        program = [sys.executable, "-c", command, str(script), str(log)]
        deaf = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
        with subprocess.Popen(program, cwd=ROOT, preexec_fn=deaf) as process:
            assert soon(lambda: log.exists() and "begun" in log.read_text(), 50)
            process.kill()
        assert soon(lambda: "saved" in log.read_text(), 50)

    def test_init_takes_the_place_of_the_stills(self, place, processes):
        made = Stages(
            place / "out", data_of(place, init={"mdm": "strrn-mdm"}), popen=processes
        )
        assert made.model(ROWS["mdm"].training, 0) == "strrn-mdm"
        assert processes.calls == []
        made.model(ROWS["strrn-mdm"].training, 0)
        made.model(ROWS["full"].training, 0)
        (_, first), (_, second) = processes.calls
        assert first[:2] == ["--init", "strrn-mdm"]
        # Two shipped models would label together otherwise.
        assert train.parse(first).labels == "paper"
        assert ("--fresh-tracker" in first, "--fresh-tracker" in second) == (0, 1)
        with pytest.raises(LacksData, match="backbone hgn"):
            made.model(ROWS["hgn"].training, 0)
        name = made.scores("strrn-mdm").name
        assert re.fullmatch("init-strrn-mdm-[0-9a-f]{8}", name)


class TestData:
    def test_rows_that_learn_stills_need_them(self, place):
        data = replace(data_of(place, init={"mdm": "strrn-mdm"}), stills=None)
        assert "--stills" not in data.start(ROWS["strrn-mdm"].training)
        for key in ("control", "full"):
            with pytest.raises(LacksData, match="--stills"):
                data.start(ROWS[key].training)

    def test_sources(self, place):
        faces, videos = place / "faces", place / "videos"
        collections = {"youtube-faces": faces}
        data = data_of(place, collections=collections)
        own = [str(place / "data" / "300vw" / name) for name in ("001", "002")]
        asked = Training(sources=("300vw", "youtube-faces"))
        assert data.clips_of(asked) == ["--unlabelled", *own, str(faces)]
        instead = data_of(place, unlabelled=(videos,))
        assert instead.clips_of(Training()) == ["--unlabelled", str(videos)]
        with pytest.raises(LacksData, match="youtube-celebrities DIR"):
            data.clips_of(Training(sources=("youtube-celebrities",)))

    def test_annotated_rows_need_annotated_sequences(self, place):
        training = ROWS["semi-10"].training
        layout, videos = place / "data" / "300vw", place / "videos"
        expected = ["--unlabelled", str(layout)]
        assert data_of(place).clips_of(training) == expected
        # The same clips as the rows beside it, which learn no annotations.
        beside = data_of(place, unlabelled=(videos, layout / ".." / "300vw"))
        expected = ["--unlabelled", str(videos), str(layout)]
        assert beside.clips_of(training) == expected
        for name in ("001", "002"):
            (place / "data" / "300vw" / name / "vid.avi").unlink()
            (place / "data" / "300vw" / name).rmdir()
        with pytest.raises(LacksData, match="annotated"):
            data_of(place).clips_of(training)
        with pytest.raises(LacksData, match="unlabelled"):
            data_of(place).clips_of(Training())

    @pytest.mark.parametrize("option", ["stills", "unlabelled", "collections"])
    def test_a_folder_without_data_is_named_before_the_first_row(self, place, option):
        for name in ("114", "203", "410"):
            write_sequence(place / "data" / "300vw", name, 1)
        empty, clips = place / "empty", place / "data" / "300vw" / "001"
        empty.mkdir()
        values = {
            "stills": empty,
            "unlabelled": (clips, empty),
            "collections": {"youtube-faces": empty},
        }
        data = Data(place / "data", init={"mdm": "strrn-mdm"})
        data.check()
        with pytest.raises(ValueError, match=str(empty)):
            replace(data, **{option: values[option]}).check()


def results(nme):
    """Return the results of an evaluation in which all is the same number."""
    one = dict.fromkeys(
        ("nme_interpupil", "nme_interocular", "auc_005", "auc_008", "acc_005"), nme
    )
    one |= dict.fromkeys(("acc_008", "failure_008", "jitter", "lost_frames"), nme)
    one |= {"nme_interpupil_median": nme}
    protocols = ("detect", "track", "track-redetect")
    return [
        {"category": c, "protocol": p, **one}
        for c in ("1", "2", "3", "all")
        for p in protocols
    ]


class TestTables:
    def test_cells(self):
        assert cell(np.array([])) == "-"
        assert cell(np.array([5.125])) == "5.12"
        assert cell(np.array([5.0, 6.0, 7.0])) == "6.00 ± 1.00"
        assert cell(np.array([5.0, np.nan])) == "-"

    def test_files(self, tmp_path):
        table = TABLES["table3"]
        full, lacks = ROWS["full"], ROWS["no-l-det"]
        seeds = [results(4.0), results(5.0)]
        outcomes = [Outcome(lacks, reason="no data"), Outcome(full, seeds)]
        paths = write_table(tmp_path, "table3", table, outcomes, "A title, 50 %")
        assert [p.name for p in paths] == ["table3.csv", "table3.tex", "table3.png"]
        lines = pd.read_csv(paths[0])
        assert set(lines["row"]) == {"full"}
        assert len(lines) == 4 * 3 * 10
        wanted = lines.query(
            "category == '3' and protocol == 'track' and metric == 'nme_interpupil'"
        ).iloc[0]
        assert (wanted["mean"], wanted["seeds"], wanted["paper"]) == (4.5, 2, 6.63)
        assert wanted["std"] == pytest.approx(np.sqrt(0.5), rel=1e-5)
        text = paths[1].read_text()
        assert r"A title, 50 \%" in text
        row = next(line for line in text.splitlines() if "S \\& T" in line)
        assert row.startswith(r"STRRN (S \& T modules, $\lambda$ = 0.4) & 5.03 & 4.74")
        assert r"4.50 $\pm$ 0.71" in row
        assert r"w/o $\mathcal{L}_{det}$" in text
        picture = read_image(paths[2])
        assert picture.shape[0] > 300
        assert picture.std() > 5

    def test_a_table_without_figures_can_be_read(self, tmp_path):
        outcomes = [Outcome(ROWS["mdm"], reason="no data")]
        paths = write_table(tmp_path, "table1", TABLES["table1"], outcomes, "A title")
        lines = pd.read_csv(paths[0])
        assert lines.empty
        assert list(lines.columns[:2]) == ["row", "name"]

    def test_every_protocol_is_compared_with_the_control(self):
        errors = np.random.default_rng(0).uniform(3, 9, 12)

        def scored(factor, count=12, lost=1):
            """The first sequence is as long as all others together; one is lost."""
            found = results(4.0)
            for one in found:
                one["per_sequence"] = {
                    f"{i:03d}": {
                        "nme_interpupil_held": None if i >= count - lost else e,
                        "frames": 1 if i else 11,
                    }
                    for i, e in enumerate(errors[:count] * factor)
                }
            return found

        control = Outcome(ROWS["control"], [scored(1.0), scored(1.2)])
        full = Outcome(ROWS["full"], [scored(0.9), scored(0.86)])
        text = change(full, control, "track")
        assert text == "-20.0 % (-20.0 to -20.0), left out: 1"
        # Frames weigh the same, as in the mean beside it.
        worse = scored(1.0, lost=0)
        for one in worse:
            one["per_sequence"]["000"]["nme_interpupil_held"] *= 2
        whole = scored(1.0, lost=0)
        text = change(Outcome(full.row, [worse]), Outcome(full.row, [whole]), "track")
        expected = 100 * 11 * errors[0] / (11 * errors[0] + errors[1:].sum())
        assert float(text.split()[0]) == pytest.approx(expected, abs=0.051)
        few = (Outcome(full.row, [scored(f, 7, 0)]) for f in (0.9, 1.0))
        assert change(*few, "track") == "-10.0 %"
        none = (Outcome(full.row, [scored(f, 2, 2)]) for f in (0.9, 1.0))
        assert change(*none, "track") == "-"

        hgn = Outcome(ROWS["control-hgn"], [scored(1.0)])
        lacks = Outcome(ROWS["no-l-det"], reason="no data")
        table = protocol_table([full, control, hgn, lacks])
        protocols = ["detect", "track", "track-redetect"]
        assert table["protocol"].tolist() == 3 * protocols
        assert (table[CHANGE] != "").tolist() == [True] * 3 + [False] * 6
        console = Console(width=100, record=True, file=io.StringIO())
        console.print(screen_protocols(table))
        assert console.export_text().count("-20.0 %") == 3

    def test_shares_become_percent(self):
        table, row = TABLES["table2"], ROWS["celebrities"]
        outcome = Outcome(row, [results(0.25)])
        assert [outcome.column(c)[0] for c in table.columns] == [25.0] * 4


def test_figure4(tmp_path):
    tile = np.zeros((40, 30, 3), np.uint8)
    shots = {
        label: [Shot(n, error, tile if n == 1 else None) for n in range(3)]
        for label, error in (("STRRN", 4.0), ("SBR", 9.0))
    }
    shots["SBR"][2] = Shot(2, np.inf, None)
    words = "mean error 9.00 % of the inter-pupil distance, 1 of 3 frames lost"
    assert summary(shots["SBR"]) == words
    assert summary([]) == "0 of 0 frames lost"
    paths = write_figure(tmp_path, "figure4", shots, "Figure 4")
    errors = pd.read_csv(paths[0])
    assert list(errors.columns) == ["frame", "STRRN", "SBR"]
    assert errors["STRRN"].tolist() == [4, 4, 4]
    assert "figure4.csv" in paths[1].read_text()
    assert read_image(paths[3]).shape == (80, 30, 3)  # a row per method


def test_a_figure_that_cannot_be_made_is_one_of_the_failures(tmp_path):
    write_sequence(tmp_path / "300vw", "517", 3)

    def fail(*_):
        raise StageFailed("training diverged")

    made = SimpleNamespace(data=SimpleNamespace(clips=tmp_path), model=fail)
    options = Options(what="figure4")
    failures = make_figure4("figure4", options, made)
    assert failures == ["figure4, STRRN: training diverged"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("table9",), "invalid choice"),
        (("table1",), "give --clips DIR"),
        (("table1", "--quick", "--stills", "x"), "leave the data options out"),
        (("table3", "--clips", "x", "--seeds", "0"), "--seeds must be at least 1"),
        (("table3", "--clips", "x", "--rows", "hgn"), "there is no row 'hgn'"),
        (("table3", "--clips", "x"), "there is no such folder"),
        (("table3", "--clips", "x", "--init", "no-model"), "There is no model"),
    ],
)
def test_mistakes_are_one_line(capsys, tmp_path, monkeypatch, argv, words):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *argv]) == 2
    message = capsys.readouterr().err
    assert message.startswith("strrn: ")
    assert message.count("\n") == 1
    assert words in message
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_table_from_drawing_to_latex(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    argv = ["reproduce", "table3", "--quick", "--rows", "full", "no-spatial"]
    assert main([*argv, "--max-frames", "4"]) == 0
    folder = tmp_path / "runs" / "reproduce-quick"
    lines = pd.read_csv(folder / "table3.csv")
    assert set(lines["row"]) == {"full", "no-spatial"}
    assert len(list((folder / "models").iterdir())) == 3
    assert "w/o spatial module" in capsys.readouterr().out
