"""Signals that end a process: as an exception, as a request, and left to the parent."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from support.places import ROOT

from strrn_tf.system.command_line import exit_code
from strrn_tf.system.interruption import (
    STOP_SIGNALS,
    Interrupted,
    raising_signals,
    stop_signal,
)

NAMES = [signal.Signals(number).name for number in STOP_SIGNALS]
OTHERS = [number for number in STOP_SIGNALS if number != signal.SIGINT]


@pytest.fixture(autouse=True)
def handlers():
    """Take the handlers of a fresh process, whatever started the tests."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOP_SIGNALS, ids=NAMES)
def test_every_signal_ends_a_command_with_its_code(number, capsys, handlers):
    done = []

    def command():
        try:
            signal.raise_signal(number)
        finally:
            done.append("cleaned up")

    assert exit_code("strrn", command) == 128 + number
    assert done == ["cleaned up"]
    name = signal.Signals(number).name
    words = "interrupted" if number == signal.SIGINT else f"ended by {name}"
    assert capsys.readouterr().err == f"\nstrrn: {words}\n"
    assert {n: signal.getsignal(n) for n in STOP_SIGNALS} == handlers


@pytest.mark.parametrize("number", OTHERS, ids=lambda n: signal.Signals(n).name)
@pytest.mark.parametrize("second", OTHERS, ids=lambda n: signal.Signals(n).name)
def test_a_second_signal_does_not_end_the_cleaning(number, second):
    done = []

    def work():
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(second)
            done.append("cleaned up")

    with pytest.raises(Interrupted) as stop, raising_signals():
        work()
    assert done == ["cleaned up"]
    assert stop.value.number == number


@pytest.mark.parametrize("number", OTHERS, ids=lambda n: signal.Signals(n).name)
def test_what_is_ignored_stays_ignored(number):
    signal.signal(number, signal.SIG_IGN)  # as nohup does
    with raising_signals(), stop_signal() as stop:
        signal.raise_signal(number)
        assert not stop.is_set()


@pytest.mark.parametrize("number", STOP_SIGNALS, ids=NAMES)
def test_a_request_is_set_and_raises_nothing(number, handlers):
    with stop_signal() as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
        for other in OTHERS:
            signal.raise_signal(other)
    assert stop.number == number
    with pytest.raises(Interrupted) as error:
        stop.raise_if_set()
    assert error.value.number == number
    assert {n: signal.getsignal(n) for n in STOP_SIGNALS} == handlers


@pytest.mark.parametrize("number", STOP_SIGNALS, ids=NAMES)
@pytest.mark.parametrize("is_early", [False, True])
def test_a_wait_ends_at_once(number, is_early):
    with stop_signal() as stop:
        if is_early:
            signal.raise_signal(number)
        with pytest.raises(Interrupted) as error, stop.waiting():
            signal.raise_signal(number)
        assert error.value.number == number
        signal.raise_signal(OTHERS[0])  # behind the wait it is a request again


def test_a_second_ctrl_c_interrupts_unless_it_comes_at_once():
    with stop_signal():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGINT)
    with stop_signal(patience=60) as stop:
        for _ in range(9):
            signal.raise_signal(signal.SIGINT)
        assert stop.is_set()


def test_other_threads_have_no_signals(handlers):
    seen = []

    def work():
        with raising_signals(), stop_signal() as stop:
            seen.append(stop.is_set())
            seen.append({n: signal.getsignal(n) for n in STOP_SIGNALS} == handlers)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False, True]


WINDOWS = """
import signal, sys
known = "SIGINT", "SIGTERM", "SIG_DFL", "SIG_IGN"
for name in [n for n in dir(signal) if n.startswith("SIG") and n not in known]:
    delattr(signal, name)
del signal.pthread_sigmask, signal.pthread_kill
from strrn_tf.system.command_line import exit_code
from strrn_tf.system.interruption import leave_signals_to_parent, shielding_children
with shielding_children():
    pass
def command():
    signal.raise_signal(getattr(signal, sys.argv[1]))
code = exit_code("strrn", command)
leave_signals_to_parent()
signal.raise_signal(signal.SIGTERM)
sys.exit(code)
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_system_that_has_few_signals(name, code):
    command = [sys.executable, "-c", WINDOWS, name]
    interrupt = signal.getsignal(signal.SIGINT)
    assert interrupt == signal.default_int_handler
    done = subprocess.run(command, cwd=ROOT, capture_output=True, env=dict(os.environ))
    assert done.returncode == code, done.stderr
