"""Batches of partial annotations: NaN stays where it belongs, mirrored or moved."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from support.faces import drawn_face

from data_pipeline.augmentation.augment import Augmentation, augment
from data_pipeline.augmentation.facial_motion import MotionStrength
from data_pipeline.augmentation.motion import Motion
from data_pipeline.batches.annotated_sources import annotated_sources
from data_pipeline.batches.pipelines import (
    Labelled,
    clip_pairs_dataset,
    motion_pairs_dataset,
    stills_dataset,
)
from data_pipeline.stores.store import CropStore
from strrn_tf.landmarks import MIRROR

FACE = drawn_face(scale=80, centre=(192, 150)).astype(np.float32)
KNOWN = np.arange(68) % 4 > 0
PARTIAL = np.where(KNOWN[:, None], FACE, np.float32(np.nan))


def make_frames(count):
    """Return pictures (count, 385, 385, 3) of large random squares."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 11, 11, 3), dtype=np.uint8)
    return np.ascontiguousarray(coarse.repeat(35, 1).repeat(35, 2))


def source(count=3):
    whole = np.repeat(FACE[None], count, 0)
    partial = np.repeat(PARTIAL[None], count, 0)
    return Labelled(make_frames(count), partial, whole=whole)


@pytest.mark.parametrize("probability", [0.0, 1.0])
@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_missing_points_are_those_of_the_still(mirror, probability):
    """All other points are where they are without any missing."""
    strength = replace(
        Augmentation(),
        mirror=mirror,
        facial_motion=replace(MotionStrength(), probability=probability),
    )
    (frame,) = make_frames(1)
    rng = [np.random.default_rng(3) for _ in range(2)]
    crop, moved = augment(frame, FACE, strength, rng[0], KNOWN)
    same, whole = augment(frame, FACE, strength, rng[1])
    np.testing.assert_array_equal(crop, same)
    expected = KNOWN[list(MIRROR)] if mirror else KNOWN
    np.testing.assert_array_equal(np.isfinite(moved).all(-1), expected)
    np.testing.assert_array_equal(moved[expected], whole[expected])


def test_stills_of_partial_annotations():
    stream = stills_dataset(
        [source()], batch_size=4, seed=1, augmentation=Augmentation()
    )
    for batch in islice(stream, 2):
        known = np.isfinite(batch["landmarks"].numpy()).all(-1)
        either = [KNOWN, KNOWN[list(MIRROR)]]
        assert all(any((row == mask).all() for mask in either) for row in known)
        assert np.isfinite(batch["frames"].numpy()).all()


def test_pairs_lack_points_in_their_target_only():
    options = {"augmentation": Augmentation(), "motion": Motion()}
    stream = motion_pairs_dataset([source()], batch_size=4, seed=2, **options)
    for batch in islice(stream, 2):
        target = batch["target"].numpy()
        assert (np.isfinite(target).all(-1).sum(-1) == KNOWN.sum()).all()
        for name in ("before", "start", "detected"):
            assert np.isfinite(batch[name].numpy()).all()


def test_targets_of_clips_may_lack_points():
    frames = make_frames(4).reshape(2, 2, 385, 385, 3)
    whole = np.repeat(FACE[None], 2, 0)
    target = whole.copy()
    target[1, 5] = np.nan
    options = {"batch_size": 2, "seed": 0, "augmentation": Augmentation()}
    batch = next(iter(clip_pairs_dataset(frames, whole, whole, target, **options)))
    assert np.isnan(batch["target"].numpy()).any(-1).sum() == 1
    with pytest.raises(ValueError, match="`before` must be finite"):
        clip_pairs_dataset(frames, target, whole, whole, **options)


def test_a_shape_without_any_point_is_refused():
    empty = source()
    empty.landmarks[1] = np.nan
    with pytest.raises(ValueError, match=r"`landmarks` must be finite.*first sample 1"):
        stills_dataset([empty], batch_size=1, seed=0, augmentation=Augmentation())


def test_partial_stills_weigh_as_much_as_they_have_points(tmp_path):
    whole = np.repeat(FACE[None, None], 5, 0)
    shapes = whole.copy()
    shapes[2:, 0, :51] = np.nan  # a quarter is left
    store = CropStore(tmp_path, make_frames(5)[:, None], shapes, None, ("",) * 5, whole)
    complete, partial = annotated_sources([store], 1.0)
    assert complete.index.tolist() == [0, 1]
    assert complete.whole is None
    assert partial.index.tolist() == [2, 3, 4]
    # 0.75 of 2.75 shapes would be more than their quarter of the points.
    assert complete.weight == pytest.approx(0.75)
    assert partial.weight == pytest.approx(0.25)
    frames = make_frames(3)[:, None]
    fewer = CropStore(tmp_path, frames, shapes[:3], None, ("",) * 3, whole[:3])
    complete, partial = annotated_sources([fewer], 1.0)
    assert partial.weight == pytest.approx(0.25 / 2.25)
    assert annotated_sources([store], 0.0) == []
    (alone,) = annotated_sources([replace(store, landmarks=whole)], 0.5)
    assert alone.weight == 0.5
