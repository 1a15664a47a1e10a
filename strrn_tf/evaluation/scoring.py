"""From frames with ground truth to per-frame errors and their summary.

Nothing here knows a file format: images, ground truth and boxes are arguments. Every
frame of a sequence is shown to the tracker; frames without ground truth are not scored.
All protocols run side by side, so that a video is decoded, and a face box found, once.

Ground truth may lack points (NaN). Then ``whole`` has all 68, the missing ones from a
fitted head. It gives the box and the eye distance. ``means`` are places that are means
of landmarks, such as the centre of an eye. Each counts as one point.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from strrn_tf.evaluation import metrics
from strrn_tf.evaluation.protocols import (
    CYCLE_LIMIT,
    LOST_SHAPE,
    PROTOCOLS,
    Answer,
    LandmarkTracker,
    ProtocolName,
    ProtocolRun,
    is_trackable,
)
from strrn_tf.geometry import box_from_landmarks

if TYPE_CHECKING:
    import pandas as pd

# The group of all groups together.
POOLED = "all"


# A place (x, y) that is the mean of several landmarks.
Mean = tuple[tuple[int, ...], tuple[float, float]]


class LabelledFrame(NamedTuple):
    """0-based frame number, image (H, W, 3) and ground truth (68, 2) or None.

    ``whole`` (68, 2) is given where the ground truth lacks points.
    """

    index: int
    image: np.ndarray
    landmarks: np.ndarray | None
    whole: np.ndarray | None = None


class LabelledStill(NamedTuple):
    """Name, image (H, W, 3), ground truth (68, 2) and the subset it belongs to.

    ``whole`` (68, 2) is given where the ground truth lacks points.
    """

    name: str
    image: np.ndarray
    landmarks: np.ndarray
    group: str = POOLED
    whole: np.ndarray | None = None
    means: tuple[Mean, ...] = ()


class FrameResult(NamedTuple):
    """Result of one protocol for one frame that has ground truth.

    ``group`` is what results are summarised by: a category or a subset of stills;
    ``frame`` is 0-based; ``true`` is (68, 2) in image pixels, NaN where nobody
    annotated the point; ``whole`` and ``means`` are those of the frame or still.
    """

    group: str
    sequence: str
    frame: int
    protocol: ProtocolName
    answer: Answer
    true: np.ndarray
    whole: np.ndarray | None = None
    means: tuple[Mean, ...] = ()

    @property
    def shape(self) -> np.ndarray:
        """All 68 points (68, 2): the true ones, the others from a fitted head."""
        return self.true if self.whole is None else self.whole

    @property
    def compared(self) -> tuple[np.ndarray, np.ndarray]:
        """Answer and truth (68, 2), each mean in the place of one of its points."""
        answer, true = self.answer.landmarks, self.true
        for points, place in self.means:
            free = [p for p in points if not np.isfinite(true[p]).all()]
            if free:
                answer, true = answer.copy(), true.copy()
                answer[free[0]] = self.answer.landmarks[list(points)].mean(0)
                true[free[0]] = place
        return answer, true

    @property
    def nme_interpupil(self) -> float:
        """The error in percent of the inter-pupil distance, ``inf`` if lost."""
        return float(metrics.nme(*self.compared, "interpupil", self.shape))


# Finds the face box (4,) of a frame or still, or those (N, 4) of all faces of a frame;
# None where there is none.
BoxFinder = Callable[[LabelledFrame | LabelledStill], np.ndarray | None]
# Sees every result with its image, for sheets of worst frames and overlays.
Observer = Callable[[FrameResult, np.ndarray], None]


def true_box(frame: LabelledFrame | LabelledStill) -> np.ndarray | None:
    """Return the tight box of the ground truth: the box finder "gt".

    Where points are missing it is that of the fitted head.
    """
    if frame.landmarks is None:
        return None
    return box_from_landmarks(frame.landmarks if frame.whole is None else frame.whole)


def evaluate_sequence(
    tracker: LandmarkTracker,
    frames: Iterable[LabelledFrame],
    *,
    group: str,
    sequence: str,
    protocols: Sequence[ProtocolName] = PROTOCOLS,
    find_box: BoxFinder = true_box,
    cycle_limit: float = CYCLE_LIMIT,
    observe: Observer | None = None,
) -> list[FrameResult]:
    """Run protocols over one sequence.

    Args:
        tracker: detector and tracker.
        frames: the sequence in order of time.
        group: category the sequence belongs to.
        sequence: its name.
        protocols: those to run; each result is as if it had been run alone.
        find_box: box for the detector; a frame without a box is detected in the
            last box known.
        cycle_limit: see :class:`~strrn_tf.evaluation.protocols.ProtocolRun`.
        observe: called with every result and its image.

    Returns:
        One result per protocol and frame with ground truth, protocol by protocol.
    """
    runs = {name: ProtocolRun(name, tracker, cycle_limit) for name in protocols}
    results: dict[str, list[FrameResult]] = {name: [] for name in protocols}
    for frame in frames:
        index, image, true, whole = frame
        box_now = cache(partial(find_box, frame))
        for name, run in runs.items():
            answer = run.advance(image, box_now)
            if true is None:
                continue
            result = FrameResult(group, sequence, index, name, answer, true, whole)
            results[name].append(result)
            if observe is not None:
                observe(result, image)
    return [result for name in protocols for result in results[name]]


def evaluate_stills(
    align: Callable[[np.ndarray, np.ndarray], np.ndarray],
    stills: Iterable[LabelledStill],
    *,
    find_box: BoxFinder = true_box,
    observe: Observer | None = None,
) -> list[FrameResult]:
    """Run a detector on stills, each of which counts as a sequence of one frame.

    Args:
        align: (image, box (4,)) -> landmarks (68, 2), e.g. ``FaceTracker.align``.
        stills: the images with ground truth.
        find_box: box for the detector; a still without a box is lost.
        observe: called with every result and its image.
    """
    results = []
    for still in stills:
        name, image, true, group, whole, means = still
        box = find_box(still)
        landmarks = None if box is None else align(image, box)
        if landmarks is None or not is_trackable(landmarks, image):
            answer = Answer(LOST_SHAPE, np.nan, "lost")
        else:
            answer = Answer(np.asarray(landmarks, np.float32), np.nan, "detected")
        result = FrameResult(group, name, 0, "detect", answer, true, whole, means)
        results.append(result)
        if observe is not None:
            observe(result, image)
    return results


def frame_table(results: Sequence[FrameResult]) -> "pd.DataFrame":
    """Return one row per result; errors and cycle errors in percent.

    Columns: category, sequence, frame (0-based), protocol, nme_interpupil,
    nme_interocular (``inf`` where lost), cycle_error (NaN without a step), state.
    """
    import pandas as pd

    tracks = [_score(track) for track in _tracks(results)]
    columns = {
        "category": [r.group for r in results],
        "sequence": [r.sequence for r in results],
        "frame": [r.frame for r in results],
        "protocol": [r.protocol for r in results],
    }
    for name in metrics.NORMALISERS:
        errors = [track.errors[name] for track in tracks]
        columns[f"nme_{name}"] = np.concatenate(errors) if errors else []
    columns["cycle_error"] = [100 * r.answer.cycle_error for r in results]
    columns["state"] = [r.answer.state for r in results]
    return pd.DataFrame(columns)


def summarise_results(results: Sequence[FrameResult]) -> list[dict]:
    """Return the metrics of every group and protocol, in the order they come.

    Where there are several groups, rows of the group "all" follow: all frames pooled.

    Returns:
        Dicts with ``category``, ``protocol``, ``states`` (frames per state), everything
        of :func:`metrics.summarise`, ``nme_interpupil_held`` (:func:`metrics.held`:
        lost frames count), and ``per_sequence``: for every sequence of more than one
        frame, the same metrics.
    """
    table: dict[tuple[str, str], list[_Track]] = {}
    for track in map(_score, _tracks(results)):
        first = track.results[0]
        table.setdefault((first.group, first.protocol), []).append(track)
    if len({group for group, _ in table}) > 1:
        for (_, protocol), tracks in list(table.items()):
            table.setdefault((POOLED, protocol), []).extend(tracks)
    return [
        {
            "category": group,
            "protocol": protocol,
            **_summarise(tracks),
            "per_sequence": {
                track.results[0].sequence: _summarise([track])
                for track in tracks
                if len(track.results) > 1
            },
        }
        for (group, protocol), tracks in table.items()
    ]


class _Track(NamedTuple):
    """Results of one protocol on one sequence; errors and jitter in percent."""

    results: list[FrameResult]
    errors: dict[str, np.ndarray]
    held: np.ndarray
    jitters: dict[str, np.ndarray]


def _tracks(results: Sequence[FrameResult]) -> list[list[FrameResult]]:
    """Cut results, which come sequence by sequence, into runs of one track."""
    key = attrgetter("group", "sequence", "protocol")
    return [list(track) for _, track in groupby(results, key)]


def _score(results: list[FrameResult]) -> _Track:
    pairs = (result.compared for result in results)
    predicted, true = (np.stack(shapes) for shapes in zip(*pairs, strict=True))
    whole = np.stack([r.shape for r in results])
    frames = [r.frame for r in results]
    errors, jitters = {}, {}
    for name in metrics.NORMALISERS:
        errors[name] = metrics.nme(predicted, true, name, whole)
        jitters[name] = metrics.jitter_terms(
            predicted, true, frames=frames, normaliser=name, whole=whole
        )
    held = metrics.nme(metrics.held(predicted), true, "interpupil", whole)
    return _Track(results, errors, held, jitters)


def _summarise(tracks: list[_Track]) -> dict:
    """Return the metrics of tracks taken together."""
    results = [result for track in tracks for result in track.results]
    states = [result.answer.state for result in results]
    errors, jitters = {}, {}
    for name in metrics.NORMALISERS:
        errors[name] = np.concatenate([track.errors[name] for track in tracks])
        jitters[name] = np.concatenate([track.jitters[name] for track in tracks])
    return {
        "states": {s: states.count(s) for s in ("detected", "tracked", "lost")},
        **metrics.summarise(errors, [r.sequence for r in results], jitters),
        "nme_interpupil_held": float(np.concatenate([t.held for t in tracks]).mean()),
    }
