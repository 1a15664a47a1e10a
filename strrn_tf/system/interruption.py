"""Ctrl-C as a request to stop after the current piece of work."""

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
        message: for stderr at the first Ctrl-C, if the current work may take long.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread receives signals
        return

    def on_interrupt(*_: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if message:
            # Python's streams may be in the middle of a write. The reader of the pipe
            # may be gone.
            with suppress(OSError):
                os.write(STDERR, f"\n{message}\n".encode())

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
