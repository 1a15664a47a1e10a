"""Sources that were left out are counted on stderr, with the file that names them."""

import json

import numpy as np
import pytest

from data_pipeline.media.images import write_image
from data_pipeline.media.pts import write_pts
from data_pipeline.media.video import write_video
from data_pipeline.preparation.listing import list_dataset
from data_pipeline.stores.clip_sources import Unlabelled
from data_pipeline.stores.inputs import read_clips, read_stills

BOX = np.array([20.0, 15, 44, 35])
FRAMES = np.full((4, 60, 80, 3), 90, np.uint8)


def test_bad_stills_are_counted_by_reason(tmp_path, capsys):
    shape = np.random.default_rng(0).uniform(20, 50, (68, 2))
    for name in ("a", "b", "c", "d"):
        write_image(tmp_path / "root" / "afw" / f"{name}.png", FRAMES[0])
    for name, points in (("a", shape), ("b", shape), ("d", shape)):
        write_pts(tmp_path / "root" / "afw" / f"{name}.pts", points)
    bad = tmp_path / "root" / "afw" / "d.pts"
    bad.write_text(bad.read_text().replace("n_points: 68", "n_points: 67"))
    (tmp_path / "root" / "afw" / "e.heic").touch()
    assert len(read_stills(tmp_path / "root", tmp_path / "cache")) == 2
    errors = capsys.readouterr().err
    assert "1 of 4 stills left out: afw/c.png: c.pts: there must be a .pts" in errors
    rule = "afw/d.png: d.pts, line 2: `n_points` must be 68. Received: 67\n"
    assert f"1 of 4 stills left out: {rule}" in errors
    assert "root: 1 file is passed over (1 .heic): afw/e.heic" in errors


def test_what_is_passed_over_beside_stills_is_a_difference(tmp_path):
    write_image(tmp_path / "faces" / "a.png", FRAMES[0])
    shape = np.random.default_rng(0).uniform(20, 50, (68, 2))
    for name in ("a", "gone"):
        write_pts(tmp_path / "faces" / f"{name}.pts", shape)
    (tmp_path / "faces" / "b.heic").touch()
    points = {str(i): i for i in range(68)}
    mapping = tmp_path / "points.json"
    mapping.write_text(json.dumps({"points": 68, "to_ibug68": points}))
    for options in ({}, {"mapping": mapping}):
        found = list_dataset("stills", tmp_path / "faces", **options).findings
        assert [(f.where, f.what) for f in found] == [
            ("gone.pts", "has no image beside it"),
            ("faces", "1 file is passed over (1 .heic): b.heic"),
        ]


def test_bad_clips_and_faceless_frames_are_counted(tmp_path, capsys):
    (tmp_path / "videos").mkdir()
    for name in ("good.mp4", "half.mp4", "none.mp4"):
        write_video(tmp_path / "videos" / name, FRAMES, 25)
    (tmp_path / "videos" / "empty.mp4").write_bytes(b"")
    (tmp_path / "videos" / "more.xyz").touch()
    answers = iter([BOX, BOX, BOX, BOX, None, None])

    def finder(image):
        return next(answers, None)

    options = {"pairs_per_clip": 3, "seed": 0, "box_finder": finder}
    read_clips(None, [tmp_path / "videos"], tmp_path / "cache", **options)
    errors = capsys.readouterr().err
    assert (
        "1 of 4 clips left out: empty.mp4: a video must not be empty. Received: 0 bytes"
        in errors
    )
    assert "1 of 4 clips left out: none.mp4: no face" in errors
    assert "2 frames of the clips show no face" in errors
    assert "report.json" in errors
    assert "1 file is passed over (1 .xyz): videos/more.xyz" in errors


def test_300vw_in_a_larger_folder_keeps_its_test_sequences(tmp_path):
    for name in ("mine/114", "data/300vw/001", "data/300vw/114"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "vid.avi").touch()
    (tmp_path / "mine" / "114" / "vid.avi").rename(tmp_path / "mine" / "114" / "x.avi")

    def learnt(*folders):
        found = Unlabelled([tmp_path / folder for folder in folders])
        return [video.name for video in found.videos], len(found.held_out)

    clips = ["data/300vw/001/vid.avi", "mine/114/x.avi"]
    assert learnt(".") == (clips, 1)
    assert learnt("data/300vw") == (["001"], 0)
    # A sequence that is named by itself is meant.
    assert learnt("data/300vw/114") == (["vid.avi"], 0)
    listing = list_dataset("videos", tmp_path)
    assert [clip.name for clip in listing.sources] == clips
    (left_out,) = listing.findings
    assert left_out.where == "data/300vw/114/vid.avi"
    (tmp_path / "data" / "300vw" / "001" / "vid.avi").unlink()
    with pytest.raises(ValueError, match="only test sequences"):
        learnt("data")
    with pytest.raises(ValueError, match="only test sequences"):
        list_dataset("videos", tmp_path / "data")


def test_links_to_videos_elsewhere_are_clips(tmp_path):
    video, folder = tmp_path / "elsewhere" / "a.mp4", tmp_path / "mine" / "today"
    for place in (video.parent, folder):
        place.mkdir(parents=True)
    video.touch()
    (folder / "b.mp4").symlink_to(video)
    found = Unlabelled([tmp_path / "mine"])
    assert [clip.name for clip in found.videos] == ["today/b.mp4"]


def test_no_clips_at_all(tmp_path):
    with pytest.raises(ValueError, match="give --unlabelled DIR"):
        read_clips(tmp_path, [], tmp_path / "cache", pairs_per_clip=3, seed=0)
