"""Ctrl-C as a request to stop after the piece of work in hand."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STDERR = 2


@contextmanager
def stop_signal(message: str = "") -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets; the second one interrupts at once.

    Args:
        message: for stderr at the first, where what is in hand may take a while.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread receives signals
        return

    def on_interrupt(*_: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if message:
            # The streams of Python may be in the middle of a write; and Ctrl-C has
            # ended who reads stderr, where that is a pipe.
            with suppress(OSError):
                os.write(STDERR, f"\n{message}\n".encode())

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
