"""Scenarios for every tracker: a video, a face at rest, a face that is hidden.

Lengths are in percent of the distance of the outer eye corners, times in seconds of
video. Run ``measure`` in a process of its own: it measures the memory of the process.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from data_pipeline.augmentation.occlusion import covering_block
from strrn_tf.commands.benchmark.stopwatch import Stopwatch
from strrn_tf.commands.benchmark.trackers import (
    COMMON,
    Observation,
    TrackerAdapter,
)
from strrn_tf.evaluation.metrics import interocular, jitter, point_error
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.system.machine import peak_megabytes, release_file_pages
from strrn_tf.tracking.networks.stages import STAGES

# The face at rest: one frame again and again with the noise of a sensor (standard
# deviation in gray levels). The first second is not counted.
STILL_FRAMES, STILL_SETTLING, STILL_NOISE = 125, 25, 2.0

# The hidden face: seconds covered, and seconds before and after.
HIDDEN, APART = 1.0, 1.0
GRAY = 128
# Percent of the eye distance. The face is found again when its points are this close to
# those of the same tracker in the same frame of the uncovered video.
SAME_PLACE = 10.0


class Frame(NamedTuple):
    """A frame of a made video; frames of a file have the same attributes."""

    timestamp: float
    image: np.ndarray


@dataclass(frozen=True)
class Scene:
    """Input of the scenarios besides the video itself, the same for all trackers.

    Attributes:
        still: number of the frame that is repeated.
        boxes: (T, 4) face box of every frame, which the cover hides.
    """

    still: int
    boxes: np.ndarray


def measure(
    make: Callable[[Stopwatch | None], TrackerAdapter],
    read: Callable[[], Iterable[Any]],
    scene: Scene | None = None,
) -> tuple[dict[str, Any], Scene]:
    """Run one tracker through all scenarios.

    Args:
        make: opens the tracker. It is called once per scenario, since trackers have a
            state.
        read: returns the frames of the video, with ``timestamp`` and ``image`` (H, W,
            3) uint8 RGB. It is called once per scenario.
        scene: input of the scenarios; chosen from this tracker's answers if not given.

    Returns:
        The figures, and the scene.

    Raises:
        ValueError: no face was found, so there is nothing to choose a scene from.
    """
    watch = Stopwatch()
    begin = time.perf_counter()
    tracker = make(watch)
    opened = 1000 * (time.perf_counter() - begin)
    next(iter(read()))  # load what decodes
    # As `strrn track` does.
    release_file_pages()
    seen = run_tracker(tracker, read(), watch)
    result = speed(watch, len(seen))
    result |= {"open_ms": opened, "peak_mb": peak_megabytes()}
    result["frames_with_face"] = int(has_face(seen).sum())
    scene = scene or choose_scene(seen)
    resting = run_tracker(make(None), still_frames(read(), scene.still))[
        STILL_SETTLING:
    ]
    result["jitter_still"] = jitters(resting)
    result["jitter_moving"] = jitters(seen)
    times = np.array([frame.timestamp for frame in read()])
    spans = hidden_spans(times)
    hidden = run_tracker(make(None), covered(read(), scene.boxes, spans))
    result["occlusions"] = [after(span, seen, hidden, times) for span in spans]
    return result, scene


def run_tracker(
    tracker: TrackerAdapter, frames: Iterable[Any], watch: Stopwatch | None = None
) -> list[Observation]:
    """Return a tracker's observation of every frame; time ``decode`` and ``update``."""
    watch = watch or Stopwatch()
    remaining = iter(frames)
    seen = []
    while True:
        try:
            with watch.time("decode"):
                frame = next(remaining)
        except StopIteration:
            return seen
        with watch.time("update"):
            observation = tracker(frame.image, frame.timestamp)
        seen.append(observation)


def speed(watch: Stopwatch, frames: int) -> dict[str, Any]:
    """Return frames per second, wall clock and processor time, and all stages."""
    wall, processor = watch.total("decode") + watch.total("update")
    stages = {
        name: watch.summary(name, frames)
        for name in ("decode", *STAGES, "step", "update")
    }
    return {
        "frames": frames,
        "frames_per_second": 1000 * frames / wall,
        "frames_per_processor_second": 1000 * frames / processor,
        "stages": stages,
    }


def choose_scene(seen: Sequence[Observation]) -> Scene:
    """Return the middle one of the frames with a face, and a box for every frame."""
    with_face = np.flatnonzero(has_face(seen))
    if not with_face.size:
        raise ValueError(
            f"no face was found in the first {len(seen)} frames: give another --video"
        )
    landmarks = landmarks_of(seen)[with_face]
    boxes = np.concatenate([landmarks.min(1), landmarks.max(1)], -1)
    # The last box where the face is lost, the first one before it appears.
    latest = np.searchsorted(with_face, np.arange(len(seen)), side="right") - 1
    return Scene(int(with_face[with_face.size // 2]), boxes[np.maximum(latest, 0)])


def still_frames(frames: Iterable[Any], index: int) -> Iterator[Frame]:
    """Yield one frame of a video again and again, each with noise of its own."""
    image = next(frame.image for i, frame in enumerate(frames) if i == index)
    rng = np.random.default_rng(0)
    for i in range(STILL_FRAMES):
        noise = rng.normal(0, STILL_NOISE, image.shape)
        noisy = np.clip(np.rint(image + noise), 0, 255)
        yield Frame(i / STILL_SETTLING, noisy.astype(np.uint8))


def hidden_spans(times: np.ndarray) -> list[slice]:
    """Return the frames to cover: one second in every three, if there is one after it.

    Args:
        times: (T,) timestamps, rising.
    """
    starts = np.arange(APART, times[-1] - HIDDEN - APART + 1e-6, HIDDEN + 2 * APART)
    spans = [np.searchsorted(times, (start, start + HIDDEN)) for start in starts]
    return [slice(int(first), int(last)) for first, last in spans]


def covered(
    frames: Iterable[Any], boxes: np.ndarray, spans: Sequence[slice]
) -> Iterator[Frame]:
    """Yield the frames, in some of them with a gray block before the face."""
    hidden = {i for span in spans for i in range(span.start, span.stop)}
    for i, frame in enumerate(frames):
        image = frame.image
        if i in hidden:
            image = image.copy()
            start, stop = covering_block(boxes[i])
            image[start[1] : stop[1], start[0] : stop[0]] = GRAY
        yield Frame(frame.timestamp, image)


def after(
    span: slice,
    seen: Sequence[Observation],
    hidden: Sequence[Observation],
    times: np.ndarray,
) -> dict[str, float | bool | int | None]:
    """Return the figures of one occlusion.

    Args:
        span: frames that were covered.
        seen: observations of the uncovered video.
        hidden: observations of the covered video.
        times: (T,) timestamps.

    Returns:
        ``seconds``: from the first uncovered frame to the first one in which the face
        is followed again in its place; None if that did not happen before the next
        occlusion. ``same_id``: whether it has its former number; None without numbers.
        ``claimed``: fraction of the covered frames in which the tracker reported a
        face (the false positives).
    """
    false_positives = float(has_face(hidden[span]).mean())
    end = times[span.stop] + 2 * APART
    back = (i for i in range(span.stop, len(times)) if times[i] < end)
    found = next((i for i in back if is_there(hidden[i], seen[i])), None)
    if found is None:
        return {"seconds": None, "same_id": None, "claimed": false_positives}
    before = hidden[span.start - 1].id
    return {
        "seconds": float(times[found] - times[span.stop]),
        "same_id": None if before is None else hidden[found].id == before,
        "claimed": false_positives,
    }


def is_there(one: Observation, reference: Observation) -> bool:
    """Return whether two observations of one frame are one face in one place."""
    if not has_face([one, reference]).all():
        return False
    points = list(COMMON)
    error = point_error(one.landmarks[points], reference.landmarks[points])
    return bool(100 * error / interocular(reference.landmarks) < SAME_PLACE)


def jitters(seen: Sequence[Observation]) -> dict[str, float]:
    """Return the output jitter of the common points and of all 68."""
    landmarks = landmarks_of(seen)
    sets = {"common": tuple(COMMON), "all": tuple(range(NUM_LANDMARKS))}
    return {
        name: jitter(landmarks, normaliser="interocular", points=points)
        for name, points in sets.items()
    }


def has_face(seen: Sequence[Observation]) -> np.ndarray:
    """Return (T,) bool: whether a face was seen."""
    return np.isfinite(landmarks_of(seen)[:, list(COMMON)]).all((1, 2))


def landmarks_of(seen: Sequence[Observation]) -> np.ndarray:
    """Return the landmarks (T, 68, 2) of all observations."""
    return np.array([one.landmarks for one in seen], np.float64)
