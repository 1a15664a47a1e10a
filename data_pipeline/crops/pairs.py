"""Pairs, or longer runs, of consecutive frames of a clip, cut out for a store."""

import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from data_pipeline.annotations.annotation import Annotation
from data_pipeline.annotations.whole_head import whole_shape
from data_pipeline.crops.face_boxes import BoxFinder, choose_face
from data_pipeline.crops.samples import Samples, merge
from data_pipeline.crops.window import cut_samples
from data_pipeline.datasets.clips import Clip
from data_pipeline.datasets.three_hundred_vw import Sequence300VW, read_annotation
from data_pipeline.datasets.youtube_faces import FacesClip, read_boxes
from data_pipeline.media.frame_reader import FrameReader, VideoFrame
from data_pipeline.media.video import open_video
from strrn_tf.geometry import box_from_landmarks
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.system.file_names import frame_name

AnyClip = Clip | Sequence300VW | FacesClip
T = TypeVar("T")


class PairOptions(NamedTuple):
    """Choice and cutting of pairs, see `store.build_pair_store`."""

    pairs_per_clip: int
    seed: int
    box_finder: str | BoxFinder
    rule: str = "largest"
    frames: int = 2

    def check(self) -> None:
        """Raise a ``ValueError`` if an option is out of range."""
        if self.pairs_per_clip < 1:
            raise ValueError(
                f"`pairs_per_clip` must be at least 1. Received: {self.pairs_per_clip}"
            )
        if self.frames < 2:
            raise ValueError(f"`frames` must be at least 2. Received: {self.frames}")
        if self.box_finder != "landmarks" and not callable(self.box_finder):
            raise ValueError(
                '`box_finder` must be "landmarks" or a function. '
                f"Received: {self.box_finder!r}"
            )
        choose_face(None, (1, 1), self.rule)


def cut_pairs(
    clip: AnyClip, options: PairOptions
) -> tuple[Samples | None, dict[str, Any]]:
    """Cut the pairs of one clip.

    Returns:
        The samples (None without any), and the clip's part of the report.

    Raises:
        ValueError: the video cannot be read.
    """
    pairs, report = pack_pairs(clip, options, lambda pair: pair)
    return (merge(pairs) if pairs else None), report


def pack_pairs(
    clip: AnyClip, options: PairOptions, pack: Callable[[Samples], T]
) -> tuple[list[T], dict[str, Any]]:
    """Cut the pairs of one clip and keep only the results of ``pack``.

    Args:
        clip: source of the frames.
        options: choice and cutting of pairs.
        pack: function of a pair, called as soon as the pair is cut. One crop takes
            445 kB.

    Returns:
        The results of ``pack``, and the clip's part of the report.

    Raises:
        ValueError: the video cannot be read.
    """
    reader = open_video(clip.video_path, from_zero=isinstance(clip, Sequence300VW))
    announced = reader.num_frames_hint or _count_frames(reader)
    wanted = choose_pairs(clip, reader, announced, options)
    cutter = _Cutter(clip, options, reader)
    packed = [pack(pair) for pair in cutter.cut(reader, wanted)]
    if reader.num_frames is not None and reader.num_frames < announced:
        # The container announced too many frames. The choice is spread again.
        wanted = choose_pairs(clip, reader, reader.num_frames, options)
        cutter = _Cutter(clip, options, reader)
        packed = [pack(pair) for pair in cutter.cut(reader, wanted)]
    report = {
        "pairs": len(packed),
        "frames_without_face": cutter.without_face,
        "announced_frames": announced,
    }
    if reader.truncated:
        report["problem"] = (
            f"{clip.video_path}: the video is cut off or damaged: "
            f"{reader.num_frames} of {announced} frames could be read"
        )
    elif reader.num_broken:
        report["problem"] = (
            f"{clip.video_path}: {reader.num_broken} of the chosen frames could not be "
            "decoded"
        )
    elif cutter.problems:
        report["problem"] = cutter.problems[0]
    elif not packed:
        report["problem"] = f"{clip.video_path}: no face was found in this video"
        if not wanted:
            count = {2: "two", 3: "three"}.get(options.frames, options.frames)
            report["problem"] = f"{clip.video_path}: has no {count} consecutive frames"
    return packed, report


def choose_pairs(
    clip: AnyClip,
    reader: FrameReader,
    num_frames: int,
    options: PairOptions,
) -> list[int]:
    """Return the numbers of the last frames of pairs, spread evenly."""
    dropped = getattr(clip, "dropped", frozenset())

    def is_next(i: int) -> bool:
        return reader.are_neighbours(i) and i not in dropped and i - 1 not in dropped

    steps = options.frames - 1
    allowed = [
        end
        for end in reader.numbers(num_frames)
        if all(is_next(i) for i in range(end - steps + 1, end + 1))
    ]
    return spread(allowed, options.pairs_per_clip, clip.name, options.seed)


def spread(numbers: Sequence[int], count: int, name: str, seed: int) -> list[int]:
    """Return one number from each of ``count`` equal sections, or all if they are few.

    Args:
        numbers: rising.
        count: largest number of results.
        name: of the clip. It is part of the seed, so the choice of a clip does not
            depend on other clips.
        seed: decides the position in each section.
    """
    if len(numbers) <= count:
        return list(numbers)
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    edges = np.linspace(0, len(numbers), count + 1).astype(int)
    return [numbers[i] for i in rng.integers(edges[:-1], edges[1:])]


class _Cutter:
    """Cuts the wanted pairs in one pass over a video and lists the missing ones."""

    def __init__(
        self, clip: AnyClip, options: PairOptions, reader: FrameReader
    ) -> None:
        self.clip = clip
        self.options = options
        self.shipped = read_boxes(clip, reader) if isinstance(clip, FacesClip) else {}
        self.without_face: list[int] = []
        self.problems: list[str] = []

    def cut(self, reader: FrameReader, wanted: list[int]) -> Iterator[Samples]:
        runs = _consecutive(reader, wanted, self.options.frames)
        samples = (self._cut_run(run) for run in runs)
        return (sample for sample in samples if sample is not None)

    def _cut_run(self, run: list[VideoFrame]) -> Samples | None:
        first, last = run[0], run[-1]
        if len({frame.image.shape for frame in run}) > 1:
            self.problems.append(
                f"{self.clip.video_path}: the frames up to {last.index} differ in size"
            )
            return None
        landmarks = np.stack([self._annotation(frame.index) for frame in run])
        window = self._window(first, landmarks[0])
        if window is None:
            self.without_face.append(first.index)
            return None
        box, roll = window
        images = [frame.image for frame in run]
        try:
            name = frame_name(self.clip.name, last.index)
            return cut_samples(name, images, landmarks, box, roll=roll)
        except ValueError as error:  # the annotation is one point, or a line
            where = f"{self.clip.video_path}, frame {first.index}"
            self.problems.append(f"{where}: {error}")
            return None

    def _window(
        self, frame: VideoFrame, landmarks: np.ndarray
    ) -> tuple[np.ndarray, float] | None:
        """Return the box (4,) of the face and its roll, None without a face."""
        if self.options.box_finder == "landmarks":
            is_known = np.isfinite(landmarks).any()
            if not is_known:
                return None
            return box_from_landmarks(whole_shape(Annotation(landmarks))), 0.0
        size = frame.image.shape[1], frame.image.shape[0]
        shipped = self.shipped.get(frame.index)
        if shipped is not None and _is_within(shipped, size):
            return shipped, 0.0
        face = choose_face(
            self.options.box_finder(frame.image), size, self.options.rule
        )
        if face is None:
            return None
        return face[:4], float(face[4]) if len(face) > 4 else 0.0

    def _annotation(self, index: int) -> np.ndarray:
        try:
            if isinstance(self.clip, Sequence300VW):
                return read_annotation(self.clip, index)
        except ValueError as error:
            self.problems.append(str(error))
        return np.full((NUM_LANDMARKS, 2), np.nan, np.float32)


def _is_within(box: np.ndarray, size: tuple[int, int]) -> bool:
    """Return whether a box can belong to a face in a picture of this size."""
    middle = (box[:2] + box[2:]) / 2
    is_inside = ((middle >= 0) & (middle < size)).all()
    return bool(is_inside and (box[2:] - box[:2]).max() <= 2 * max(size))


def _consecutive(
    reader: FrameReader, wanted: list[int], count: int
) -> Iterator[list[VideoFrame]]:
    """Yield frames t-count+1 to t for every wanted t that the video contains."""
    ends = set(wanted)
    run: deque[VideoFrame] = deque(maxlen=count)
    for frame in reader.frames({end - i for end in ends for i in range(count)}):
        run.append(frame)
        is_whole = len(run) == count and frame.index - run[0].index == count - 1
        if is_whole and frame.index in ends:
            yield list(run)


def _count_frames(reader: FrameReader) -> int:
    for _ in reader.frames():
        pass
    return reader.num_frames or 0
