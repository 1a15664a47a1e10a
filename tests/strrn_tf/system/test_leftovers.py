"""What dead processes leave beside a user's files is removed, and nothing else."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import ROOT

from strrn_tf.system import atomic, claims
from strrn_tf.system.atomic import (
    remove_dead,
    remove_leftovers,
    replacing,
    replacing_folder,
)

# Writes a file or a folder, says so, and waits to be killed.
WRITER = """
import sys
from strrn_tf.system import atomic
with getattr(atomic, sys.argv[1])(sys.argv[2], shared=True) as new:
    (new / "half" if new.is_dir() else new).write_text("half")
    print("writing", flush=True)
    sys.stdin.read()
"""


class Writer:
    """A process in the middle of writing a file or a folder."""

    def __init__(self, kind, path):
        command = [sys.executable, "-c", WRITER, kind, str(path)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT
        )
        assert self.process.stdout.readline() == "writing\n"

    def end(self, number=None):
        """Let it finish, or kill it by a signal."""
        if number is not None:
            self.process.send_signal(number)
        self.process.communicate()


def names(folder):
    return sorted(p.name for p in folder.iterdir())


KINDS = ["replacing", "replacing_folder"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_what_a_killed_process_leaves_goes_at_the_next_start(tmp_path, kind, number):
    path = tmp_path / "rows.csv"
    writer = Writer(kind, path)
    assert len(names(tmp_path)) == 2
    writer.end(number)
    assert len(names(tmp_path)) == 2
    with getattr(atomic, kind)(path, shared=True) as new:
        (new / "whole" if new.is_dir() else new).write_text("whole")
        assert len(names(tmp_path)) == 2
    assert names(tmp_path) == ["rows.csv"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_living_process_writes_stays(tmp_path, kind):
    path = tmp_path / "rows.csv"
    writer = Writer(kind, path)
    before = names(tmp_path)
    remove_dead(path)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == before
    writer.end()
    assert names(tmp_path) == ["rows.csv"]
    assert writer.process.returncode == 0


@pytest.mark.parametrize(
    "name",
    [
        ".4711.tmp.rows.csv",  # the number of a process, as earlier versions did
        ".PID.tmp.rows.csv",  # that of a process that lives
        ".0a1b2c3d.tmp.rows.csv",
        ".0a1b2c3d.tmp.lock",
    ],
)
def test_leftovers_without_a_lock_go(tmp_path, name):
    # Processes that share the tests have other numbers: a name of the case has none.
    (tmp_path / name.replace("PID", str(os.getpid()))).touch()
    remove_dead(tmp_path / "rows.csv")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "rows.csv",
        ".rows.csv",
        ".0a1b2c3d.tmp.other.csv",  # of another output, by a version without locks
        ".0a1b2c3d.tmp",
        ".mine.tmp.rows.csv",
        "0a1b2c3d.tmp.rows.csv",
        ".0a1b2c3d.rows.csv",
        ".old.tmp.rows.csv",  # a whole folder that stepped aside
    ],
)
def test_files_of_others_stay(tmp_path, name):
    (tmp_path / name).touch()
    remove_dead(tmp_path / "rows.csv")
    assert names(tmp_path) == [name]


def test_a_long_name_is_recognised(tmp_path):
    path = tmp_path / f"{'л' * 120}.csv"
    writer = Writer("replacing", path)
    writer.end(signal.SIGKILL)
    remove_dead(path)
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_nothing_is_taken_for_a_leftover(tmp_path, monkeypatch, number):
    path = tmp_path / "rows.csv"
    Writer("replacing", path).end(signal.SIGKILL)
    before = set(names(tmp_path))

    def refuse(descriptor, flags):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    with replacing(path, shared=True) as new:
        new.write_text("whole")
    assert set(names(tmp_path)) == {*before, "rows.csv"}


def test_a_lock_that_is_taken_for_a_leftover_is_made_again(tmp_path, monkeypatch):
    lock, taken = claims._lock, []

    def meet(descriptor):
        if not taken:
            taken.extend(tmp_path.iterdir())
            taken[0].unlink()  # another process cleans up between open and lock
        return lock(descriptor)

    monkeypatch.setattr(claims, "_lock", meet)
    with claims.claimed_token(tmp_path) as token:
        assert names(tmp_path) == [f".{token}.tmp.lock"]
        assert not claims.release_dead(tmp_path, token)
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EBUSY])
def test_a_file_that_may_not_take_its_place_is_kept(tmp_path, monkeypatch, number):
    path = tmp_path / "rows.csv"
    path.write_text("open in another program")
    (tmp_path / "rows~2.csv").touch()

    def refuse(old, new):
        raise OSError(number, os.strerror(number), str(old))

    monkeypatch.setattr(os, "replace", refuse)
    with (
        pytest.raises(OSError, match=r"What was written is in rows~3\.csv") as error,
        replacing(path, shared=True) as new,
    ):
        new.write_text("hours of work")
    assert error.value.filename == str(path)
    assert (tmp_path / "rows~3.csv").read_text() == "hours of work"
    assert names(tmp_path) == ["rows.csv", "rows~2.csv", "rows~3.csv"]


def test_a_folder_that_may_not_take_its_place_is_kept(tmp_path):
    path = tmp_path / "points"
    path.mkdir()

    def refuse(old, new):
        raise PermissionError(errno.EACCES, "open in another program", str(old))

    with (
        pytest.raises(OSError, match="What was written is in points~2"),
        replacing_folder(path, shared=True, rename=refuse) as new,
    ):
        (new / "000000-0.pts").touch()
    assert names(tmp_path) == ["points", "points~2"]
    assert names(tmp_path / "points~2") == ["000000-0.pts"]


@pytest.mark.parametrize("refusals", [1, 3])
def test_a_rename_that_is_refused_for_a_moment_is_tried_again(tmp_path, refusals):
    calls = []

    def rename(old, new):
        calls.append(old)
        if len(calls) <= refusals:
            raise PermissionError(errno.EACCES, "a virus scanner reads it")
        os.rename(old, new)

    (tmp_path / "a").touch()
    atomic.rename_patiently(tmp_path / "a", Path(tmp_path / "b"), rename)
    assert names(tmp_path) == ["b"]
    assert len(calls) == refusals + 1
