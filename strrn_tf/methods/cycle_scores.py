"""Cycle consistency of pairs of frames: lines 2 to 21 of Algorithm 1.

The paper says that detector and tracker "criticize" each other. Shapes are in pixels of
the crop that both frames of a pair share.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import keras
import numpy as np

from strrn_tf.config import AlgorithmConfig
from strrn_tf.geometry import relative_distance
from strrn_tf.system.atomic import replacing


@dataclass(frozen=True)
class CycleScores:
    """Shapes and cycle errors of N pairs of frames (t-1, t), and their assignment.

    Attributes:
        detected_before: (N, 68, 2) p_det in frame t-1.
        detected: (N, 68, 2) p_det in frame t.
        tracked: (N, 68, 2) p_tck in frame t, tracked from ``detected_before``.
        l_det: (N,) cycle error: ``detected``, tracked backward, against
            ``detected_before``.
        l_tck: (N,) cycle error: ``tracked``, tracked backward, against
            ``detected_before``.
        teaches_detector: (N,) bool, membership in D_det.
        teaches_tracker: (N,) bool, membership in D_tck.

    Cycle errors are mean point-to-point distances over the eye distance of
    ``detected_before``. The paper's threshold T, "normalized RMSE 0.02", is for this
    quantity. (Its line 12 prints squared norms of 136-vectors.)
    """

    detected_before: np.ndarray
    detected: np.ndarray
    tracked: np.ndarray
    l_det: np.ndarray
    l_tck: np.ndarray
    teaches_detector: np.ndarray
    teaches_tracker: np.ndarray

    @property
    def accepted(self) -> np.ndarray:
        """(N,) bool: pairs that are trusted, and so become annotations."""
        return self.teaches_detector | self.teaches_tracker

    def without(self, pairs: np.ndarray) -> "CycleScores":
        """Return the scores with pairs (N,) bool that teach nothing."""
        detector, tracker = self.teaches_detector, self.teaches_tracker
        return replace(
            self, teaches_detector=detector & ~pairs, teaches_tracker=tracker & ~pairs
        )

    def save(self, path: Path) -> None:
        """Write an ``.npz`` file, atomically. `load` reads it."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        with replacing(path) as new:
            np.savez(new, **arrays)

    @classmethod
    def load(cls, path: Path) -> "CycleScores":
        """Read a file that ``save`` has written."""
        with np.load(path) as arrays:
            return cls(**arrays)


def score_cycles(
    detector: keras.Model,
    tracker: keras.Model,
    pairs: Iterable[np.ndarray],
    config: AlgorithmConfig,
) -> CycleScores:
    """Score all pairs: Algorithm 1's loop over the clips.

    Args:
        detector: MDM or HGN.
        tracker: STRRN.
        pairs: batches (B, 2, 315, 315, 3) in [0, 1], frames t-1 and t in one crop.
        config: threshold and assignment.
    """
    batches = [_run_batch(detector, tracker, batch) for batch in pairs]
    before, detected, tracked, back_detected, back_tracked = (
        np.concatenate(parts) for parts in zip(*batches, strict=True)
    )
    # Line 12: "criticizing the tracking reliability".
    l_det = relative_distance(back_detected, before)
    l_tck = relative_distance(back_tracked, before)
    if config.temporal:
        to_detector, to_tracker = assign(l_det, l_tck, config)
    else:
        # Table 3's row without the temporal module has no cycles. Here the agreement of
        # detector and tracker decides.
        to_detector = relative_distance(tracked, detected) < config.threshold
        to_tracker = to_detector
    return CycleScores(before, detected, tracked, l_det, l_tck, to_detector, to_tracker)


def assign(
    l_det: np.ndarray, l_tck: np.ndarray, config: AlgorithmConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Return membership in D_det and in D_tck (N,): lines 14 to 19.

    The printed algorithm lacks its braces, so there are two readings. "exclusive": the
    shape with the smaller cycle error teaches the other network. "literal": as printed,
    every trusted frame is in D_det, and those with a smaller L_det are in D_tck too.

    An error whose loss has the weight 0 is not tested, so that a row of Table 3 drops
    the test with the loss. Then nothing is left to compare, and a trusted frame teaches
    both networks. An error that is not finite is never trusted.

    Args:
        l_det: (N,) cycle errors of the detected shapes.
        l_tck: (N,) cycle errors of the tracked shapes.
        config: threshold, assignment and the weights of Eq. 6.
    """
    errors = (l_det, config.l_det_weight), (l_tck, config.l_tck_weight)
    tests = [error < config.threshold for error, weight in errors if weight]
    finite = np.isfinite(l_det) & np.isfinite(l_tck)
    trusted = np.logical_and.reduce([finite, *tests])
    if len(tests) < len(errors):
        return trusted, trusted
    to_tracker = trusted & (l_tck > l_det)
    to_detector = trusted if config.assignment == "literal" else trusted & ~to_tracker
    return to_detector, to_tracker


def _run_batch(
    detector: keras.Model, tracker: keras.Model, frames: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return the shapes (B, 68, 2) of lines 4, 6, 8 and 10, five per pair."""
    previous, current = frames[:, 0], frames[:, 1]
    detect = _answer_of(detector)
    # Line 4: detecting on both frames.
    before, detected = detect(previous), detect(current)
    # Line 6: forward tracking.
    tracked = tracker.predict_on_batch({"frames": current, "start": before})
    # Lines 8 and 10: backward tracking from the detected and from the tracked shape.
    back_detected = tracker.predict_on_batch({"frames": previous, "start": detected})
    back_tracked = tracker.predict_on_batch({"frames": previous, "start": tracked})
    return before, detected, tracked, back_detected, back_tracked


def _answer_of(detector: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    return lambda frames: detector.predict_on_batch(frames)["refinements"][:, -1]
