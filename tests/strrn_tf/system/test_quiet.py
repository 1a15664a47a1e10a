"""What native libraries write on start-up is swallowed, but not their failures."""

import os
import subprocess
import sys
import threading

import pytest
from support.places import ROOT

from strrn_tf.system.quiet import quiet_stderr


def test_what_is_written_past_python_is_swallowed(capfd):
    with quiet_stderr():
        os.write(2, b"cudart not found\n")
    os.write(2, b"seen\n")
    assert capfd.readouterr().err == "seen\n"


def test_a_failure_loses_nothing(capfd):
    @quiet_stderr()
    def fail():
        os.write(2, b"the reason\n")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert capfd.readouterr().err == "the reason\n"


def test_what_is_not_kept_is_lost(capfd):
    @quiet_stderr(keep=False)
    def fail():
        os.write(2, b"the reason\n")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert capfd.readouterr().err == ""


class Block(threading.Thread):
    """A quiet block in a thread of its own, which writes and ends on request."""

    def __init__(self, keep=True, error=None):
        super().__init__(daemon=True)
        self.keep, self.error = keep, error
        self.began, self.may_end = threading.Event(), threading.Event()
        self.start()
        assert self.began.wait(10)

    def run(self):
        try:
            with quiet_stderr(keep=self.keep):
                self.began.set()
                assert self.may_end.wait(10)
                if self.error:
                    raise self.error
        except RuntimeError:
            pass

    def end(self):
        self.may_end.set()
        self.join(10)
        assert not self.is_alive()


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("keep", [(True, True), (False, True), (True, False)])
def test_blocks_that_overlap_give_the_screen_back_at_the_last(capfd, first, keep):
    before = os.fstat(2)
    blocks = [Block(kept) for kept in keep]
    os.write(2, b"both\n")
    blocks[first].end()
    os.write(2, b"one\n")
    blocks[1 - first].end()
    os.write(2, b"seen\n")
    after = os.fstat(2)
    assert (after.st_dev, after.st_ino) == (before.st_dev, before.st_ino)
    assert capfd.readouterr().err == "seen\n"


def test_a_failure_shows_what_was_swallowed_since_its_block_began(capfd):
    outer = Block()
    os.write(2, b"before\n")
    inner = Block(error=RuntimeError())
    os.write(2, b"the reason\n")
    inner.end()
    os.write(2, b"after\n")
    outer.end()
    assert capfd.readouterr().err == "the reason\n"


def test_many_threads_leave_the_descriptor_as_it_was(capfd):
    before = os.fstat(2)
    descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc") else 0

    def use():
        for _ in range(50):
            with quiet_stderr():
                os.write(2, b"noise\n")

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = os.fstat(2)
    assert (after.st_dev, after.st_ino) == (before.st_dev, before.st_ino)
    assert capfd.readouterr().err == ""
    if descriptors:
        assert len(os.listdir("/proc/self/fd")) == descriptors


@pytest.mark.parametrize("keep", [True, False])
def test_every_descriptor_is_closed(keep):
    free = os.dup(2)
    os.close(free)
    with quiet_stderr(keep=keep):
        pass
    then = os.dup(2)
    os.close(then)
    assert then == free


def test_half_of_the_descriptors_is_closed_too():
    """With one free descriptor text has a file, and the screen no copy."""
    pytest.importorskip("resource")
    program = """
import os, resource
from strrn_tf.system.quiet import quiet_stderr
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.dup(1))
except OSError:
    os.close(held.pop())
for _ in range(3):
    with quiet_stderr():
        os.write(2, b"seen")
os.dup(1)
print("done")
"""
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "done\n", result.stderr
    assert result.stderr == "seenseenseen"


@pytest.mark.parametrize("lacking", ["stderr", "a folder for files"])
def test_where_quiet_cannot_be_had_the_program_goes_on(tmp_path, lacking):
    """Graphical programs have no stderr: its number may be that of any file."""
    program = f"""
import tempfile
from strrn_tf.system.quiet import quiet_stderr
tempfile.tempdir = {None if lacking == "stderr" else "/nowhere"!r}
with open({str(tmp_path / "mine")!r}, "w") as file, quiet_stderr():
    file.write("mine")
print("done")
"""
    close = "2>&-" if lacking == "stderr" else ""
    command = ["sh", "-c", f'"$0" -c "$1" {close}', sys.executable, program]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "done\n", result.stderr
    assert (tmp_path / "mine").read_text() == "mine"
