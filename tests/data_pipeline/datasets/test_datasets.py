"""300-W, 300VW and folders of clips: which sources are listed, which are reported."""

import numpy as np
import pytest
from scipy.io import savemat

from data_pipeline.datasets.clips import files_in_no_clip, list_clips
from data_pipeline.datasets.three_hundred_vw import (
    FRAME_COUNTS,
    TRAINING_IDS,
    find_sequence,
    list_sequences,
    read_annotation,
    sequence_ids,
)
from data_pipeline.datasets.three_hundred_w import (
    files_beside_stills,
    list_stills,
    read_landmarks,
)
from data_pipeline.media.images import write_image
from data_pipeline.media.pts import write_pts
from data_pipeline.media.suffixes import passed_over
from data_pipeline.media.video import open_video

IMAGE = np.zeros((8, 8, 3), np.uint8)
LANDMARKS = np.arange(136, dtype=np.float32).reshape(68, 2)


def put_still(path, landmarks=LANDMARKS):
    write_image(path, IMAGE)
    if landmarks is not None:
        write_pts(path.with_suffix(".pts"), landmarks)


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


@pytest.fixture
def three_hundred_w(tmp_path):
    for name in (
        *("afw/10_1.jpg", "afw/9_1.jpg", "helen/trainset/a.jpg", "lfpw/trainset/i.png"),
        *("helen/testset/t.jpg", "ibug/u.jpg"),
    ):
        put_still(tmp_path / name)
    return tmp_path


def names(stills):
    return [still.name for still in stills]


def test_splits_of_300w(three_hundred_w):
    train = [
        "afw/9_1.jpg",
        "afw/10_1.jpg",
        "helen/trainset/a.jpg",
        "lfpw/trainset/i.png",
    ]
    assert names(list_stills(three_hundred_w)) == train
    test = ["helen/testset/t.jpg", "ibug/u.jpg"]
    assert names(list_stills(three_hundred_w, "test")) == test
    assert not list_stills(three_hundred_w).problems


@pytest.mark.parametrize(
    ("folder", "split", "expected"),
    [
        ("helen", "train", ["trainset/a.jpg"]),
        ("helen", "test", ["testset/t.jpg"]),
        ("helen/testset", "train", ["t.jpg"]),
        ("ibug", "test", ["u.jpg"]),
    ],
)
def test_root_may_be_a_part_of_300w(three_hundred_w, folder, split, expected):
    assert names(list_stills(three_hundred_w / folder, split)) == expected


def test_landmarks_of_a_still(three_hundred_w):
    still = list_stills(three_hundred_w)[0]
    np.testing.assert_allclose(read_landmarks(still), LANDMARKS, atol=1e-4)


def test_unusable_stills_are_problems(three_hundred_w):
    put_still(three_hundred_w / "afw" / "alone.jpg", None)
    put_still(three_hundred_w / "afw" / "broken.jpg")
    (three_hundred_w / "afw" / "broken.pts").write_text("1 2\n")
    stills = list_stills(three_hundred_w)
    assert len(stills) == 4
    reasons = dict(stills.problems)
    assert sorted(reasons) == ["afw/alone.jpg", "afw/broken.jpg"]
    assert "alone.pts" in reasons["afw/alone.jpg"]
    assert "line 1" in reasons["afw/broken.jpg"]


def test_300w_without_anything_usable(tmp_path):
    with pytest.raises(ValueError, match=r"gone.*Expected: afw/"):
        list_stills(tmp_path / "gone")
    with pytest.raises(ValueError, match=r"Expected: afw/.*empty folder"):
        list_stills(tmp_path)
    put_still(tmp_path / "afw" / "a.jpg", None)
    with pytest.raises(ValueError, match=r"1 images.*a\.pts"):
        list_stills(tmp_path)
    with pytest.raises(ValueError, match="'all'"):
        list_stills(tmp_path, "all")


def test_published_counts_of_300vw():
    published = {1: (31, 62_846), 2: (19, 32_872), 3: (14, 27_687)}
    counts = {c: (len(v), sum(v.values())) for c, v in FRAME_COUNTS.items()}
    assert counts == published
    everything = [i for split in ("train", 1, 2, 3) for i in sequence_ids(split)]
    assert len(TRAINING_IDS) == 50
    assert len(everything) == len(set(everything)) == 114


def test_sequences_that_are_present(tmp_path):
    touch(tmp_path / "410" / "vid.avi")
    touch(tmp_path / "562" / "vid.mp4")
    write_image(tmp_path / "516" / "frames" / "000001.png", IMAGE)
    touch(tmp_path / "114" / "vid.avi")  # category 1
    (tmp_path / "411").mkdir()  # no video
    write_pts(tmp_path / "410" / "annot" / "000003.pts", LANDMARKS)
    (tmp_path / "extra").mkdir()
    savemat(tmp_path / "extra" / "410.mat", {"error": np.array([[2, 5]])})
    found = {s.name: s for s in list_sequences(tmp_path, 3)}
    assert list(found) == ["410", "516", "562"]
    assert found["516"].video_path.name == "frames"
    assert found["562"].annotations is None
    assert found["410"].num_frames == 1315
    assert found["410"].dropped == {1, 4}
    # Frame 2 counted from 0 is the third, 000003.pts; the others have none.
    np.testing.assert_allclose(read_annotation(found["410"], 2), LANDMARKS, atol=1e-4)
    for name, index in (("410", 1), ("410", 7), ("562", 2)):
        assert np.isnan(read_annotation(found[name], index)).all()


def test_300vw_without_anything_usable(tmp_path):
    with pytest.raises(ValueError, match="no such folder"):
        list_sequences(tmp_path / "gone", "train")
    with pytest.raises(ValueError, match=r"001/ with vid\.avi"):
        list_sequences(tmp_path, "train")
    with pytest.raises(ValueError, match="4"):
        list_sequences(tmp_path, 4)
    touch(tmp_path / "114" / "vid.avi")
    touch(tmp_path / "extra" / "114.mat")
    with pytest.raises(ValueError, match=r"114\.mat"):
        list_sequences(tmp_path, 1)


def test_clips_below_a_folder(tmp_path):
    for name in ("clip10.mp4", "clip9.AVI", "sub/b.mov", ".hidden.mp4", "notes.txt"):
        touch(tmp_path / name)
    for number in (1, 2):
        touch(tmp_path / "frames" / "p" / f"{number}.jpg")
    touch(tmp_path / "single" / "cover1.jpg")
    clips = list_clips(tmp_path)
    assert names(clips) == ["clip9.AVI", "clip10.mp4", "frames/p", "sub/b.mov"]
    assert clips[2].video_path == tmp_path / "frames" / "p"


def test_clips_below_several_roots(tmp_path):
    touch(tmp_path / "a" / "x.mp4")
    touch(tmp_path / "b" / "x.mp4")
    touch(tmp_path / "c" / "b" / "x.mp4")
    roots = [tmp_path / "a", tmp_path / "b", tmp_path / "c" / "b"]
    clips = list_clips(roots)
    assert names(clips) == ["a/x.mp4", "b/x.mp4", "b/x.mp4~2"]
    assert len({clip.video_path for clip in clips}) == 3


def test_one_video_and_one_folder_of_images_are_clips(tmp_path):
    video = touch(tmp_path / "v" / "x.mp4")
    assert list_clips(video) == [("x.mp4", video)]
    for number in (1, 2):
        touch(tmp_path / "person" / f"{number}.jpg")
    assert list_clips(tmp_path / "person") == [("person", tmp_path / "person")]


VIDEO_NAMES = [
    *("a.mp4", "a.MTS", "a.m2ts", "a.mts", "a.ogv", "a.mxf", "a.vob", "a.divx"),
    *("a.asf", "a.f4v", "a.gif", "a.dv", "a.3g2", "a.M2T", "a.rm", "a.y4m", "a.lrv"),
]
IMAGE_NAMES = [
    *(".pgm", ".ppm", ".pbm", ".pnm", ".webp", ".bmp", ".tif", ".TIFF", ".jp2"),
    *(".avif", ".JPG", ".jfif", ".hdr"),
]


@pytest.mark.parametrize("name", VIDEO_NAMES)
def test_videos_are_found_by_any_suffix(name, tmp_path):
    touch(tmp_path / "in" / name)
    assert names(list_clips(tmp_path / "in")) == [name]
    assert files_in_no_clip([tmp_path / "in"]) == []
    touch(tmp_path / "300vw" / "001" / name)
    assert find_sequence(tmp_path / "300vw", "001").video_path.name == name


@pytest.mark.parametrize("suffix", IMAGE_NAMES)
def test_images_are_found_by_any_suffix(suffix, tmp_path):
    for i in (1, 2):
        touch(tmp_path / "in" / f"{i}{suffix}")
        write_pts(tmp_path / "in" / f"{i}.pts", LANDMARKS)
    assert names(list_clips(tmp_path / "in")) == ["in"]
    assert len(open_video(tmp_path / "in").images) == 2
    assert names(list_stills(tmp_path / "in")) == [f"1{suffix}", f"2{suffix}"]


def test_files_in_no_clip_are_named(tmp_path):
    root = tmp_path / "lib"
    for name in (
        *("a.mp4", "b.heic", "notes.txt", "sub/c.HEIC", ".hidden", "annot/1.pts"),
        *("frames/1.jpg", "frames/2.jpg", "frames/Thumbs.db", "single/cover1.jpg"),
        *("unnumbered/x.png", "unnumbered/y.png"),
    ):
        touch(root / name)
    others = files_in_no_clip([root, root / "sub"])
    assert others == [
        *("lib/b.heic", "lib/frames/Thumbs.db", "lib/notes.txt"),
        *("lib/single/cover1.jpg", "lib/sub/c.HEIC"),
        *("lib/unnumbered/x.png", "lib/unnumbered/y.png"),
    ]
    words = passed_over(others)
    assert words == (
        "7 files are passed over (2 .heic, 2 .png, 1 .db, others): "
        "lib/b.heic, lib/frames/Thumbs.db, lib/notes.txt, ..."
    )
    with pytest.raises(ValueError, match=r"1 file is passed over \(1 \.heic\): sub/c"):
        list_clips(root / "sub")


def test_files_beside_stills_are_named(three_hundred_w):
    assert files_beside_stills(three_hundred_w) == []
    for name in ("afw/x.heic", "afw/x.json", "helen/trainset/y.CR2", "notes/z.heic"):
        touch(three_hundred_w / name)
    others = files_beside_stills(three_hundred_w)
    assert others == ["afw/x.heic", "helen/trainset/y.CR2"]


def test_no_clip_at_all_is_named(tmp_path):
    with pytest.raises(ValueError, match="gone"):
        list_clips(tmp_path / "gone")
    with pytest.raises(ValueError, match=str(tmp_path)):
        list_clips([tmp_path])
    with pytest.raises(ValueError, match="no folder"):
        list_clips([])
