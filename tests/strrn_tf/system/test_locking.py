"""Locks: one process at a time, and no file beside a folder that was refused."""

import os
from functools import partial

import pytest

from strrn_tf.system.locking import exclusive_lock, filling

KINDS = [filling, exclusive_lock, partial(exclusive_lock, beside=True)]


def locks(root):
    return [p.name for p in root.rglob("*.lock")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_folder_leaves_no_lock(tmp_path, kind):
    def refuse():
        with kind(tmp_path / "run"):
            assert locks(tmp_path)
            raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        refuse()
    assert not locks(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_was_there_is_never_removed(tmp_path, kind):
    with kind(tmp_path / "run"):
        pass
    (path,) = tmp_path.rglob("*.lock")
    path.write_text("mine")
    with pytest.raises(ValueError, match="refused"), kind(tmp_path / "run"):
        raise ValueError("refused")
    assert path.read_text() == "mine"


def test_a_second_process_is_refused_and_the_lock_of_the_first_holds(tmp_path):
    folder = tmp_path / "run"
    with exclusive_lock(folder):
        for _ in range(2):
            with (
                pytest.raises(ValueError, match="another process"),
                exclusive_lock(folder),
            ):
                pytest.fail("both were let in")
        assert os.listdir(folder) == [".lock"]
