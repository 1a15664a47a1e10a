"""Files and folders: old or complete, whatever fails and whenever the process dies."""

import errno
import json
import os
import re
import subprocess
import sys

import pytest
from support.places import ROOT

from strrn_tf.system.atomic import (
    recover_folder,
    remove_leftovers,
    replacing,
    replacing_folder,
    write_json,
)

# Writes a new folder over an old one and dies before the rename of a given number.
KILLED = """
import os, sys
from strrn_tf.system.atomic import replacing_folder
path, last = sys.argv[1], int(sys.argv[2])
count = 0
def rename(old, new):
    global count
    count += 1
    if count == last:
        os._exit(9)
    os.rename(old, new)
with replacing_folder(path, rename=rename) as new:
    (new / "new").touch()
"""


class Renaming:
    """Renames as Windows does, and fails at the calls of some numbers (from 1)."""

    def __init__(self, *failing):
        self.failing = failing
        self.count = 0

    def __call__(self, old, new):
        self.count += 1
        if self.count in self.failing:
            raise PermissionError(13, "is open in another program", str(old))
        if new.exists():
            raise FileExistsError(17, "exists", str(new))
        os.rename(old, new)


@pytest.fixture
def folder(tmp_path):
    """A folder with one file, `old`."""
    path = tmp_path / "points"
    path.mkdir()
    (path / "old").touch()
    return path


def replace(path, rename=os.rename):
    with replacing_folder(path, rename=rename) as new:
        (new / "new").touch()


def tree(root):
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*"))


OLD, NEW = ["points", "points/old"], ["points", "points/new"]


def test_a_folder_is_replaced_without_a_rename_over_another(folder, tmp_path):
    rename = Renaming()
    replace(folder, rename)
    assert tree(tmp_path) == NEW
    assert rename.count == 3


def test_a_folder_is_made(tmp_path):
    replace(tmp_path / "deep" / "points", Renaming())
    assert tree(tmp_path / "deep") == NEW


def test_a_failure_while_writing_changes_nothing(folder, tmp_path):
    with pytest.raises(OSError, match="full"), replacing_folder(folder):
        raise OSError("full")
    assert tree(tmp_path) == OLD


@pytest.mark.parametrize("failing", [1, 2])
def test_a_rename_that_fails_leaves_the_old_folder(folder, tmp_path, failing):
    with pytest.raises(PermissionError):
        replace(folder, Renaming(failing))
    assert tree(tmp_path) == OLD


def test_an_old_folder_that_could_not_be_put_back_is_recovered(folder, tmp_path):
    with pytest.raises(PermissionError):
        replace(folder, Renaming(2, 3))
    assert not folder.exists()
    recover_folder(folder)
    assert tree(tmp_path) == OLD


def test_an_old_folder_that_cannot_be_deleted_harms_nothing(folder, tmp_path):
    replace(folder, Renaming(3))
    assert tree(folder) == ["new"]
    recover_folder(folder)
    assert tree(tmp_path) == NEW


@pytest.mark.parametrize("last", [1, 2, 3])
@pytest.mark.parametrize("recover", ["folder", "leftovers", "next"])
def test_a_kill_before_any_rename_leaves_one_whole_folder(
    folder, tmp_path, last, recover
):
    command = [sys.executable, "-c", KILLED, str(folder), str(last)]
    assert subprocess.run(command, cwd=ROOT).returncode == 9
    assert folder.exists() == (last != 2)
    expected = NEW if last == 3 else OLD
    if recover == "leftovers":
        remove_leftovers(tmp_path)
        assert tree(tmp_path) == expected
        return
    if recover == "folder":
        recover_folder(folder)
    else:
        with pytest.raises(OSError, match="full"), replacing_folder(folder):
            raise OSError("full")
    seen = [name for name in tree(tmp_path) if not name.startswith(".")]
    assert seen == expected
    assert not [name for name in tree(tmp_path) if "old.tmp" in name]


def test_half_a_deleted_folder_is_never_recovered(folder, tmp_path):
    os.rename(folder, tmp_path / ".deleted.tmp.points")
    recover_folder(folder)
    assert tree(tmp_path) == []


def test_a_link_to_a_folder_stays_a_link(folder, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder)
    replace(link, Renaming())
    assert link.is_symlink()
    assert tree(tmp_path) == ["link", *NEW]


def test_a_file_is_not_replaced_by_a_folder(tmp_path):
    path = tmp_path / "points"
    path.write_text("mine")
    with pytest.raises(NotADirectoryError, match="is a file"):
        replace(path)
    assert path.read_text() == "mine"


def test_a_file_put_in_the_place_of_the_folder_meanwhile_is_kept(tmp_path):
    path = tmp_path / "points"
    with (
        pytest.raises(NotADirectoryError, match="is a file"),
        replacing_folder(path),
    ):
        path.write_text("mine")
    assert tree(tmp_path) == ["points"]
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", [".old.tmp.points", ".deleted.tmp.points"])
def test_a_file_with_the_name_of_an_old_folder_blocks_nothing(folder, tmp_path, name):
    (tmp_path / name).touch()
    replace(folder, Renaming())
    assert tree(tmp_path) == NEW


def test_an_old_folder_stays_aside_while_a_file_has_its_place(folder, tmp_path):
    os.rename(folder, tmp_path / ".old.tmp.points")
    folder.touch()
    recover_folder(folder)
    remove_leftovers(tmp_path)
    assert tree(tmp_path) == [".old.tmp.points", ".old.tmp.points/old", "points"]
    folder.unlink()
    recover_folder(folder)
    assert tree(tmp_path) == OLD


LONG = ["x" * 255, "y" * 200 + "z" * 50, "л" * 127]


@pytest.mark.parametrize("name", LONG)
def test_a_folder_with_a_long_name_is_replaced(tmp_path, name):
    replace(tmp_path / name)
    (tmp_path / name / "old").touch()
    replace(tmp_path / name, Renaming())
    assert tree(tmp_path) == [name, f"{name}/new"]


@pytest.mark.parametrize("name", LONG)
def test_a_folder_with_a_long_name_is_recovered(tmp_path, name):
    path = tmp_path / name
    replace(path)
    with pytest.raises(PermissionError):
        replace(path, Renaming(2, 3))
    remove_leftovers(tmp_path)
    assert not path.exists()
    other = tmp_path / ("a" + name.removeprefix(name[0]))
    other.mkdir()
    recover_folder(other)
    recover_folder(path)
    assert tree(path) == ["new"]


def test_a_file_is_written_whole(tmp_path):
    path = tmp_path / "deep" / "state.json"
    write_json(path, {"a": 1})
    assert json.loads(path.read_text()) == {"a": 1}
    assert os.listdir(path.parent) == ["state.json"]


def test_json_without_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert os.listdir(tmp_path) == []


def test_a_failed_writing_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "state.bin"
    path.write_bytes(b"before")

    def fail():
        with replacing(path) as new:
            new.write_bytes(b"half")
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        fail()
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["state.bin"]


def test_the_temporary_file_lies_beside_and_keeps_the_suffix(tmp_path):
    with replacing(tmp_path / "a.weights.h5") as new:
        new.write_text("x")
        assert new.parent == tmp_path
        assert new.name.endswith(".weights.h5")
    assert os.listdir(tmp_path) == ["a.weights.h5"]


def test_a_full_disk_names_the_file(tmp_path):
    path = tmp_path / "a.jpg"
    with (
        pytest.raises(OSError, match=re.escape(str(path))) as info,
        replacing(path),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert info.value.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["x" * 251 + ".csv", "л" * 125 + ".jpg"])
def test_the_longest_names_can_be_written(tmp_path, name):
    with replacing(tmp_path / name) as new:
        assert len(os.fsencode(new.name)) <= 255
        assert new.suffix == name[-4:]
        new.write_text("x")
    assert os.listdir(tmp_path) == [name]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "a.txt"
    with replacing(path) as first:
        with replacing(path) as second:
            second.write_text("second")
        first.write_text("first")
    assert path.read_text() == "first"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_error_names_the_users_file_and_not_the_temporary_one(tmp_path):
    path = tmp_path / "rows.csv"
    with pytest.raises(OSError, match=r"rows\.csv") as error, replacing(path):
        pass  # nothing was written, so there is nothing to rename
    assert error.value.filename == str(path)
