"""Signals that end a process, as one exception or as a request.

They are Ctrl-C, ``kill``, ``docker stop``, the limits and warnings of a cluster's
scheduler, and a terminal that is closed. Handlers run in the main thread alone. There
is none in other threads, nor in a program that uses this package as a library.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

STDERR = 2
# Windows has the first two and the last only.
_NAMES = (
    *("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGXCPU"),
    "SIGBREAK",
)
STOP_SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


class Interrupted(KeyboardInterrupt):
    """A signal asks this process to end.

    Args:
        number: of the signal.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number


def exit_code_of(stop: KeyboardInterrupt) -> int:
    """Return the exit code of a process that a signal ends: 128 and its number."""
    return 128 + getattr(stop, "number", signal.SIGINT)


def reason_of(stop: KeyboardInterrupt) -> str:
    """Return what ended a process, in words."""
    number = getattr(stop, "number", signal.SIGINT)
    if number == signal.SIGINT:
        return "interrupted"
    return f"ended by {signal.Signals(number).name}"


@contextmanager
def raising_signals() -> Iterator[None]:
    """Let every signal that would end the process raise `Interrupted` in this block.

    A signal that is ignored, as after ``nohup``, stays ignored. A closed terminal sends
    several signals: behind the first one only Ctrl-C raises again.
    """
    has_begun = False

    def on_signal(number: int, _: object) -> None:
        nonlocal has_begun
        if not has_begun or number == signal.SIGINT:
            has_begun = True
            raise Interrupted(number)

    ends = [n for n in STOP_SIGNALS if signal.getsignal(n) == signal.SIG_DFL]
    with _handling(ends, on_signal):
        yield


class StopRequest:
    """Whether a signal has asked to stop after the current piece of work.

    Attributes:
        number: of the first signal; None before it.
        is_waiting: whether a signal raises `Interrupted` at once.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.is_waiting = False

    def is_set(self) -> bool:
        """Return whether there was a signal."""
        return self.number is not None

    def raise_if_set(self) -> None:
        """Raise `Interrupted` if there was a signal."""
        if self.number is not None:
            raise Interrupted(self.number)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let a signal raise `Interrupted` in this block, which may wait for long."""
        self.is_waiting = True
        try:
            self.raise_if_set()
            yield
        finally:
            self.is_waiting = False


@contextmanager
def stop_signal(message: str = "", patience: float = 0.0) -> Iterator[StopRequest]:
    """Yield a request that the first signal sets; a second Ctrl-C interrupts at once.

    Args:
        message: for stderr at the first signal, if the current work may take long.
        patience: seconds after the first signal in which another Ctrl-C is the same
            request.
    """
    request, first = StopRequest(), 0.0

    def on_signal(number: int, _: object) -> None:
        nonlocal first
        is_first = request.number is None
        if is_first:
            request.number, first = number, time.monotonic()
        if request.is_waiting:
            raise Interrupted(request.number)
        is_late = time.monotonic() - first >= patience
        if number == signal.SIGINT and not is_first and is_late:
            raise Interrupted(number)
        if is_first and message:
            # Python's streams may be in the middle of a write. The reader of the pipe
            # may be gone.
            with suppress(OSError):
                os.write(STDERR, f"\n{message}\n".encode())

    # Shells let background jobs ignore Ctrl-C, which a user may send all the same.
    ends = [
        number
        for number in STOP_SIGNALS
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN
    ]
    with _handling(ends, on_signal):
        yield request


@contextmanager
def shielding_children() -> Iterator[None]:
    """Hold signals back in this block, in which processes start that inherit that.

    They call `leave_signals_to_parent`.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield  # Windows: a signal in the moment of the start ends the child
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_signals_to_parent() -> None:
    """Ignore the signals that end a process: the parent ends this one.

    Terminals and schedulers send them to all processes of a command.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


@contextmanager
def _handling(numbers: list[int], handler: Callable[..., None]) -> Iterator[None]:
    """Handle some signals in this block, if this is the main thread."""
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in numbers:
                before = signal.signal(number, handler)
                # None: it was not installed by Python, which cannot put it back.
                stack.callback(signal.signal, number, before or signal.SIG_DFL)
        yield
