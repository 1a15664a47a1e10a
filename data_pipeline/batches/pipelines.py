"""Endless streams of augmented crops that resume at any batch.

Position p of a stream is sample p % batch_size of batch p // batch_size. It decides
everything: source, sample and augmentation. So ``start=k`` gives the same batches as
skipping k batches, at no cost.
"""

from collections.abc import Callable, Sequence

import numpy as np

from data_pipeline.augmentation.augment import (
    Augmentation,
    augment,
    move_landmarks,
    render,
    sample_matrix,
)
from data_pipeline.augmentation.motion import Motion
from data_pipeline.augmentation.moved_pair import moved_pair
from data_pipeline.augmentation.photometric import sample_photometric
from data_pipeline.batches.sampling import (
    Labelled,
    Schedule,
    check_frames,
    check_index,
    check_landmarks,
    sample_generator,
)
from data_pipeline.batches.streams import (
    Sample,
    Stream,
    endless_stream,
    mix,
    split_batch,
)

__all__ = [
    "Labelled",
    "clip_pairs_dataset",
    "clips_dataset",
    "mix",
    "motion_pairs_dataset",
    "split_batch",
    "stills_dataset",
]


def stills_dataset(
    sources: Sequence[Labelled],
    *,
    batch_size: int,
    seed: int,
    start: int = 0,
    augmentation: Augmentation,
    annealed_from: int | None = None,
) -> Stream:
    """Return an endless stream of stills for a detector.

    Args:
        sources: labelled crops and their weights in the mixture.
        batch_size: B.
        seed: not negative.
        start: number of batches to skip.
        augmentation: strengths.
        annealed_from: number of the first batch with annealed augmentation; None: there
            is none.

    Returns:
        Dictionaries of ``frames`` (B, 315, 315, 3) float32 in [0, 1] and ``landmarks``
        (B, 68, 2) float32 in crop pixels, NaN where nobody annotated the point.

    Raises:
        ValueError: a source has a wrong shape or type, is empty or has a sample without
            landmarks.
    """
    read = _still_reader(sources, seed)
    annealed = augmentation.annealed()

    def sample(position: int) -> Sample:
        frame, landmarks, known = read(position)
        rng = sample_generator(seed, position)
        is_late = annealed_from is not None and position >= annealed_from * batch_size
        strength = annealed if is_late else augmentation
        crop, landmarks = augment(frame, landmarks, strength, rng, known)
        return [crop], [landmarks]

    return endless_stream(sample, ("landmarks",), (), batch_size, start)


def motion_pairs_dataset(
    sources: Sequence[Labelled],
    *,
    batch_size: int,
    seed: int,
    start: int = 0,
    augmentation: Augmentation,
    motion: Motion,
) -> Stream:
    """Return an endless stream of pairs for a tracker, each made from one still.

    Args:
        sources: labelled crops and their weights in the mixture.
        batch_size: B.
        seed: not negative.
        start: number of batches to skip.
        augmentation: strengths, sampled once for both frames.
        motion: sizes of the motion between the frames and of the detector's errors.

    Returns:
        Dictionaries of ``frames`` (B, 2, 315, 315, 3) float32 in [0, 1] and four
        shapes (B, 68, 2) float32 in crop pixels. ``before`` and ``target`` are the
        exact landmarks of the first and the second frame. ``start`` and ``detected``
        are the same with independent errors. ``target`` is NaN where nobody annotated
        the point; the others have the fitted head there.

    Raises:
        ValueError: a source has a wrong shape or type, is empty or has a sample without
            landmarks.
    """
    read = _still_reader(sources, seed)

    def sample(position: int) -> Sample:
        rng = sample_generator(seed, position)
        frame, landmarks, known = read(position)
        return moved_pair(frame, landmarks, augmentation, motion, rng, known)

    names = ("before", "start", "detected", "target")
    return endless_stream(sample, names, (2,), batch_size, start)


def clip_pairs_dataset(
    frames: np.ndarray,
    start: np.ndarray,
    detected: np.ndarray,
    target: np.ndarray,
    *,
    index: np.ndarray | None = None,
    parts: Sequence[tuple[np.ndarray, float]] | None = None,
    batch_size: int,
    seed: int,
    start_batch: int = 0,
    augmentation: Augmentation,
) -> Stream:
    """Return an endless stream of pairs of frames of real clips, for a tracker.

    Both frames and all shapes of a pair share one matrix and one set of photometric
    parameters. Only the noise of the frames is independent.

    Args:
        frames: (N, 2, S, S, 3) uint8, an array or a memory map.
        start: (N, 68, 2) in stored pixels, the shape in the first frame.
        detected: (N, 68, 2) in stored pixels, the detection in the second frame.
        target: (N, 68, 2), to learn in the second frame. Points of it may be NaN.
        index: pairs to use; None for all. Other pairs may have NaN shapes.
        parts: pairs of several sources and the weight of each source. They replace
            ``index``.
        batch_size: B.
        seed: not negative.
        start_batch: number of batches to skip.
        augmentation: strengths.

    Returns:
        Dictionaries with the keys of :func:`motion_pairs_dataset`. The error of
        ``start`` is unknown, so ``before`` equals ``start``.

    Raises:
        ValueError: an array has a wrong shape or type, the index is empty, or a shape
            is NaN.
    """
    check_frames(frames, "(N, 2, S, S, 3)")
    count = len(frames)
    weights = [weight for _, weight in parts] if parts else [1.0]
    used = [check_index(i, count) for i, _ in parts or [(index, 1.0)]]
    named = {"before": start, "start": start, "detected": detected, "target": target}
    index = np.concatenate(used)
    checked = [(n, s, count, index, n == "target") for n, s in named.items()]
    shapes = [check_landmarks(*arguments) for arguments in checked]
    schedule = Schedule([len(part) for part in used], weights, seed)

    def sample(position: int) -> Sample:
        source, turn = schedule(position)
        number = used[source][turn]
        pair = np.asarray(frames[number])
        rng = sample_generator(seed, position)
        matrix = sample_matrix(rng, augmentation, pair.shape[2])
        params = sample_photometric(rng, augmentation.photometric)
        crops = [render(frame, matrix, params, rng) for frame in pair]
        return crops, [move_landmarks(matrix, shape[number]) for shape in shapes]

    return endless_stream(sample, tuple(named), (2,), batch_size, start_batch)


def clips_dataset(
    frames: np.ndarray,
    *,
    batch_size: int,
    seed: int,
    start: int = 0,
    augmentation: Augmentation,
) -> Stream:
    """Return an endless stream of consecutive frames without any landmarks, for SBR.

    Args:
        frames: (N, T, S, S, 3) uint8, an array or a memory map.
        batch_size: B.
        seed: not negative.
        start: number of batches to skip.
        augmentation: strengths. All frames of a sample share one matrix and one set of
            photometric parameters.

    Returns:
        Dictionaries of ``frames`` (B, T, 315, 315, 3) float32 in [0, 1].
    """
    check_frames(frames, "(N, T, S, S, 3)")
    schedule = Schedule([len(frames)], [1.0], seed)

    def sample(position: int) -> Sample:
        shots = np.asarray(frames[schedule(position)[1]])
        rng = sample_generator(seed, position)
        matrix = sample_matrix(rng, augmentation, shots.shape[2])
        params = sample_photometric(rng, augmentation.photometric)
        return [render(shot, matrix, params, rng) for shot in shots], []

    return endless_stream(sample, (), (frames.shape[1],), batch_size, start)


def _still_reader(
    sources: Sequence[Labelled], seed: int
) -> Callable[[int], tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Return a function from a position to a stored frame and its landmarks.

    The landmarks are those with all points, with the mask (68,) of the annotated ones,
    which is None if all are.
    """
    read = []
    for source in sources:
        check_frames(source.frames, "(N, S, S, 3)")
        count = len(source.frames)
        index = check_index(source.index, count)
        is_partial = source.whole is not None
        shapes = check_landmarks(
            "landmarks", source.landmarks, count, index, is_partial
        )
        whole = shapes
        if is_partial:
            whole = check_landmarks("whole", source.whole, count, index)
        read.append((source.frames, shapes, whole, index))
    weights = [source.weight for source in sources]
    schedule = Schedule([len(index) for *_, index in read], weights, seed)

    def still(position: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        source, number = schedule(position)
        frames, shapes, whole, index = read[source]
        chosen = index[number]
        known = None
        if whole is not shapes:
            known = np.isfinite(shapes[chosen]).all(-1)
        return np.asarray(frames[chosen]), whole[chosen], known

    return still
