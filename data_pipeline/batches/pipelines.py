"""Endless streams of augmented crops, resumable at any batch.

Position p of a stream (sample p % batch_size of batch p // batch_size) decides
everything: source, sample, augmentation. ``start=k`` therefore gives the same batches
as skipping k batches, at no cost.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from data_pipeline.augmentation.animation import draw_performances
from data_pipeline.augmentation.augment import (
    FACE_SIZE,
    Augmentation,
    act,
    augment,
    draw_matrix,
    move_landmarks,
    render,
)
from data_pipeline.augmentation.motion import Motion, detector_like, draw_motion
from data_pipeline.augmentation.photometric import Look, draw_blur, draw_look
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
from strrn_tf.geometry import CROP_MARGIN, compose

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
        sources: labelled crops and their shares of the mixture.
        batch_size: B.
        seed: not negative.
        start: number of batches to leave out.
        augmentation: strengths.
        annealed_from: number of the first batch with annealed augmentation; None: there
            is none.

    Returns:
        Dictionaries of ``frames`` (B, 315, 315, 3) float32 in [0, 1] and ``landmarks``
        (B, 68, 2) float32 in crop pixels.

    Raises:
        ValueError: sources of a wrong shape or type, empty, or with NaN landmarks.
    """
    read = _still_reader(sources, seed)
    annealed = augmentation.annealed()

    def sample(position: int) -> Sample:
        frame, landmarks = read(position)
        rng = sample_generator(seed, position)
        is_late = annealed_from is not None and position >= annealed_from * batch_size
        strength = annealed if is_late else augmentation
        crop, landmarks = augment(frame, landmarks, strength, rng)
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
    """Return an endless stream of pairs made of one still each, for a tracker.

    Args:
        sources: labelled crops and their shares of the mixture.
        batch_size: B.
        seed: not negative.
        start: number of batches to leave out.
        augmentation: strengths, drawn once for both frames.
        motion: sizes of the motion between the frames and of the detector's errors.

    Returns:
        Dictionaries of ``frames`` (B, 2, 315, 315, 3) float32 in [0, 1] and, all
        (B, 68, 2) float32 in crop pixels: ``before`` and ``target``, the exact
        landmarks of the first and of the second frame; ``start`` and ``detected``, the
        same with independent errors.

    Raises:
        ValueError: sources of a wrong shape or type, empty, or with NaN landmarks.
    """
    read = _still_reader(sources, seed)

    def sample(position: int) -> Sample:
        rng = sample_generator(seed, position)
        return _moved_pair(*read(position), augmentation, motion, rng)

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

    Both frames and all shapes of a pair share one matrix and one look; only the noise
    of the frames is independent.

    Args:
        frames: (N, 2, S, S, 3) uint8, an array or a memory map.
        start: (N, 68, 2) in stored pixels, the shape in the first frame.
        detected: (N, 68, 2) in stored pixels, detected in the second frame.
        target: (N, 68, 2) in stored pixels, wanted of the tracker in the second frame.
        index: pairs to use; None for all. Others may have NaN shapes.
        parts: instead of ``index``: pairs of several sources, with the shares of the
            sources in the stream.
        batch_size: B.
        seed: not negative.
        start_batch: number of batches to leave out.
        augmentation: strengths.

    Returns:
        Dictionaries with the keys of :func:`motion_pairs_dataset`. How wrong ``start``
        is is not known, so ``before`` is the same.

    Raises:
        ValueError: arrays of a wrong shape or type, an empty index, or NaN shapes.
    """
    check_frames(frames, "(N, 2, S, S, 3)")
    count = len(frames)
    shares = [share for _, share in parts] if parts else [1.0]
    used = [check_index(i, count) for i, _ in parts or [(index, 1.0)]]
    named = {"before": start, "start": start, "detected": detected, "target": target}
    index = np.concatenate(used)
    shapes = [check_landmarks(n, s, count, index) for n, s in named.items()]
    schedule = Schedule([len(part) for part in used], shares, seed)

    def sample(position: int) -> Sample:
        source, place = schedule(position)
        number = used[source][place]
        pair = np.asarray(frames[number])
        rng = sample_generator(seed, position)
        matrix = draw_matrix(rng, augmentation, pair.shape[2])
        look = draw_look(rng, augmentation.photometric)
        crops = [render(frame, matrix, look, rng) for frame in pair]
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
        start: number of batches to leave out.
        augmentation: strengths; all frames of a sample share one matrix and one look.

    Returns:
        Dictionaries of ``frames`` (B, T, 315, 315, 3) float32 in [0, 1].
    """
    check_frames(frames, "(N, T, S, S, 3)")
    schedule = Schedule([len(frames)], [1.0], seed)

    def sample(position: int) -> Sample:
        shots = np.asarray(frames[schedule(position)[1]])
        rng = sample_generator(seed, position)
        matrix = draw_matrix(rng, augmentation, shots.shape[2])
        look = draw_look(rng, augmentation.photometric)
        return [render(shot, matrix, look, rng) for shot in shots], []

    return endless_stream(sample, (), (frames.shape[1],), batch_size, start)


def _still_reader(
    sources: Sequence[Labelled], seed: int
) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """Return the function from a position to a stored frame and its landmarks."""
    read = []
    for source in sources:
        check_frames(source.frames, "(N, S, S, 3)")
        count = len(source.frames)
        index = check_index(source.index, count)
        shapes = check_landmarks("landmarks", source.landmarks, count, index)
        read.append((source.frames, shapes, index))
    weights = [source.weight for source in sources]
    schedule = Schedule([len(index) for *_, index in read], weights, seed)

    def still(position: int) -> tuple[np.ndarray, np.ndarray]:
        source, number = schedule(position)
        frames, shapes, index = read[source]
        return np.asarray(frames[index[number]]), shapes[index[number]]

    return still


def _moved_pair(
    frame: np.ndarray,
    landmarks: np.ndarray,
    augmentation: Augmentation,
    motion: Motion,
    rng: np.random.Generator,
) -> Sample:
    """Return two crops of one stored frame, and the four shapes of the stream."""
    first = draw_matrix(rng, augmentation, frame.shape[1])
    centre = move_landmarks(first, landmarks).mean(0)
    second = compose(draw_motion(rng, motion, centre, FACE_SIZE), first)
    look = draw_look(rng, augmentation.photometric)
    looks = look, _next_look(rng, look, augmentation, motion)
    performances = draw_performances(rng, motion.liveliness)
    crops, shapes = [], []
    for matrix, look, performance in zip(
        (first, second), looks, performances, strict=True
    ):
        maps, shape = act(landmarks, performance, matrix)
        crops.append(render(frame, matrix, look, rng, maps))
        shapes.append(shape)
    before, target = shapes
    start = detector_like(rng, motion, before)
    return crops, [before, start, detector_like(rng, motion, target), target]


def _next_look(
    rng: np.random.Generator, look: Look, augmentation: Augmentation, motion: Motion
) -> Look:
    """Return the look of the second frame: the same light, but new blur and blocks."""
    moves, blurs = rng.random(2)
    if moves < motion.moving_occluder_probability:
        # The face is 1 / CROP_MARGIN of the crop; blocks move as fast as faces do.
        size = motion.translation / CROP_MARGIN
        shifts = size * rng.standard_normal((len(look.occluders), 2))
        blocks = zip(look.occluders, shifts, strict=True)
        look = replace(look, occluders=tuple(b.moved(s) for b, s in blocks))
    if blurs < motion.new_blur_probability:
        strength = augmentation.photometric
        extent = strength.blur * look.side / CROP_MARGIN
        wanted = rng.random() < strength.blur_probability
        look = replace(look, blur=draw_blur(rng, extent) if wanted else None)
    return look
