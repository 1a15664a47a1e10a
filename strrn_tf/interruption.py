"""Ctrl-C as a request to stop after the piece of work in hand."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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
            # The streams of Python may be in the middle of a write.
            os.write(sys.__stderr__.fileno(), f"\n{message}\n".encode())

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
