"""The tf.data streams: contents, proportions, order, and resuming."""

from dataclasses import replace
from itertools import islice

import keras
import numpy as np
import pytest
from support.faces import drawn_face
from support.procrustes import fit_similarity

from data_pipeline.augmentation.augment import Augmentation, augment
from data_pipeline.augmentation.facial_motion import MotionStrength
from data_pipeline.augmentation.motion import Motion
from data_pipeline.batches.pipelines import (
    Labelled,
    clip_pairs_dataset,
    mix,
    motion_pairs_dataset,
    split_batch,
    stills_dataset,
)
from data_pipeline.batches.sampling import Schedule, sample_generator
from strrn_tf.geometry import apply_matrix

SIDE = 385
STIFF = MotionStrength(probability=0)
STILL = Motion(translation=0, rotation=0, scale=0, error=0, facial_motion=STIFF)


def make_frames(count, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 11, 11, 3), dtype=np.uint8)
    return np.ascontiguousarray(coarse.repeat(35, 1).repeat(35, 2))


def make_shapes(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(94, 290, (count, 68, 2)).astype(np.float32)


def make_source(count=7, seed=0, **options):
    return Labelled(make_frames(count, seed), make_shapes(count, seed), **options)


def batches(stream, count):
    return [{k: v.numpy() for k, v in b.items()} for b in islice(stream, count)]


def assert_equal_batches(first, second):
    for a, b in zip(first, second, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])


def make_stills(
    start=0, sources=None, augmentation=None, batch_size=3, seed=5, annealed_from=None
):
    return stills_dataset(
        sources or [make_source()],
        batch_size=batch_size,
        seed=seed,
        start=start,
        augmentation=augmentation or Augmentation(),
        annealed_from=annealed_from,
    )


def make_motion_pairs(start=0, augmentation=None, motion=None, batch_size=2):
    return motion_pairs_dataset(
        [make_source(5)],
        batch_size=batch_size,
        seed=5,
        start=start,
        augmentation=augmentation or Augmentation(),
        motion=motion or Motion(),
    )


def make_clip_pairs(start=0, augmentation=None, index=None, batch_size=2):
    frames = make_frames(5)
    return clip_pairs_dataset(
        np.stack([frames, frames], 1),
        *(make_shapes(5, seed) for seed in (1, 2, 3)),
        index=index,
        batch_size=batch_size,
        seed=5,
        start_batch=start,
        augmentation=augmentation or Augmentation(),
    )


def test_static_shapes_types_and_range():
    spec = make_stills().element_spec
    assert spec["frames"].shape == (3, 315, 315, 3)
    assert spec["landmarks"].shape == (3, 68, 2)
    for make in (make_motion_pairs, make_clip_pairs):
        spec = make().element_spec
        shapes = ("before", "start", "detected", "target")
        assert set(spec) == {"frames", *shapes}
        assert spec["frames"].shape == (2, 2, 315, 315, 3)
        assert all(spec[name].shape == (2, 68, 2) for name in shapes)
    for make in (make_stills, make_motion_pairs, make_clip_pairs):
        for batch in batches(make(), 2):
            assert all(v.dtype == np.float32 for v in batch.values())
            assert all(np.isfinite(v).all() for v in batch.values())
            assert batch["frames"].min() >= 0
            assert 0.3 < batch["frames"].max() <= 1


@pytest.mark.parametrize("make", [make_stills, make_motion_pairs, make_clip_pairs])
def test_a_stream_resumes_at_any_batch(make):
    whole = batches(make(), 4)
    assert_equal_batches(batches(make(start=2), 2), whole[2:])
    assert_equal_batches(batches(make().skip(2), 2), whole[2:])
    assert not np.array_equal(whole[0]["frames"], whole[1]["frames"])


def test_the_end_of_a_stream_is_augmented_mildly():
    strong, annealed = Augmentation(), Augmentation().annealed()
    assert annealed.mirror == 0 < annealed.rotation < strong.rotation
    assert (
        0 < annealed.photometric.blur_probability < strong.photometric.blur_probability
    )
    assert annealed.photometric.blur == strong.photometric.blur
    expected = batches(make_stills(), 2)
    expected += batches(make_stills(start=2, augmentation=annealed), 2)
    assert_equal_batches(batches(make_stills(annealed_from=2), 4), expected)
    assert_equal_batches(
        batches(make_stills(start=3, annealed_from=2), 1), expected[3:]
    )


def test_a_batch_is_what_direct_calls_give():
    source = make_source()
    stream = batches(make_stills(sources=[source], start=1), 1)[0]
    schedule = Schedule([7], [1.0], 5)
    for row, position in enumerate(range(3, 6)):
        number = schedule(position)[1]
        rng = sample_generator(5, position)
        crop, landmarks = augment(
            source.frames[number], source.landmarks[number], Augmentation(), rng
        )
        np.testing.assert_allclose(stream["frames"][row], crop / 255, atol=1e-6)
        np.testing.assert_array_equal(stream["landmarks"][row], landmarks)


def test_without_augmentation_stills_are_central_crops_of_the_index():
    source = make_source(6, index=np.array([1, 4]))
    for batch in batches(make_stills(sources=[source], augmentation=NONE), 2):
        for crop, landmarks in zip(batch["frames"], batch["landmarks"], strict=True):
            gaps = np.abs(source.landmarks - 35 - landmarks).max((1, 2))
            number = gaps.argmin()
            assert number in (1, 4)
            assert gaps[number] < 1e-4
            expected = source.frames[number, 35:350, 35:350] / np.float32(255)
            np.testing.assert_allclose(crop, expected, atol=1e-6)


NONE = Augmentation.none()


def test_a_memory_map_gives_the_same_as_an_array(tmp_path):
    source = make_source()
    np.save(tmp_path / "frames.npy", source.frames[:, None])
    mapped = np.load(tmp_path / "frames.npy", mmap_mode="r")[:, 0]
    stream = make_stills(sources=[source._replace(frames=mapped)])
    assert_equal_batches(batches(stream, 2), batches(make_stills(), 2))


def test_every_sample_is_seen_once_per_epoch():
    schedule = Schedule([13, 5], [2.0, 1.0], 0)
    drawn = [schedule(p) for p in range(3000)]
    for source, size in ((0, 13), (1, 5)):
        numbers = [n for s, n in drawn if s == source]
        epochs = [numbers[i : i + size] for i in range(0, len(numbers) - size, size)]
        assert len(epochs) > 100
        assert all(sorted(epoch) == list(range(size)) for epoch in epochs)
        assert len({tuple(epoch) for epoch in epochs[:20]}) > 10


def test_sources_have_their_shares_everywhere():
    weights = np.array([5.0, 3.0, 1.7, 0.3])
    schedule = Schedule([100] * 4, weights, 0)
    sources = np.array([schedule(p)[0] for p in range(4000)])
    for begin in range(0, 4000, 200):
        counts = np.bincount(sources[begin : begin + 200], minlength=4)
        assert np.abs(counts - 200 * weights / 10).max() <= 2


def test_motion_pairs_are_moved_by_one_similarity():
    motion = Motion(error=0, no_motion_probability=0, facial_motion=STIFF)
    bare = Augmentation.none()
    for batch in batches(make_motion_pairs(augmentation=bare, motion=motion), 3):
        np.testing.assert_array_equal(batch["detected"], batch["target"])
        np.testing.assert_array_equal(batch["start"], batch["before"])
        for frames, start, target in zip(
            batch["frames"], batch["start"], batch["target"], strict=True
        ):
            matrix = fit_similarity(start, target)
            np.testing.assert_allclose(apply_matrix(matrix, start), target, atol=1e-3)
            # The second frame, sampled where the first frame's pixels went.
            inside = np.random.default_rng(0).uniform(90, 220, (4000, 2)).round()
            there = apply_matrix(matrix, inside).round().astype(int)
            here = inside.astype(int)
            before = frames[0, here[:, 1], here[:, 0]]
            after = frames[1, there[:, 1], there[:, 0]]
            # Cells are 35 pixels wide; rounding matters only at their edges.
            assert np.mean(np.abs(before - after).max(1) < 0.03) > 0.9


def test_pairs_without_motion_are_two_equal_frames():
    plain = Augmentation(photometric=NONE.photometric)
    for batch in batches(make_motion_pairs(augmentation=plain, motion=STILL), 3):
        np.testing.assert_array_equal(batch["frames"][:, 0], batch["frames"][:, 1])
        np.testing.assert_allclose(batch["start"], batch["target"], atol=1e-3)
    for batch in batches(make_clip_pairs(augmentation=plain), 3):
        np.testing.assert_array_equal(batch["frames"][:, 0], batch["frames"][:, 1])


def test_faces_turn_and_grow_about_their_own_centre():
    motion = replace(STILL, rotation=20, scale=0.2, no_motion_probability=0)
    for batch in batches(make_motion_pairs(motion=motion), 3):
        before, after = batch["start"].mean(1), batch["target"].mean(1)
        np.testing.assert_allclose(before, after, atol=1e-2)
        assert np.abs(batch["start"] - batch["target"]).max() > 1


def test_landmarks_follow_the_facial_motion_of_the_picture():
    # Every landmark has a colour of its own in a small square of the still.
    rng = np.random.default_rng(0)
    face = drawn_face(85.0, (192.0, 140.0))
    landmarks = face[None].repeat(2, 0)
    frames = np.full((2, SIDE, SIDE, 3), 128, np.uint8)
    colours = rng.integers(0, 2, (68, 3)) * 255
    for (x, y), colour in zip(face.round().astype(int), colours, strict=True):
        frames[:, y - 2 : y + 3, x - 2 : x + 3] = colour
    alone = [i for i in range(68) if min_distance(face, i) > 6]
    moving = Motion(error=0, no_motion_probability=1, facial_motion=MotionStrength(1.0))
    dataset = motion_pairs_dataset(
        [Labelled(frames, landmarks)], batch_size=2, seed=1,
        augmentation=Augmentation(photometric=NONE.photometric, mirror=0.0),
        motion=moving,
    )  # fmt: skip
    moved = 0
    for batch in batches(dataset, 4):
        for pair, *shapes in zip(
            batch["frames"], batch["start"], batch["target"], strict=True
        ):
            moved += np.abs(shapes[0] - shapes[1]).max() > 1
            for crop, shape in zip(pair, shapes, strict=True):
                x, y = shape[alone].round().astype(int).T
                right = np.abs(crop[y, x] * 255 - colours[alone]).max(-1) < 90
                assert right.mean() > 0.9
    assert moved >= 5


def min_distance(points, index):
    return np.sort(np.linalg.norm(points - points[index], axis=1))[1]


def test_shapes_of_motion_pairs_err_independently():
    batch = batches(make_motion_pairs(motion=Motion(0, 0, 0, facial_motion=STIFF)), 1)[
        0
    ]
    before = batch["start"] - batch["target"]
    after = batch["detected"] - batch["target"]
    for error in (before, after):
        assert np.linalg.norm(error, axis=-1).mean() > 0.1
    assert np.abs(before - after).max() > 0.1


def test_clip_pairs_use_one_matrix_for_all_shapes():
    shapes = {k: make_shapes(5, s) for s, k in enumerate(KEYS, start=1)}
    plain = Augmentation(mirror=0.0)
    for batch in batches(make_clip_pairs(augmentation=plain), 3):
        for row in range(2):
            matrices = []
            for number in range(5):
                matrix = fit_similarity(shapes["start"][number], batch["start"][row])
                moved = apply_matrix(matrix, shapes["start"][number])
                if np.abs(moved - batch["start"][row]).max() < 1e-2:
                    matrices.append((number, matrix))
            [(number, matrix)] = matrices
            for key in KEYS:
                moved = apply_matrix(matrix, shapes[key][number])
                np.testing.assert_allclose(batch[key][row], moved, atol=1e-2)


KEYS = ("start", "detected", "target")


def test_mixtures_join_batches_and_resume():
    def mixture(start):
        return mix(make_motion_pairs(start), make_clip_pairs(start))

    first, second = batches(mixture(0), 2)
    assert first["frames"].shape == (4, 2, 315, 315, 3)
    alone = batches(make_clip_pairs(), 1)[0]
    np.testing.assert_array_equal(first["target"][2:], alone["target"])
    np.testing.assert_array_equal(first["frames"][2:], alone["frames"])
    assert_equal_batches(batches(mixture(1), 1), [second])
    assert mixture(0).element_spec["target"].shape == (4, 68, 2)


def test_without_tensorflow_the_streams_are_the_same(monkeypatch):
    def mixture():
        return mix(make_motion_pairs(3), make_clip_pairs(3))

    expected = batches(mixture(), 2)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert_equal_batches(list(islice(mixture(), 2)), expected)


@pytest.mark.parametrize(
    ("size", "shares", "expected"),
    [
        (32, [3, 1], [24, 8]),
        (8, [1, 1, 1], [3, 3, 2]),
        (4, [98, 1, 1], [2, 1, 1]),
        (5, [1], [5]),
    ],
)
def test_batches_are_split_in_proportion(size, shares, expected):
    parts = split_batch(size, shares)
    assert sum(parts) == size
    assert sorted(parts) == sorted(expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": make_frames(3)}, "`landmarks` must be"),
        ({"frames": make_frames(7).astype(np.float32)}, "`frames` must be"),
        ({"frames": make_frames(7)[:, :300, :300]}, "`frames` must be"),
        ({"landmarks": np.full((7, 68, 2), np.nan)}, "`landmarks` must be finite"),
        ({"index": np.array([7])}, "`index` must lie in 0 to 6"),
        ({"index": np.ones(7, bool)}, "`index` must be a list of integers"),
        ({"index": np.array([], int)}, "one sample or more"),
        ({"weight": 0.0}, "`weight` must be a positive number"),
    ],
)
def test_wrong_sources_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        make_stills(sources=[make_source()._replace(**change)])


def test_other_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="one source or more"):
        stills_dataset([], batch_size=1, seed=0, augmentation=NONE)
    with pytest.raises(ValueError, match="`seed` must not be negative"):
        make_stills(seed=-1)
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more"):
        make_stills(batch_size=0)
    with pytest.raises(ValueError, match="`batch_size` must be at least"):
        split_batch(1, [1, 1])
