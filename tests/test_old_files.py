"""What an earlier version has left on a user's disk: today's code reads it, or refuses.

The samples and the commands that made them are in `samples/README.md`.
"""

import csv
import hashlib
import json
import os
import platform
import shutil
import tarfile
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from support.places import ROOT

from data_pipeline.crops.cached_face_finder import CachedFaceFinder
from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.media.images import read_image
from data_pipeline.media.pts import read_pts
from data_pipeline.stores.inputs import read_clips, read_stills
from data_pipeline.synthetic.dataset import draw_dataset
from strrn_tf.commands import cli, evaluate, train
from strrn_tf.commands.reproduce.rows import TABLES
from strrn_tf.commands.reproduce.tables import Outcome, write_table
from strrn_tf.geometry import crop_matrix
from strrn_tf.models.build import load_networks
from strrn_tf.tracking.networks.litert import LiteRTModel
from strrn_tf.tracking.networks.model_folder import verify

SAMPLES = ROOT / "tests" / "samples"
DRAWN = {
    "num_stills": 1,
    "num_test_stills": 1,
    "num_training_clips": 0,
    "clips_per_category": 0,
    "frames_per_clip": 1,
}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """Return a folder with all samples; their sources have the times of then."""
    folder = tmp_path_factory.mktemp("unpacked")
    # Python 3.10.11 and 3.11.3 have no filters yet.
    safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    for path in SAMPLES.glob("*.tar.xz"):
        with tarfile.open(path) as archive:
            archive.extractall(folder, **safe)
    return folder


@pytest.fixture
def old(unpacked, tmp_path, monkeypatch):
    """Return a copy of the samples, which is the working directory too."""
    folder = tmp_path / "old"
    shutil.copytree(unpacked, folder)
    monkeypatch.chdir(folder)
    return folder


def content(folder):
    """Return the bytes and the time of every file in a folder, but not of locks."""
    files = (p for p in Path(folder).rglob("[!.]*") if p.suffix != ".lock")
    return {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in files if p.is_file()}


@contextmanager
def unchanged(folder):
    """Let nothing in a folder be written, not even the same again."""
    before = content(folder)
    yield
    assert content(folder) == before


def refused(main, argv, capsys):
    """Return the one sentence with which a command refuses to go on."""
    capsys.readouterr()
    assert main(argv) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    return message


# Run folders --------------------------------------------------------------------------

DATA = ["--stills", "drawn/300w", "--unlabelled", "clips", "--pairs-per-clip", "1"]
DATA += ["--cache", "cache", "--detector.batch-size", "2", "--tracker.batch-size", "2"]
DATA += ["--detector.round-steps", "2", "--threshold", "100", "--assignment", "literal"]
# With the look at the whole crop, which was the default of new detectors.
INTERRUPTED = ["--preset", "tiny", "--detector.steps", "0", "--tracker.steps", "0"]
# With those options that have other names today.
OPTIONS = ["--init", "runs/finished", "--tracker.round-steps", "3", "--lambda", "0.5"]
OLD_NAMES = ["--glance", "False", "--cool-down", "0.5", "--mending", "0.5"]
OLD_NAMES += ["--drift-steps", "1"]
NEW_NAMES = ["--global-context", "False", "--augmentation-annealing", "0.5"]
NEW_NAMES += ["--correction-fraction", "0.5", "--rollout-steps", "1"]


def resume(folder, *options):
    return [*DATA, *options, "--output", folder, "--resume"]


def weights_of(folder):
    """Return all weights of both exported networks, in an order of their own."""
    arrays = [w for net in load_networks(Path(folder)) for w in net.get_weights()]
    return sorted(arrays, key=lambda a: (a.shape, float(a.mean(dtype=np.float64))))


def digest(arrays):
    parts = (str(a.shape).encode() + a.tobytes() for a in arrays)
    return hashlib.sha256(
        "".join(sorted(hashlib.sha256(part).hexdigest() for part in parts)).encode()
    ).hexdigest()


def some_values(array):
    """Return eight values of an array, spread evenly over it."""
    return array.ravel()[np.linspace(0, array.size - 1, 8).astype(int)]


def machine():
    """Return what floating point results depend on."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return {
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "processor": platform.machine(),
        "avx512": "avx512f" in flags,
        "cores": os.cpu_count(),
    }


def assert_same_weights(folder, name):
    """Compare with what the version that began the run ended it with."""
    expected = json.loads((SAMPLES / "resumed.json").read_text())
    found = weights_of(folder)
    if expected["machine"] == machine():
        assert digest(found) in expected["runs"][name]["sha256"]
    # Elsewhere rounding differs; another batch or start would change most weights.
    values = expected["runs"][name]["values"]
    assert [list(a.shape) for a in found] == [shape for shape, _ in values]
    near = [
        np.isclose(some_values(array), row, rtol=0, atol=1e-4)
        for array, (_, row) in zip(found, values, strict=True)
    ]
    # Crops that are cut today stand upright, and are turned less.
    assert np.mean(near) > 0.75


def test_a_run_stopped_before_its_first_update_ends_as_it_would_have(old):
    scores = old / "runs/interrupted/rounds/01/criticism.npz"
    with unchanged(scores.parent):
        assert train.main(resume("runs/interrupted", *INTERRUPTED)) == 0
    assert_same_weights("runs/interrupted/export", "interrupted")


def test_a_run_with_options_of_old_names_ends_as_it_would_have(old):
    folder = "runs/interrupted-options"
    with unchanged(f"{folder}/rounds"):
        assert train.main(resume(folder, *OPTIONS, *NEW_NAMES)) == 0
    assert_same_weights(f"{folder}/export", "interrupted-options")


def test_old_names_of_options_mean_the_same():
    start = ["--init", "strrn-mdm", "--unlabelled", "videos", "--stills", "stills"]
    old, new = (train.parse([*start, *names]) for names in (OLD_NAMES, NEW_NAMES))
    assert old == new
    assert old != train.parse(start)


@pytest.mark.parametrize("option", [*NEW_NAMES[2::2], "--global-context"])
def test_other_options_than_at_the_start_are_refused(old, option, capsys):
    names = dict(zip(NEW_NAMES[::2], NEW_NAMES[1::2], strict=True))
    names[option] = {"--global-context": "True", "--rollout-steps": "2"}.get(
        option, "0.25"
    )
    argv = resume("runs/interrupted-options", *OPTIONS)
    argv += [word for pair in names.items() for word in pair]
    with unchanged(old / "runs/interrupted-options"):
        message = refused(train.main, argv, capsys)
    assert message.startswith("strrn train: runs/interrupted-options was started ")
    assert "choose another --output" in message


def test_a_run_of_sbr_is_not_taken_for_one_of_algorithm_1(old, capsys):
    argv = resume("runs/sbr", *INTERRUPTED, "--global-context", "False")
    assert "(method: sbr then, strrn now)" in refused(train.main, argv, capsys)
    # With all options but one as they were, this one is named.
    argv = [*argv, "--method", "sbr", "--detector.round-steps", "0", "--threshold"]
    argv += ["0.02", "--assignment", "exclusive", "--detector.batch-size", "4"]
    argv += ["--sbr.weight", "0.3"]
    message = refused(train.main, argv, capsys)
    assert "(sbr: weight: 0.2 then, 0.3 now)" in message


def test_the_scores_of_a_round_are_read(old):
    from strrn_tf.methods.cycle_scores import CycleScores

    path = old / "runs/finished/rounds/01/criticism.npz"
    scores = CycleScores.load(path)
    with np.load(path) as arrays:
        assert arrays["detected"].shape == (2, 68, 2)
        np.testing.assert_array_equal(scores.detected, arrays["detected"])
        np.testing.assert_array_equal(scores.l_tck, arrays["l_tck"])
    assert scores.accepted.tolist() == [True, True]


def test_both_kinds_of_files_of_a_model_answer_alike(old):
    folder = verify("runs/finished").path
    still = list_stills("drawn/300w", "train")[0]
    corners = read_pts(still.landmarks_path)
    box = np.concatenate([corners.min(0), corners.max(0)])
    import cv2

    image = read_image(still.image_path)
    crop = cv2.warpAffine(image, crop_matrix(box), (315, 315))[None] / np.float32(255)
    detector, tracker = load_networks(folder)
    found = np.asarray(detector(crop)["refinements"][:, -1])
    runtime = LiteRTModel(folder / "detector.tflite")(frames=crop)["landmarks"]
    np.testing.assert_allclose(runtime, found, atol=1e-3)
    moved = np.asarray(tracker({"frames": crop, "start": found}))
    given = {"frames": crop, "start": found}
    runtime = LiteRTModel(folder / "tracker.tflite")(**given)["landmarks"]
    np.testing.assert_allclose(runtime, moved, atol=1e-3)
    assert np.abs(moved - found).max() > 0.01  # so that the comparison can fail


# Evaluations --------------------------------------------------------------------------


def test_an_evaluation_has_the_same_figures_in_the_same_columns(old):
    argv = ["--dataset", "300w", "--data-root", "drawn", "--boxes", "mtcnn"]
    argv += ["--model", "runs/finished", "--output", "today"]
    assert evaluate.main(argv) == 0
    before, today = (Path(f) for f in ("evaluated/300w", "today"))
    frames = [pd.read_csv(folder / "frames.csv") for folder in (before, today)]
    pd.testing.assert_frame_equal(*frames, rtol=1e-3)
    metrics = [json.loads((f / "metrics.json").read_text()) for f in (before, today)]
    assert metrics[0].keys() == metrics[1].keys()
    expected, received = (m["results"][0] for m in metrics)
    # Figures of later versions stand beside the old ones.
    assert received == {
        "nme_interpupil_held": received["nme_interpupil_held"],
        **{
            key: pytest.approx(value, rel=1e-3) if isinstance(value, float) else value
            for key, value in expected.items()
        },
    }


def test_an_evaluation_stands_in_a_table(old):
    results = json.loads((old / "evaluated/300vw/metrics.json").read_text())["results"]
    table = TABLES["table3"]
    write_table(old, "table3", table, [Outcome(table.rows[0], [results])], "Old")
    lines = pd.read_csv(old / "table3.csv")
    expected = {(r["category"], r["protocol"]): r["nme_interpupil"] for r in results}
    assert len(expected) == 12
    for row in lines[lines.metric == "nme_interpupil"].itertuples():
        assert row.mean == pytest.approx(expected[row.category, row.protocol], 1e-4)


def old_key(root):
    """Return the name of the cache of boxes that was made for a folder."""
    described = {
        "format": [2, 385, 1.6 * 385 / 315],
        "sources": [[[["drawn", None]]]],
        "options": {"place": str(root), "rule": "central", "version": 1},
    }
    text = json.dumps(described, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_faces_that_were_found_are_not_searched_again(old):
    root = (old / "drawn/300w").resolve()
    (cache,) = (old / "face_boxes").iterdir()
    cache = cache.rename(cache.with_name(f"{old_key(root)}.json"))
    (boxes,) = json.loads(cache.read_text())["boxes"].values()
    black = np.zeros((300, 300, 3), np.uint8)  # in which no face could be found
    finder = CachedFaceFinder(old / "face_boxes", root, rule="central")
    with unchanged(old / "face_boxes"), finder as find:
        box = find("drawn/testset/00000.jpg", black)
    np.testing.assert_allclose(box, boxes)


# What `strrn track` and `strrn annotate` write ----------------------------------------


def track(*options):
    command = ["track", "clips/a/vid.avi", "--model", "strrn-mdm", "--landmarks"]
    assert cli.main([*command, *options]) == 0


def test_rows_have_the_same_columns_and_landmarks(old):
    track("today.csv")
    with open("today.csv", newline="") as file, open("tracked/a.csv") as before:
        assert next(csv.reader(file)) == next(csv.reader(before))
    pd.testing.assert_frame_equal(
        *(pd.read_csv(path) for path in ("tracked/a.csv", "today.csv")), atol=0.05
    )


def test_json_lines_have_the_same_keys_and_landmarks(old):
    track("today.jsonl")
    before, today = (
        [json.loads(line) for line in Path(path).read_text().splitlines()]
        for path in ("tracked/a.jsonl", "today.jsonl")
    )
    assert [list(row) for row in today] == [list(row) for row in before]
    assert [row["state"] for row in today] == [row["state"] for row in before]
    for row, other in zip(today, before, strict=True):
        np.testing.assert_allclose(row["landmarks"], other["landmarks"], atol=0.05)


def test_a_folder_of_points_is_replaced(old):
    before = {p.name: p.read_text() for p in Path("tracked/a-points").iterdir()}
    track("tracked/a-points")
    assert {p.name for p in Path("tracked/a-points").iterdir()} == set(before)
    header = Path("tracked/a-points/frames.csv").read_text().splitlines()[0]
    assert header == before["frames.csv"].splitlines()[0]


def annotate(*options):
    loose = ["--max-cycle-error", "9", "--max-disagreement", "9", "--min-change", "0"]
    command = ["annotate", "clips", "--output", "annotations", "--model", "strrn-mdm"]
    return [*command, *loose, "--workers", "1", *options]


def test_videos_that_were_annotated_are_not_annotated_again(old, capsys):
    with unchanged("annotations/annotations"), unchanged("annotations/videos"):
        assert cli.main(annotate()) == 0
    assert "2 videos, 2 of them done before" in capsys.readouterr().out
    assert len(list_stills("annotations/annotations")) == 4
    others = {"max_faces": ("--max-faces", "2"), "model": ("--model", "strrn-hgn")}
    for name, other in others.items():
        with unchanged("annotations"):
            message = refused(cli.main, annotate(*other), capsys)
        assert f"holds annotations made with another {name}. Choose another" in message


# Data sets and caches -----------------------------------------------------------------


def pairs(folder, cache, count=1):
    return read_clips(None, [Path(folder)], Path(cache), pairs_per_clip=count, seed=0)


def test_crops_that_were_cut_are_not_cut_again(old):
    with unchanged("cache"):
        stills = read_stills(Path("drawn/300w"), Path("cache"))
        clips = pairs("clips", "cache")
    assert (len(stills), len(clips)) == (1, 2)
    assert clips.frames[:].std() > 10
    assert np.isfinite(stills.landmarks).all()


def test_half_a_cache_is_filled(old):
    whole, half = pairs("clips", "cache"), Path("half-cache/clips/frames.npy")
    mark = np.array([1, 2, 3, 4], np.uint8)
    with half.open("r+b") as file:  # into the first pixels of the pair that is there
        file.seek(half.stat().st_size - whole.frames[0].nbytes)
        file.write(mark.tobytes())
    filled = pairs("clips", "half-cache")
    assert filled.names == whole.names
    assert filled.frames[0].ravel()[:4].tolist() == mark.tolist()
    np.testing.assert_array_equal(filled.frames[0, 1], whole.frames[0, 1])
    # The new window turns with the face, around the same centre at the same scale.
    scales = [np.linalg.det(pairs.matrix[..., :2]) for pairs in (filled, whole)]
    np.testing.assert_allclose(*scales, rtol=1e-3)
    middle = np.full(2, 192.0)
    centres = [(middle - m[:, 2]) @ np.linalg.inv(m[:, :2]).T for m in filled.matrix]
    expected = [(middle - m[:, 2]) @ np.linalg.inv(m[:, :2]).T for m in whole.matrix]
    np.testing.assert_allclose(centres, expected, atol=1)


def prepare(dataset, source, *options):
    return ["prepare", dataset, source, "--workers", "1", *options]


def test_what_was_prepared_is_not_prepared_again(old, capsys):
    for argv in (
        prepare("videos", "clips/a", "--pairs", "1"),
        prepare("300w", "drawn/300w"),
    ):
        output = Path("prepared") / argv[1]
        (output / "report.png").touch()  # left out of the sample
        with unchanged(output / "shards"):
            assert cli.main(argv) == 0
        assert "1 sources, 1 of them prepared before" in capsys.readouterr().out
    message = refused(
        cli.main, prepare("videos", "clips", "--output", "prepared/300w"), capsys
    )
    assert "holds 300w, prepared. Choose another --output" in message


def test_shards_are_read(old):
    cut = pairs("clips", "cache"), read_stills(Path("drawn/300w"), Path("cache"))
    shutil.rmtree("drawn")
    shutil.rmtree("clips")
    read = pairs("prepared/videos", "new"), read_stills(Path("prepared/300w"), old)
    assert [store.names for store in read] == [("vid.avi#000002",), cut[1].names]
    np.testing.assert_array_equal(read[1].landmarks, cut[1].landmarks)
    for one, other in zip(read, cut, strict=True):
        # JPEG's loss.
        difference = np.abs(one.frames[0].astype(int) - other.frames[0])
        assert difference.mean() < 2


def test_a_drawn_data_set_is_complete(old):
    with unchanged("drawn"):
        assert draw_dataset(Path("drawn"), **DRAWN, workers=1) == Path("drawn")
        with pytest.raises(ValueError, match="Delete the folder or name another one"):
            draw_dataset(Path("drawn"), **{**DRAWN, "num_stills": 2}, workers=1)


def test_a_drawn_data_set_is_finished(old):
    with unchanged("drawn-unfinished/300w/drawn/trainset"):
        draw_dataset(Path("drawn-unfinished"), **DRAWN, workers=1)
    for name in ("drawn.json", "300w/drawn/testset/00000.pts"):
        ours, theirs = Path("drawn-unfinished") / name, Path("drawn") / name
        assert ours.read_text() == theirs.read_text()
    images = [
        read_image(Path(folder) / "300w/drawn/testset/00000.jpg").astype(int)
        for folder in ("drawn", "drawn-unfinished")
    ]
    assert np.abs(images[0] - images[1]).mean() < 1


def test_an_animated_data_set_is_complete(old, capsys):
    argv = ["animate", "drawn/300w", "animated", "--split", "train"]
    argv += ["--clips-per-category", "0", "--training-clips", "1", "--frames"]
    with unchanged("animated"):
        assert cli.main([*argv, "2"]) == 0
        message = refused(cli.main, [*argv, "3"], capsys)
    assert "frames_per_clip): 2 there, 3 wanted. Delete the folder or name" in message
