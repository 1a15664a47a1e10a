"""Frames of a clip in which the face is lost or spoiled, with landmarks for them.

Offline tracking carries landmarks into such moments from both sides (see
``strrn_tf.tracking.offline``). Where all models do so and agree, the mean of their
landmarks is a label that no detector could give in that frame.

A mouth that opens quickly can look like a loss. So the detectors are asked as well:
where they agree with each other, their answers are the better labels.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from data_pipeline.crops.pairs import AnyClip, spread
from data_pipeline.crops.samples import Samples, merge
from data_pipeline.crops.window import cut_samples
from data_pipeline.datasets.three_hundred_vw import Sequence300VW
from data_pipeline.media.frame_reader import FrameReader
from data_pipeline.media.video import open_video
from strrn_tf.geometry import box_from_landmarks, relative_distance, upright_box
from strrn_tf.system.file_names import frame_name
from strrn_tf.tracking.face import Face

# Eye distances that filled landmarks of two models may be apart in the mean. Their
# answers in frames in plain sight are 0.03 apart.
MOST_APART = 0.06
# Eye distances that answers in the window of the label must be apart. In frames of
# people who talk, and that were filled in by mistake, they are 0.015 to 0.034 apart,
# behind a block 0.031 to 0.093.
LEAST_DOUBT = 0.035
# Image (H, W, 3) uint8 and face box (4,) -> landmarks (68, 2), both in image pixels.
Detect = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Tracker(Protocol):
    """The part of ``OfflineTracker`` that is needed."""

    def reset(self) -> None:
        """Forget all faces and frames."""

    def track(
        self, frames: Iterable[tuple[np.ndarray, float | None]]
    ) -> Iterator[list[Face]]:
        """Yield the faces of every frame, in order."""


class Model(NamedTuple):
    """A model that labels or judges: it tracks one face, and detects in a box."""

    tracker: Tracker
    detect: Detect


class FilledOptions(NamedTuple):
    """What is looked at, and what is kept.

    Attributes:
        seconds: of every clip that are tracked, from its beginning.
        most: frames of a clip that are kept, spread evenly.
        seed: decides which of them.
    """

    seconds: float
    most: int = 20
    seed: int = 0


def cut_filled(
    clip: AnyClip, models: Sequence[Model], options: FilledOptions
) -> Samples | None:
    """Cut the frames of a clip in which all models fill the face in alike.

    Args:
        clip: source of the frames.
        models: one or more, whose trackers do not smooth.
        options: what is looked at, and what is kept.

    Returns:
        Samples (T = 1) with the mean landmarks, in windows that turn with the face;
        None where there is no such frame.

    Raises:
        ValueError: the video cannot be read.
    """
    reader = open_video(clip.video_path, from_zero=isinstance(clip, Sequence300VW))
    found = [filled_shapes(reader, model.tracker, options.seconds) for model in models]
    labels = agreed(found)
    doubtful = [
        frame.index
        for frame in (reader.frames(set(labels)) if labels else ())
        if doubt(frame.image, labels[frame.index], models) >= LEAST_DOUBT
    ]
    wanted = set(spread(doubtful, options.most, clip.name, options.seed))
    samples = []
    for frame in reader.frames(wanted) if wanted else ():
        shape = labels[frame.index]
        box, roll = upright_box(shape)
        name = frame_name(clip.name, frame.index)
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
        size = None
        for frame in reader.frames():
            # A tracker takes no frames of another size.
            size = size or frame.image.shape
            if frame.timestamp >= seconds or frame.image.shape != size:
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


def doubt(image: np.ndarray, label: np.ndarray, models: Sequence[Model]) -> float:
    """Return how far the answers of detectors lie apart, in eye distances.

    One model alone is compared with the label.

    Args:
        image: (H, W, 3) uint8 RGB.
        label: landmarks (68, 2), whose box is the window.
        models: one or more.
    """
    box = box_from_landmarks(label)
    try:
        answers = [model.detect(image, box) for model in models]
    except ValueError:
        # The face has left the picture.
        return 0.0
    others = answers[1:] or [label]
    return max(float(relative_distance(answers[0], other)) for other in others)
