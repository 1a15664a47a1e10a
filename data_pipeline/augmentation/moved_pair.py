"""A training pair from one still: two moved crops, and shapes with errors."""

from dataclasses import replace

import numpy as np

from data_pipeline.augmentation.augment import (
    FACE_SIZE,
    Augmentation,
    animate_crop,
    forget,
    move_landmarks,
    render,
    sample_matrix,
)
from data_pipeline.augmentation.facial_motion import sample_facial_motions
from data_pipeline.augmentation.motion import (
    Motion,
    add_detector_noise,
    sample_motion,
)
from data_pipeline.augmentation.photometric import (
    PhotometricParams,
    sample_blur,
    sample_photometric,
)
from strrn_tf.geometry import CROP_MARGIN, compose


def moved_pair(
    frame: np.ndarray,
    landmarks: np.ndarray,
    augmentation: Augmentation,
    motion: Motion,
    rng: np.random.Generator,
    known: np.ndarray | None = None,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return two crops (315, 315, 3) uint8 of one stored frame, and four shapes.

    Args:
        frame: stored frame (S, S, 3) uint8.
        landmarks: (68, 2) in stored pixels, all finite: a tracker starts from them all.
        augmentation: strengths, sampled once for both crops.
        motion: sizes of the motion between the crops and of the detector's errors.
        rng: the only source of randomness.
        known: mask (68,) of annotated points; None: all.

    Returns:
        The crops, and the shapes (68, 2) in crop pixels: first, first with errors,
        second with errors, second. The last one, which is learnt, has NaN where nobody
        annotated the point.
    """
    first = sample_matrix(rng, augmentation, frame.shape[1])
    centre = move_landmarks(first, landmarks).mean(0)
    second = compose(sample_motion(rng, motion, centre, FACE_SIZE), first)
    params = sample_photometric(rng, augmentation.photometric)
    both = params, _next_photometric(rng, params, augmentation, motion)
    facial_motions = sample_facial_motions(rng, motion.facial_motion)
    crops, shapes = [], []
    for matrix, params, facial_motion in zip(
        (first, second), both, facial_motions, strict=True
    ):
        maps, shape = animate_crop(landmarks, facial_motion, matrix)
        crops.append(render(frame, matrix, params, rng, maps))
        shapes.append(shape)
    before, target = shapes
    start = add_detector_noise(rng, motion, before)
    detected = add_detector_noise(rng, motion, target)
    return crops, [before, start, detected, forget(target, known, second)]


def _next_photometric(
    rng: np.random.Generator,
    params: PhotometricParams,
    augmentation: Augmentation,
    motion: Motion,
) -> PhotometricParams:
    """Return the parameters of the second frame.

    The light stays. Blocks may move, and the blur may be sampled again.
    """
    moves, blurs = rng.random(2)
    if moves < motion.moving_occluder_probability:
        # Blocks move as fast as faces do. The face is 1 / CROP_MARGIN of the crop.
        size = motion.translation / CROP_MARGIN
        shifts = size * rng.standard_normal((len(params.occluders), 2))
        blocks = zip(params.occluders, shifts, strict=True)
        params = replace(params, occluders=tuple(b.moved(s) for b, s in blocks))
    if blurs < motion.new_blur_probability:
        strength = augmentation.photometric
        extent = strength.blur * params.side / CROP_MARGIN
        wanted = rng.random() < strength.blur_probability
        params = replace(params, blur=sample_blur(rng, extent) if wanted else None)
    return params
