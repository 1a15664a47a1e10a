"""Frames of a clip in which the face is lost or spoiled, with landmarks for them.

Offline tracking carries landmarks into such moments from both sides (see
``strrn_tf.tracking.offline``). Where two models do so and agree, the mean of their
landmarks is a label that no detector could give in that frame.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from data_pipeline.crops.pairs import AnyClip, spread
from data_pipeline.crops.samples import Samples, merge
from data_pipeline.crops.window import cut_samples
from data_pipeline.datasets.three_hundred_vw import Sequence300VW
from data_pipeline.media.frame_reader import FrameReader
from data_pipeline.media.video import open_video
from strrn_tf.geometry import relative_distance, upright_box
from strrn_tf.tracking.face import Face

# Eye distances that the landmarks of two models may be apart in the mean. It is more
# than they usually are (0.03), and less than a wrong path through the gap is off.
MOST_APART = 0.06


class Tracker(Protocol):
    """The part of ``OfflineTracker`` that is needed."""

    def reset(self) -> None:
        """Forget all faces and frames."""

    def track(
        self, frames: Iterable[tuple[np.ndarray, float | None]]
    ) -> Iterator[list[Face]]:
        """Yield the faces of every frame, in order."""


class FilledOptions(NamedTuple):
    """What is looked at, and what is kept.

    Attributes:
        seconds: of every clip that are tracked, from its beginning.
        most: frames of a clip that are kept, spread evenly.
        seed: decides which of them.
    """

    seconds: float
    most: int = 60
    seed: int = 0


def cut_filled(
    clip: AnyClip, trackers: Sequence[Tracker], options: FilledOptions
) -> Samples | None:
    """Cut the frames of a clip in which all trackers fill the face in alike.

    Args:
        clip: source of the frames.
        trackers: of one model each. They follow one face and do not smooth.
        options: what is looked at, and what is kept.

    Returns:
        Samples (T = 1) with the mean landmarks, in windows that turn with the face;
        None where there is no such frame.

    Raises:
        ValueError: the video cannot be read.
    """
    reader = open_video(clip.video_path, from_zero=isinstance(clip, Sequence300VW))
    found = [filled_shapes(reader, tracker, options.seconds) for tracker in trackers]
    labels = agreed(found)
    wanted = set(spread(sorted(labels), options.most, clip.name, options.seed))
    samples = []
    for frame in reader.frames(wanted) if wanted else ():
        shape = labels[frame.index]
        box, roll = upright_box(shape)
        name = f"{clip.name}#{frame.index:06d}"
        samples.append(cut_samples(name, [frame.image], shape[None], box, roll=roll))
    return merge(samples) if samples else None


def filled_shapes(
    reader: FrameReader, tracker: Tracker, seconds: float
) -> dict[int, np.ndarray]:
    """Return the landmarks (68, 2) of the frames in which a tracker fills a face in.

    Args:
        reader: of the clip.
        tracker: follows one face.
        seconds: of the clip that are tracked.
    """
    tracker.reset()
    waiting: deque[int] = deque()

    def frames() -> Iterator[tuple[np.ndarray, float]]:
        for frame in reader.frames():
            if frame.timestamp >= seconds:
                return
            waiting.append(frame.index)
            yield frame.image, frame.timestamp

    found = {}
    for faces in tracker.track(frames()):
        number = waiting.popleft()
        filled = [face for face in faces if face.state == "filled"]
        if filled:
            found[number] = filled[0].landmarks
    return found


def agreed(found: Sequence[Mapping[int, np.ndarray]]) -> dict[int, np.ndarray]:
    """Return the mean landmarks of the frames in which all are near the mean.

    Args:
        found: landmarks (68, 2) by the number of the frame, of every tracker.
    """
    labels = {}
    for number in set.intersection(*(set(shapes) for shapes in found)):
        shapes = np.stack([one[number] for one in found]).astype(np.float32)
        mean = shapes.mean(0)
        if relative_distance(shapes, mean).max() <= MOST_APART / 2:
            labels[number] = mean
    return labels
