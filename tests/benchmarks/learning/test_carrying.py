"""Corrected landmarks are carried into the frames between them, and nowhere else."""

from pathlib import Path

import cv2
import numpy as np

from benchmarks.learning.clips_to_correct import cut_frame
from benchmarks.learning.corrected_frames import as_store
from benchmarks.learning.sets.carrying import carried_labels
from data_pipeline.crops.samples import merge
from data_pipeline.synthetic import draw_face
from strrn_tf.geometry import apply_matrix, eye_distance, lengths, similarity
from strrn_tf.system.file_names import clip_of, frame_name, index_of

# Every second frame of these is known, as the benchmark has them.
FRAMES = range(1, 32, 2)
CORRECTED = {"a.jpg": (5, 13, 15, 27), "b.jpg": (1, 9, 31)}


def moving(name, seed):
    """Return the samples (T = 1) of a drawn face that swings, turns and grows."""
    rng = np.random.default_rng(seed)
    image, shape = draw_face(rng, 1)
    unit, centre = eye_distance(shape), shape.mean(0)
    samples = []
    for t in FRAMES:
        phase = 2 * np.pi * t / 20 + seed
        shift = 0.25 * unit * np.array([np.sin(phase), np.cos(phase) / 2])
        matrix = similarity(1 + 0.1 * np.sin(phase), 0.15 * np.cos(phase), shift)
        matrix[:, 2] += centre - matrix[:, :2] @ centre
        size, border = image.shape[1::-1], cv2.BORDER_REFLECT_101
        frame = cv2.warpAffine(image, matrix, size, borderMode=border)
        landmarks = apply_matrix(matrix, shape).astype(np.float32)
        samples.append(cut_frame(frame_name(name, t), frame, landmarks, rng))
    return samples


def stores():
    """Return the frames of two clips that are not corrected, and those that are.

    They are mixed: frames of a clip are found by their names.
    """
    samples = merge([s for n, name in enumerate(CORRECTED) for s in moving(name, n)])
    order = np.random.default_rng(0).permutation(len(samples.names))
    is_corrected = np.array(
        [index_of(name) in CORRECTED[clip_of(name)] for name in samples.names]
    )
    rest, chosen = (order[mask[order]] for mask in (~is_corrected, is_corrected))
    names = [f"{name}.jpg" for name in samples.names]
    corrected = as_store(samples._replace(names=names), Path(), chosen)
    return as_store(samples, Path(), rest), corrected


def lies_between(name):
    """Return whether a frame has corrected ones of its clip on both sides."""
    known = CORRECTED[clip_of(name)]
    return min(known) < index_of(name) < max(known)


def test_landmarks_follow_a_face_between_two_corrected_frames():
    clips, corrected = stores()
    truth, rng = clips.landmarks[:, 0], np.random.default_rng(1)
    unit = eye_distance(truth)[:, None]
    # Models may be wrong: their labels do not matter between corrected frames.
    offset = rng.normal(0, 0.05, (len(clips), 68, 2)) + 0.1
    labels = (truth + offset * unit[..., None]).astype(np.float32)
    kept = labels.copy()
    found = carried_labels(clips, labels, corrected)
    np.testing.assert_array_equal(labels, kept)
    is_between = np.array([lies_between(name) for name in clips.names])
    assert (np.count_nonzero(is_between), len(clips)) == (21, 25)
    errors = lengths(found - truth) / unit
    assert errors[is_between].mean(-1).max() < 0.014
    assert errors[is_between].max() < 0.06
    np.testing.assert_array_equal(found[~is_between], labels[~is_between])
