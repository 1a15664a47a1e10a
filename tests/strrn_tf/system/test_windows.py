"""Rules of Windows, as far as they can be emulated here."""

import filecmp
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.places import ROOT

from data_pipeline.media.video import open_video, write_video
from data_pipeline.synthetic import draw_face
from strrn_tf.commands.track.outputs import plan
from strrn_tf.system import file_names
from strrn_tf.system.file_names import check_file_name

EMULATED = [sys.executable, str(Path(__file__).with_name("windows_process.py"))]
HERE = [sys.executable, "-m", "strrn_tf"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Six frames of a drawn face, in a file whose name no console of Windows has."""
    picture = draw_face(np.random.default_rng(3), 1)[0]
    path = tmp_path_factory.mktemp("clip") / "лицо 日本.mp4"
    write_video(path, [picture] * 6, 25)
    return path


def strrn(program, folder, *words):
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "0"}
    done = subprocess.run(
        [*program, *map(str, words)], cwd=folder, env=environment, capture_output=True
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode("cp1252")
    return done


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*"))


def test_track_writes_the_same_bytes(clip, tmp_path):
    track = ["track", clip, "--model", "strrn-mdm"]
    rows = [*track, "--landmarks", "o", "--format", "jsonl", "--output", "o"]
    points = [*track, "--landmarks", "points"]
    for words in (rows, points):
        assert strrn(HERE, tmp_path / "here", *words).returncode == 0
    # The second time over the files of the first.
    words = [*rows, "+", *points, "+", *rows, "+", *points]
    done = strrn(EMULATED, tmp_path / "there", *words)
    assert done.returncode == 0, done.stderr
    names = files(tmp_path / "here")
    assert names == files(tmp_path / "there")
    assert not [name for name in names if ".tmp." in name]
    compared = filecmp.cmpfiles(tmp_path / "here", tmp_path / "there", names, False)
    assert compared == (names, [], [])


def test_help_and_mistakes_need_nothing_that_is_missing(tmp_path):
    names = "track", "annotate", "evaluate", "train", "export"
    words = [
        word for name in names for word in (name, "--help", "+", name, "--no", "+")
    ]
    done = strrn(EMULATED, tmp_path, *words, "--version")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == len(names)


DRIVES = [
    "C:\\clips\\a.mp4",
    "C:/clips/a.mp4",
    "c:a.mp4",
    "D:\\",
    "\\\\server\\share\\a.mp4",
    "\\\\?\\C:\\clips\\a.mp4",
    "Z:clip",
]


@pytest.mark.parametrize("name", DRIVES)
def test_a_drive_is_no_address_and_no_camera(name):
    with pytest.raises(ValueError, match="there is no such video file") as error:
        open_video(name)
    assert name in str(error.value)


@pytest.mark.parametrize("name", DRIVES)
def test_outputs_of_a_source_on_a_drive_have_names(name, monkeypatch):
    monkeypatch.setattr(file_names, "WINDOWS", True)
    for outputs in plan([name, name], None, None, None):
        for path in outputs.paths:
            check_file_name(path)
            assert len(path.parts) == 1


REFUSED = {
    "con.mp4": "device",
    "NUL": "device",
    "out/aux.csv": "device",
    "lpt1.jsonl": "device",
    "C:\\out\\com9.csv": "device",
    "12:30 o.mp4": "character",
    "what?.csv": "character",
    'say "hi".csv': "character",
    "a|b.csv": "character",
    "points.": "dot or a space",
    "points ": "dot or a space",
    "out./rows.csv": "dot or a space",
}


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_names_that_windows_takes_for_others_are_refused_there(
    name, reason, monkeypatch
):
    check_file_name(name)
    monkeypatch.setattr(file_names, "WINDOWS", True)
    with pytest.raises(ValueError, match=f"{reason}.*Choose another name"):
        check_file_name(name)


@pytest.mark.parametrize("name", ["con.csv", "12:30.csv", "points."])
def test_track_refuses_them_before_it_works(name, monkeypatch):
    monkeypatch.setattr(file_names, "WINDOWS", True)
    with pytest.raises(ValueError, match="Choose another name"):
        plan(["talk.mp4"], None, file_names.Path(name), None)


@pytest.mark.parametrize(
    "name",
    ["C:\\out\\o.mp4", "C:o.mp4", "\\\\server\\share\\o.csv", "..\\o.csv", "./o.csv",
     "console.csv", "aux", "out/com10.csv", "лицо.csv", ""],
)  # fmt: skip
def test_other_names_are_taken(name, monkeypatch):
    monkeypatch.setattr(file_names, "WINDOWS", name != "aux")
    check_file_name(name)
