"""Keep what native libraries say on start-up off the user's screen."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Swallow what is written to the file descriptor of stderr, unless it fails.

    TensorFlow and LiteRT write there past Python and past their own log levels. If the
    block raises, nothing is lost: what was swallowed is written after all.
    """
    sys.stderr.flush()
    screen = os.dup(STDERR)
    with tempfile.TemporaryFile() as swallowed:
        os.dup2(swallowed.fileno(), STDERR)
        try:
            yield
        except BaseException:
            swallowed.seek(0)
            os.write(screen, swallowed.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(screen, STDERR)
            os.close(screen)
