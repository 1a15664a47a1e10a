"""Batches with fused labels: sampling, held-out samples, trust, the human end."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support.clips import crop_store

from data_pipeline.augmentation.augment import Augmentation
from data_pipeline.batches.fused_data import FusedData
from data_pipeline.batches.held_out import held_out, moments_of, picture_of
from data_pipeline.batches.unlabelled_pictures import ENTRIES, drawn
from strrn_tf.config import FitConfig, RunConfig
from strrn_tf.landmarks import MIRROR
from strrn_tf.methods.fused_config import FusedConfig

PLAIN = Augmentation.none()
STEPS = 10


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Return 12 stills from 101 on, 8 pairs from 1 on, 6 photographs from 51 on."""
    folder = tmp_path_factory.mktemp("stores")
    stills, clips = crop_store(folder, 12, 1), crop_store(folder, 8, 2, seed=1)
    stills.frames[:] += 100
    stills = replace(stills, names=tuple(f"s/{n}.jpg" for n in range(12)))
    photographs = crop_store(folder, 6, 1, seed=2, annotated=False)
    photographs.frames[:] += 50
    names = *("p/1.jpg", "p/2.jpg", "p/3.jpg", "p/4.jpg"), "q/1.jpg", "q/2.jpg"
    return stills, clips, replace(photographs, names=names)


def fused_data(stores, augmentation=PLAIN, filled=None, **options):
    stills, clips, photographs = stores
    fit = FitConfig(4, STEPS, batch_size=8)
    config = RunConfig(detector=fit, tracker=fit)
    fused = FusedConfig(**{"held_out": 0.2, **options})
    return FusedData(
        *(stills, clips, config, fused),
        photographs=photographs,
        filled=filled,
        augmentation=augmentation,
    )


def filled_frames(folder, names):
    """Return frames from 201 on in which a face is filled in."""
    store = crop_store(folder, len(names), 1, seed=3)
    store.frames[:] += 200
    return replace(store, names=tuple(names))


def labels(data, probability=None):
    """Return landmarks that say which picture they are of, trust, and probability."""
    count = len(data.pictures)
    shape = np.full((count, 68, 2), 190, np.float32)
    shape += np.arange(count, dtype=np.float32)[:, None, None]
    trusted = np.tile(np.linspace(0.1, 0.9, 68, dtype=np.float32), (count, 1))
    given = np.ones(count) if probability is None else probability
    return shape, trusted, given


def take(batches_from, start=0, count=STEPS):
    batches = [b for b, _ in zip(batches_from(start), range(count), strict=False)]
    joined = {k: np.stack([b[k] for b in batches]) for k in batches[0]}
    return (joined["frames"][..., 150, 150, 0] * 255).round().astype(int), joined


def test_pictures_are_the_second_frames_and_the_photographs(stores):
    pictures = fused_data(stores).pictures
    assert len(pictures) == 14
    assert pictures.group.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 2
    # Two clips are kept out in stretches, photographs in two folders one by one.
    assert pictures.owner.tolist() == [4, 4, 5, 5, 6, 6, 7, 7, *range(8, 14)]
    assert [p[0, 0, 0] for p in pictures] == [*range(1, 9), *range(51, 57)]
    assert pictures[0].shape == (385, 385, 3)
    np.testing.assert_allclose(pictures.boxes[3, 2:] - pictures.boxes[3, :2], 196.875)


def test_shares_of_stills_clips_and_photographs(stores):
    data = fused_data(stores, human_end=0.0, label_share=0.5, photograph_share=0.25)
    values, batch = take(data.fused_batches(*labels(data), seed=0), count=50)
    assert (values > 100).mean() == pytest.approx(0.5, abs=0.02)
    is_photograph = (values > 50) & (values < 100)
    assert is_photograph.mean() == pytest.approx(0.125, abs=0.02)
    frame = values[values < 50] - 1
    found = batch["landmarks"][values < 50][:, 0, 0]
    np.testing.assert_allclose(found, 190 + frame - 35, atol=1e-3)
    found = batch["landmarks"][is_photograph][:, 0, 0]
    np.testing.assert_allclose(found, 190 + values[is_photograph] - 43 - 35, atol=1e-3)


def test_the_end_is_on_human_annotations_alone(stores):
    data = fused_data(stores, human_end=0.4)
    batches_from = data.fused_batches(*labels(data), seed=0)
    values, batch = take(batches_from)
    assert (values[6:] > 100).all()
    assert (values[:6] < 100).any(axis=1).all()
    assert (batch["trust"][6:] == 1).all()
    resumed, _ = take(batches_from, start=5, count=5)
    np.testing.assert_array_equal(resumed, values[5:])


def test_without_stills_all_is_fused_to_the_end(stores):
    data = fused_data((None, *stores[1:]))
    values, _ = take(data.fused_batches(*labels(data), seed=0), count=40)
    assert set(values.ravel()) <= {*range(1, 9), *range(51, 57)}
    kept_out = np.flatnonzero(data.held_out_pictures)
    assert len(kept_out)
    shown = [data.pictures[i][0, 0, 0] for i in kept_out]
    assert not set(values.ravel()) & set(shown)
    owner = data.pictures.owner
    assert len(set(owner[kept_out])) == 3
    assert not np.isin(owner[kept_out], owner[~data.held_out_pictures]).any()


def test_without_stills_few_pictures_have_few_updates(stores, tmp_path):
    _, clips, photographs = stores

    def data(*stores, **options):
        return fused_data(stores, **{"passes": 4, **options})

    alone = data(None, clips, photographs)
    learnt = np.count_nonzero(~alone.held_out_pictures)
    # Batches have 8 pictures.
    assert alone.detector_updates == math.ceil(4 * learnt / 8) < STEPS
    filled = filled_frames(tmp_path, ["clip0.avi#000001"] * 4)
    more = data(None, clips, photographs, filled=filled)
    assert len(more.learnt_filled) == 4
    assert more.detector_updates == alone.detector_updates + 2
    assert data(None, clips, photographs, passes=0).detector_updates == STEPS
    assert data(None, clips, photographs, passes=99).detector_updates == STEPS
    assert data(*stores).detector_updates == STEPS


def test_clips_alone_teach_moments_of_loss_only(stores, tmp_path):
    stills, clips, photographs = stores
    assert fused_data(stores).can_teach
    assert fused_data((None, None, photographs)).can_teach
    assert fused_data((stills, clips, None)).can_teach
    assert not fused_data((None, clips, None)).can_teach
    assert fused_data((None, clips, None), own_answers=False).can_teach
    numbers = [(0, 0), (0, 3), (1, 4), (1, 7)]
    names = [f"clip{clip}.avi#{number:06d}" for clip, number in numbers]
    # Stretches of two frames are kept out, here one of four: moments lie in both clips.
    data = fused_data((None, clips, None), filled=filled_frames(tmp_path, names))
    assert 0 < len(data.learnt_filled) < 4
    assert data.can_teach
    assert data.only_moments_teach
    kept_out = np.flatnonzero(data.held_out_pictures)
    names = [data.pictures.names[i] for i in kept_out]
    none = fused_data((None, clips, None), filled=filled_frames(tmp_path, names))
    assert len(none.learnt_filled) == 0
    assert not none.can_teach
    assert not none.only_moments_teach
    mixed = fused_data(
        (None, clips, photographs), filled=filled_frames(tmp_path / "mixed", names)
    )
    assert not mixed.only_moments_teach


def test_without_annotations_frames_come_first_and_get_own_answers(stores):
    _, clips, photographs = stores
    assert fused_data((None, clips, photographs)).num_own == len(clips)
    assert fused_data((None, clips, photographs), own_answers=False).num_own == 0
    assert fused_data((None, None, photographs)).num_own == 0
    assert fused_data(stores).num_own == 0
    with_frames = fused_data((None, clips, None))
    with_frames.frames = stores[0]
    assert with_frames.has_annotations
    assert with_frames.num_own == 0
    assert with_frames.can_teach


def test_held_out_stills_are_not_learnt(stores):
    data = fused_data(stores)
    assert 0 < len(data.held_out) < 6
    values, _ = take(data.fused_batches(*labels(data), seed=0), count=60)
    learnt = set(values[values > 100] - 101)
    assert learnt == set(range(12)) - set(data.held_out)
    values, _ = take(data.detector_batches(None, 0), count=30)
    assert not set(values.ravel() - 101) & set(data.held_out)
    frames, landmarks, whole = data.held_out_stills()
    assert [f[0, 0, 0] - 101 for f in frames] == data.held_out.tolist()
    np.testing.assert_array_equal(landmarks, whole)
    pairs = list(data.held_out_pairs())
    assert sorted(int(pair["still"]) for pair in pairs) == [*range(len(data.held_out))]
    owner = data.held_out_owners
    for pair in pairs:
        number = int(owner[pair["still"]].removeprefix("s/").removesuffix(".jpg"))
        middle = pair["frames"][0, :, 157, 157] * 255
        np.testing.assert_allclose(middle, 101 + number, atol=0.5)
    assert data.counts["held-out stills"] == len(data.held_out)


def test_filled_frames_are_drawn_as_hard_ones_with_labels_of_their_own(
    stores, tmp_path
):
    filled = filled_frames(tmp_path, ["clip0.avi#000009", "clip1.avi#000002"])
    data = fused_data(stores, filled=filled, human_end=0.0, label_share=0.5)
    values, batch = take(data.fused_batches(*labels(data), seed=0), count=60)
    assert (values > 200).any()
    # Two frames count three times, beside 14 pictures.
    fraction = 6 / 14
    expected = 0.5 * fraction / (1 + fraction)
    assert (values > 200).mean() == pytest.approx(expected, abs=0.03)
    assert ((values > 100) & (values < 200)).mean() == pytest.approx(0.5, abs=0.02)
    for number in (0, 1):
        found = batch["landmarks"][values == 201 + number]
        truth = filled.landmarks[number, 0] - 35
        np.testing.assert_allclose(found, np.tile(truth, (len(found), 1, 1)), atol=1e-3)
    assert (batch["trust"][values > 200] == 1).all()
    assert data.counts["filled frames"] == 2
    many = [f"clip0.avi#{n:06d}" for n in range(40)]
    data = fused_data(stores, filled=filled_frames(tmp_path, many), human_end=0.0)
    values, _ = take(data.fused_batches(*labels(data), seed=0), count=60)
    assert (values > 200).mean() == pytest.approx(0.25, abs=0.03)


def test_filled_frames_are_kept_out_with_their_neighbours(stores, tmp_path):
    far = [f"clip1.avi#{n:06d}" for n in (100, 111, 201, 202)]
    names = [f"clip0.avi#{n:06d}" for n in range(4)] + ["clip1.avi#000004", *far]
    names.append("other.avi#000001")
    filled = filled_frames(tmp_path, names)
    assert moments_of(names).tolist() == [0] * 4 + [1, 2, 2, 3, 3, 4]
    data = fused_data((None, *stores[1:]), filled=filled)
    pictures, kept_out = data.pictures, data.held_out_pictures
    nearest = [*range(4), 4, 7, 7, 7, 7]
    assert pictures.owners_of(names).tolist() == [*pictures.owner[nearest], -1]
    # A moment is learnt if no frame of it is nearest to a kept-out picture.
    by_hand = [not kept_out[:4].any()] * 4 + [not kept_out[4]] + [not kept_out[7]] * 4
    assert kept_out[:8].any()
    assert data.learnt_filled.tolist() == np.flatnonzero([*by_hand, True]).tolist()
    values, _ = take(data.fused_batches(*labels(data), seed=0), count=60)
    assert set(values[values > 200] - 201) == set(data.learnt_filled)
    # The judge's frames of a moment that is learnt prove nothing.
    asked = ["clip1.avi#000123", "clip1.avi#000140", "other.avi#000012", "new#000001"]
    by_hand = [not kept_out[7], False, True, False]
    assert data.near_learnt(asked).tolist() == by_hand
    # With stills nothing of the clips is kept out.
    data = fused_data(stores, filled=filled)
    assert len(data.learnt_filled) == len(names)


def test_filled_frames_of_corrected_clips_are_left_out(stores, tmp_path):
    stills, clips, _ = stores
    names = tuple(f"s/{n}.jpg" for n in range(11))
    stills = replace(stills, names=(*names, "clip0.avi#000002.jpg"))
    filled = filled_frames(tmp_path, ["clip0.avi#000001", "clip1.avi#000005"])
    data = fused_data((stills, clips, None), filled=filled)
    assert len(data.pictures.corrected) == 1
    assert data.learnt_filled.tolist() == [1]


def test_annotated_frames_of_what_is_kept_out_are_left_out(stores, tmp_path):
    names = [f"clip{n // 4}.avi#{n:06d}" for n in range(8)]
    frames = filled_frames(tmp_path, [*names, "other.avi#000000"])

    def learnt(stills):
        data = fused_data((stills, stores[1], None), human_end=0.4)
        data.frames = frames
        values, _ = take(data.fused_batches(*labels(data), seed=0), count=STEPS)
        return data, set(values[values > 200] - 201), values

    data, found, values = learnt(None)
    kept_out = np.flatnonzero(data.held_out_pictures).tolist()
    assert len(kept_out) in (2, 4)
    assert found == set(range(9)) - set(kept_out)
    # The last batches are of annotations alone.
    assert (values[-4:] > 200).all()
    # With stills the judge has stills, and all frames are learnt.
    assert learnt(stores[0])[1] == set(range(9))


def test_trust_goes_where_its_landmark_goes(stores):
    for mirror in (0.0, 1.0):
        data = fused_data(stores, replace(PLAIN, mirror=mirror), human_end=0.0)
        shapes, trusted, share = labels(data)
        values, batch = take(data.fused_batches(shapes, trusted, share, seed=0))
        expected = trusted[0][list(MIRROR)] if mirror else trusted[0]
        found = batch["trust"][values < 100]
        np.testing.assert_allclose(found, np.tile(expected, (len(found), 1)))


def test_pictures_are_drawn_in_proportion():
    index = drawn(np.array([0.1, 0, 0.3, 0.1]))
    counts = np.bincount(index, minlength=4)
    assert counts[1] == 0
    assert len(index) == 3 * ENTRIES
    np.testing.assert_allclose(counts / len(index), [0.2, 0, 0.6, 0.2], atol=0.05)
    assert not len(drawn(np.zeros(3)))


@pytest.mark.parametrize(("count", "kept"), [(12, 4), (24, 8), (30, 8), (50, 10)])
def test_few_stills_hold_out_enough_to_decide(tmp_path, count, kept):
    stills = crop_store(tmp_path, count, 1)
    names = tuple(f"s{n}.jpg" for n in range(count))
    photographs = crop_store(tmp_path, 3, 1, seed=2, annotated=False)
    data = fused_data((replace(stills, names=names), None, photographs))
    assert data.num_judged == kept


def test_what_is_held_out_belongs_together_and_depends_on_the_seed():
    owners = [f"clip{n // 5}" for n in range(100)]
    mask = held_out(owners, 0.2, seed=0)
    assert mask.sum() == 20
    assert mask.reshape(20, 5).all(1).sum() == 4
    other = held_out(owners, 0.2, seed=1)
    assert (mask != other).any()
    assert held_out(["one", "two"], 0.01, seed=0).sum() == 1
    assert held_out(["one", "two", "three"], 0.01, seed=0, fewest=2).sum() == 2
    assert picture_of("a/x.jpg~2") == picture_of("a/x.jpg") == "a/x.jpg"
    assert picture_of("v.mp4#000123") == "v.mp4"
    assert picture_of("v.mp4#000123~2.jpg") == picture_of("v.mp4#000123.jpg") == "v.mp4"
    for name in ("Portrait #1.jpg", "photo~1.jpg", "a~b.jpg", "no.1#7"):
        assert picture_of(name) == name
