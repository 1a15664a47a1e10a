"""Which columns are compared, frames drawn together, and the mean offset."""

import json

import numpy as np
import pytest
from support.faces import drawn_face
from support.layouts import write_300w

from benchmarks.learning.clips_to_correct import read_crops
from benchmarks.learning.corrected_frames import (
    COLUMNS,
    Options,
    changes,
    with_mean_offset,
)
from data_pipeline.batches.corrected_stills import clips_of
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE, upright_box
from strrn_tf.methods.verdict import compare
from strrn_tf.system.file_names import clip_of


def upright(shape):
    """Return the linear part (2, 2) of the way into the upright window, in float64."""
    box, roll = upright_box(shape)
    scale = CROP_SIZE / (CROP_MARGIN * max(box[2] - box[0], box[3] - box[1]))
    cos, sin = np.cos(roll), np.sin(roll)
    return scale * np.array([[cos, sin], [-sin, cos]], np.float64)


def faces(*rolls):
    """Return faces (n, 68, 2) of growing sizes, rolled by these degrees."""
    return np.stack(
        [drawn_face(80.0 + 9 * n, roll=np.deg2rad(r)) for n, r in enumerate(rolls)]
    )


def test_the_mean_offset_is_taken_and_added_in_upright_windows():
    rng = np.random.default_rng(0)
    labels, known = faces(20, -35, 5).astype(np.float32), faces(-10, 30)
    known = known.astype(np.float32)
    truth = (known + rng.normal(0, 4, known.shape)).astype(np.float32)
    truth[0, 3], truth[:, 5] = np.nan, np.nan
    pairs = zip(truth, known, strict=True)
    offsets = [(t.astype(np.float64) - k) @ upright(k).T for t, k in pairs]
    mean = np.zeros((68, 2))
    for point in range(68):
        of_point = [o[point] for o in offsets if np.isfinite(o[point]).all()]
        mean[point] = np.mean(of_point, 0) if of_point else 0
    expected = [s + mean @ np.linalg.inv(upright(s)).T for s in labels]
    found = with_mean_offset(labels, known, truth)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    # Where nobody corrected a point it stays.
    np.testing.assert_allclose(found[:, 5], labels[:, 5], atol=2e-3)
    assert np.abs(found - labels).max() > 1


def errors(owners, seed):
    """Return four errors of every owner, larger after than before for some."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(owners, 4)
    of_owner = dict(zip(owners, rng.normal(0, 0.02, len(owners)), strict=True))
    after = 0.04 + np.array([of_owner[name] for name in owner])
    columns = {name: np.full(len(owner), 0.05) for name in COLUMNS}
    return {"owner": owner, **columns, "after": after}


def test_a_person_of_two_seeds_is_drawn_once():
    found = [errors(list("abcd"), 0), errors(list("cdef"), 1)]
    change = changes(found)["after", "before"]
    after = np.concatenate([e["after"] for e in found])
    groups = np.concatenate([e["owner"] for e in found])
    before = np.full(len(after), 0.05)
    assert change == compare(before, after, groups)
    apart = np.concatenate([np.repeat(range(4), 4), 1000 + np.repeat(range(4), 4)])
    assert change != compare(before, after, apart)


def test_carried_landmarks_are_compared_with_the_moved_labels():
    found = [errors(list("abcd"), seed) for seed in (0, 1)]
    others = [other for name, other in changes(found) if name == "carried"]
    assert others == ["mean offset", "labels"]
    # Pictures of people are no video, so nothing is carried.
    pictures = [{k: e[k] for k in e if k != "carried"} for e in found]
    assert {name for name, _ in changes(pictures)} == {"labels", "after"}


def owners_of(samples):
    """Return the owner of every frame."""
    return [clip_of(name) for name in samples.names]


@pytest.mark.parametrize("kind", ["stills", "people"])
def test_frames_are_named_after_their_owners(kind, tmp_path):
    write_300w(tmp_path, {"people/a": 3, "people/b": 3, "people/c": 3, "stills": 4})
    mapping = tmp_path / "people" / "mapping.json"
    mapping.write_text(json.dumps({"to_ibug68": {str(n): n for n in range(68)}}))
    given = {kind: tmp_path / kind, "output": tmp_path / "output"}
    options = Options(**given, clips=2, frames=3)
    names = (
        {"a", "b", "c"} if kind == "people" else {f"image_000{n}.jpg" for n in range(4)}
    )
    owners = []
    for seed in (0, 1):
        found = read_crops(options, kind, seed)
        assert found.frames.shape[:2] == (6, 1)
        owners.append(set(owners_of(found)))
        assert len(owners[-1]) == 2
        assert owners[-1] <= names
        # The training finds the clip of a corrected frame by these names.
        clips, stills = owners_of(found), [f"{name}.jpg" for name in found.names]
        assert clips_of(stills, clips) == clips
    if kind == "stills":
        strangers = read_crops(options, kind, 0, strangers=True)
        assert owners[0] | set(owners_of(strangers)) == names
        # Other pictures in a folder of this name are other clips.
        write_300w(tmp_path, {"stills": 6})
        read_crops(options, kind, 0)
        assert len(list((tmp_path / "output").glob("clips-stills-2-3-0-*.npz"))) == 2
