"""What a tracker is put through: a video, a face that rests, a face that is hidden.

Lengths are in percent of the distance of the outer eye corners, times in seconds of
video. ``measure`` is meant for a process of its own: memory is that of the process.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from strrn_tf.commands.benchmark.machine import peak_megabytes
from strrn_tf.commands.benchmark.stopwatch import Stopwatch
from strrn_tf.commands.benchmark.trackers import COMMON, STAGES, Follower, Seen
from strrn_tf.evaluation.metrics import interocular, jitter, point_error
from strrn_tf.landmarks import NUM_LANDMARKS

# The resting face: one frame again and again with the noise of a sensor (standard
# deviation in grey levels). The first second is for settling.
STILL_FRAMES, STILL_SETTLING, STILL_NOISE = 125, 25, 2.0

# The hidden face: seconds covered, and seconds before and after. The cover is grey and
# so many times as large as the box of the landmarks, hair and chin included.
HIDDEN, APART, COVER = 1.0, 1.0, 1.8
GREY = 128
# The face is found again when the points are this close to what the same tracker says
# of the same frame in the video as it is.
SAME_PLACE = 10.0


class Frame(NamedTuple):
    """A frame of a made-up video; those of a file have the same attributes."""

    timestamp: float
    image: np.ndarray


@dataclass(frozen=True)
class Scene:
    """What all trackers are shown besides the video itself.

    Attributes:
        still: number of the frame that is repeated.
        boxes: (T, 4) face box of every frame, to be covered.
    """

    still: int
    boxes: np.ndarray


def measure(
    make: Callable[[Stopwatch | None], Follower],
    read: Callable[[], Iterable[Any]],
    scene: Scene | None = None,
) -> tuple[dict[str, Any], Scene]:
    """Put one tracker through everything.

    Args:
        make: opens the tracker; is called once per trial, since trackers remember.
        read: returns the frames of the video, with ``timestamp`` and ``image`` (H, W,
            3) uint8 RGB; is called once per trial.
        scene: what else is shown; chosen from what this tracker sees if not given.

    Returns:
        The figures, and the scene.

    Raises:
        ValueError: no face was found, so there is nothing to choose a scene from.
    """
    watch = Stopwatch()
    begin = time.perf_counter()
    follower = make(watch)
    opened = 1000 * (time.perf_counter() - begin)
    seen = follow(follower, read(), watch)
    result = speed(watch, len(seen))
    result |= {"open_ms": opened, "peak_mb": peak_megabytes()}
    result["frames_with_face"] = int(has_face(seen).sum())
    scene = scene or choose_scene(seen)
    resting = follow(make(None), still_frames(read(), scene.still))[STILL_SETTLING:]
    result["jitter_still"] = jitters(resting)
    result["jitter_moving"] = jitters(seen)
    times = np.array([frame.timestamp for frame in read()])
    spans = hidden_spans(times)
    hidden = follow(make(None), covered(read(), scene.boxes, spans))
    result["occlusions"] = [after(span, seen, hidden, times) for span in spans]
    return result, scene


def follow(
    follower: Follower, frames: Iterable[Any], watch: Stopwatch | None = None
) -> list[Seen]:
    """Return what a tracker sees in every frame; times ``decode`` and ``update``."""
    watch = watch or Stopwatch()
    decode = watch.timed("decode", iter(frames).__next__)
    update = watch.timed("update", follower)
    seen = []
    while True:
        try:
            frame = decode()
        except StopIteration:
            return seen
        seen.append(update(frame.image, frame.timestamp))


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


def choose_scene(seen: Sequence[Seen]) -> Scene:
    """Return the middle one of the frames with a face, and a box for every frame."""
    with_face = np.flatnonzero(has_face(seen))
    if not with_face.size:
        raise ValueError(
            f"no face was found in the first {len(seen)} frames: give another --video"
        )
    landmarks = landmarks_of(seen)[with_face]
    boxes = np.concatenate([landmarks.min(1), landmarks.max(1)], -1)
    # Where the face was lost, its last place; before it came, its first one.
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
    """Yield the frames with a grey block before the face in some of them."""
    hidden = {i for span in spans for i in range(span.start, span.stop)}
    for i, frame in enumerate(frames):
        image = frame.image
        if i in hidden:
            image = image.copy()
            start, stop = cover(boxes[i])
            image[start[1] : stop[1], start[0] : stop[0]] = GREY
        yield Frame(frame.timestamp, image)


def cover(box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last xy of the block that hides a face; never negative.

    Args:
        box: (4,) tight box of the landmarks.
    """
    half = COVER * (box[2:] - box[:2]).max() / 2
    centre = (box[:2] + box[2:]) / 2
    start, stop = (np.rint(centre + side * half) for side in (-1, 1))
    return np.maximum(start, 0).astype(int), np.maximum(stop, 0).astype(int)


def after(
    span: slice, seen: Sequence[Seen], hidden: Sequence[Seen], times: np.ndarray
) -> dict[str, float | bool | int | None]:
    """Return how a tracker came through one occlusion.

    Args:
        span: frames that were covered.
        seen: what it said of the video as it is.
        hidden: what it said of the video with covers.
        times: (T,) timestamps.

    Returns:
        ``seconds``: from the first frame in sight to the first one in which the face is
        followed again where it is, None if that did not happen within the time between
        two occlusions; ``same_id``: whether it has the number it had, None without
        numbers; ``claimed``: share of the covered frames in which it said to see one.
    """
    claimed = float(has_face(hidden[span]).mean())
    end = times[span.stop] + 2 * APART
    back = (i for i in range(span.stop, len(times)) if times[i] < end)
    found = next((i for i in back if is_there(hidden[i], seen[i])), None)
    if found is None:
        return {"seconds": None, "same_id": None, "claimed": claimed}
    before = hidden[span.start - 1].id
    return {
        "seconds": float(times[found] - times[span.stop]),
        "same_id": None if before is None else hidden[found].id == before,
        "claimed": claimed,
    }


def is_there(answer: Seen, reference: Seen) -> bool:
    """Say whether two answers for one frame are the same face in the same place."""
    if not has_face([answer, reference]).all():
        return False
    points = list(COMMON)
    error = point_error(answer.landmarks[points], reference.landmarks[points])
    return bool(100 * error / interocular(reference.landmarks) < SAME_PLACE)


def jitters(seen: Sequence[Seen]) -> dict[str, float]:
    """Return the jitter of the common points and of all 68, see ``metrics.jitter``."""
    landmarks = landmarks_of(seen)
    sets = {"common": tuple(COMMON), "all": tuple(range(NUM_LANDMARKS))}
    return {
        name: jitter(landmarks, normaliser="interocular", points=points)
        for name, points in sets.items()
    }


def has_face(seen: Sequence[Seen]) -> np.ndarray:
    """Return (T,) bool: whether there was an answer."""
    return np.isfinite(landmarks_of(seen)[:, list(COMMON)]).all((1, 2))


def landmarks_of(seen: Sequence[Seen]) -> np.ndarray:
    """Return all answers (T, 68, 2)."""
    return np.array([answer.landmarks for answer in seen], np.float64)
