"""Stills that are corrected frames: their names, and how often they are drawn."""

from dataclasses import replace

import numpy as np
import pytest
from support.clips import crop_store
from support.layouts import picture, pts, put, shape_at

from data_pipeline.augmentation.augment import Augmentation
from data_pipeline.batches.corrected_stills import are_frames, clips_of, video_of
from data_pipeline.batches.evidence import remarks
from data_pipeline.batches.fused_data import FusedData
from data_pipeline.media.images import write_image
from strrn_tf.config import FitConfig, RunConfig
from strrn_tf.methods.fused_config import FusedConfig


@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("clip.mp4#000123.jpg", "clip.mp4"),
        ("trainset/clip#7.png", "clip"),
        ("a#b#000001~2.jpg", "a#b"),
        ("v__clip.mp4-000123-1.jpg", "v__clip.mp4"),
        ("clip.mp4.jpg", None),
        ("image_0123.jpg", None),
    ],
)
def test_the_video_of_a_name(name, video):
    assert video_of(name) == video


def test_a_name_that_fits_several_clips_fits_none():
    clips = ["v/clip.mp4", "a/same.avi", "b/same.avi"]
    named = {
        **{"clip.mp4#1.jpg": "v/clip.mp4", "clip#1.jpg": "v/clip.mp4"},
        **{"v__clip.mp4-000001-1.jpg": "v/clip.mp4", "x/clip.jpg": None},
        **{"same#3.jpg": None, "a__same.avi-000003-1.jpg": "a/same.avi"},
        **{"other#1.jpg": None},
    }
    assert clips_of(list(named), clips) == list(named.values())


def write_still(folder, name):
    put(folder / f"{name}.pts", pts(shape_at()))
    write_image(folder / f"{name}.png", picture())


@pytest.mark.parametrize("place", [".", "afw"])
def test_stills_are_frames_where_all_of_them_name_a_clip(tmp_path, place):
    stills, videos = tmp_path / "stills", tmp_path / "videos"
    clip = put(videos / "sub" / "talk.mp4", b"")
    for name in ("talk.mp4#000003", "talk-000009-1"):
        write_still(stills / place, name)
    assert are_frames(stills, [videos])
    clip.rename(videos / "other.mp4")
    assert not are_frames(stills, [videos])
    (videos / "other.mp4").rename(clip)
    write_still(stills / place, "Portrait #1")
    assert not are_frames(stills, [videos])


def test_what_cannot_be_read_is_no_frame(tmp_path):
    assert not are_frames(tmp_path / "none", [tmp_path])
    write_still(tmp_path / "s", "talk.mp4#000003")
    assert not are_frames(tmp_path / "s", [tmp_path / "none"])


@pytest.mark.parametrize("num_known", [16, 18])
def test_stills_that_the_model_has_not_learnt_decide(tmp_path, num_known):
    stills, clips = crop_store(tmp_path, 40, 1, seed=1), crop_store(tmp_path, 4, 2)
    stills = replace(stills, names=tuple(f"{n}.jpg" for n in range(40)))
    fit = FitConfig(4, 10, batch_size=8)
    config = RunConfig(detector=fit, tracker=fit)
    known = np.arange(40) < num_known
    data = FusedData(stills, clips, config, FusedConfig(held_out=0.35), known=known)
    assert data.num_known == known[data.held_out].sum()
    assert len(data.held_out) >= 8
    if num_known == 16:  # the other 24 are enough
        assert not data.num_known
        assert not remarks(data)
    else:
        assert data.num_known
        (line,) = remarks(data)
        assert f"has learnt {data.num_known} of the {len(data.held_out)}" in line
    learnt = set(range(40)) - set(data.held_out.tolist())
    assert data.learnt_stills == [f"{n}.jpg" for n in sorted(learnt)]


def fused_data(folder, num_others, **options):
    """Return data of 8 frames of two clips, three corrected frames, other stills.

    Frames of clips have the values 1 to 8, corrected frames 101 to 103, others 104 on.
    """
    clips = crop_store(folder, 8, 2)
    stills = crop_store(folder, 3 + num_others, 1, seed=1)
    stills.frames[:] += 100
    names = "clip0.avi#000000.jpg", "clip0#2.jpg", "clip1.avi#000005.jpg"
    names += tuple(f"other{n}.jpg" for n in range(num_others))
    fit = FitConfig(4, 10, batch_size=8)
    config = RunConfig(detector=fit, tracker=fit)
    stores = replace(stills, names=names), clips, config, FusedConfig(**options)
    return FusedData(stores[0], *stores[1:], augmentation=Augmentation.none())


def drawn_values(data, probability, count):
    landmarks = np.full((len(data.pictures), 68, 2), 190, np.float32)
    landmarks += np.arange(len(data.pictures), dtype=np.float32)[:, None, None]
    trust = np.ones((len(data.pictures), 68), np.float32)
    batches_from = data.fused_batches(landmarks, trust, probability, seed=0)
    batches = [b for b, _ in zip(batches_from(0), range(count), strict=False)]
    frames = np.concatenate([b["frames"] for b in batches])
    shapes = np.concatenate([b["landmarks"] for b in batches])
    return (frames[:, 150, 150, 0] * 255).round().astype(int), shapes[:, 0, 0]


def test_corrected_frames_are_pictures_of_their_clips(tmp_path):
    data = fused_data(tmp_path, 4)
    pictures = data.pictures
    assert pictures.group.tolist() == [0] * 4 + [1] * 4 + [0, 0, 1]
    assert [p[0, 0, 0] for p in pictures] == [*range(1, 9), 101, 102, 103]
    assert pictures.corrected.tolist() == [0, 1, 2]
    assert data.counts["corrected frames"] == 3
    assert data.counts["annotated stills"] == 4


def test_few_stills_beside_corrected_frames_are_learnt_and_many_decide(tmp_path):
    assert not len(fused_data(tmp_path / "few", 23).held_out)
    data = fused_data(tmp_path / "many", 24)
    assert data.num_judged == len(data.held_out) == 8
    assert min(data.held_out) > 2
    assert data.counts["corrected frames"] == 3
    assert data.counts["annotated stills"] == 16


def test_corrected_frames_are_drawn_by_their_probability(tmp_path):
    data = fused_data(tmp_path, 0)
    assert not len(data.held_out)
    values, places = drawn_values(data, np.array([1.0] * 8 + [3, 3, 3]), 40)
    is_corrected = values > 100
    assert is_corrected.mean() == pytest.approx(9 / 17, abs=0.02)
    number = np.where(is_corrected, values - 93, values - 1)
    np.testing.assert_allclose(places, 190 - 35 + number, atol=1e-3)


def test_other_stills_keep_their_share_and_the_end(tmp_path):
    data = fused_data(tmp_path, 4, held_out=0.2, label_share=0.5, human_end=0.4)
    values, _ = drawn_values(data, np.ones(11), 10)
    assert (values[:48] > 103).mean() == pytest.approx(0.5, abs=0.05)
    assert (values[48:] > 103).all()
