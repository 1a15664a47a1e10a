"""Endless streams of augmented crops that resume at any batch.

Position p of a stream is sample p % batch_size of batch p // batch_size. It decides
everything: source, sample and augmentation. So ``start=k`` gives the same batches as
skipping k batches, at no cost.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from data_pipeline.augmentation.augment import (
    Augmentation,
    augment_by,
    move_landmarks,
    render,
    reorder,
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
from strrn_tf.landmarks import NUM_LANDMARKS

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
    late: tuple[int, Sequence[Labelled]] | None = None,
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
        late: number of the first batch of other sources, and these sources.

    Returns:
        Dictionaries of ``frames`` (B, 315, 315, 3) float32 in [0, 1] and ``landmarks``
        (B, 68, 2) float32 in crop pixels, NaN where nobody annotated the point. If a
        source has ``trust``, also that, (B, 68).

    Raises:
        ValueError: a source has a wrong shape or type, is empty or has a sample without
            landmarks.
    """
    read = _still_reader(sources, seed)
    read_late = _still_reader(late[1], seed) if late else read
    late_from = late[0] * batch_size if late else 0
    annealed = augmentation.annealed()
    with_trust = any(source.trust is not None for source in sources)

    def sample(position: int) -> Sample:
        still = (read if position < late_from else read_late)(position)
        rng = sample_generator(seed, position)
        is_mild = annealed_from is not None and position >= annealed_from * batch_size
        strength = annealed if is_mild else augmentation
        matrix = sample_matrix(rng, strength, still.frame.shape[1])
        arguments = still.frame, still.whole, strength, rng, still.known
        crop, landmarks = augment_by(matrix, *arguments)
        trust = [reorder(still.trust, matrix)] if with_trust else []
        return [crop], [landmarks, *trust]

    values = ("trust",) if with_trust else ()
    return endless_stream(sample, ("landmarks",), (), batch_size, start, values)


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
        still = read(position)
        shape, known = still.whole, still.known
        return moved_pair(still.frame, shape, augmentation, motion, rng, known)

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


class _Still(NamedTuple):
    """A stored frame and its landmarks with all points (68, 2).

    The mask (68,) of the annotated ones is None if all are.
    """

    frame: np.ndarray
    whole: np.ndarray
    known: np.ndarray | None
    trust: np.ndarray


def _still_reader(sources: Sequence[Labelled], seed: int) -> Callable[[int], _Still]:
    """Return a function from a position to a still."""
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
        trust = np.ones((count, NUM_LANDMARKS), np.float32)
        trust = trust if source.trust is None else source.trust
        read.append((source.frames, shapes, whole, trust, index))
    weights = [source.weight for source in sources]
    schedule = Schedule([len(index) for *_, index in read], weights, seed)

    def still(position: int) -> _Still:
        source, number = schedule(position)
        frames, shapes, whole, trust, index = read[source]
        chosen = index[number]
        known = None
        if whole is not shapes:
            known = np.isfinite(shapes[chosen]).all(-1)
        return _Still(np.asarray(frames[chosen]), whole[chosen], known, trust[chosen])

    return still
