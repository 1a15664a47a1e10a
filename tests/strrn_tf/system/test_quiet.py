"""What native libraries write on start-up is swallowed, but not their failures."""

import os

import pytest

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
