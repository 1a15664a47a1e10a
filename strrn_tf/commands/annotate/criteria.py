"""Which tracked faces of a video are good enough to be annotations. NumPy only.

The paper's criterion: a tracked face is accepted where backward tracking returns to the
landmarks of the frame before (Algorithm 1, line 12). On an empty picture, such as a
fade to black, backward tracking always returns. The detector therefore has to see the
same face. Frames that repeat an accepted one are left out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from strrn_tf.commands.track.restarts import Tracker
from strrn_tf.commands.track.video import Frame
from strrn_tf.geometry import relative_distance
from strrn_tf.tracking.face import Face

# Edges of the histograms: reliability, and cycle error as a fraction of the eye
# distance, the last bin taking all larger ones.
RELIABILITY_EDGES = np.linspace(0, 1, 21)
ERROR_EDGES = np.linspace(0, 0.1, 51)

Verdict = Literal["accepted", "unreliable", "unchecked", "repeated", "lost"]
VERDICTS: tuple[Verdict, ...] = (
    "accepted", "unreliable", "unchecked", "repeated", "lost",
)  # fmt: skip


@dataclass(frozen=True)
class Criteria:
    """Limits for a face that is accepted.

    Attributes:
        max_cycle_error: largest cycle error, a fraction of the eye distance; the
            paper's T.
        max_disagreement: largest mean distance between tracker and detector at the last
            check, same unit.
        min_change: smallest mean distance from the last accepted landmarks of the same
            face, same unit; smaller changes are repetitions.
    """

    max_cycle_error: float = 0.02
    max_disagreement: float = 0.06
    min_change: float = 0.1

    def __post_init__(self) -> None:
        limits = self.max_cycle_error, self.max_disagreement
        if not min(limits) > 0 or not self.min_change >= 0:
            raise ValueError(
                "`max_cycle_error` and `max_disagreement` must be positive and "
                f"`min_change` not negative. Received: {(*limits, self.min_change)}"
            )


class RatedFace(NamedTuple):
    """One face of one frame with its verdict."""

    frame: Frame
    face: Face
    verdict: Verdict


class VerdictCounts:
    """Counts and histograms of the verdicts on the faces of one video."""

    def __init__(self) -> None:
        self._frames: set[int] = set()
        self._reliabilities: dict[str, list[float]] = {name: [] for name in VERDICTS}
        self._errors: list[float] = []

    def add(self, rated: RatedFace) -> None:
        """Count one more face."""
        if rated.verdict != "lost":
            self._frames.add(rated.frame.index)
        self._reliabilities[rated.verdict].append(float(rated.face.reliability))
        if np.isfinite(rated.face.cycle_error):
            self._errors.append(float(rated.face.cycle_error))

    def count(self, verdict: Verdict) -> int:
        """Return how many faces had this verdict so far."""
        return len(self._reliabilities[verdict])

    def report(self) -> dict[str, Any]:
        """Return counts and histograms as plain values.

        ``verdicts``: faces by verdict; ``frames_with_face``; ``reliability``: histogram
        over RELIABILITY_EDGES by verdict; ``cycle_error``: over ERROR_EDGES.
        """
        errors = np.clip(self._errors, 0, ERROR_EDGES[-1])
        return {
            "verdicts": {name: self.count(name) for name in VERDICTS},
            "frames_with_face": len(self._frames),
            "reliability": {
                name: np.histogram(values, RELIABILITY_EDGES)[0].tolist()
                for name, values in self._reliabilities.items()
            },
            "cycle_error": np.histogram(errors, ERROR_EDGES)[0].tolist(),
        }


def judge(
    frames: Iterable[Frame], tracker: Tracker, criteria: Criteria
) -> Iterator[RatedFace]:
    """Yield every face of every frame with its verdict.

    "unchecked" is a face that was only detected: there is nothing to go back to.

    Args:
        frames: of one video, in order.
        tracker: fresh, or reset; it should not smooth.
        criteria: what is accepted.
    """
    last: dict[int, np.ndarray] = {}
    for frame in frames:
        for face in tracker.update(frame.image, frame.timestamp):
            verdict = _verdict(face, last.get(face.id), criteria)
            if verdict == "accepted":
                last[face.id] = face.landmarks
            yield RatedFace(frame, face, verdict)


def _verdict(face: Face, last: np.ndarray | None, criteria: Criteria) -> Verdict:
    if face.state == "lost":
        return "lost"
    if face.state == "detected":
        return "unchecked"
    returned = face.cycle_error <= criteria.max_cycle_error
    if not (returned and face.disagreement <= criteria.max_disagreement):
        return "unreliable"
    if last is not None:
        change = float(relative_distance(face.landmarks, last))
        return "accepted" if change >= criteria.min_change else "repeated"
    return "accepted"
