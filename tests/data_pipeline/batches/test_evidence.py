"""Too few pictures to show a gain are refused before a training begins."""

from dataclasses import replace

import pytest
from support.clips import crop_store

from data_pipeline.stores import inputs
from strrn_tf.commands import train
from strrn_tf.commands.train_setup import Data, check_evidence, read_data

INIT = ("--init", "strrn-mdm")


def named(store, pattern):
    names = tuple(pattern.format(n) for n in range(len(store.names)))
    return replace(store, names=names)


def check(*argv, stills=None, clips=None, photographs=None):
    options = train.parse([*INIT, "--unlabelled", "videos", *argv])
    check_evidence(options, Data(stills, clips, None, None, photographs))


def test_stills(tmp_path):
    stills = named(crop_store(tmp_path, 23, 1), "s{}.jpg")
    clips = crop_store(tmp_path, 4, 2, seed=1)
    with pytest.raises(
        ValueError, match=r"stills of 23 pictures .* cannot show .* 24 are"
    ):
        check("--stills", "s", stills=stills, clips=clips)
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text("{}")
    check("--stills", "s", "--output", str(run), stills=stills, clips=clips)
    more = named(crop_store(tmp_path / "more", 24, 1), "s{}.jpg")
    check("--stills", "s", stills=more, clips=clips)


def test_corrected_frames_need_no_evidence(tmp_path):
    clips = crop_store(tmp_path, 4, 2, seed=1)
    stills = named(crop_store(tmp_path, 3, 1), "clip0.avi#{}.jpg")
    check("--stills", "s", stills=stills, clips=clips)


def test_a_few_ordinary_stills_beside_corrected_frames_show_nothing(tmp_path):
    clips = crop_store(tmp_path, 4, 2, seed=1)
    for count in (1, 23, 24):
        stills = crop_store(tmp_path / str(count), 5 + count, 1)
        names = [f"clip0.avi#{n}.jpg" for n in range(5)]
        names += [f"me{n}.jpg" for n in range(count)]
        stills = replace(stills, names=tuple(names))
        if count == 24:
            check("--stills", "s", stills=stills, clips=clips)
            continue
        with pytest.raises(
            ValueError,
            match=rf"stills of {count} pictures or clips \(such as me0\.jpg\) beside "
            r"corrected frames cannot show .* 24 are needed\. Add some, leave these",
        ):
            check("--stills", "s", stills=stills, clips=clips)


@pytest.mark.parametrize("labels", ["fused", "paper"])
def test_too_few_clips_are_refused_whoever_labels(tmp_path, monkeypatch, labels):
    clips = named(crop_store(tmp_path, 20, 2), "talk.mp4#{:06d}")
    monkeypatch.setattr(inputs, "read_clips", lambda *_, **__: clips)
    options = train.parse([*INIT, "--unlabelled", "videos", "--labels", labels])
    assert options.judge
    with pytest.raises(ValueError, match=r"10 parts of clips .* cannot show"):
        read_data(options)


def test_photographs(tmp_path):
    few = named(crop_store(tmp_path, 9, 1, annotated=False), "p/{}.jpg")
    with pytest.raises(ValueError, match=r"9 photographs cannot show .* Add some$"):
        check("--photographs", "p", photographs=few)
    enough = crop_store(tmp_path / "more", 24, 1, annotated=False)
    check("--photographs", "p", photographs=named(enough, "p/{}.jpg"))


def test_one_clip_is_enough_if_many_of_its_frames_are_looked_at(tmp_path):
    few = named(crop_store(tmp_path, 20, 2), "talk.mp4#{:06d}")
    with pytest.raises(
        ValueError,
        match=r"10 parts of clips \(clips: 1\) cannot .* or --pairs-per-clip 58$",
    ):
        check(clips=few)
    # More pairs than asked for already: the clip is short.
    with pytest.raises(ValueError, match=r"Add some$"):
        check("--pairs-per-clip", "58", clips=few)
    enough = crop_store(tmp_path / "more", 48, 2)
    check("--pairs-per-clip", "48", clips=named(enough, "talk.mp4#{:06d}"))
