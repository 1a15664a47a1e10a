"""``strrn prepare``: data sets in their own layouts, broken ones too."""

import contextlib
import csv
import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock, Timeout
from support.layouts import (
    FACE,
    mat,
    picture,
    pts,
    put,
    shape_at,
    write_300w,
    write_extra_zip,
    write_person,
    write_sequence,
    write_video,
)

from data_pipeline.batches.training_data import TrainingData
from data_pipeline.crops.pairs import _is_within
from data_pipeline.datasets.youtube_faces import SIDE_SHIFTS
from data_pipeline.media.images import encode_image, write_image
from data_pipeline.preparation.shards import read_shard
from data_pipeline.stores.inputs import (
    find_unlabelled,
    read_annotated,
    read_annotation,
    read_clips,
    read_stills,
)
from strrn_tf.commands.cli import main
from strrn_tf.config import AlgorithmConfig, RunConfig
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE, crop_matrix

SEARCHES = ("data_pipeline.preparation.work", "data_pipeline.stores.inputs")


@pytest.fixture(autouse=True)
def searches(monkeypatch, tmp_path):
    """Let every search find the one face; return the pictures that were searched."""
    seen = []

    def find(image):
        seen.append(image)
        return FACE

    for module in SEARCHES:
        monkeypatch.setattr(f"{module}.find_face_boxes", find)
    monkeypatch.chdir(tmp_path)
    return seen


def prepare(dataset, root, *options):
    """Prepare in this process; return the exit code."""
    return main(["prepare", dataset, str(root), "--workers", "1", *options])


def report_of(output):
    return json.loads((Path(output) / "report.json").read_text())


def findings(output):
    return {f"{f['where']}: {f['what']}" for f in report_of(output)["findings"]}


# 300-W --------------------------------------------------------------------------------


def test_300w_counts_say_what_is_missing_and_it_goes_on(tmp_path, capsys):
    counts = {"afw": 70, "helen/trainset": 2, "helen/testset": 3, "ibug": 1}
    root = write_300w(tmp_path / "300w", counts)
    put(root / "afw" / "cut.jpg", b"\xff\xd8\xff")
    put(root / "afw" / "cut.pts", pts(shape_at()))
    huge = pts(shape_at()).replace(b"68", b"999999999999999999999")
    write_image(root / "afw" / "huge.jpg", picture())
    put(root / "afw" / "huge.pts", huge)
    put(root / "ibug" / "alone.pts", pts(shape_at()))
    (root / "helen" / "trainset" / "folder.jpg").mkdir()
    (root / "helen" / "trainset" / "folder.pts").mkdir()
    assert prepare("300w", root) == 0
    found = findings("prepared/300w")
    assert {
        "afw: 71 of 337 images with landmarks",
        "helen/trainset: 2 of 2000 images with landmarks",
        "helen/testset: 3 of 330 images with landmarks",
        "ibug: 1 of 135 images with landmarks",
        "lfpw/trainset: is missing (811 images)",
        "lfpw/testset: is missing (224 images)",
        "training set: 73 of 3148 images",
        "common test set: 3 of 554 images",
        "challenging test set: 1 of 135 images",
        "ibug/alone.pts: has no image beside it",
        f"helen/trainset/folder.jpg: {root}/helen/trainset/folder.pts: there must be a "
        ".pts file beside the image",
    } < found
    assert any("`n_points` must be 68. Received: 9999999" in line for line in found)
    report = report_of("prepared/300w")
    assert report["samples"] == {"stills": 72, "pairs": 0, "annotated": 0}
    problems = [p for s in report["by_source"].values() for p in s["problems"]]
    assert len(problems) == 1
    assert "cut.jpg: must be an image" in problems[0]
    captured = capsys.readouterr()
    assert "differs: training set: 73 of 3148 images" in captured.err
    assert "next: strrn train --stills prepared/300w" in captured.out
    assert (Path("prepared/300w") / "report.png").stat().st_size > 10_000


def batches(data, count=3):
    stream = data.detector_batches(None, 0)(0)
    return [b for b, _ in zip(stream.as_numpy_iterator(), range(count), strict=False)]


def test_stills_give_the_same_batches_as_the_originals(tmp_path):
    root = write_300w(tmp_path / "300w", {"afw": 67, "helen/trainset": 3})
    assert prepare("300w", root) == 0
    original = read_stills(root, tmp_path / "cache")
    root.rename(tmp_path / "gone")
    prepared = read_stills(Path("prepared/300w"), tmp_path / "cache2")
    assert prepared.names == original.names
    np.testing.assert_array_equal(prepared.landmarks, original.landmarks)
    data = [TrainingData(store, None, RunConfig()) for store in (original, prepared)]
    for first, second in zip(*map(batches, data), strict=True):
        np.testing.assert_array_equal(first["landmarks"], second["landmarks"])
        difference = np.abs(first["frames"] - second["frames"])
        # JPEG's loss, which augmentation makes larger.
        assert difference.mean() < 1 / 255
        assert np.quantile(difference, 0.999) < 12 / 255


# 300VW --------------------------------------------------------------------------------


@pytest.fixture
def sequences(tmp_path):
    """Return a part of 300VW: two training sequences and two of category 3."""
    root = tmp_path / "300VW_Dataset_2015_12_14"
    for name, count in (("001", 12), ("002", 10), ("410", 6), ("411", 4)):
        write_sequence(root, name, count)
    put(root / "ReadMe.txt", b"300VW\n")
    return root


def test_300vw_is_compared_with_what_was_published(sequences, capsys):
    (sequences / "001" / "annot" / "000004.pts").unlink()
    put(sequences / "410" / "annot" / "000009.pts", pts(shape_at()))
    write_video(sequences / "999" / "vid.avi", 2)
    (sequences / "516" / "vid.avi").mkdir(parents=True)
    put(sequences / "526" / "vid.avi", b"not a video, of no codec")
    (sequences / "526" / "annot").mkdir()
    evil = {"../../evil.mat": b"x", "/extra/410.mat": b"x", "extra/410.mat": mat([2])}
    write_extra_zip(sequences / "extra.zip", {**evil, "411.mat": b"no matrix"})
    assert prepare("300vw", sequences) == 0
    found = findings("prepared/300vw")
    for line in (
        "001: 1 of 12 frames have no annotation, first 000004.pts",
        "410: 6 frames, 1315 were published",
        "410: 1 annotations are beyond its 6 frames, first 000009.pts",
        "999: is no sequence of 300VW and was left out",
        "516: has no video (vid.avi)",
    ):
        assert line in found
    lines = sorted(found)
    assert any(s.startswith("411: left out") and "411.mat: must be" in s for s in lines)
    assert any(s.startswith("526: ") and "is not a video" in s for s in lines)
    missing = next(s for s in lines if s.startswith("training set: 48 of 50"))
    assert missing.split("missing: ")[1].split()[:2] == ["003", "004"]
    # The training sequences are prepared, pairs and annotated frames.
    report = report_of("prepared/300vw")
    assert set(report["by_source"]) == {"001", "002"}
    assert report["samples"] == {"stills": 0, "pairs": 20, "annotated": 21}
    assert not (sequences.parent / "evil.mat").exists()
    assert not list(sequences.parent.parent.rglob("evil.mat"))


def test_a_complete_copy_differs_in_nothing(tmp_path, monkeypatch, capsys):
    from data_pipeline.preparation import check_300vw

    # The published table, made small.
    counts = {1: {"114": 5}, 2: {"203": 4}, 3: {"410": 6}}
    monkeypatch.setattr("data_pipeline.datasets.three_hundred_vw.FRAME_COUNTS", counts)
    monkeypatch.setattr(
        "data_pipeline.datasets.three_hundred_vw.TRAINING_IDS", ("001",)
    )
    monkeypatch.setattr(check_300vw, "NUM_TRAINING_FRAMES", 7)
    monkeypatch.setattr(check_300vw, "NUM_DROPPED", {1: 2, 2: 0, 3: 0})
    root = tmp_path / "300vw"
    for name, count in (("001", 7), ("114", 5), ("203", 4), ("410", 6)):
        write_sequence(root, name, count)
    write_extra_zip(root / "extra.zip", {"extra/114.mat": mat([3, 5])})
    assert prepare("300vw", root) == 0
    assert not findings("prepared/300vw")
    (root / "extra.zip").unlink()
    assert prepare("300vw", root) == 0
    assert findings("prepared/300vw") == {
        "category 1: 0 error frames are listed, 2 published",
        "extra.zip: is missing: badly annotated test frames cannot be told from the "
        "others",
    }


def test_an_evaluation_says_what_a_copy_lacks(tmp_path, monkeypatch):
    from data_pipeline.preparation.check_300vw import check_test_sets

    counts = {1: {"114": 5, "124": 5}, 2: {"203": 4}, 3: {"410": 6}}
    monkeypatch.setattr("data_pipeline.datasets.three_hundred_vw.FRAME_COUNTS", counts)
    for name, count in (("114", 5), ("203", 3)):
        write_sequence(tmp_path, name, count)

    def differences(*categories):
        return [f"{f.where}: {f.what}" for f in check_test_sets(tmp_path, categories)]

    no_list = "extra.zip: is missing: badly annotated test frames cannot be told from"
    first = "category 1: 1 of 2 sequences are missing: 124"
    assert differences(1) == [first, f"{no_list} the others"]
    assert "203: 3 frames, 4 were published" in differences(1, 2)
    (other,) = differences(2)
    assert other.startswith("clips: are not those of 300VW")


def test_videos_give_the_same_pairs_and_annotations_as_the_originals(
    sequences, tmp_path, searches
):
    options = {"pairs_per_clip": 20, "seed": 0}
    original = read_clips(None, [sequences], tmp_path / "cache", **options)
    found = find_unlabelled(None, [sequences])
    frames = [
        read_annotated(found, tmp_path / f"cache{f}", fraction=f, seed=3)
        for f in (0.25, 0.5)
    ]
    assert prepare("300vw", sequences) == 0
    sequences.rename(tmp_path / "gone")
    searches.clear()
    folder = Path("prepared/300vw")
    prepared = read_clips(None, [folder], tmp_path / "new", **options)
    assert not searches
    assert prepared.names == original.names
    np.testing.assert_array_equal(prepared.landmarks, original.landmarks)
    np.testing.assert_allclose(prepared.matrix, original.matrix, rtol=1e-6)
    difference = np.abs(prepared.frames.astype(int) - original.frames)
    assert difference.mean() < 1
    assert difference.max() < 12
    # The same frames are the annotated ones, and a quarter is part of a half.
    found = find_unlabelled(None, [folder])
    again = [
        read_annotated(found, tmp_path / f"new{f}", fraction=f, seed=3)
        for f in (0.25, 0.5)
    ]
    assert [store.names for store in again] == [store.names for store in frames]
    np.testing.assert_array_equal(again[1].landmarks, frames[1].landmarks)
    assert [len(store) for store in again] == [3 + 2, 6 + 5]
    assert set(again[0].names) < set(again[1].names)
    other = read_annotated(found, tmp_path / "other", fraction=0.5, seed=4)
    assert other.names != again[1].names


def test_every_malformed_annotation_is_named(sequences):
    for number in (2, 5):
        put(sequences / "002" / "annot" / f"{number:06d}.pts", pts(shape_at())[:-9])
    (sequences / "002" / "annot" / "000007.pts").unlink()
    (sequences / "002" / "annot" / "000007.pts").mkdir()
    assert prepare("300vw", sequences) == 0
    source = report_of("prepared/300vw")["by_source"]["002"]
    problems = " ".join(source["problems"])
    assert "000002.pts" in problems
    assert "000005.pts" in problems
    # Each once, though pairs and annotated frames both meet it; a folder is no file.
    assert len(source["problems"]) == len(set(source["problems"]))
    assert "must be finite" not in problems
    assert {
        "where": "002",
        "what": "1 of 10 frames have no annotation, first 000007.pts",
    } in (report_of("prepared/300vw")["findings"])
    assert source["samples"]["annotated"] == 10 - 3


def test_fewer_pairs_than_prepared_are_spread_over_the_clip(tmp_path):
    write_video(tmp_path / "clips" / "a.avi", 21)
    assert prepare("videos", tmp_path / "clips", "--pairs", "0") == 0
    store = read_clips(
        None, [Path("prepared/videos")], tmp_path / "c", pairs_per_clip=4, seed=2
    )
    numbers = [int(name.split("#")[1]) for name in store.names]
    assert [(n - 1) // 5 for n in numbers] == [0, 1, 2, 3]
    whole = read_clips(
        None, [tmp_path / "clips"], tmp_path / "d", pairs_per_clip=4, seed=2
    )
    assert whole.names == store.names


def test_three_frames_serve_sbr_and_pairs(tmp_path):
    write_video(tmp_path / "videos" / "a.avi", 8)
    folder = Path("prepared/videos")
    options = {"pairs_per_clip": 20, "seed": 0}
    assert prepare("videos", tmp_path / "videos", "--frames", "3") == 0
    three = read_clips(None, [folder], tmp_path / "c", frames=3, **options)
    assert three.frames.shape[:2] == (6, 3)
    pairs = read_clips(None, [folder], tmp_path / "c", **options)
    np.testing.assert_array_equal(pairs.frames, three.frames[:, 1:])
    assert prepare("videos", tmp_path / "videos") == 0
    with pytest.raises(ValueError, match="prepare it with --frames 3"):
        read_clips(None, [folder], tmp_path / "d", frames=3, **options)


def test_several_sources_side_by_side(sequences, tmp_path):
    write_video(tmp_path / "mine" / "001.avi", 5)
    write_person(tmp_path / "faces", "A", {0: range(4)})
    assert prepare("youtube-faces", tmp_path / "faces") == 0
    folders = [tmp_path / "mine", sequences, Path("prepared/youtube-faces")]
    store = read_clips(None, folders, tmp_path / "c", pairs_per_clip=3, seed=0)
    found = find_unlabelled(None, folders)
    # Of 300VW the training sequences alone.
    assert [v.name for v in found.videos] == [
        "mine/001.avi",
        *(f"{sequences.name}/{name}" for name in ("001", "002")),
        "youtube-faces/A/0",
    ]
    folder = [0] * 3 + [1] * 6 + [2] * 3
    assert found.folder_of(store.names).tolist() == folder
    # Semi-STRRN and shares, as train.py asks for them.
    options = AlgorithmConfig(annotated_fraction=1.0, source_shares=(1, 1, 2))
    config = RunConfig(algorithm=options)
    annotated, source = read_annotation(None, folders, tmp_path / "c", store, config)
    assert source.tolist() == folder
    assert len(annotated) == 12 + 10
    data = TrainingData(None, store, config, annotated=annotated, source=source)
    assert data.annotated.tolist() == [3, 4, 5, 6, 7, 8]


def test_folders_of_one_name_are_told_apart(sequences, tmp_path):
    other = tmp_path / "other" / sequences.name
    shutil.copytree(sequences, other)
    names = [video.name for video in find_unlabelled(None, [sequences, other]).videos]
    assert len(set(names)) == len(names) == 4
    assert names[2:] == [f"other/{sequences.name}/{name}" for name in ("001", "002")]


# YouTube ------------------------------------------------------------------------------


def test_youtube_faces(tmp_path, searches):
    root = tmp_path / "YouTubeFaces"
    # Not padded, with a gap: sorted as text, 10 would come before 9.
    write_person(root, "Alicia_Witt", {5: [8, 9, 10, 11, 14, 15, 2247]})
    write_person(root, "Bob_Álvarez", {0: [1, 2, 3]}, boxes=False)
    aligned = root / "aligned_images_DB" / "Alicia_Witt" / "5"
    write_image(aligned / "aligned_detect_5.8.jpg", picture())
    put(root / "frame_images_DB" / "Gone.labeled_faces.txt", b"")
    assert prepare("youtube-faces", root) == 0
    output = Path("prepared/youtube-faces")
    report = report_of(output)
    assert set(report["by_source"]) == {"Alicia_Witt/5", "Bob_Álvarez/0"}
    index = (output / "index.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(index.splitlines()))
    # 8-9, 9-10, 10-11, 14-15: frames have the numbers of their pictures.
    names = [row["name"] for row in rows if row["name"].startswith("Alicia")]
    assert names == [f"Alicia_Witt/5#{n:06d}" for n in (9, 10, 11, 15)]
    shard = output / "shards" / rows[0]["shard"]
    sample = list(read_shard(shard))[3]
    # x, y is the centre of the face.
    box = np.array([72 - 38, 55 - 38, 72 + 38, 55 + 38]) + 76 * np.array(SIDE_SHIFTS)
    expected = crop_matrix(box, 385, CROP_MARGIN * 385 / CROP_SIZE)
    np.testing.assert_allclose(sample.matrix[0], expected, rtol=1e-5)
    # Faces were searched where no boxes are; Bob has two pairs.
    assert len(searches) == 2
    assert findings(output) == {
        "clips: 2 of 3425",
        "people: 2 of 1595",
        "Bob_Álvarez: has no Bob_Álvarez.labeled_faces.txt: faces are searched",
        "Gone: has Gone.labeled_faces.txt, but no folder of clips",
    }


def test_damaged_boxes_are_searched_instead(tmp_path, searches):
    root = tmp_path / "faces"
    write_person(root, "A", {0: range(5)})
    path = root / "frame_images_DB" / "A.labeled_faces.txt"
    lines = path.read_bytes().splitlines()
    lines[0] = lines[0].replace(b"76,76", b"nan,76")
    lines[1] = lines[1].replace(b"76,76", b"-5,0")
    lines[2] = b"\xff\xfe;;;,,"
    lines[3] = lines[3].replace(b"76,76", b"1e30,1e30")
    path.write_bytes(b"\n".join(lines))
    assert prepare("youtube-faces", root) == 0
    assert len(searches) == 4
    size = 320, 240
    assert _is_within(np.array([-20.0, 10, 60, 90]), size)
    assert not _is_within(np.array([-80.0, 10, -10, 90]), size)
    assert not _is_within(np.array([-360.0, -400, 680, 640]), size)


def test_frames_of_two_sizes_make_no_pair(tmp_path):
    root = tmp_path / "faces"
    write_person(root, "A", {0: range(5)})
    clip = root / "frame_images_DB" / "A" / "0"
    put(clip / "0.1.jpg", encode_image(picture(height=240, width=320)))
    assert prepare("youtube-faces", root) == 0
    (source,) = report_of("prepared/youtube-faces")["by_source"].values()
    assert source["samples"]["pairs"] == 2
    assert "differ in size" in source["problems"][0]


def test_landmarks_that_are_one_point_are_named(tmp_path, sequences):
    point = pts(np.full((68, 2), 50.0))
    root = tmp_path / "300w"
    write_300w(root, {"afw": 2})
    path = sorted((root / "afw").glob("*.pts"))[0]
    put(path, point)
    assert prepare("300w", root) == 0
    (source,) = report_of("prepared/300w")["by_source"].values()
    assert source["samples"]["stills"] == 1
    (finding,) = [f for f in findings("prepared/300w") if "points must not" in f]
    assert finding.startswith(f"afw/{path.stem}.jpg: {path}: annotated points must not")
    put(sequences / "001" / "annot" / "000002.pts", point)
    assert prepare("300vw", sequences) == 0
    problems = report_of("prepared/300vw")["by_source"]["001"]["problems"]
    assert any(p.startswith("001, 000002.pts: `box` must be") for p in problems)


def test_youtube_celebrities(tmp_path):
    root = tmp_path / "ytc"
    for name in ("0057_01_002_al_gore", "1762_03_004_steven_spielberg", "holiday"):
        write_video(root / f"{name}.avi", 4)
    write_video(root / "0057_01_003_al_gore.avi", 4)
    (root / "0001_01_001_nobody.avi").mkdir()
    assert prepare("youtube-celebrities", root) == 0
    assert findings("prepared/youtube-celebrities") == {
        "clips: 3 of 1910",
        "people: 2 of 47",
        "0057: 2 clips have this number",
        "holiday.avi: is not named as a clip of YouTube Celebrities and was left out",
    }


# Broken and hostile input -------------------------------------------------------------


def test_broken_videos_are_lines_of_the_report(tmp_path, capfd):
    root = tmp_path / "videos"
    good = write_video(root / "good.avi", 8)
    put(root / "empty.mp4", b"")
    put(root / "text.avi", b"RIFF....AVI no video at all")
    put(root / "cut.avi", good.read_bytes()[: good.stat().st_size // 2])
    put(root / "codec.avi", good.read_bytes().replace(b"MJPG", b"ZZZZ"))
    put(root / "bundle.zip", b"PK")
    long = "ü" * 120 + " $x^2$ \U0001f600"
    write_video(root / f"{long}.avi", 3)
    assert prepare("videos", root) == 0
    report = report_of("prepared/videos")
    sources = report["by_source"].items()
    problems = {name: s["problems"] for name, s in sources if s["problems"]}
    assert set(problems) == {"empty.mp4", "text.avi", "cut.avi", "codec.avi"}
    assert "has no decoder" in problems["codec.avi"][0]
    assert "0 bytes" in problems["empty.mp4"][0]
    assert "no video stream" in problems["text.avi"][0]
    assert "could be read" in problems["cut.avi"][0]
    assert report["by_source"]["cut.avi"]["samples"]["pairs"] > 0
    assert report["by_source"][f"{long}.avi"]["samples"]["pairs"] == 2
    assert findings("prepared/videos") == {
        "bundle.zip: is an archive and was left out: unpack it"
    }
    errors = capfd.readouterr().err
    assert "problem: " in errors
    assert "ERROR" not in errors  # of OpenCV, past Python
    folder = Path("prepared/videos")
    options = {"pairs_per_clip": 9, "seed": 0}
    assert len(read_clips(None, [folder], tmp_path / "c", **options)) > 9


def test_names_that_are_no_unicode_are_read(tmp_path):
    root = tmp_path / "videos"
    write_video(root / "a.avi", 3).rename(root / os.fsdecode(b"caf\xe9.avi"))
    write_video(root / "b.avi", 3)
    assert prepare("videos", root) == 0
    sources = report_of("prepared/videos")["by_source"]
    assert set(sources) == {"caf\\udce9.avi", "b.avi"}
    root = write_300w(tmp_path / "300w", {"afw": 2})
    for suffix in (".jpg", ".pts"):
        name = os.fsdecode(b"caf\xe9") + suffix
        (root / "afw" / f"image_0001{suffix}").rename(root / "afw" / name)
    assert prepare("300w", root) == 0
    names = read_stills(Path("prepared/300w"), tmp_path / "c").names
    assert set(names) == {"afw/image_0000.jpg", "afw/caf\\udce9.jpg"}


def test_a_kill_loses_one_source_and_what_is_done_is_not_done_again(
    tmp_path, monkeypatch, capsys
):
    from data_pipeline.preparation import work

    for name in "abc":
        write_video(tmp_path / "videos" / f"{name}.avi", 6, start=ord(name))
    done = []
    cut = work.pack_pairs

    def pack_pairs(clip, *rest):
        if len(done) == 1:
            done.append(None)
            raise KeyboardInterrupt
        done.append(clip.name)
        return cut(clip, *rest)

    monkeypatch.setattr(work, "pack_pairs", pack_pairs)
    assert prepare("videos", tmp_path / "videos") == 130
    half = Path("prepared/videos/shards/.123.tmp.b.avi.pairs.tfrecord")
    half.touch()
    options = {"pairs_per_clip": 9, "seed": 0}
    with pytest.raises(ValueError, match="not completely prepared"):
        read_clips(None, [Path("prepared/videos")], tmp_path / "c", **options)
    assert prepare("videos", tmp_path / "videos") == 0
    assert done == ["a.avi", None, "b.avi", "c.avi"]
    assert not half.exists()
    assert "3 sources, 1 of them prepared before" in capsys.readouterr().out
    before = {p: p.stat().st_mtime_ns for p in Path("prepared/videos/shards").iterdir()}
    start = time.process_time()
    assert prepare("videos", tmp_path / "videos") == 0
    assert time.process_time() - start < 5
    assert done[4:] == []
    assert before == {p: p.stat().st_mtime_ns for p in before}
    # One more video: that one alone.
    write_video(tmp_path / "videos" / "d.avi", 3)
    assert prepare("videos", tmp_path / "videos") == 0
    assert done[4:] == ["d.avi"]


@pytest.mark.parametrize(
    ("dataset", "place", "message"),
    [
        ("300w", "gone", "there is no such folder"),
        ("300vw", "set.zip", "is an archive: unpack it"),
        ("300w", "empty", "Expected: afw/"),
        ("300vw", "empty", "no sequence of 300VW is here"),
        ("youtube-faces", "empty", "frame_images_DB/<person>"),
        ("youtube-celebrities", "empty", "0057_01_002_al_gore.avi"),
        ("videos", "empty", "no video files or folders"),
        ("300vv", "empty", "invalid choice"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    dataset, place, message, tmp_path, capsys
):
    put(tmp_path / "set.zip", b"PK")
    (tmp_path / "empty").mkdir()
    assert prepare(dataset, tmp_path / place) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not Path("prepared").exists()


def test_output_of_other_origin_is_not_touched(tmp_path, capsys):
    write_video(tmp_path / "videos" / "a.avi", 3)
    put(tmp_path / "full" / "thesis.txt", b"mine")
    put(tmp_path / "file", b"mine")
    for output in ("full", "file", "file/below"):
        assert prepare("videos", tmp_path / "videos", "--output", output) == 2
    assert {p.name for p in (tmp_path / "full").iterdir()} == {"thesis.txt"}
    assert (tmp_path / "file").read_bytes() == b"mine"
    assert prepare("videos", tmp_path / "videos", "--output", "out") == 0
    capsys.readouterr()
    write_300w(tmp_path / "300w", {"afw": 1})
    assert prepare("300w", tmp_path / "300w", "--output", "out") == 2
    assert "out holds videos, prepared" in capsys.readouterr().err


def test_a_disk_that_cannot_be_written_is_one_line_and_keeps_what_is_done(
    tmp_path, monkeypatch, capsys
):
    from data_pipeline.preparation import work

    for name in "ab":
        write_video(tmp_path / "videos" / f"{name}.avi", 3)
    write, written = work.write_shard, []

    def write_shard(path, records):
        if written:
            raise OSError(30, "Read-only file system", str(path))
        written.append(path)
        return write(path, records)

    with monkeypatch.context() as context:
        context.setattr(work, "write_shard", write_shard)
        assert prepare("videos", tmp_path / "videos") == 2
    assert "Read-only file system" in capsys.readouterr().err.splitlines()[-1]
    assert prepare("videos", tmp_path / "videos") == 0
    assert "2 sources, 1 of them prepared before" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_one_line(tmp_path, monkeypatch, capsys):
    from data_pipeline.preparation import shards

    write_video(tmp_path / "videos" / "a.avi", 3)
    full = contextlib.nullcontext(Path("/dev/full"))
    with monkeypatch.context() as context:
        context.setattr(shards, "replacing", lambda path: full)
        assert prepare("videos", tmp_path / "videos") == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "a.avi" in line
    assert line.endswith("No space left on device")
    assert prepare("videos", tmp_path / "videos") == 0


def test_a_lock_that_cannot_be_made_is_not_waited_for(tmp_path, monkeypatch, capsys):
    def acquire(lock, timeout=None):
        raise Timeout(lock.lock_file)

    monkeypatch.setattr(FileLock, "acquire", acquire)
    write_video(tmp_path / "videos" / "a.avi", 3)
    assert prepare("videos", tmp_path / "videos") == 2
    assert "videos.lock: cannot be made" in capsys.readouterr().err


def test_kinds_are_not_mixed_up(tmp_path):
    write_300w(tmp_path / "300w", {"afw": 2})
    write_video(tmp_path / "videos" / "a.avi", 4)
    assert prepare("300w", tmp_path / "300w") == 0
    assert prepare("videos", tmp_path / "videos") == 0
    with pytest.raises(ValueError, match="holds no stills"):
        read_stills(Path("prepared/videos"), tmp_path / "c")
    with pytest.raises(ValueError, match="Stills are for --stills"):
        find_unlabelled(None, [Path("prepared/300w")])
    found = find_unlabelled(None, [Path("prepared/videos")])
    with pytest.raises(ValueError, match="no clip is annotated"):
        read_annotated(found, tmp_path / "c", fraction=0.5, seed=0)


@pytest.mark.parametrize("damage", ["index", "shard", "version"])
def test_damaged_prepared_data_is_named(tmp_path, damage):
    write_video(tmp_path / "videos" / "a.avi", 4)
    assert prepare("videos", tmp_path / "videos") == 0
    folder = Path("prepared/videos")
    manifest = folder / "prepared.json"
    if damage == "index":
        manifest.write_text("{")
    elif damage == "version":
        manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 0'))
    else:
        next((folder / "shards").iterdir()).write_bytes(b"x" * 50)
    words = {"index": "damaged", "shard": "damaged shard", "version": "another version"}
    options = {"pairs_per_clip": 9, "seed": 0}
    with pytest.raises(ValueError, match=words[damage]):
        read_clips(None, [folder], tmp_path / "c", **options)
