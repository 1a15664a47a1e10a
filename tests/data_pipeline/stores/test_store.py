"""Crop stores: exact windows, pairs, resuming, damaged sources."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
import pytest

from data_pipeline.datasets.clips import Clip
from data_pipeline.datasets.three_hundred_vw import list_sequences
from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.media.images import write_image
from data_pipeline.media.pts import write_pts
from data_pipeline.media.video import write_video
from data_pipeline.stores.store import (
    CropStore,
    build_pair_store,
    build_still_store,
    fingerprint,
)
from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    crop_matrix,
    face_size,
    roll_angle,
    upright_box,
)
from strrn_tf.tracking.networks.crop import cut

BOX = np.array([20.0, 15.0, 44.0, 35.0])


def blob(height, width, centre, sigma):
    """Return an image with a bright Gaussian at ``centre`` (xy)."""
    y, x = np.mgrid[:height, :width]
    distance = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    value = 255 * np.exp(-distance / (2 * sigma**2))
    return np.repeat(value.round().astype(np.uint8)[..., None], 3, -1)


def centroid(image):
    weight = image[..., 0].astype(np.float64)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


@pytest.mark.parametrize("scale", [0.11, 0.3, 0.74, 0.76, 1.0, 3.3])
def test_pixels_lie_where_the_matrix_moves_them(scale):
    # The blob has 8 crop pixels, the image is as large as the crop, plus a rest.
    centre = np.array([150.3, 120.8]) / scale
    image = blob(int(260 / scale), int(300 / scale), centre, 8 / scale)
    corner = np.array([61.0, 40.0]) / scale
    box = np.concatenate([centre - 50 / scale, centre + corner])
    matrix = crop_matrix(box, 160, 160 * 1.0 / 111)
    assert matrix[0, 0] == pytest.approx(scale)
    crop = cut(image, matrix, 160)
    expected = apply_matrix(matrix, centre[None])[0]
    np.testing.assert_allclose(centroid(crop), expected, atol=0.06)


def test_shrinking_averages_instead_of_skipping():
    # Stripes of one pixel are grey from afar; samples of them are black or white.
    image = np.zeros((800, 800, 3), np.uint8)
    image[:, ::2] = 255
    crop = cut(image, crop_matrix(np.array([100, 100, 700, 700]), 96), 96)
    assert np.abs(crop.astype(float) - 127.5).max() < 40
    assert crop.std() < 10


def test_outside_of_the_image_its_border_goes_on():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, :20] = (200, 100, 50)
    for scale in (2.0, 0.2):
        matrix = np.array([[scale, 0, 30], [0, scale, 30]])
        crop = cut(image, matrix, 120)
        np.testing.assert_array_equal(crop[0, 0], (200, 100, 50))
        np.testing.assert_array_equal(crop[-1, -1], (0, 0, 0))


def shape_at(x, y, size):
    """Return landmarks (68, 2) that fill a square box from (x, y)."""
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 17), [0, 0.4, 0.8, 1.0]), -1)
    return (np.array([x, y]) + size * grid.reshape(68, 2)).astype(np.float32)


@pytest.fixture
def stills(tmp_path):
    for i, size in enumerate((100, 40, 200)):
        path = tmp_path / "root" / "afw" / f"{i}.png"
        image = blob(300, 320, (90, 80), 4)
        image[..., 2] = 0
        write_image(path, image)
        write_pts(path.with_suffix(".pts"), shape_at(40 + i, 50, size))
    return list_stills(tmp_path / "root")


def test_still_store(tmp_path, stills):
    store = build_still_store(tmp_path / "store", stills)
    assert store.frames.shape == (3, 1, 385, 385, 3)
    assert store.frames.dtype == np.uint8
    assert isinstance(store.frames, np.memmap)
    assert store.names == ("afw/0.png", "afw/1.png", "afw/2.png")
    assert len(store) == 3
    for i, size in enumerate((100, 40, 200)):
        # The face stands upright. Its box is 315 / 1.6 pixels large, centred in 385.
        cut = store.landmarks[i, 0]
        np.testing.assert_allclose(roll_angle(cut), 0, atol=1e-3)
        box = box_from_landmarks(cut)
        np.testing.assert_allclose(face_size(box), 315 / 1.6, atol=0.02)
        np.testing.assert_allclose(box[:2] + box[2:], [384, 384], atol=0.04)
        # The middle 315 pixels are the network's crop.
        shape = shape_at(40 + i, 50, size)
        box, roll = upright_box(shape)
        moved = apply_matrix(crop_matrix(box, roll=roll), shape)
        np.testing.assert_allclose(cut - 35, moved, atol=0.02)
    assert not store.frames[..., 2].any()  # RGB: what had no blue has none
    assert store.frames[0, 0, ..., 0].max() > 200


def test_second_call_changes_nothing(tmp_path, stills):
    def finder(image):
        searched.append(1)
        return np.array([(45.0, 55, 140, 150)])

    searched = []
    build_still_store(tmp_path / "store", stills, finder)
    assert len(searched) == 3
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "store").iterdir()}
    build_still_store(tmp_path / "store", stills, finder)
    assert len(searched) == 3
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "store").iterdir()}
    assert before == after
    assert set(after) == {
        *("frames.npy", "samples.npz", "names.json", "report.json", "manifest.json")
    }


def test_builders_of_one_folder_wait_for_each_other(tmp_path, stills):
    def slow_finder(image):
        searched.append(1)
        time.sleep(0.05)
        return np.array([(45.0, 55, 140, 150)])

    searched = []
    build = partial(build_still_store, tmp_path / "store", stills, slow_finder)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: build(), range(2))
    assert len(searched) == len(stills)
    np.testing.assert_array_equal(first.frames, second.frames)


def test_other_inputs_go_to_another_folder(tmp_path, stills):
    first = build_still_store(tmp_path / "store", stills)
    write_pts(stills[0].landmarks_path, shape_at(60, 60, 90))
    second = build_still_store(tmp_path / "store", stills)
    assert first.folder == tmp_path / "store"
    assert second.folder.name.startswith("store-")
    assert not np.array_equal(first.matrix[0], second.matrix[0])
    assert build_still_store(tmp_path / "store", stills).folder == second.folder


def test_still_boxes_from_a_finder(tmp_path, stills):
    def finder(image):
        return np.array([(200.0, 200, 290, 290), (45.0, 55, 140, 150)])

    store = build_still_store(tmp_path / "store", stills, boxes=finder)
    # Not the first box, which lies elsewhere; the small face of 1 is in neither.
    assert store.names == ("afw/0.png", "afw/2.png")
    scale = np.linalg.det(store.matrix[..., :2]) ** 0.5
    np.testing.assert_allclose(scale, 315 / 1.6 / 95)
    (problem,) = store.report["problems"]
    assert "no face was found" in problem["reason"]


def test_unreadable_still_is_reported(tmp_path, stills):
    stills[1].image_path.write_bytes(b"")
    store = build_still_store(tmp_path / "store", stills)
    assert store.names == ("afw/0.png", "afw/2.png")
    (problem,) = store.report["problems"]
    assert problem["name"] == "afw/1.png"
    assert "0 bytes" in problem["reason"]
    assert store.report["samples"] == 2


def test_nothing_readable_is_an_error(tmp_path, stills):
    for still in stills:
        still.image_path.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(ValueError, match="0 bytes"):
            build_still_store(tmp_path / "store", stills)
    with pytest.raises(ValueError, match="unfinished"):
        CropStore.open(tmp_path / "store")


def write_clip(folder, name, count=9):
    """Write a clip whose frames are grey, 20 i + 30."""
    frames = (np.full((48, 64, 3), 20 * i + 30, np.uint8) for i in range(count))
    write_video(folder / name, frames, fps=25)
    return Clip(name, folder / name)


def grey(frame):
    return round((float(frame.mean()) - 30) / 20)


def pair_store(folder, clips, finder=lambda image: BOX, **options):
    options = {"pairs_per_clip": 3, "seed": 1, **options}
    return build_pair_store(folder, clips, box_finder=finder, **options)


def test_pair_store(tmp_path):
    clips = [write_clip(tmp_path, "a.mp4"), write_clip(tmp_path, "b.mp4", 3)]
    boxes = np.array([(30.0, 20, 40, 30), BOX])
    asked = []

    def finder(image):
        asked.append(grey(image))
        return boxes

    store = pair_store(tmp_path / "store", clips, finder)
    assert store.frames.shape == (5, 2, 385, 385, 3)
    assert np.isnan(store.landmarks).all()
    assert store.names[3:] == ("b.mp4#000001", "b.mp4#000002")
    numbers = [int(name.split("#")[1]) for name in store.names[:3]]
    # One pair in each third of the numbers 1 to 8 of second frames.
    assert [np.searchsorted((1, 3, 6, 9), n, "right") for n in numbers] == [1, 2, 3]
    seconds = [*numbers, 1, 2]
    assert [(grey(p[0]), grey(p[1])) for p in store.frames] == [
        (n - 1, n) for n in seconds
    ]
    assert asked == [n - 1 for n in seconds]  # only the first frame is searched
    expected = crop_matrix(BOX, 385, 1.6 * 385 / 315)  # the larger of the two boxes
    np.testing.assert_allclose(store.matrix, np.stack([expected] * 5))


def test_pairs_depend_on_the_seed_and_not_on_the_company(tmp_path):
    clips = [write_clip(tmp_path, name, 12) for name in ("a.mp4", "b.mp4")]
    both = pair_store(tmp_path / "both", clips)
    alone = pair_store(tmp_path / "alone", clips[1:])
    assert both.names[3:] == alone.names
    others = {pair_store(tmp_path / f"{s}", clips, seed=s).names for s in range(4)}
    assert len(others) > 1


def test_three_consecutive_frames(tmp_path):
    clips = [write_clip(tmp_path, "a.mp4", 6), write_clip(tmp_path, "b.mp4", 2)]
    pairs = pair_store(tmp_path / "store", clips)
    store = pair_store(tmp_path / "store", clips, frames=3, pairs_per_clip=9)
    assert store.folder != pairs.folder  # other inputs, another store
    assert store.frames.shape == (4, 3, 385, 385, 3)
    assert store.names == tuple(f"a.mp4#{n:06d}" for n in (2, 3, 4, 5))
    shades = [[grey(frame) for frame in run] for run in store.frames]
    assert shades == [[n - 2, n - 1, n] for n in (2, 3, 4, 5)]
    (problem,) = store.report["problems"]
    assert "has no three consecutive frames" in problem["reason"]


def test_annotated_sequence(tmp_path):
    write_clip(tmp_path / "114", "vid.mp4", 8)
    for number in range(1, 9):
        path = tmp_path / "114" / "annot" / f"{number:06d}.pts"
        write_pts(path, shape_at(20 + number, 10, 24))
    (sequence,) = list_sequences(tmp_path, 1)
    # Frames 2 and 3 are badly annotated: pairs (1,2), (2,3) and (3,4) are out.
    sequence = sequence._replace(dropped=frozenset({2, 3}))
    store = pair_store(tmp_path / "store", [sequence], "landmarks", pairs_per_clip=9)
    seconds = [1, 5, 6, 7]
    assert [int(name.split("#")[1]) for name in store.names] == seconds
    for i, second in enumerate(seconds):
        side = 315 / 1.6
        first = shape_at(192 - side / 2, 192 - side / 2, side)
        np.testing.assert_allclose(store.landmarks[i, 0], first, atol=0.02)
        # Frame n lies 1 pixel to the right of frame n - 1; the window stays.
        moved = first + np.array([side / 24, 0])
        np.testing.assert_allclose(store.landmarks[i, 1], moved, atol=0.02)
        assert grey(store.frames[i, 1]) == second


def test_faceless_and_broken_clips_are_reported(tmp_path):
    good = write_clip(tmp_path, "good.mp4")
    empty, cut = Clip("empty.mp4", tmp_path / "empty.mp4"), tmp_path / "cut.mp4"
    empty.video_path.write_bytes(b"")
    cut.write_bytes(good.video_path.read_bytes()[:500])
    dark = write_clip(tmp_path, "dark.mp4", 1)
    half = write_clip(tmp_path, "half.mp4")
    clips = [good, empty, Clip("cut.mp4", cut), dark, half]
    answers = iter([BOX, BOX, BOX, None, BOX, None])
    store = pair_store(tmp_path / "store", clips, lambda image: next(answers))
    sources = [name.split("#")[0] for name in store.names]
    assert sources == ["good.mp4"] * 3 + ["half.mp4"]
    reasons = {p["name"]: p["reason"] for p in store.report["problems"]}
    assert set(reasons) == {"empty.mp4", "cut.mp4", "dark.mp4"}
    assert "0 bytes" in reasons["empty.mp4"]
    assert "consecutive" in reasons["dark.mp4"]
    assert store.report["sources"]["half.mp4"]["frames_without_face"] == [1, 7]


def test_cut_off_clip_gives_what_is_there(tmp_path):
    path = tmp_path / "long.avi"
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48)
    )
    for i in range(12):
        writer.write(np.full((48, 64, 3), 15 * i + 30, np.uint8))
    writer.release()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 8 // 10])
    store = pair_store(tmp_path / "store", [Clip("long.avi", path)])
    assert len(store) == 3  # spread again over what can be read
    (problem,) = store.report["problems"]
    assert "of 12 frames could be read" in problem["reason"]


def test_no_face_anywhere_is_an_error(tmp_path):
    clip = write_clip(tmp_path, "a.mp4")
    with pytest.raises(ValueError, match=r"a\.mp4: no face"):
        pair_store(tmp_path / "store", [clip], lambda image: None)


def files_of(store):
    return {
        name: (store.folder / name).read_bytes()
        for name in ("frames.npy", "names.json", "report.json")
    }


def test_killed_build_goes_on_where_it_was(tmp_path):
    clips = [write_clip(tmp_path, f"{i}.mp4") for i in range(4)]
    whole = pair_store(tmp_path / "whole", clips)
    searches = []

    def finder(image):
        searches.append(grey(image))
        if len(searches) == 8:  # in the middle of the third clip
            raise KeyboardInterrupt
        return BOX

    folder = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        pair_store(folder, clips, finder)
    with pytest.raises(ValueError, match="unfinished"):
        CropStore.open(folder)
    # A kill between the two files, and within a line.
    with open(folder / "frames.npy", "ab") as file:
        file.write(b"\x7f" * 12345)
    with open(folder / "progress.jsonl", "a") as file:
        file.write('{"source": "2.mp4", "rep')
    store = pair_store(folder, clips, finder)
    assert len(searches) == 8 + 6  # the third clip again, and the fourth
    assert files_of(store)["names.json"] == files_of(whole)["names.json"]
    np.testing.assert_array_equal(store.frames, whole.frames)
    np.testing.assert_array_equal(store.matrix, whole.matrix)
    assert not (folder / "progress.jsonl").exists()


def test_failure_while_finishing_does_not_cut_again(tmp_path):
    clips = [write_clip(tmp_path, "a.mp4")]
    searches = []

    def finder(image):
        searches.append(grey(image))
        return BOX

    # Nothing can replace a folder that is not empty.
    obstacle = tmp_path / "store" / "samples.npz" / "file"
    obstacle.parent.mkdir(parents=True)
    obstacle.touch()
    with pytest.raises(OSError, match=r"samples\.npz"):
        pair_store(tmp_path / "store", clips, finder)
    obstacle.unlink()
    obstacle.parent.rmdir()
    store = pair_store(tmp_path / "store", clips, finder)
    assert len(searches) == 3
    assert store.frames.shape[0] == len(store.names) == 3


def test_fingerprint_follows_inputs_and_options(tmp_path):
    clip = write_clip(tmp_path, "a.mp4")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    first = fingerprint([clip], seed=1)
    assert first == fingerprint([clip], seed=1)
    assert first != fingerprint([clip], seed=2)
    assert first != fingerprint([clip._replace(name="b.mp4")], seed=1)
    path = clip.video_path.rename(moved / "a.mp4")
    assert first == fingerprint([Clip("a.mp4", path)], seed=1)
    path.write_bytes(path.read_bytes() + b"x")
    assert first != fingerprint([Clip("a.mp4", path)], seed=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pairs_per_clip": 0}, "pairs_per_clip"),
        ({"rule": "first"}, "'first'"),
        ({"finder": "mtcnn"}, "box_finder"),
    ],
)
def test_meaningless_options_are_named(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        pair_store(tmp_path / "store", [], **options)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("name", ["frames.npy", "samples.npz", "names.json"])
def test_damaged_store_is_named(tmp_path, stills, name):
    folder = build_still_store(tmp_path / "store", stills).folder
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="damaged"):
        CropStore.open(folder)
    with pytest.raises(ValueError, match="not a crop store"):
        CropStore.open(tmp_path)


def test_names_are_json(tmp_path, stills):
    folder = build_still_store(tmp_path / "store", stills).folder
    assert json.loads((folder / "names.json").read_text()) == [s.name for s in stills]
