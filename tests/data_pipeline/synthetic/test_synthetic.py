"""Synthetic faces and data sets: every call gives the same bytes, in files or not."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.places import ROOT
from support.waiting import soon

from data_pipeline.datasets.three_hundred_vw import list_sequences, sequence_ids
from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.media.pts import read_pts
from data_pipeline.synthetic import draw_dataset, draw_face
from strrn_tf.geometry import box_from_landmarks, overlap
from strrn_tf.tracking.face_detection.face_boxes import landmark_box
from strrn_tf.tracking.face_detection.face_finder import FaceFinder

SMALL = {
    "num_stills": 2,
    "num_test_stills": 1,
    "num_training_clips": 1,
    "clips_per_category": 1,
    "frames_per_clip": 2,
    "seed": 5,
}


def digest(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return draw_dataset(
        tmp_path_factory.mktemp("synthetic") / "set", workers=1, **SMALL
    )


def test_same_generator_gives_the_same_face_and_another_gives_another():
    first, second = (
        draw_face(np.random.default_rng(seed), 2, (120, 150)) for seed in (3, 3)
    )
    other = draw_face(np.random.default_rng(4), 2, (120, 150))
    assert first[0].shape == (120, 150, 3)
    assert first[0].dtype == np.uint8
    assert first[1].shape == (68, 2)
    assert first[1].dtype == np.float32
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert np.abs(first[0].astype(int) - other[0]).mean() > 5
    assert np.abs(first[1] - other[1]).max() > 1


@pytest.mark.parametrize(
    "arguments", [{"category": 4}, {"category": 0}, {"size": (20, 200)}]
)
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        draw_face(np.random.default_rng(0), **arguments)


def test_layout_is_read_by_the_ordinary_readers(dataset):
    stills = {
        split: list_stills(dataset / "300w", split) for split in ("train", "test")
    }
    assert [len(stills["train"]), len(stills["test"])] == [2, 1]
    for split in ("train", 1, 2, 3):
        (sequence,) = list_sequences(dataset / "300vw", split)
        assert sequence.name == sequence_ids(split)[0]
        video = cv2.VideoCapture(str(sequence.video_path))
        assert video.get(cv2.CAP_PROP_FPS) == 25
        count = 0
        while video.read()[0]:
            count += 1
        assert count == SMALL["frames_per_clip"]
        files = sorted(p.name for p in sequence.annotations.iterdir())
        assert files == ["000001.pts", "000002.pts"]


def test_files_hold_what_was_drawn(dataset):
    image, landmarks = draw_face(np.random.default_rng((5, 0, 1)), None)
    path = dataset / "300w" / "drawn" / "trainset" / "00001.jpg"
    np.testing.assert_allclose(read_pts(path.with_suffix(".pts")), landmarks, atol=6e-4)
    stored = cv2.imread(str(path))[..., ::-1]
    assert np.abs(stored.astype(int) - image).mean() < 3
    text = path.with_suffix(".pts").read_text().split("\n")
    assert text[:3] == ["version: 1", "n_points: 68", "{"]
    np.testing.assert_allclose(
        [float(v) for v in text[3].split()], landmarks[0] + 1, atol=6e-4
    )


def test_second_call_returns_at_once_and_other_arguments_are_refused(dataset):
    before = digest(dataset)
    assert draw_dataset(dataset, workers=1, **SMALL) == dataset
    assert digest(dataset) == before
    with pytest.raises(ValueError, match=r"num_stills.*Delete the folder"):
        draw_dataset(dataset, workers=1, **{**SMALL, "num_stills": 3})


def test_interrupted_call_is_finished_with_the_same_bytes_in_processes(
    dataset, tmp_path
):
    root = tmp_path / "again"
    whole = digest(dataset)
    (root / "300w").mkdir(parents=True)
    started = dataset / "drawn.json"
    (root / "drawn.started.json").write_bytes(started.read_bytes())
    leftover = root / "300vw" / ".123.tmp.114" / "annot"
    leftover.mkdir(parents=True)
    (leftover / "000009.pts").write_text("half")
    draw_dataset(root, workers=2, **SMALL)
    assert digest(root) == whole


def test_only_test_clips_of_the_chosen_categories_are_drawn(dataset, tmp_path):
    root = draw_dataset(tmp_path / "few", workers=1, categories=(3,), **SMALL)
    first = {category: sequence_ids(category)[0] for category in ("train", 1, 2, 3)}
    assert {p.name for p in (root / "300vw").iterdir()} == {first["train"], first[3]}
    name = f"300vw/{first[3]}/vid.avi"
    assert (root / name).read_bytes() == (dataset / name).read_bytes()
    with pytest.raises(ValueError, match="categories"):
        draw_dataset(root, workers=1, **SMALL)
    with pytest.raises(ValueError, match="`categories` must be among"):
        draw_dataset(tmp_path / "new", categories=(4,))


def test_foreign_folders_and_numbers_out_of_range_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        draw_dataset(tmp_path)
    with pytest.raises(ValueError, match="`clips_per_category` must be 0 to 14"):
        draw_dataset(tmp_path / "new", clips_per_category=15)
    assert not (tmp_path / "new").exists()


def test_the_face_detector_takes_category_one_for_faces():
    """MTCNN was trained on photographs: the honest test of realism."""
    finder, faces = FaceFinder(), 20
    found = 0
    for seed in range(faces):
        image, landmarks = draw_face(np.random.default_rng(seed), 1)
        truth = box_from_landmarks(landmarks)
        boxes = [landmark_box(face.box) for face in finder.find(image)]
        found += any(overlap(box, truth) > 0.5 for box in boxes)
    assert found >= 0.9 * faces


SCRIPT = """
import signal
import sys
from data_pipeline.synthetic import draw_dataset

# Where the tests are a background job of a shell, it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

try:
    draw_dataset(sys.argv[1], workers=2)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_interrupt_ends_the_workers_too(tmp_path):
    root = tmp_path / "set"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(root)],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert soon(lambda: len(list(root.rglob("*.pts"))) >= 3, 60)
    # As a terminal does it: to the workers as well.
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    count = len(list(root.rglob("*.pts")))
    time.sleep(1)
    assert len(list(root.rglob("*.pts"))) == count
