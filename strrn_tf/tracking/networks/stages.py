"""The stages of the tracker's work, and the hook that times them.

A *stage timer* is a function that takes the name of a stage and returns a context
manager. ``FaceTracker`` enters it around every call of a stage:

* ``find``: the face finder;
* ``crop``: cutting a crop;
* ``detect``: the detector network;
* ``track``: the tracker network, forward;
* ``check``: the tracker network, backward;
* ``flow``: optical flow;
* ``smooth``: the One-Euro filter;
* ``step``: one step, which contains one ``crop``, ``track`` and ``check``.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

STAGES = ("find", "crop", "detect", "track", "check", "flow", "smooth")

StageTimer = Callable[[str], AbstractContextManager[object]]

_NOTHING = nullcontext()


def no_timer(stage: str) -> AbstractContextManager[object]:
    """Return a context manager that does nothing."""
    return _NOTHING
